//go:build linux

package e2e

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
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
Create the SRV record _sipinternaltls._tcp.contoso.com with port 5061 and the name of the pool, or set DHCP option 120.
- If other phones sign in at this site, check the VLAN of this device (its address is 10.0.0.90/24) and its name servers.
- If the domain contoso.com is wrong, correct sip_address.`},
	{"no SRV record, and DHCP has no option", with(dhcpSaysNothing), "dns-no-record", `
Nothing names a Registrar for contoso.com: there is no SRV record, and the DHCP answer names no Registrar (option 120 missing).
Create the SRV record _sipinternaltls._tcp.contoso.com with port 5061 and the name of the pool, or set DHCP option 120, also for the vendor class MS-UC-Client.
- If phones of other makes sign in at this site, see whether DHCP gives option 120 to their vendor class only: this device asks as MS-UC-Client.
- If other phones sign in at this site, check the VLAN of this device (its address is 10.0.0.90/24) and its name servers.
- If the domain contoso.com is wrong, correct sip_address.`},
	{"the zone file lacks the final dot of the target", with(record("_sipinternaltls._tcp SRV 0 0 5061 fe01.contoso.com")), "no-address", `
The SRV record _sipinternaltls._tcp.contoso.com names fe01.contoso.com.contoso.com, which does not exist in DNS.
The problem is with DNS.
In the zone, put a final dot behind fe01.contoso.com: without it, the zone adds its own name.
- If the name is misspelt, correct it in the SRV record _sipinternaltls._tcp.contoso.com.`},
	{"the target has no address", with(srvFor("gone.contoso.com", 5061)), "no-address", `
The SRV record _sipinternaltls._tcp.contoso.com names gone.contoso.com, which does not exist in DNS.
The problem is with DNS.
If the name is misspelt, correct it in the SRV record _sipinternaltls._tcp.contoso.com.
- Create the A record of gone.contoso.com.`},
	{"the target is misspelt, and a wildcard record leads to the web server", with(srvFor("pol01.contoso.com", 5061), record("* A "+pool01.addr)), "connect-refused", `
The SRV record _sipinternaltls._tcp.contoso.com names pol01.contoso.com, which probably does not exist: DNS gives it only the address of the wildcard record *.contoso.com, 10.0.0.20, where no Registrar answers.
The problem is with DNS.
Correct pol01.contoso.com in the SRV record _sipinternaltls._tcp.contoso.com.
- If the name is right, create an A record of pol01.contoso.com with the address of the Registrar.
- Should the Registrar be at 10.0.0.20: start the Registrar service on pol01.contoso.com, or correct the port.
- Look for a firewall on that host that rejects connections to port 5061.`},
	{"the target has no address, and option 120 names a Registrar that is down", with(srvFor("gone.contoso.com", 5061), dhcpSays(startKea, full), the(pool, refuses)), "no-address", `
sip:phone1@contoso.com signs in to pool.contoso.com:5060 over TCP (dhcp-tcp), but the SRV record _sipinternaltls._tcp.contoso.com names gone.contoso.com, which does not exist in DNS.
The problem is with DNS.
If the name is misspelt, correct it in the SRV record _sipinternaltls._tcp.contoso.com.
- Create the A record of gone.contoso.com.`},
	{"the target is outside the SIP domain", with(srvFor("fe01.fabrikam.com", 5061)), "name-not-allowed", `
The SRV record _sipinternaltls._tcp.contoso.com names fe01.fabrikam.com, which is outside the SIP domain contoso.com: devices do not use it.
The problem is with DNS.
Name a host inside the SIP domain, such as sip.contoso.com, with an A record and in the certificate of the Registrar.
- If the domain contoso.com is wrong, correct sip_address.
- If fe01.fabrikam.com is meant, and this network is trusted: strict_naming = "off" on this device, which then accepts any name, from whoever answers first.`},
	{"strict naming, and the target is not sip", with(set(`strict_naming = "strict"`), published(fe01)), "name-not-allowed", `
