//go:build linux

package e2e

var connectionFaults = []fault{
	{"refused", with(published(fe01), the(fe01, refuses)), "connect-refused", `
fe01.contoso.com:5061 (10.0.0.11) refuses the connection: nothing listens on this port, or a firewall on that host rejects it.
The problem is with the Registrar.
Start the Registrar service on fe01.contoso.com, or correct the port.
- Look for a firewall on that host that rejects connections to port 5061.`},
	{"filtered", with(published(fe01), the(fe01, blackHole)), "connect-timeout", `
fe01.contoso.com:5061 (10.0.0.11) does not answer, but the same server refuses connections on port 443: a firewall drops what is sent to port 5061.
The problem is with the network between this device and the server.
Look for a firewall that drops port 5061, on the way or on fe01.contoso.com itself.`},
	{"no route", with(published(fe01), the(fe01, noRoute)), "connect-unreachable", `
fe01.contoso.com:5061 (10.0.0.11) cannot be reached: a router or firewall rejects the connection, or no host has that address.
The problem is with the network between this device and the server.
Look for a firewall that rejects port 5061, then check the address record and whether fe01.contoso.com is running.`},
	{"accepted, then reset", with(published(fe01), the(fe01, resets)), "connect-reset", `
fe01.contoso.com:5061 (10.0.0.11) accepts the connection, and drops it when the TLS handshake begins: the service behind this port does not work, or a firewall on that host cuts the connection.
The problem is with the Registrar.
If a proxy or load balancer listens there, check that the Registrar behind it is running.
- Look for a firewall on that host that cuts connections to port 5061.
- Check that the proxy passes on the name fe01.contoso.com (SNI), and expects no PROXY protocol from clients.
- Check that this port speaks TLS, and check the log of the Registrar.`},
	{"the SRV record names a port where nothing listens, and 5061 answers", with(srvFor(fe01.host, 5065)), "connect-refused", `
The SRV record _sipinternaltls._tcp.contoso.com leads to fe01.contoso.com:5065 (10.0.0.11), where no Registrar answers, but fe01.contoso.com accepts connections on port 5061.
The problem is with DNS.
Correct the port to 5061, or configure the Registrar to listen on 5065.`},
	{"internal TLS is refused, and DHCP leads on", with(published(fe01), the(fe01, refuses), dhcpSays(startKea, full)), "connect-refused", `
fe01.contoso.com:5061 (10.0.0.11) refuses the connection: nothing listens on this port, or a firewall on that host rejects it; the device signs in to pool.contoso.com:5061 instead.
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
The server fe01 of the configuration is a short (NetBIOS) name, which DNS does not know.
The problem is with this device.
Give the full name (FQDN) of the server, as in its certificate.`},
}
