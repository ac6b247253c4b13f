// Package dhcpopts asks DHCP what it knows about SIP Registrars, and decodes the answer: option 120
// (SIP servers, RFC 3361) and option 43 as Lync fills it for the vendor class MS-UC-Client.
//
// It asks with DHCPINFORM from a packet socket, so it needs no port and stands beside whatever DHCP
// client the device runs. It reads the two options and, for a diagnosis, the subnet mask, the routes, the
// domains, the name servers and the NTP servers; nothing else of an answer.
// Of DHCPv6 it asks for options 21 and 22 (RFC 3319), and it reads what that client keeps in its lease files.
//
// It is not a DHCP client: it never asks for an address, and no answer ever touches the lease. It has
// no policy: which answer wins, how long to wait, whose names are trusted and what a conflict means is
// decided by package provisioning. It does not retry an exchange; it only repeats the question inside one.
//
//	conn, err := dhcpopts.Listen(ctx, "eth0")
//	if err != nil {
//		return err
//	}
//	defer conn.Close()
//	dropped, err := dhcpopts.Inform(ctx, conn, func(a dhcpopts.Answer) {
//		fmt.Println(a.Server, a.SIP.Names, a.Vendor.URL)
//	})
//
// Read text.go first, then names.go, meant.go, sipservers.go, vendor.go, parse_vendor.go, route.go; answer.go, dropped.go, exchange.go, question.go, reply.go, inform.go,
// inform6.go; ip.go, links_linux.go, listen_linux.go, listen6_linux.go; and of leases troubles.go, lease.go, lease_dhclient.go, leases_linux.go.
package dhcpopts