The SRV record _sipinternaltls._tcp.contoso.com names fe01.contoso.com, but strict_naming in … allows only contoso.com and sip.contoso.com.
The problem is with this device.
Correct strict_naming in …: "suffix" allows every name inside contoso.com; then restart homeward.
- If no other name is to be allowed, rename the Registrar to sip.contoso.com, in DNS or DHCP and in its certificate.`},
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
The problem is with the network between this device and the server.
If this is a guest network with a captive portal, connect this device to the network for phones, or sign in to the portal.
- Have the name server answer only for names that exist, or set dns_servers to one that does.`},
	{"order communicator, and every name resolves", with(set(`order = "communicator"`), nameServer(startCaptive), pool01Is("https")), "dns-malformed", `
DNS gives the address 10.0.0.20 for every name, even for names that do not exist.
The problem is with the network between this device and the server.
If this is a guest network with a captive portal, connect this device to the network for phones, or sign in to the portal.
- Have the name server answer only for names that exist, or set dns_servers to one that does.`},
	{"only the external record is visible inside, and the Edge is filtered", with(published(edge05), the(edge05, blackHole)), "connect-timeout", `
Only the external record leads to a Registrar, and its Access Edge edge05.contoso.com:443 (10.0.0.15) does not answer from this network.
If this network belongs to the site, create _sipinternaltls._tcp.contoso.com in the internal DNS zone; if the device is outside the site, open port 443 from here to edge05.contoso.com.`},
	{"only the external record is left since the last sign-in, and the Edge is filtered", with(published(fe01), later(dnsNowNames(edge05), the(edge05, blackHole))), "connect-timeout", `
This device sees the outside view of DNS: the name server 10.0.0.53:53 gives _sip._tls.contoso.com (for devices outside), and not _sipinternaltls._tcp.contoso.com, by which this device was registered at … with fe01.contoso.com (it gave that then). edge05.contoso.com:443 (10.0.0.15) does not answer, although a host has that address (it answers ARP or neighbour discovery): its firewall, or a filter of the switch or access point, drops the packets, or the service hangs and takes no connections.
The problem is with DNS.
Give devices in this network the inside view again: by split DNS on the name server, or by its forwarder for the domain.
- If the name server has an inside zone, create _sipinternaltls._tcp.contoso.com in it again.
- Should this device be outside: look at the firewall of edge05.contoso.com: it must allow TCP port 443 from this device (Windows: is the network profile still the right one?).
- Look for a filter of the switch or access point (ACL, client isolation).
- Check that the service behind port 443 of edge05.contoso.com, or its whole system, does not hang.`},
	{"order communicator, and an SRV record without address hides host names that work",
		with(set(`order = "communicator"`), srvFor("gone.contoso.com", 5061), address("sip.contoso.com", sipHost.addr)), "no-address", `
The SRV record _sipinternaltls._tcp.contoso.com names gone.contoso.com, which has no address; because this SRV record exists, the device does not try host names such as sip.contoso.com.
The problem is with DNS.
Create the A record of gone.contoso.com, or delete the SRV record.`},

	{"the name server is silent", with(published(fe01), dnsIsSilent, dhcpSaysNothing), "dns-timeout", `
No name server answers (10.0.0.53:53).
Check that the name server and its forwarders run, and that nothing drops port 53 on the way.
- Set dns_servers to a name server that works.`},
	{"the forwarder of the name server is silent", with(published(fe01), nameServer(startNamedInVain), dhcpSaysNothing), "dns-timeout", `
The name server 10.0.0.53:53 answers other queries, yet has no answer for contoso.com within 5s: most likely it waits for another name server, which does not answer.
The problem is with DNS.
On the name server, see whom it asks for contoso.com (its forwarder, or its zone), and whether that one answers.
- See whether it drops what this device asks for contoso.com: look at its access rules.`},
	{"the name server answers over TCP alone", with(published(fe01), dnsOverTCPAlone, dhcpSaysNothing), "dns-timeout", `
The name server 10.0.0.53:53 answers queries over TCP, but not over UDP: something drops UDP port 53.
The problem is with the network between this device and the server.
Look for a firewall, on the way, on the server itself or on this device, that drops UDP port 53.
- Set dns_servers to a name server that works.`},
	{"a router says that the name server cannot be reached", with(published(fe01), dnsBehind("udp dport 53 reject with icmp type host-unreachable"), dhcpSaysNothing), "dns-timeout", `
No name server can be queried: 10.0.0.53:53 cannot be reached (no route to host): that host is off or not connected, this device has no route there, or a router or firewall rejects what it sends.
Check that the name server is running and connected, its address, and the gateway and the VLAN of this device; or set dns_servers to a name server that works.`},
	{"the name server answers from another address", with(published(fe01), dnsAnswersFrom("10.0.0.57"), dhcpSaysNothing), "dns-timeout", `
The name server 10.0.0.53:53 was asked, and the answer came from 10.0.0.57:53: it is not accepted, since anybody could send such an answer.
The problem is with DNS.
Let the name server answer from the address that was asked; look for a NAT on the way that changes it; or enter 10.0.0.57:53 as the name server (DHCP option 6, or dns_servers).`},
	{"nothing listens at the name server", with(published(fe01), dnsIsClosed), "dns-timeout", `
No name server can be queried: 10.0.0.53:53 refuses the query (no DNS service runs there, or a firewall on that host rejects it).
The problem is with DNS.
Start the DNS service at 10.0.0.53:53.
- If no name server should be there, correct the name servers that DHCP gives (option 6), or dns_servers.
- Look for a firewall that rejects queries to port 53.`},
	{"the name server refuses", with(nameServer(refusingDNS)), "dns-refused", `
The name server 10.0.0.53:53 refuses to answer this device (REFUSED); it says "Not Ready".
The problem is with DNS.
Allow this network to query the name server, correct sip_address if its domain is wrong, or set dns_servers to a name server that works.`},
	{"the name server cannot find out", with(nameServer(startOrphan)), "dns-servfail", `
The name server 10.0.0.53:53 cannot look up anything in contoso.com (SERVFAIL).
The problem is with DNS.
See whether the zone of contoso.com is loaded on the name server, or has expired, as a secondary's does whose primary does not answer.
- If the name server does not hold the zone of contoso.com itself, check the forwarders to which it passes such queries.
- Correct the delegation of contoso.com (the NS records in its parent zone): it may lead to servers that do not have the zone.`},
	{"the name server has lost this zone alone", with(nameServer(startOrphanOfMany)), "dns-servfail", `
The name server 10.0.0.53:53 cannot look up anything in contoso.com (SERVFAIL), although it answers for other domains.
The problem is with DNS.
See whether the zone of contoso.com is loaded on the name server, or has expired, as a secondary's does whose primary does not answer.
- If the name server does not hold the zone of contoso.com itself, check the forwarders to which it passes such queries.
- Correct the delegation of contoso.com (the NS records in its parent zone): it may lead to servers that do not have the zone.`},
	{"the signatures of the zone have expired, and Unbound says so", with(published(fe01), dhcpSaysNothing, signatureExpired(validatingUnbound)), "dns-servfail", `
The name server 10.0.0.53:53 cannot look up _sipinternaltls._tcp.contoso.com (SERVFAIL); it says that DNSSEC validation fails: "DNSSEC Bogus: signature expired from 10.0.0.54 for trust anchor contoso.com. while building chain of trust".
The problem is with DNS.
Have the zone of contoso.com signed anew.
- If its signatures are valid, correct the DS record in its parent zone, or the trust anchor on 10.0.0.53:53.
- Check the clock of 10.0.0.53:53.`},
	{"the signatures of the zone have expired, and BIND does not say so", with(published(fe01), dhcpSaysNothing, signatureExpired(validatingNamed)), "dns-servfail", `
The name server 10.0.0.53:53 cannot look up _sipinternaltls._tcp.contoso.com (SERVFAIL); it answers when asked not to validate, so the validation by DNSSEC is what fails.
The problem is with DNS.
Have the zone of contoso.com signed anew.
- If its signatures are valid, correct the DS record in its parent zone, or the trust anchor on 10.0.0.53:53.
- Check the clock of 10.0.0.53:53.`},
	{"the servers of the zone do not have it", with(dhcpSaysNothing, lame), "dns-servfail", `
The name server 10.0.0.53:53 cannot look up anything in contoso.com (SERVFAIL), nor in other domains: most likely it asks another name server in vain.
The problem is with DNS.
On the name server, see whom it asks for contoso.com (its forwarder, or the servers of the zone), and whether that one answers.
- See whether the zone of contoso.com is loaded on the name server, or has expired, as a secondary's does whose primary does not answer.
- If the name server does not hold the zone of contoso.com itself, check the forwarders to which it passes such queries.
- Correct the delegation of contoso.com (the NS records in its parent zone): it may lead to servers that do not have the zone.`},
	{"the second name server has no record", with(published(fe01), secondNameServer(zoneWith())), "dns-conflict", `
sip:phone1@contoso.com signs in to fe01.contoso.com:5061 over TLS (internal-tls), but the name servers disagree about _sipinternaltls._tcp.contoso.com: 10.0.0.53:53 names fe01.contoso.com:5061; 10.0.0.54:53 says that there is no such record.
The problem is with DNS.
Use only name servers that know the internal zone of the site: remove the others from resolv.conf, DHCP option 6 or dns_servers.`},
	{"the second name server has an old address, and answers first", with(published(fe01), oddDNS("slow500"), secondNameServer(withOldAddress(zoneWith(fe01)))), "dns-conflict", `
The name servers disagree about the address of fe01.contoso.com: 10.0.0.53 says 10.0.0.11, 10.0.0.54 says 10.0.0.98; only 10.0.0.11 works.
The problem is with DNS.
Correct the address record of fe01.contoso.com on 10.0.0.54, which may have missed an update of the zone, or remove 10.0.0.54 from this device's list of name servers.`},
	{"the second name server has an old SRV record, and answers first", with(published(fe01), oddDNS("slow500"), secondNameServer(withOldRecord(zoneWith()))), "dns-conflict", `
The name servers disagree about _sipinternaltls._tcp.contoso.com: 10.0.0.53:53 names fe01.contoso.com:5061; 10.0.0.54:53 names fe09.contoso.com:5061; of these, only fe01.contoso.com:5061 works.
The problem is with DNS.
Correct the SRV record on 10.0.0.54, which may have missed an update of the zone, or remove 10.0.0.54 from this device's list of name servers.`},
	{"both name servers name a Registrar that works, and not the same", with(published(fe01), oddDNS("slow500"), secondNameServer(zoneWith(second))), "dns-conflict", `
sip:phone1@contoso.com signs in to fe02.contoso.com:5061 over TLS (internal-tls), but the name servers disagree about _sipinternaltls._tcp.contoso.com: 10.0.0.53:53 names fe01.contoso.com:5061; 10.0.0.54:53 names fe02.contoso.com:5061.
The problem is with DNS.
Find out which of the name servers is right, and correct _sipinternaltls._tcp.contoso.com on the other one, or remove that one from this device's list of name servers.`},
	{"dnsmasq removes private addresses", with(published(fe01), dnsmasqFilters), "no-address", `
The name server 10.0.0.53:53 says that it blocks fe01.contoso.com: "Blocked".
The problem is with DNS.
Exempt fe01.contoso.com from the filter of 10.0.0.53:53.
- Look there for a setting that removes private addresses from answers (DNS rebind protection), and exempt fe01.contoso.com (dnsmasq: rebind-domain-ok, Unbound: private-domain).
- Set dns_servers to a name server that does not block it.`},
	{"Unbound removes private addresses", with(published(fe01), unboundFilters), "no-address", addressHidden},
	{"Unbound removes the private address of an alias", with(srvFor("sip.contoso.com", 5061), record("sip CNAME fe01"), address(fe01.host, fe01.addr), unboundFilters), "no-address", `
The SRV record _sipinternaltls._tcp.contoso.com names sip.contoso.com: sip.contoso.com is an alias of fe01.contoso.com, which has no address.
The problem is with DNS.
Correct the alias (CNAME) sip.contoso.com, or create the A record of fe01.contoso.com.
- If fe01.contoso.com has an A record, look for a router or DNS proxy that removes private addresses from answers (DNS rebind protection).`},
	{"one name server of two removes private addresses", with(published(fe01), dnsmasqFilters, askBoth), "dns-conflict", `
sip:phone1@contoso.com signs in to fe01.contoso.com:5061 over TLS (internal-tls), but the name servers disagree about the address of fe01.contoso.com: 10.0.0.53 gives none, 10.0.0.54 says 10.0.0.11; only 10.0.0.11 works.
The problem is with DNS.
Look for a setting of 10.0.0.53 that removes private addresses from answers (DNS rebind protection).
- Correct the address record of fe01.contoso.com on 10.0.0.53, which may have missed an update of the zone, or remove 10.0.0.53 from this device's list of name servers.`},
	{"the zone has the name of the target, and no address", with(srvFor("fe07.contoso.com", 5061), record("fe07 TXT moved"), address("sip.contoso.com", sipHost.addr)), "no-address", `
The SRV record _sipinternaltls._tcp.contoso.com names fe07.contoso.com, which has no address.
The problem is with DNS.
See whether the zone has an A record of fe07.contoso.com, and create it if it has none.
- If it has one, look for a router or DNS proxy that removes private addresses from answers (DNS rebind protection).`},
	{"the zone of the second name server has expired", with(published(fe01), secondIsOrphan), "dns-conflict", `
sip:phone1@contoso.com signs in to fe01.contoso.com:5061 over TLS (internal-tls), but the name servers disagree about _sipinternaltls._tcp.contoso.com: 10.0.0.53:53 names fe01.contoso.com:5061; 10.0.0.54:53 answers SERVFAIL (RCODE 2).
The problem is with DNS.
Look at the zone on 10.0.0.54, which may be missing, have expired or hold a bad record, or remove 10.0.0.54 from this device's list of name servers.
- Use only name servers that know the internal zone of the site: remove the others from resolv.conf, DHCP option 6 or dns_servers.`},
	{"the first name server is silent, the second answers", with(dnsIsSilent, secondNameServer(zoneWith(fe01))), "dns-timeout", `
sip:phone1@contoso.com signs in to fe01.contoso.com:5061 over TLS (internal-tls), but the name server 10.0.0.53:53 does not answer, while 10.0.0.54:53 does: each look-up may have to wait for the dead one.
The problem is with DNS.
Fix the name server 10.0.0.53:53, or, if the others know all names of the site, remove it from the list of name servers (DHCP option 6, or dns_servers).`},
}

