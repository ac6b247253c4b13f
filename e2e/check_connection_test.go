//go:build linux

package e2e

import (
	"os"
	"os/exec"
	"testing"
)

var connectionFaults = []fault{
	{"refused", with(published(fe01), the(fe01, refuses)), "connect-refused", `
fe01.contoso.com:5061 (10.0.0.11) refuses the connection: nothing listens on this port, or a firewall on that host rejects it.
The problem is with the Registrar.
Start the Registrar service on fe01.contoso.com, or correct the port.
- Look for a firewall on that host that rejects connections to port 5061.`},
	{"filtered", with(published(fe01), the(fe01, blackHole)), "connect-timeout", `
fe01.contoso.com:5061 (10.0.0.11) does not answer, but the same server refuses connections on port 443: the service behind port 5061 hangs and takes no connections, or a firewall drops what is sent there or what comes back.
Check that the service behind port 5061 of fe01.contoso.com does not hang.
- Look for a firewall that drops packets to or from port 5061, on the way, on the server itself or on this device.`},
	{"hung, and its queue is full", with(published(pool01), hung), "connect-timeout", `
pool01.contoso.com:5061 (10.0.0.20) does not answer, but the same server refuses connections on port 443: the service behind port 5061 hangs and takes no connections, or a firewall drops what is sent there or what comes back.
Check that the service behind port 5061 of pool01.contoso.com does not hang.
- Look for a firewall that drops packets to or from port 5061, on the way, on the server itself or on this device.`},
	{"no route", with(published(fe01), the(fe01, noRoute)), "connect-unreachable", `
10.0.0.11 itself rejects the connection to fe01.contoso.com:5061 (10.0.0.11).
The problem is with the Registrar.
Look at the firewall of fe01.contoso.com: it must allow TCP port 5061 from this device.`},
	{"behind a router, a firewall prohibits it", with(published(fe01), behindRouter, firewall("reject with icmp type admin-prohibited")), "connect-unreachable", `
The gateway 10.0.0.1 rejects the connection to fe01.contoso.com:5061 (10.0.0.11): administratively prohibited.
The problem is with the network between this device and the server.
Look at the rules of 10.0.0.1 (a firewall or an access list): this device must be allowed to reach TCP port 5061 of fe01.contoso.com.`},
	{"behind a router, a firewall prohibits the network, where the device was registered", with(published(fe01), behindRouter, later(firewall("reject with icmp type net-prohibited"))), "connect-unreachable", `
The gateway 10.0.0.1 rejects the connection to fe01.contoso.com:5061 (10.0.0.11): administratively prohibited. This device was registered there at ….
The problem is with the network between this device and the server.
Look at the rules of 10.0.0.1 (a firewall or an access list): this device must be allowed to reach TCP port 5061 of fe01.contoso.com; see what has changed since ….`},
	{"behind a router, a firewall rejects it as Linux does", with(published(fe01), behindRouter, firewall("reject with icmp type port-unreachable")), "connect-unreachable", `
The gateway 10.0.0.1 rejects the connection to fe01.contoso.com:5061 (10.0.0.11).
The problem is with the network between this device and the server.
Look at the rules of 10.0.0.1 (a firewall or an access list): this device must be allowed to reach TCP port 5061 of fe01.contoso.com.`},
	{"behind a router, a firewall says at once that the host cannot be reached", with(published(fe01), behindRouter, firewall("reject with icmp type host-unreachable")), "connect-unreachable", `
fe01.contoso.com:5061 (10.0.0.11) cannot be reached, says the gateway 10.0.0.1: a router or firewall rejects the connection, or no host has that address. What is sent there goes through 10.0.0.1, by the route of this device to 10.0.0.11/32, and not by the default route.
Look for a firewall that rejects port 5061, first at 10.0.0.1, then check the address record and whether fe01.contoso.com is running; see whether that route is right.`},
	{"behind a router, there is no route any more", with(published(fe01), behindRouter, firewall("reject with icmp type net-unreachable")), "connect-unreachable", `
The gateway 10.0.0.1 says that fe01.contoso.com:5061 (10.0.0.11) cannot be reached. What is sent there goes through 10.0.0.1, by the route of this device to 10.0.0.11/32, and not by the default route.
The problem is with the network between this device and the server.
See whether 10.0.0.1 has a route to 10.0.0.11, and its line is up; see whether that route is right.
- Look for a rule there (a firewall or an access list) that rejects what this device sends.`},
	{"behind a router, the firewall of the Registrar prohibits it", with(published(fe01), behindRouter, the(fe01, " reject with icmp type host-prohibited")), "connect-unreachable", `
10.0.0.11 itself rejects the connection to fe01.contoso.com:5061 (10.0.0.11): administratively prohibited.
Look at the firewall of fe01.contoso.com: it must allow TCP port 5061 from this device.
- Look for a firewall on the way that answers in its name.`},
	{"a firewall on the device prohibits it", with(published(fe01), ownFirewall), "connect-unreachable", `
This device does not permit the connection to fe01.contoso.com:5061 (10.0.0.11).
The problem is with this device.
Look for a firewall or security policy on this device that blocks port 5061.`},
	{"accepted, then reset", with(published(fe01), the(fe01, resets)), "connect-reset", `
fe01.contoso.com:5061 (10.0.0.11) accepts the connection, and drops it when the TLS handshake begins: the service behind this port does not work, or a firewall on that host cuts the connection.
The problem is with the Registrar.
If a proxy or load balancer listens there, check that the Registrar behind it is running.
- Look for a firewall on that host that cuts connections to port 5061.
- Check that the proxy passes on the name fe01.contoso.com (SNI), and expects no PROXY protocol from clients.
- Check that this port speaks TLS, and check the log of the Registrar.`},
	{"behind a router, refused", with(published(fe01), behindRouter, the(fe01, refuses)), "connect-refused", `
fe01.contoso.com:5061 (10.0.0.11) refuses the connection: nothing listens on this port, or a firewall rejects it.
Start the Registrar service on fe01.contoso.com, or correct the port.
- Look for a firewall that rejects connections to port 5061.`},
	{"behind a router, accepted, then reset", with(published(fe01), behindRouter, the(fe01, resets)), "connect-reset", `
fe01.contoso.com:5061 (10.0.0.11) accepts the connection, and drops it when the TLS handshake begins: the service behind this port does not work, or a firewall cuts the connection.
If a proxy or load balancer listens there, check that the Registrar behind it is running.
- Look for a firewall that cuts connections to port 5061.
- Check that the proxy passes on the name fe01.contoso.com (SNI), and expects no PROXY protocol from clients.
- Check that this port speaks TLS, and check the log of the Registrar.`},
	{"behind a router, nothing arrives", with(published(fe01), behindRouter, dropsAll), "connect-timeout", `
fe01.contoso.com:5061 (10.0.0.11) does not answer at all: the server is down, hangs or cannot reach this network, or a firewall drops what is sent there or what comes back. What is sent there goes through 10.0.0.1, by the route of this device to 10.0.0.11/32, and not by the default route.
Check at fe01.contoso.com that it is running, does not hang, and reaches this network (its network settings: address, default gateway); see whether that route is right.
- Look for a firewall that drops packets to or from port 5061, on the way, on the server itself or on this device.`},
	{"behind a router, a firewall drops the TLS handshake", with(published(fe01), behindRouter, firewall(hello+" drop")), "tls-timeout", `
fe01.contoso.com:5061 (10.0.0.11) accepts the connection, but the TLS handshake of this device never arrives there, not even in small packets: a firewall lets the connection through, and drops what is sent on it.
Look for a firewall that opens connections to port 5061 and then drops what is sent on them: application control, TLS inspection, intrusion prevention.`},
	{"behind a router, a firewall cuts what follows the TLS handshake", with(published(fe01), behindRouter, firewall(data+refuses)), "connect-reset", `
fe01.contoso.com:5061 (10.0.0.11) accepts the connection and TLS, and drops it when this device speaks SIP: the service behind this port does not work, or a firewall cuts the connection.
If a proxy or load balancer listens there, check that the Registrar behind it is running and speaks SIP.
- Check the log of the Registrar.
- Look for a firewall that cuts connections to port 5061.`},
	{"behind a router, a firewall drops what follows the TLS handshake", with(published(fe01), behindRouter, firewall(data+" drop")), "sip-no-answer", `
fe01.contoso.com:5061 (10.0.0.11) accepts the connection and TLS, but the SIP request of this device never arrives there: it is not acknowledged.
Look for a firewall that opens connections to port 5061 and then drops what is sent on them: application control, TLS inspection, intrusion prevention.
- Check whether fe01.contoso.com is still running.`},
	{"behind a router, a firewall cuts what follows the first answer", with(published(fe01), behindRouter, counted, firewall("ct original bytes > 3500"+refuses)), "connect-reset", `
fe01.contoso.com:5061 (10.0.0.11) answers REGISTER with 401 Unauthorized, and drops the connection when this device sends its credentials: the Registrar, a proxy in front of it, or a firewall does that.
Check the log of the Registrar, and of a proxy in front of it.
- Look for a firewall that cuts running connections to port 5061 (application control, intrusion prevention).`},
	{"behind a router, a firewall cuts what follows TLS, where the device was registered", with(published(fe01), behindRouter, later(firewall(data+refuses))), "connect-reset", `
fe01.contoso.com:5061 (10.0.0.11) accepts the connection and TLS, and drops it when this device speaks SIP: the service behind this port does not work, or a firewall cuts the connection. This device was registered there at ….
Check the log of the Registrar; see what has changed since ….
- Look for a firewall that cuts connections to port 5061.`},
	{"behind a router, nothing arrives at any Registrar", with(published(fe01, second), behindRouter, firewall("tcp dport 5061 drop")), "connect-timeout", `
Each of the 2 Registrars (fe01.contoso.com, fe02.contoso.com) does not answer, but refuses connections on port 443. As it is the same at all of them, the cause is most likely one device on the way, such as a firewall between this network and them; it is not known which.
The problem is with the network between this device and the server.
Look for one firewall or filter on the way to all of them, and what it does with connections to port 5061.
- See what else they share: a host, a load balancer, a setting, an update.
- Check that the service behind port 5061 of each of them does not hang.
- Look for a firewall that drops packets to or from port 5061, on the way, on the server itself or on this device.`},
	{"behind a router, nothing arrives at any Registrar of one port", with(published(fe01, second, edge05), behindRouter, firewall("tcp dport 5061 drop")), "connect-timeout", `
Each of the 2 Registrars at port 5061 (fe01.contoso.com, fe02.contoso.com) does not answer, but refuses connections on port 443. As it is the same at all of them, the cause is most likely one device on the way, such as a firewall between this network and them; it is not known which. The device signs in to edge05.contoso.com:443 instead.
The problem is with the network between this device and the server.
Look for one firewall or filter on the way to all of them, and what it does with connections to port 5061.
- See what else they share: a host, a load balancer, a setting, an update.
- Check that the service behind port 5061 of each of them does not hang.
- Look for a firewall that drops packets to or from port 5061, on the way, on the server itself or on this device.`},
	{"behind a router, all Registrars refuse", with(published(fe01, second, edge05), behindRouter, firewall(refuses)), "connect-refused", `
Each of the 3 Registrars (fe01.contoso.com, fe02.contoso.com, edge05.contoso.com) refuses the connection. As it is the same at all of them, the cause is most likely one device on the way, such as a firewall between this network and them; it is not known which.
Look for one firewall or filter on the way to all of them, and what it does with connections to port 5061 or 443.
- See what else they share: a host, a load balancer, a setting, an update.
- Start the Registrar service on each of them, or correct the port.
- Look for a firewall that rejects connections to port 5061 or 443.`},
	{"behind a router, the TLS handshake arrives at no Registrar", with(published(fe01, second, edge05), behindRouter, firewall(hello+" drop")), "tls-timeout", `
Each of the 3 Registrars (fe01.contoso.com, fe02.contoso.com, edge05.contoso.com) accepts the connection, but the TLS handshake of this device never arrives there, not even in small packets. As it is the same at all of them, the cause is most likely one device on the way, such as a firewall between this network and them; it is not known which.
The problem is with the network between this device and the server.
Look for one firewall or filter on the way to all of them, and what it does with connections to port 5061 or 443.
- See what else they share: a host, a load balancer, a setting, an update.
- Look for a firewall that opens connections to port 5061 or 443 and then drops what is sent on them: application control, TLS inspection, intrusion prevention.`},
	{"behind a router, all Registrars are cut off after the TLS handshake", with(published(fe01, second, edge05), behindRouter, firewall(data+refuses)), "connect-reset", `
Each of the 3 Registrars (fe01.contoso.com, fe02.contoso.com, edge05.contoso.com) accepts the connection and TLS, and drops it when this device speaks SIP. As it is the same at all of them, the cause is most likely one device on the way, such as a firewall between this network and them; it is not known which.
Look for one firewall or filter on the way to all of them, and what it does with connections to port 5061 or 443.
- See what else they share: a host, a load balancer, a setting, an update.
- If a proxy or load balancer listens there, check that the Registrar behind it is running and speaks SIP.
- Check the log of the Registrar.
- Look for a firewall that cuts connections to port 5061 or 443.`},
	{"behind a router, the TLS handshake arrives at all Registrars, and no answer comes", with(published(fe01, second, edge05), behindRouter, answersDropped("ip length > 60")), "tls-timeout", `
Each of the 3 Registrars (fe01.contoso.com, fe02.contoso.com, edge05.contoso.com) accepts the connection, but does not answer the TLS handshake, which has arrived (it was acknowledged). As it is the same at all of them, the cause is most likely a service that hangs on each of them, or something that they share, such as a load balancer; less likely, one device on the way drops what they answer; it is not known which.
Check that the service on each of them does not hang, and restart it if it does.
- See what else they share: a host, a load balancer, a setting, an update.
- If a proxy or load balancer listens there, check that the Registrar behind it is running.
- Check that port 5061 or 443 speaks TLS (a port for plain SIP waits in the same way).
- Look for a firewall on the way that drops the answers of each of them.`},
	{"behind a router, all Registrars are mute after the TLS handshake", with(published(fe01, second, edge05), behindRouter, answersDropped(data)), "sip-no-answer", `
Each of the 3 Registrars (fe01.contoso.com, fe02.contoso.com, edge05.contoso.com) accepts the connection, but does not answer REGISTER within 4 s: the request has arrived (it was acknowledged). As it is the same at all of them, the cause is most likely something that they share; less likely, one device on the way drops what they answer; it is not known which.
Check that the Registrar service runs behind this port; if it runs, look at its load and that of its domain controllers: a device waits 4 s for an answer.
- See what else they share: a host, a load balancer, a setting, an update.
- Look for one firewall or filter on the way to all of them, and what it does with connections to port 5061 or 443.`},
	{"behind a router, nothing of any Registrar comes back, and the name server answers", with(published(fe01, second), behindRouter, dnsBehindRouter, answersDropped("")), "connect-timeout", `
Each of the 2 Registrars (fe01.contoso.com 10.0.0.11, fe02.contoso.com 10.0.0.14) does not answer at all, at any port that was asked (5061 or 443); 10.0.0.53, behind the same gateway, answers. As it is the same at all of them, the cause is most likely one device on the way, such as a firewall between this network and them, or their own way back to this network; it is not known which.
Look for one firewall or filter on the way to all of them, and what it does with connections to port 5061 or 443.
- Check the way back from 10.0.0.11, 10.0.0.14: the default gateway there, or the route to this network.
- See what else they share: a host, a load balancer, a setting, an update.
- Check at each of them that it is running, does not hang, and reaches this network (its network settings: address, default gateway).
- Look for a firewall that drops packets to or from port 5061 or 443, on the way, on the server itself or on this device.`},
	{"behind a router that lets nothing through, and only Registrars are asked", with(published(fe01, second, edge05), behindRouter, firewall("drop")), "connect-timeout", `
The gateway 10.0.0.1 on eth0 (MAC 02:00:00:00:00:01) answers, but nothing that was asked behind it does (10.0.0.11, 10.0.0.14, 10.0.0.15); what stops the packets (the gateway 10.0.0.1 itself, the line behind it, a firewall, or the way back from there) cannot be seen from here.
The problem is with the network between this device and the server.
See whether other devices in this subnet reach 10.0.0.11, 10.0.0.14, 10.0.0.15; if none does, check that 10.0.0.1 forwards packets there, the line behind it, and the way back (that 10.0.0.11, 10.0.0.14, 10.0.0.15 have the right gateway).
- If others do, look for a firewall or an access list that stops this device.
- Only Registrars were asked: if anything else behind it can be reached, look for a firewall that drops port 5061 or 443, and what all Registrars share (a host, a load balancer).`},
	{"behind a router, one Registrar refuses, and one is silent", with(published(fe01, second), behindRouter, the(fe01, refuses), the(second, blackHole)), "connect-refused", `
fe01.contoso.com:5061 (10.0.0.11) refuses the connection: nothing listens on this port, or a firewall rejects it.
Start the Registrar service on fe01.contoso.com, or correct the port.
- Look for a firewall that rejects connections to port 5061.`},
	{"the firewall of the server drops everything", with(published(fe01), dropsAll), "connect-timeout", `
fe01.contoso.com:5061 (10.0.0.11) does not answer, although a host has that address (it answers ARP or neighbour discovery): its firewall, or a filter of the switch or access point, drops the packets, or the service hangs and takes no connections.
Look at the firewall of fe01.contoso.com: it must allow TCP port 5061 from this device (Windows: is the network profile still the right one?).
- Look for a filter of the switch or access point (ACL, client isolation).
- Check that the service behind port 5061 of fe01.contoso.com, or its whole system, does not hang.`},
	{"the server is in another subnet, which the mask of the device includes", with(published(fe01), address(fe01.host, "10.0.5.11"), wideMask), "connect-timeout", `
No host answers at the address of fe01.contoso.com:5061 (10.0.5.11), which is in the subnet of this device on eth0: the server is off or unplugged, its address is wrong, or this device has the wrong subnet mask.
Check that fe01.contoso.com is running and connected to this network.
- Check its address record, and the subnet mask and VLAN of this device.
- On Wi-Fi, check that devices may reach each other (client isolation).`},
	{"the server has an old address record besides", with(published(fe01), record("fe01 A 10.0.0.77")), "connect-timeout", `
Nobody answers at 10.0.0.77, which is one of the addresses of fe01.contoso.com. The device signs in through another address of fe01.contoso.com.
If a server of the pool has the address 10.0.0.77, check that it is running and reachable.
- If the record is old, remove the address 10.0.0.77 of fe01.contoso.com from DNS.`},
	{"the second Registrar refuses, beside a good first", with(published(fe01, second), the(second, refuses)), "connect-refused", `
sip:phone1@contoso.com signs in to fe01.contoso.com:5061 over TLS (internal-tls), but the next Registrar in line cannot be used: fe02.contoso.com:5061 (10.0.0.14) refuses the connection: nothing listens on this port, or a firewall on that host rejects it.
The problem is with the Registrar.
Start the Registrar service on fe02.contoso.com, or correct the port.
- Look for a firewall on that host that rejects connections to port 5061.`},
	{"the second Registrar is unplugged, beside a good first", with(published(fe01, second), address(second.host, "10.0.0.77")), "connect-timeout", `
sip:phone1@contoso.com signs in to fe01.contoso.com:5061 over TLS (internal-tls), but the next Registrar in line cannot be used: no host answers at the address of fe02.contoso.com:5061 (10.0.0.77), which is in the subnet of this device on eth0: the server is off or unplugged, its address is wrong, or this device has the wrong subnet mask.
Check that fe02.contoso.com is running and connected to this network.
- Check its address record, and the subnet mask and VLAN of this device.
- On Wi-Fi, check that devices may reach each other (client isolation).`},
	{"one Registrar refuses, and the other is unplugged", with(published(fe01, second), the(fe01, refuses), address(second.host, "10.0.0.77")), "connect-refused", `
fe01.contoso.com:5061 (10.0.0.11) refuses the connection: nothing listens on this port, or a firewall on that host rejects it.
The problem is with the Registrar.
Start the Registrar service on fe01.contoso.com, or correct the port.
- Look for a firewall on that host that rejects connections to port 5061.`},
	{"the record leads to a new server that does not run yet, and last good answers", with(published(fe01), later(dnsNowNames(second), the(second, refuses))), "connect-refused", `
fe02.contoso.com:5061 (10.0.0.14) refuses the connection: nothing listens on this port, or a firewall on that host rejects it. The last Registrar that worked, fe01.contoso.com, still answers, but a device turns to it only when nothing else is named.
The problem is with the Registrar.
Start the Registrar service on fe02.contoso.com, or correct the port; or have the SRV record _sipinternaltls._tcp.contoso.com lead to fe01.contoso.com again.
- Look for a firewall on that host that rejects connections to port 5061.`},
	{"the A record leads to nobody since the last sign-in, and the Registrar serves where it was", with(published(fe01), later(dnsNowNames(mistyped))), "connect-timeout", `
DNS (name server 10.0.0.53) now gives 10.0.0.99 as the address of fe01.contoso.com, where nobody answers; when this device last registered (…), it was 10.0.0.11, which still answers.
The problem is with DNS.
Set the A record of fe01.contoso.com to 10.0.0.11 again.
- Should the Registrar have moved to 10.0.0.99: check that fe01.contoso.com is running and connected to this network.
- Check its address record, and the subnet mask and VLAN of this device.
- On Wi-Fi, check that devices may reach each other (client isolation).`},
	{"the A record leads to another server since the last sign-in, and the Registrar serves where it was", with(published(fe01), later(dnsNowNames(fe01.movedTo(second.addr)))), "tls-name", `
DNS (name server 10.0.0.53) now gives 10.0.0.14 as the address of fe01.contoso.com, where a server answers whose certificate is not for that name; when this device last registered (…), it was 10.0.0.11, which still answers.
The problem is with DNS.
Set the A record of fe01.contoso.com to 10.0.0.11 again.
- Should the Registrar have moved to 10.0.0.14: choose the certificate that contains fe01.contoso.com on the server, or issue one.
- If fe02.contoso.com is a name of this Registrar, let the SRV record _sipinternaltls._tcp.contoso.com name it.`},
	{"the A record leads to nobody since the last sign-in, and the Registrar is down", with(published(fe01), later(dnsNowNames(mistyped), the(fe01, refuses))), "connect-timeout", `
No host answers at the address of fe01.contoso.com:5061 (10.0.0.99), which is in the subnet of this device on eth0: the server is off or unplugged, its address is wrong, or this device has the wrong subnet mask. When this device last registered (…), the address of fe01.contoso.com was 10.0.0.11; DNS now gives 10.0.0.99.
Check that fe01.contoso.com is running and connected to this network.
- Check its address record, and the subnet mask and VLAN of this device.
- On Wi-Fi, check that devices may reach each other (client isolation).`},
	{"of two Registrars, the A record of the first leads to nobody since the last sign-in", with(published(fe01, second), later(dnsNowNames(mistyped, second))), "connect-timeout", `
DNS (name server 10.0.0.53) now gives 10.0.0.99 as the address of fe01.contoso.com, where nobody answers; when this device last registered (…), it was 10.0.0.11, which still answers. The device signs in to fe02.contoso.com:5061 instead.
The problem is with DNS.
Set the A record of fe01.contoso.com to 10.0.0.11 again.
- Should the Registrar have moved to 10.0.0.99: check that fe01.contoso.com is running and connected to this network.
- Check its address record, and the subnet mask and VLAN of this device.
- On Wi-Fi, check that devices may reach each other (client isolation).`},
	{"the SRV record names a port where nothing listens, and 5061 answers", with(srvFor(fe01.host, 5065)), "connect-refused", `
The SRV record _sipinternaltls._tcp.contoso.com leads to fe01.contoso.com:5065 (10.0.0.11), where no Registrar answers, but fe01.contoso.com accepts connections on port 5061.
The problem is with DNS.
Correct the port to 5061 in the SRV record _sipinternaltls._tcp.contoso.com.`},
	{"internal TLS is refused, and DHCP leads on", with(published(fe01), the(fe01, refuses), dhcpSays(startKea, full)), "connect-refused", `
fe01.contoso.com:5061 (10.0.0.11) refuses the connection: nothing listens on this port, or a firewall on that host rejects it. The device signs in to pool.contoso.com:5061 instead, which DHCP option 120 names.
The problem is with the Registrar.
Start the Registrar service on fe01.contoso.com, or correct the port.
- Look for a firewall on that host that rejects connections to port 5061.`},
	{"TLS is closed, and TCP is not allowed", with(set("allow_tcp = false"), srvFor(pool.host, 5061), the(pool, refuses)), "connect-refused", `
pool.contoso.com:5061 (10.0.0.12) refuses the connection: nothing listens on this port, or a firewall on that host rejects it.
The problem is with the Registrar.
Start the Registrar service on pool.contoso.com, or correct the port.
- Look for a firewall on that host that rejects connections to port 5061.`},
	{"external_server at 5061, and the Edge listens at 443", with(set(`external_server = "edge05.contoso.com:5061"`)), "connect-refused", `
Port 5061 is configured for edge05.contoso.com, but its Access Edge listens on 443.
The problem is with this device.
Set external_server = "edge05.contoso.com:443".`},
	{"internal_server is an address", with(set(`internal_server = "10.0.0.11"`)), "tls-name", `
The server is configured by its address 10.0.0.11, which its certificate does not prove: it is for fe01.contoso.com.
The problem is with this device.
Configure the name of the server (fe01.contoso.com) instead of its address.`},
	{"internal_server is a NetBIOS name that DNS knows", with(set(`internal_server = "fe01"`), address("fe01", fe01.addr), nameServer(startDnsmasqDNS)), "tls-name", `
The server is configured by the short (NetBIOS) name fe01, which its certificate does not prove: it is for fe01.contoso.com.
The problem is with this device.
Configure the full name of the server (fe01.contoso.com).`},
	{"internal_server is a NetBIOS name", with(set(`internal_server = "fe01"`), nameServer(startDnsmasqDNS)), "no-address", `
The server fe01 of internal_server in … is a short (NetBIOS) name, which DNS does not know.
The problem is with this device.
Give the full name (FQDN) of the server, as in its certificate.`},
}

