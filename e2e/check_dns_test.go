//go:build linux

package e2e

import (
	"fmt"
	"testing"
)

var healthy = []fault{
	{"all six steps are there", with(published(deviceOrder...), dhcpSays(startKea, full)), "", `
All is well: sip:phone1@contoso.com signs in to fe01.contoso.com:5061 over TLS (internal-tls).`},
	{"only internal TLS", with(published(fe01)), "", `
All is well: sip:phone1@contoso.com signs in to fe01.contoso.com:5061 over TLS (internal-tls).`},
	{"only DHCP", with(dhcpSays(startDhcpd, full)), "", `
All is well: sip:phone1@contoso.com signs in to pool.contoso.com:5061 over TLS (dhcp-tls).`},
	{"only the Edge", with(published(edge05)), "", `
All is well: sip:phone1@contoso.com signs in to edge05.contoso.com:443 over TLS (external-tls).`},
	{"order communicator with host names only", with(set(`order = "communicator"`), address("sip.contoso.com", sipHost.addr)), "", `
All is well: sip:phone1@contoso.com signs in to sip.contoso.com:5061 over TLS (host-name).`},
}

var dnsFaults = []fault{
	{"no SRV record, and DHCP is silent", with(dhcpIsSilent), "dns-no-record", `
Nothing names a Registrar for contoso.com: there is no SRV record, and no DHCP server answered the DHCPINFORM.
The problem is with DNS.
If other phones sign in at this site, check the VLAN of this device (its address is 10.0.0.90/24) and its name servers.
- Create the SRV record _sipinternaltls._tcp.contoso.com with port 5061 and the name of the pool, or set DHCP option 120.
- If the domain contoso.com is wrong, correct sip_address.`},
	{"no SRV record, and DHCP has no option", with(dhcpSaysNothing), "dns-no-record", `
Nothing names a Registrar for contoso.com: there is no SRV record, and the DHCP answer names no Registrar (option 120 missing).
The problem is with DNS.
If other phones sign in at this site, check the VLAN of this device (its address is 10.0.0.90/24) and its name servers.
- Create the SRV record _sipinternaltls._tcp.contoso.com with port 5061 and the name of the pool, or set DHCP option 120.
- If the domain contoso.com is wrong, correct sip_address.`},
	{"the zone file lacks the final dot of the target", with(record("_sipinternaltls._tcp SRV 0 0 5061 fe01.contoso.com")), "no-address", `
The SRV record _sipinternaltls._tcp.contoso.com names fe01.contoso.com.contoso.com, which does not exist in DNS.
The problem is with DNS.
In the zone, put a final dot behind fe01.contoso.com: without it, the zone adds its own name.
- If the name is misspelt, correct it in the SRV record _sipinternaltls._tcp.contoso.com.
- Create the A record of fe01.contoso.com.contoso.com.
- If that record exists, look for a router or DNS proxy that removes private addresses from answers (DNS rebind protection).`},
	{"the target has no address", with(srvFor("gone.contoso.com", 5061)), "no-address", `
The SRV record _sipinternaltls._tcp.contoso.com names gone.contoso.com, which does not exist in DNS.
The problem is with DNS.
If the name is misspelt, correct it in the SRV record _sipinternaltls._tcp.contoso.com.
- Create the A record of gone.contoso.com.
- If that record exists, look for a router or DNS proxy that removes private addresses from answers (DNS rebind protection).`},
	{"the target is outside the SIP domain", with(srvFor("fe01.fabrikam.com", 5061)), "name-not-allowed", `
The SRV record _sipinternaltls._tcp.contoso.com names fe01.fabrikam.com, which is outside the SIP domain contoso.com: devices do not use it.
The problem is with DNS.
Name a host inside the SIP domain, such as sip.contoso.com, with an A record and in the certificate of the Registrar.
- If the domain contoso.com is wrong, correct sip_address.`},
	{"strict naming, and the target is not sip", with(set(`strict_naming = "strict"`), published(fe01)), "name-not-allowed", `
The SRV record _sipinternaltls._tcp.contoso.com names fe01.contoso.com, but strict_naming allows only contoso.com and sip.contoso.com.
The problem is with DNS.
Rename the Registrar to sip.contoso.com in DNS and in its certificate, or set strict_naming = "suffix".`},
	{"the port is 0", with(srvFor(fe01.host, 0)), "dns-malformed", `
The SRV record _sipinternaltls._tcp.contoso.com cannot be used: target "fe01.contoso.com" has port 0.
The problem is with DNS.
Correct the target and the port of the SRV record.`},
	{"the target is the root", with(srvFor("", 0)), "service-not-offered", `
The SRV record _sipinternaltls._tcp.contoso.com says that the service is not offered here (target ".").
The problem is with DNS.
Correct the SRV record if the service should be offered here.`},
	{"the target is an alias", with(srvFor(sipHost.host, 5061), record("sip CNAME fe17"), address("fe17.contoso.com", sipHost.addr)), "", `
All is well: sip:phone1@contoso.com signs in to sip.contoso.com:5061 over TLS (internal-tls).`},
	{"every name resolves (captive portal)", with(nameServer(startCaptive), pool01Is("https"), dhcpSaysNothing), "dns-malformed", `
DNS gives the address 10.0.0.20 for every name, even for names that do not exist.
The problem is with DNS.
Remove the wildcard record, or sign in to the captive portal of this network.`},
	{"order communicator, and every name resolves", with(set(`order = "communicator"`), nameServer(startCaptive), pool01Is("https")), "dns-malformed", `
DNS gives the address 10.0.0.20 for every name, even for names that do not exist.
The problem is with DNS.
Remove the wildcard record, or sign in to the captive portal of this network.`},
	{"only the external record is visible inside, and the Edge is filtered", with(published(edge05), the(edge05, blackHole)), "connect-timeout", `
Only the external record leads to a Registrar, and its Access Edge edge05.contoso.com:443 (10.0.0.15) does not answer from this network.
The problem is with DNS.
If this network belongs to the site, create _sipinternaltls._tcp.contoso.com in the internal DNS zone; if the device is outside the site, open port 443 from here to edge05.contoso.com.`},
	{"order communicator, and an SRV record without address hides host names that work",
		with(set(`order = "communicator"`), srvFor("gone.contoso.com", 5061), address("sip.contoso.com", sipHost.addr)), "no-address", `
The SRV record _sipinternaltls._tcp.contoso.com names gone.contoso.com, which has no address; because this SRV record exists, the device does not try host names such as sip.contoso.com.
The problem is with DNS.
Create the A record of gone.contoso.com, or delete the SRV record.`},

	{"the name server is silent", with(published(fe01), dnsIsSilent, dhcpSaysNothing), "dns-timeout", `
No name server answers (10.0.0.53:53).
The problem is with the network between this device and the server.
Check that the name server runs, and that nothing drops port 53 on the way.
- Set dns_servers to a name server that works.`},
	{"the name server answers from another address", with(published(fe01), dnsAnswersFrom("10.0.0.57"), dhcpSaysNothing), "dns-timeout", `
The name server 10.0.0.53:53 was asked, and the answer came from 10.0.0.57:53: it is not accepted, since anybody could send such an answer.
The problem is with DNS.
Let the name server answer from the address that was asked; look for a NAT on the way that changes it; or enter 10.0.0.57:53 as the name server (DHCP option 6, or dns_servers).`},
	{"nothing listens at the name server", with(published(fe01), dnsIsClosed), "dns-timeout", `
No name server can be queried: 10.0.0.53:53 refuses the query (nothing listens there, or a firewall rejects it).
The problem is with the network between this device and the server.
Check that a name server runs at this address and port, and that no firewall rejects the query; or set dns_servers to a name server that works.`},
	{"the name server refuses", with(nameServer(refusingDNS)), "dns-refused", `
The name server 10.0.0.53:53 refuses to answer this device (REFUSED).
The problem is with DNS.
Allow this network to query the name server, set dns_servers to a name server that works, or correct sip_address if its domain is wrong.`},
	{"the name server cannot find out", with(nameServer(startOrphan)), "dns-servfail", `
The name server 10.0.0.53:53 cannot look up contoso.com (SERVFAIL).
The problem is with DNS.
Check the forwarders and the zone on the name server.`},
	{"the second name server has no record", with(published(fe01), secondNameServer(zoneWith())), "dns-conflict", `
sip:phone1@contoso.com signs in to fe01.contoso.com:5061 over TLS (internal-tls), but the name servers disagree about _sipinternaltls._tcp.contoso.com: 10.0.0.53:53 names fe01.contoso.com:5061; 10.0.0.54:53 says that there is no such record.
The problem is with DNS.
Use only name servers that know the internal zone of the site: remove the others from resolv.conf, DHCP option 6 or dns_servers.`},
	{"the second name server has an old address, and answers first", with(published(fe01), oddDNS("slow500"), secondNameServer(withOldAddress(zoneWith(fe01)))), "dns-conflict", `
The name servers disagree about the address of fe01.contoso.com: 10.0.0.53 says 10.0.0.11, 10.0.0.54 says 10.0.0.98; only 10.0.0.11 works.
The problem is with DNS.
Correct the address record of fe01.contoso.com on 10.0.0.54, which may have missed an update of the zone, or remove 10.0.0.54 from this device's list of name servers.`},
	{"the first name server is silent, the second answers", with(dnsIsSilent, secondNameServer(zoneWith(fe01))), "dns-timeout", `
sip:phone1@contoso.com signs in to fe01.contoso.com:5061 over TLS (internal-tls), but the name server 10.0.0.53:53 does not answer, while 10.0.0.54:53 does: each look-up may have to wait for the dead one.
The problem is with DNS.
Fix the name server 10.0.0.53:53, or remove it from the list of name servers (DHCP option 6, or dns_servers).`},
}

// withOldAddress is a zone that has missed that fe01 has moved.
func withOldAddress(z zone) zone {
	z.addrs[fe01.host] = "10.0.0.98"
	return z
}

// startCaptive is the name server of a captive portal: pool01 has all names.
func startCaptive(t testing.TB, h *host, _ zone) *process {
	t.Helper()
	p := startDnsmasq(t, h, []string{"no-resolv", "no-hosts", "address=/#/" + pool01.addr, "local=/#/"})
	waitDNS(t, h, p, "NOERROR")
	return p
}

// startOrphan is a secondary of the zone whose primary is gone: it answers SERVFAIL.
func startOrphan(t testing.TB, h *host, _ zone) *process {
	t.Helper()
	p := startNamedWith(t, h, fmt.Sprintf(`zone %q { type secondary; primaries { 10.0.0.99; }; };`, sipDomain))
	waitDNS(t, h, p, "SERVFAIL")
	return p
}