const addressHidden = `
The SRV record _sipinternaltls._tcp.contoso.com names fe01.contoso.com; the name fe01.contoso.com exists in DNS, but the name servers give no address for it.
The problem is with DNS.
Look for a router or DNS proxy that removes private addresses from answers (DNS rebind protection), and exempt contoso.com there (dnsmasq: rebind-domain-ok, Unbound: private-domain).
- If the zone has no A record of fe01.contoso.com, create it.`

// withOldRecord is a zone that has missed that the Registrar has moved.
func withOldRecord(z zone) zone {
	z.srv = append(z.srv, srv{name: fe01.srv, port: 5061, target: "fe09.contoso.com"})
	z.addrs["fe09.contoso.com"] = "10.0.0.98"
	return z
}

// secondIsOrphan asks a second name server besides: a secondary that has lost its primary.
func secondIsOrphan(t testing.TB, c *scene) {
	startOrphan(t, c.dns2, c.zone)
	askBoth(t, c)
}

// dnsmasqFilters has dnsmasq stand before the zone, as it does on many routers, with its protection against DNS rebinding.
func dnsmasqFilters(_ testing.TB, c *scene) {
	behind := c.dns2
	c.nameServer = func(t testing.TB, h *host, z zone) *process {
		t.Helper()
		startNamed(t, behind, z)
		p := startDnsmasq(t, h, []string{"no-resolv", "no-hosts", "stop-dns-rebind", "server=" + behind.addr})
		waitDNS(t, h, p, "NOERROR")
		return p
	}
}

