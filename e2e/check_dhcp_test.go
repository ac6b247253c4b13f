//go:build linux

package e2e

var dhcpFaults = []fault{
	{"silent", with(dhcpIsSilent, published(fe01), the(fe01, refuses)), "connect-refused", `
fe01.contoso.com:5061 (10.0.0.11) refuses the connection: nothing listens on this port, or a firewall on that host rejects it.
The problem is with the Registrar.
Start the Registrar service on fe01.contoso.com, or correct the port.
- Look for a firewall on that host that rejects connections to port 5061.`},
	{"refuses", with(dhcpRefuses), "dhcp-refused", `
The DHCP server refused the DHCPINFORM (NAK): from 10.0.0.67.
The problem is with the DHCP server.
Configure the DHCP server to answer DHCPINFORM for vendor class MS-UC-Client; the lease of the device is not affected.`},
	{"another server tells another Registrar", with(dhcpSays(startKea, full), secondDHCPServer(options{sipServer: second.host})), "dhcp-conflict", `
sip:phone1@contoso.com signs in to … disagree: 10.0.0.67 says pool.contoso.com, 10.0.0.68 says fe02.contoso.com; which of them this device has its lease from is not known.
The problem is with the DHCP server.
Find the second DHCP server of this network, correct or stop it, then renew the lease of this device (unplug its cable and plug it in again); homeward dhcp shows who still answers.`},
	{"a router of somebody answers, too", with(published(fe01), dhcpSays(startKea, full), strangeDHCPServer), "dhcp-conflict", `
sip:phone1@contoso.com signs in to fe01.contoso.com:5061 over TLS (internal-tls), but the DHCP servers disagree: 10.0.0.67 says pool.contoso.com, 10.0.0.68 says nothing; 10.0.0.67 gives the gateway 10.0.0.1 and the name server 10.0.0.53, 10.0.0.68 gives the gateway 10.0.0.68 and the name server 10.0.0.68; the name servers of this device are those of 10.0.0.67, so 10.0.0.68 probably does not belong to this network.
The problem is with the DHCP server.
Find the second DHCP server of this network, correct or stop it, then renew the lease of this device (unplug its cable and plug it in again); homeward dhcp shows who still answers.`},
	{"a router of somebody answers, too, and the device obeys it", with(published(fe01), dhcpSays(startDhcpd, options{}), strangeDHCPServer, set(`dns_servers = ["10.0.0.68"]`)), "dhcp-conflict", `
DHCP servers that disagree answer here (10.0.0.67, 10.0.0.68); the name servers of this device are those of 10.0.0.68; sip_address says contoso.com, but DNS has no such domain (NXDOMAIN).
The problem is with the DHCP server.
Find the DHCP server that does not belong to this network, stop it, then renew the lease of this device (unplug its cable and plug it in again); homeward dhcp shows who still answers.
- If the domain contoso.com is wrong, correct sip_address.
- If contoso.com is right, check the VLAN of this device (its address is 10.0.0.90/24) and its name servers (10.0.0.68:53), which do not have it.`},
	{"option 120 is text", with(dhcpSays(startKea, options{value120: []byte("pool.contoso.com")})), "dhcp-malformed", `
sip:phone1@contoso.com signs in to pool.contoso.com:5061 over TLS (dhcp-tls), but the DHCP server sends malformed bytes: option 120 from 10.0.0.67: byte 0 is 0x70 ('p'): the option was entered as text, not in encoding 0.
The problem is with the DHCP server.
Correct the option on the DHCP server; homeward dhcp encode prints the right bytes.`},
	{"option 120 ends in the middle of a name", with(dhcpSays(startKea, options{value120: full.option120()[:12]})), "dhcp-malformed", `
The DHCP server sends malformed bytes: from 10.0.0.67: the name at byte 1: byte 6 is 0x07, a label of 7 bytes, but 5 follow.
The problem is with the DHCP server.
Correct the option on the DHCP server; homeward dhcp encode prints the right bytes.`},
	{"option 120 holds addresses", with(dhcpSays(startKea, options{value120: []byte{1, 10, 0, 0, 12}})), "tls-no-name", `
sip:phone1@contoso.com signs in to 10.0.0.12:5060 over TCP (dhcp-tcp), but DHCP option 120 contains an IP address; homeward needs a host name, to compare it with the certificate.
The problem is with the DHCP server.
Put the name of the Registrar into option 120 (encoding 0); homeward dhcp encode prints the bytes.`},
	{"option 120 holds addresses, and TCP is not allowed", with(dhcpSays(startKea, options{value120: []byte{1, 10, 0, 0, 12}}), set("allow_tcp = false")), "tls-no-name", `
DHCP option 120 contains the IP address 10.0.0.12; homeward needs a host name, to compare it with the certificate.
The problem is with the DHCP server.
Put the name of the Registrar into option 120 (encoding 0); homeward dhcp encode prints the bytes.`},
	{"option 120 names a host without its domain", with(dhcpSays(startKea, options{sipServer: "sipserver"})), "name-not-allowed", `
DHCP option 120 names sipserver, which is a name without a domain (single label): a device neither completes nor uses it, since it could be a host of any domain.
The problem is with the DHCP server.
On the DHCP server 10.0.0.67, write the whole name into option 120 of the scope for this network, such as sipserver.contoso.com.`},
	{"option 120 names a host outside the SIP domain", with(dhcpSays(startDhcpd, options{sipServer: "pool.fabrikam.com"})), "name-not-allowed", `
sip_address says contoso.com, but DHCP option 120 names pool.fabrikam.com, which devices of that domain do not use; DNS knows the domain contoso.com, but no Registrar in it.
Compare sip_address with that of a phone that signs in here, and correct it if that has another domain.
- If contoso.com is right, name a host inside it in DHCP option 120, such as sip.contoso.com, with an A record and in the certificate of the Registrar.`},
	{"option 120 names a host outside the SIP domain, which option 15 names", with(dhcpSays(startKea, options{sipServer: "pool.fabrikam.com", domain: sipDomain})), "name-not-allowed", `
DHCP option 120 names pool.fabrikam.com, which is outside the SIP domain contoso.com: devices do not use it.
The problem is with the DHCP server.
Name a host inside the SIP domain, such as sip.contoso.com, with an A record and in the certificate of the Registrar.
- If pool.fabrikam.com is meant, and this network is trusted: strict_naming = "off" on this device, which then accepts any name, from whoever answers first.`},
	{"a letter is missing in sip_address", with(nameServer(startNamedForAll), dhcpSays(startKea, options{sipServer: full.sipServer, domain: sipDomain}), onDevice(called("contso.com"))), "dns-no-record", `
sip_address says contso.com, but DNS has no such domain (NXDOMAIN); DHCP option 120 names pool.contoso.com; DHCP (option 15 or 119) says contoso.com.
The problem is with this device.
Correct sip_address in …: its domain should probably be contoso.com.
- If contso.com is right, check the VLAN of this device (its address is 10.0.0.90/24) and its name servers (10.0.0.53:53), which do not have it.
- If contso.com is right, name a host inside it in DHCP option 120, such as sip.contso.com, with an A record and in the certificate of the Registrar, in place of pool.contoso.com.`},
	{"a letter is missing in sip_address, and DHCP names the domain alone", with(nameServer(startNamedForAll), published(fe01), dhcpSays(startDnsmasqDHCP, options{domain: sipDomain}), onDevice(called("contso.com"))), "dns-no-record", `
sip_address says contso.com, but DNS has no such domain (NXDOMAIN); DHCP (option 15 or 119) says contoso.com.
The problem is with this device.
Correct sip_address in …: its domain should probably be contoso.com.
- If contso.com is right, check the VLAN of this device (its address is 10.0.0.90/24) and its name servers (10.0.0.53:53), which do not have it.`},
	{"a letter is missing in sip_address, and the name server answers for its own zones alone", with(dhcpSays(startDnsmasqDHCP, options{sipServer: full.sipServer, domain: sipDomain}), onDevice(called("contso.com"))), "name-not-allowed", `
sip_address says contso.com, but DHCP option 120 names pool.contoso.com, which devices of that domain do not use; DHCP (option 15 or 119) says contoso.com; the name server 10.0.0.53:53 refuses to answer this device (REFUSED).
Correct the domain in sip_address if it should be contoso.com.
- Allow this network to query the name server, correct sip_address if its domain is wrong, or set dns_servers to a name server that works.
- If contso.com is right, name a host inside it in DHCP option 120, such as sip.contso.com, with an A record and in the certificate of the Registrar.`},
	{"option 120 names a pool that is gone", with(dhcpSays(startDhcpd, options{sipServer: "old.contoso.com"})), "no-address", `
DHCP option 120 names old.contoso.com, which does not exist in DNS.
If the name is misspelt, correct it in DHCP option 120.
- Create the A record of old.contoso.com.`},
	{"option 43 is another vendor's", with(published(fe01), dhcpSays(startKea, options{value43: []byte{0xf1, 4, 10, 0, 0, 5}})), "", `
All is well: sip:phone1@contoso.com signs in to fe01.contoso.com:5061 over TLS (internal-tls).`},
	{"the port in option 43 is a number", with(published(fe01), dhcpSays(startKea, options{value43: portAsNumber(full)})), "dhcp-malformed", `
sip:phone1@contoso.com signs in to fe01.contoso.com:5061 over TLS (internal-tls), but the DHCP server sends malformed bytes: option 43 from 10.0.0.67: sub-option 4 is "\x01\xbb", not a port in digits, 443 is assumed; sub-option 5 (path) is missing, /CertProv/CertProvisioningService.svc is assumed.
The problem is with the DHCP server.
Correct the option on the DHCP server; homeward dhcp encode prints the right bytes.`},
	{"the server knows the vendor class in lower case", with(dhcpSays(startDhcpd, options{
		sipServer: full.sipServer, webServer: full.webServer, class: "ms-uc-client", classOnly: true})), "dhcp-vendor-class", `
The DHCP server spells the vendor class of Lync phones wrong: 10.0.0.67 sends option 120 and option 43 only to ms-uc-client.
The problem is with the DHCP server.
Spell it exactly MS-UC-Client on the DHCP server: bytes 4D532D55432D436C69656E74, without a trailing zero byte (00).`},
	{"the server knows the vendor class in lower case, and DNS is well", with(published(fe01), dhcpSays(startDhcpd, options{
		sipServer: full.sipServer, webServer: full.webServer, class: "ms-uc-client"})), "dhcp-vendor-class", `
sip:phone1@contoso.com signs in to fe01.contoso.com:5061 over TLS (internal-tls), but the DHCP server spells the vendor class of Lync phones wrong: 10.0.0.67 sends option 43 only to ms-uc-client.
The problem is with the DHCP server.
Spell it exactly MS-UC-Client on the DHCP server: bytes 4D532D55432D436C69656E74, without a trailing zero byte (00).`},
}

// portAsNumber is option 43 with sub-option 4 in two bytes.
func portAsNumber(o options) []byte {
	var value []byte
	for code, text := range []string{1: vendorClass, 2: "https", 3: o.webServer, 4: "\x01\xbb"} {
		if code > 0 {
			value = append(append(value, byte(code), byte(len(text))), text...)
		}
	}
	return value
}
