package provisioning_test

import (
	"net/netip"
	"testing"

	"homeward/provisioning"
)

// TestMend95OneGatewayAddressOnTwoLinks: an address of a gateway means one on its link alone, as fe80::1 is there on most; and where a gateway
// did not answer at first and has answered then, it answers.
func TestMend95OneGatewayAddressOnTwoLinks(t *testing.T) {
	const mac = "02:00:00:00:00:02"
	gateway := netip.MustParseAddr("fe80::1")
	first, second, third := netip.MustParseAddr("2001:db8::1"), netip.MustParseAddr("2001:db8::2"), netip.MustParseAddr("2001:db8::3")
	gone := func(link string) provisioning.Way { return provisioning.Way{Hop: gateway, Link: link, Gone: true} }
	there := func(link string) provisioning.Way { return provisioning.Way{Hop: gateway, Link: link, MAC: mac} }
	heard := there("wlan0")
	heard.Heard = true
	for name, test := range map[string]struct {
		ways provisioning.Ways
		want provisioning.Fault
	}{
		"gone on this link":                    {provisioning.Ways{first: gone("eth0"), second: there("wlan0")}, provisioning.FaultNoGateway},
		"gone on the other link":               {provisioning.Ways{first: there("wlan0"), second: gone("eth0")}, ""},
		"silence on the other link":            {provisioning.Ways{first: there("eth0"), second: there("wlan0")}, ""},
		"silence on both":                      {provisioning.Ways{first: there("eth0"), second: there("eth0"), third: heard}, provisioning.FaultNothingBehind},
		"it did not answer first and has then": {provisioning.Ways{first: gone("eth0"), second: there("eth0")}, provisioning.FaultNothingBehind},
	} {
		t.Run(name, func(t *testing.T) {
			for range 20 { // the order of a map is another each time
				if got := test.ways.NothingBehind(first, test.ways.Who); got.Fault != test.want {
					t.Fatalf("%q: %s, want %q", got.Fault, got.What(), test.want)
				}
			}
		})
	}
}

// TestMend94ARouterSaysSo: of whom it is said that they cannot be reached, that is told, as whoever says it is behind the gateway, or is the
// gateway; where the gateway itself does not answer, nobody has said it.
func TestMend94ARouterSaysSo(t *testing.T) {
	addrs := []netip.Addr{netip.MustParseAddr("10.98.0.2"), netip.MustParseAddr("10.98.0.3")}
	way := provisioning.Way{Hop: netip.MustParseAddr("10.0.0.1"), Link: "eth0"}
	for _, test := range []struct {
		fault provisioning.Fault
		mac   string
		known bool
		want  provisioning.Fault
	}{
		{provisioning.FaultHostUnreachable, "02:00:00:00:00:01", true, provisioning.FaultRejectedBehind},
		{provisioning.FaultRouterRejects, "02:00:00:00:00:01", true, provisioning.FaultRejectedBehind},
		{provisioning.FaultHostUnreachable, "", false, ""},
		{provisioning.FaultHostUnreachable, "", true, provisioning.FaultNoGateway},
		{provisioning.FaultFiltered, "02:00:00:00:00:01", true, provisioning.FaultNothingBehind},
	} {
		c := provisioning.Cycle{Attempts: []provisioning.Attempt{
			{Address: addrs[0], Result: "failed", Trouble: provisioning.FaultFiltered.Met(nil)},
			{Address: addrs[1], Result: "failed", Trouble: test.fault.Met(nil)},
		}}
		got := c.Shared(nil, func(netip.Addr) provisioning.Way { return way }, func(string, netip.Addr) (string, bool) { return test.mac, test.known })
		if got.Fault != test.want {
			t.Errorf("%+v: %q: %s", test, got.Fault, got.What())
		}
	}
}

