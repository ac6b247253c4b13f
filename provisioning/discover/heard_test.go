package discover

import (
	"net/netip"
	"testing"

	"homeward/dhcpopts"
	"homeward/provisioning"
)

// Silence is told as such only when nothing came; what could not be read comes before what was for others.
func TestField17ReceivedIsNotSilence(t *testing.T) {
	at := netip.MustParseAddr
	for _, test := range []struct {
		name                       string
		dropped                    []dhcpopts.Dropped
		reason                     provisioning.Reason
		fault, what, side, details string
	}{
		{name: "nothing"},
		{"for others", []dhcpopts.Dropped{{From: at("10.0.0.2"), Why: dhcpopts.OtherTransaction, Count: 3}, {From: at("10.0.0.1"), Why: dhcpopts.OtherTransaction, Count: 1}},
			provisioning.DHCPSilent, "dhcp.answers-others",
			"the DHCP server 10.0.0.1, 10.0.0.2 does not answer the DHCPINFORM of this device: everything that came from there belongs to other requests",
			"dhcp", "from 10.0.0.2: answers to another question, 3 times; from 10.0.0.1: answers to another question, 1 times"},
		{"another port, and for others", []dhcpopts.Dropped{{From: at("10.0.0.1"), Why: dhcpopts.OtherTransaction, Count: 3}, {From: at("10.0.0.1"), Why: dhcpopts.OtherPort, Port: 67, Count: 2}},
			provisioning.DHCPMalformed, "dhcp.unread",
			"messages came from the DHCP server 10.0.0.1, but none of them could be read: they were sent to port 67, which is not that of DHCP clients",
			"network", "from 10.0.0.1: sent to port 67, which is not that of DHCP clients, 2 times"},
		{"fragments of more servers than are counted", []dhcpopts.Dropped{{Why: dhcpopts.Incomplete, Count: 9}}, provisioning.DHCPMalformed, "dhcp.unread",
			"messages came from the DHCP server others, but none of them could be read: they were in fragments of which some are missing",
			"network", "from others: in fragments of which some are missing, 9 times"},
	} {
		got, details := unheard(test.dropped)
		if got.None() != (test.fault == "") || details != test.details {
			t.Errorf("%s: %v, %q", test.name, got, details)
			continue
		}
		if !got.None() && (got.Reason() != test.reason || string(got.Fault) != test.fault || got.What() != test.what || string(got.OnSide()) != test.side) {
			t.Errorf("%s: %s %s on the side of %q: %s", test.name, got.Reason(), string(got.Fault), got.OnSide(), got.What())
		}
	}
	for why := dhcpopts.Read + 1; why <= dhcpopts.TooLong; why++ {
		if dropWords[why] == "" {
			t.Errorf("nothing is said of %d", why)
		}
	}
}