// What a firewall sees of TLS: the first byte of a packet that begins a record of the handshake, or one of data (RFC 8446 section 5.1).
const (
	hello = "@th,256,8 0x16"
	data  = "@th,256,8 0x17"
)

// firewall is one on the router, for connections to Registrars.
func firewall(rule string) given {
	return func(t testing.TB, _ *scene) {
		t.Cleanup(func() { nft(t, "delete table ip front") })
		nft(t, "add table ip front; add chain ip front passing { type filter hook forward priority 0; }; add rule ip front passing tcp dport { 443, 5061 } "+rule)
	}
}

// ownFirewall is one on the device that lets it reach no Registrar.
func ownFirewall(t testing.TB, c *scene) {
	device := c.site.device
	t.Cleanup(func() { device.run(t, "nft", "delete table inet own") })
	device.run(t, "nft", "add table inet own; add chain inet own leaving { type filter hook output priority 0; }; add rule inet own leaving tcp dport 5061 reject with icmp type admin-prohibited")
}

// counted has the router count the bytes of connections.
func counted(t testing.TB, _ *scene) {
	if err := os.WriteFile("/proc/sys/net/netfilter/nf_conntrack_acct", []byte("1"), 0); err != nil {
		t.Fatal(err)
	}
}

// answersDropped is one that drops what Registrars send.
func answersDropped(rule string) given {
	return func(t testing.TB, _ *scene) {
		t.Cleanup(func() { nft(t, "delete table ip front") })
		nft(t, "add table ip front; add chain ip front passing { type filter hook forward priority 0; }; add rule ip front passing tcp sport { 443, 5061 } "+rule+" drop")
	}
}