// TestMend195ADarkTunnel: where nothing answers through a tunnel, that is told, and what is in the way of all; where something does, it is not.
func TestMend195ADarkTunnel(t *testing.T) {
	addr := netip.MustParseAddr("10.98.0.2")
	server := netip.MustParseAddrPort("10.98.0.53:53")
	failed := provisioning.Attempt{Address: addr, Result: "failed", Trouble: provisioning.FaultFiltered.Met(provisioning.Facts{"at": "fe01.contoso.com:5061", "address": addr})}
	silent := provisioning.Source{Source: "dns", Verdict: provisioning.Failed, Trouble: provisioning.FaultDNSSilentFor.Met(provisioning.Facts{"servers": []string{server.String()}})}
	found := provisioning.Source{Source: "dns", Verdict: provisioning.Found}
	const dark = " leads through the tunnel wg0 of this device (a VPN?), and nothing answers through it"
	for _, test := range []struct {
		cycle provisioning.Cycle
		want  string
	}{
		{provisioning.Cycle{Attempts: []provisioning.Attempt{failed}, Sources: []provisioning.Source{silent}}, "the way to DNS (10.98.0.53:53)" + dark},
		{provisioning.Cycle{Attempts: []provisioning.Attempt{failed}}, ""},
		{provisioning.Cycle{Attempts: []provisioning.Attempt{failed}, Sources: []provisioning.Source{found}}, ""},
	} {
		way := func(netip.Addr) provisioning.Way { return provisioning.Way{Link: "wg0", Tunnel: true} }
		nobody := func(string, netip.Addr) (string, bool) { return "", false }
		got := test.cycle.Shared([]netip.AddrPort{server}, way, nobody)
		if got.What() != test.want || test.want != "" && got.OnSide() != provisioning.SideDevice {
			t.Errorf("%s: %s, want %s", got.OnSide(), got.What(), test.want)
		}
		if test.want == "" {
			got = test.cycle.Shared(nil, way, nobody)
		}
		if got.None() {
			t.Error("nothing has answered, and nothing is said of that")
		}
	}
}

// TestMend126WhatASilentServerDoes: what to do about a question that DNS has left unanswered begins with what is known of the others.
func TestMend126WhatASilentServerDoes(t *testing.T) {
	const dead, zone = "see whether the name server runs, and whether its address is right", "look at the zone of contoso.com on the name server, and at its forwarders: it answers other questions"
	silent := func(step provisioning.Step) provisioning.Source {
		facts := provisioning.Facts{"servers": "10.0.0.53:53", "name": "contoso.com", "dead": true, "alone": true}
		return provisioning.Source{Step: step, Source: "dns", Verdict: provisioning.Failed, Reason: provisioning.DNSTimeout, Trouble: provisioning.FaultDNSSilentFor.Met(facts)}.Told()
	}
	found := func(step provisioning.Step) provisioning.Source {
		return provisioning.Source{Step: step, Source: "dns"}
	}
	a, b := silent(provisioning.InternalTLS), silent(provisioning.ExternalTLS)
	for name, test := range map[string]struct {
		said []provisioning.Source
		want string // of the last
	}{
		"nothing is known of others": {[]provisioning.Source{b}, dead + "; otherwise look at the zone of contoso.com there, and at its forwarders, if it answers other questions"},
		"no other is answered":       {[]provisioning.Source{b, a}, dead},
		"another is answered":        {[]provisioning.Source{b, found(provisioning.InternalTLS)}, zone},
		"another was answered":       {[]provisioning.Source{found(provisioning.InternalTLS), b}, zone},
		"it answers again":           {[]provisioning.Source{a, b, found(provisioning.InternalTLS)}, ""},
		"it answers again, and others": {
			[]provisioning.Source{a, b, found(provisioning.InternalTLS), found(provisioning.InternalTCP)}, "",
		},
		"but not to all":  {[]provisioning.Source{a, b, found(provisioning.InternalTLS), b}, zone},
		"DHCP is no name": {[]provisioning.Source{b, {Step: provisioning.DHCPTLS, Source: "dhcp"}, a}, dead},
	} {
		c := &provisioning.Cycle{}
		for _, said := range test.said {
			c.Said(said)
		}
		for _, s := range c.Sources {
			if s.Step == provisioning.ExternalTLS && s.Hint != test.want {
				t.Errorf("%s: %q, want %q", name, s.Hint, test.want)
			}
		}
	}
	c := &provisioning.Cycle{}
	c.Said(found(provisioning.InternalTLS))
	c.Note(&provisioning.Event{Kind: provisioning.Skipped, Reason: provisioning.DNSTimeout, Trouble: b.Trouble})
	if got := c.Attempts[0].Hint; got != zone {
		t.Errorf("a name that DNS gave: %q", got)
	}
}