// unboundFilters has Unbound stand before the zone, with private addresses removed.
func unboundFilters(_ testing.TB, c *scene) {
	behind := c.dns2
	c.nameServer = func(t testing.TB, h *host, z zone) *process {
		t.Helper()
		startNamed(t, behind, z)
		return startUnboundWith(t, h, []string{"private-address: 10.0.0.0/8", "domain-insecure: " + sipDomain, "stub-zone:", "name: " + sipDomain, "stub-addr: " + behind.addr})
	}
}

// askBoth has the device ask both machines.
func askBoth(_ testing.TB, c *scene) {
	c.config = append(c.config, fmt.Sprintf("dns_servers = [%q, %q]", c.dns.addr, c.dns2.addr))
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
	return startOrphanBeside(t, h, "")
}

// startOrphanOfMany is one that has other zones, too: all names outside the SIP domain do not exist.
func startOrphanOfMany(t testing.TB, h *host, _ zone) *process {
	t.Helper()
	return startOrphanBeside(t, h, rootZone(t))
}

// startNamedInVain is a name server that asks another one for all but one name, and that one is silent.
func startNamedInVain(t testing.TB, h *host, _ zone) *process {
	t.Helper()
	h.run(t, "nft", "add table inet fault; add chain inet fault far { type filter hook input priority 0; }; add rule inet fault far ip daddr 127.0.0.2 drop")
	own := write(t, t.TempDir(), "own", "$TTL 60\n@ SOA . . 1 1h 1h 1h 60\n@ NS @\n@ A "+second.addr+"\n")
	p := startNamedWith(t, h, fmt.Sprintf("zone %q { type primary; file %q; };", second.host, own), "recursion yes", "allow-recursion { any; }", "dnssec-validation no", "forward only", "forwarders { 127.0.0.2; }")
	waitDNS(t, h, p, "NOERROR")
	return p
}