func nft(t testing.TB, what string) {
	t.Helper()
	program(t, "nft")
	if out, err := exec.Command("nft", what).CombinedOutput(); err != nil {
		t.Fatalf("nft %s: %v\n%s", what, err, out)
	}
}

// behindRouter has the device reach Registrars through a router, and not on its link.
func behindRouter(t testing.TB, c *scene) {
	for file, value := range map[string]string{"ip_forward": "1", "conf/br0/send_redirects": "0", "conf/all/send_redirects": "0"} {
		if err := os.WriteFile("/proc/sys/net/ipv4/"+file, []byte(value), 0); err != nil {
			t.Fatal(err)
		}
	}
	for _, p := range []place{fe01, second, edge05} {
		mustIP(t, "-n", c.site.device.name, "route", "replace", p.addr, "via", bridgeAddr)
		t.Cleanup(func() { mustIP(t, "-n", c.site.device.name, "route", "del", p.addr) })
	}
}

// dnsBehindRouter has it reach the name server so, too.
func dnsBehindRouter(t testing.TB, c *scene) {
	addr := c.site.dns.addr
	mustIP(t, "-n", c.site.device.name, "route", "replace", addr, "via", bridgeAddr)
	t.Cleanup(func() { mustIP(t, "-n", c.site.device.name, "route", "del", addr) })
}

// dropsAll is the firewall of a server that lets nobody in. The device has not heard of the server: the kernel asks again for a neighbour
// whom it has known only after five seconds.
func dropsAll(t testing.TB, c *scene) {
	c.registrar.fault(t, "ip daddr "+fe01.addr+" drop")
	mustIP(t, "-n", c.site.device.name, "neighbour", "flush", "dev", "eth0")
}

// wideMask has the device take 10.0.0.0/16 for its subnet.
func wideMask(t testing.TB, c *scene) {
	mustIP(t, "-n", c.site.device.name, "address", "add", "10.0.0.90/16", "dev", "eth0")
	t.Cleanup(func() { mustIP(t, "-n", c.site.device.name, "address", "del", "10.0.0.90/16", "dev", "eth0") })
}