// Where a name server answers no queries for SRV records, and last good is silent, that is told before the way to last good.
func TestMend218NoSRV(t *testing.T) {
	lacking := provisioning.Source{Step: provisioning.InternalTLS, Trouble: provisioning.FaultDNSNoSRV.Met(nil)}
	try := func(step provisioning.Step) provisioning.Attempt {
		return provisioning.Attempt{Step: step, Host: "pool01.contoso.com", Result: "failed"}
	}
	for name, test := range map[string]struct {
		cycle provisioning.Cycle
		want  bool
	}{
		"last good":           {provisioning.Cycle{Sources: []provisioning.Source{lacking}, Attempts: []provisioning.Attempt{try(provisioning.LastGood)}}, true},
		"something else, too": {provisioning.Cycle{Sources: []provisioning.Source{lacking}, Attempts: []provisioning.Attempt{try(provisioning.DHCPTLS), try(provisioning.LastGood)}}, false},
		"DNS has the records": {provisioning.Cycle{Sources: make([]provisioning.Source, 1), Attempts: []provisioning.Attempt{try(provisioning.LastGood)}}, false},
		"nothing was tried":   {provisioning.Cycle{Sources: []provisioning.Source{lacking}}, false},
	} {
		if got := test.cycle.NoSRV(); !got.None() != test.want {
			t.Errorf("%s: %q", name, got.What())
		}
	}
}

// Where DNS has left its questions unanswered, and last good, which alone was tried therefore, is silent, too, that is told as check does: DNS first.
func TestMend253NoDNS(t *testing.T) {
	silent := provisioning.Source{Source: "dns", Step: provisioning.InternalTLS, Verdict: provisioning.Failed, Reason: provisioning.DNSTimeout, Trouble: provisioning.FaultDNSSilentFor.Met(provisioning.Facts{"servers": []string{"10.0.0.53:53"}})}
	absent := provisioning.Source{Source: "dns", Step: provisioning.InternalTLS, Verdict: provisioning.Absent, Reason: provisioning.DNSNoRecord, Trouble: provisioning.DNSNoRecord.Met("")}
	try := func(step provisioning.Step) provisioning.Attempt {
		return provisioning.Attempt{Step: step, Host: "pool01.contoso.com", Result: "failed"}
	}
	for name, test := range map[string]struct {
		cycle provisioning.Cycle
		want  string
	}{
		"last good":           {provisioning.Cycle{Sources: []provisioning.Source{silent}, Attempts: []provisioning.Attempt{try(provisioning.LastGood)}}, "no name server answers (10.0.0.53:53); the last good Registrar pool01.contoso.com does not answer either"},
		"something else, too": {provisioning.Cycle{Sources: []provisioning.Source{silent}, Attempts: []provisioning.Attempt{try(provisioning.DHCPTLS), try(provisioning.LastGood)}}, ""},
		"DNS answers":         {provisioning.Cycle{Sources: []provisioning.Source{absent}, Attempts: []provisioning.Attempt{try(provisioning.LastGood)}}, ""},
		"nothing was tried":   {provisioning.Cycle{Sources: []provisioning.Source{silent}}, ""},
	} {
		if got := test.cycle.NoDNS().What(); got != test.want {
			t.Errorf("%s: %q, want %q", name, got, test.want)
		}
	}
}

// Two devices answer for the gateway: which of them it is, this device cannot know.
func TestMend288WhichIsNotKnown(t *testing.T) {
	said := provisioning.Twice(netip.MustParseAddr("10.0.0.1"), provisioning.OfTheGateway, []string{"02:00:00:00:00:01", "02:00:00:00:00:99"}, "").What()
	const want = "more than one device on this link has the address 10.0.0.1 of the gateway: the MACs 02:00:00:00:00:01 and 02:00:00:00:00:99 answer for it (ARP); which of them is the gateway is not known, and what is sent to it may arrive at the wrong one"
	if said != want {
		t.Errorf("%q, want %q", said, want)
	}
}