// startNamedForAll is a name server that knows, beside the zone, that no other domain exists.
func startNamedForAll(t testing.TB, h *host, z zone) *process {
	t.Helper()
	p := startNamedWith(t, h, fmt.Sprintf("zone %q { type primary; file %q; };", sipDomain, write(t, t.TempDir(), "zone", z.file(h)))+rootZone(t))
	waitDNS(t, h, p, "NOERROR")
	return p
}

// rootZone is a root of DNS with nothing below it.
func rootZone(t testing.TB) string {
	root := write(t, t.TempDir(), "root", "$TTL 60\n@ SOA . . 1 1h 1h 1h 60\n@ NS ns.example.\nns.example. A 10.0.0.53\n")
	return fmt.Sprintf(`zone "." { type primary; file %q; };`, root)
}

func startOrphanBeside(t testing.TB, h *host, zones string) *process {
	t.Helper()
	p := startNamedWith(t, h, fmt.Sprintf(`zone %q { type secondary; primaries { 10.0.0.99; }; };`, sipDomain)+zones)
	waitDNS(t, h, p, "SERVFAIL")
	return p
}

// signatureExpired has a resolver that validates ask BIND for the zone, whose signatures have expired.
func signatureExpired(validating func(t testing.TB, h, behind *host, key string) *process) given {
	return func(_ testing.TB, c *scene) {
		behind := c.dns2
		c.nameServer = func(t testing.TB, h *host, z zone) *process {
			t.Helper()
			program(t, "dnssec-keygen")
			program(t, "dnssec-signzone")
			dir := t.TempDir()
			file := write(t, dir, "zone", z.file(behind))
			runTool(t, exec.Command("dnssec-keygen", "-q", "-K", dir, "-a", "ECDSAP256SHA256", "-f", "KSK", sipDomain))
			runTool(t, exec.Command("dnssec-signzone", "-q", "-S", "-z", "-P", "-K", dir, "-d", dir, "-s", "20200101000000", "-e", "20200201000000", "-o", sipDomain, file))
			p := startNamedWith(t, behind, fmt.Sprintf("zone %q { type primary; file %q; };", sipDomain, file+".signed"))
			waitDNS(t, behind, p, "NOERROR")
			keys, err := filepath.Glob(filepath.Join(dir, "K*.key"))
			if err != nil || len(keys) != 1 {
				t.Fatalf("the keys are %q (%v)", keys, err)
			}
			return validating(t, h, behind, keys[0])
		}
	}
}

// validatingUnbound asks another machine for the zone, and validates with this key.
func validatingUnbound(t testing.TB, h, behind *host, key string) *process {
	t.Helper()
	return unboundThatFails(t, h, behind, "trust-anchor-file: "+key)
}

// lame has a resolver ask a machine for the zone that does not have it.
func lame(_ testing.TB, c *scene) {
	behind := c.dns2
	c.nameServer = func(t testing.TB, h *host, _ zone) *process {
		t.Helper()
		startRefusingDNS(t, behind)
		return unboundThatFails(t, h, behind)
	}
}

func unboundThatFails(t testing.TB, h, behind *host, lines ...string) *process {
	t.Helper()
	return startUnboundFor(t, h, append([]string{"ede: yes", "val-log-level: 2"}, append(lines, "stub-zone:", "name: "+sipDomain, "stub-addr: "+behind.addr)...), "SERVFAIL")
}

// validatingNamed is BIND in that place.
func validatingNamed(t testing.TB, h, behind *host, key string) *process {
	t.Helper()
	text, err := os.ReadFile(key)
	if err != nil {
		t.Fatal(err)
	}
	_, record, found := strings.Cut(string(text), " DNSKEY ")
	fields := strings.Fields(record)
	if !found || len(fields) < 4 {
		t.Fatalf("the key is %q", text)
	}
	p := startNamedWith(t, h, fmt.Sprintf(`zone %[1]q { type static-stub; server-addresses { %[2]s; }; };
trust-anchors { %[1]q static-key %[3]s %q; };`, sipDomain, behind.addr, strings.Join(fields[:3], " "), strings.Join(fields[3:], "")), "recursion yes", "dnssec-validation yes")
	waitDNS(t, h, p, "SERVFAIL")
	return p
}
