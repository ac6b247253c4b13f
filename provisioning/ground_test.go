package provisioning

import (
	"net/netip"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// Who may name which address: the network names no address that cannot be another host's, only DNS and the configuration
// name this device, and the configuration may name anything as an address.
func TestWhichAddressesAreRefused(t *testing.T) {
	const own, loopback, other = "10.0.0.21", "127.0.0.1", "10.0.0.5"
	policy := contoso
	policy.Manual = []ManualServer{{Host: "lync.contoso.com"}, {Host: loopback}, {Host: "169.254.0.9"}}
	bench := []netip.AddrPort{netip.MustParseAddrPort("127.0.0.1:5353")}
	byDNS := []Step{InternalTLS, InternalTCP, ExternalTLS, ExternalTCP, HostName, Manual}
	for step := range Redirect + 1 {
		named := slices.Contains(byDNS, step)
		for _, test := range []struct {
			host, addr      string
			allowed, onLabs bool // on labs a name server stands on this device
		}{
			{"fe01.contoso.com", other, true, true},
			{"fe01.contoso.com", own, named, true},
			{"fe01.contoso.com", loopback, false, true},
			{"fe01.contoso.com", "169.254.0.9", false, false},
			{"fe01.contoso.com", "224.0.1.75", false, false},
			{"lync.contoso.com", own, true, true},
			{"lync.contoso.com", loopback, false, true},
			{own, own, named, true},
			{loopback, loopback, true, true},
			{loopback, "127.0.0.2", false, true},
			{"127.0.0.2", "127.0.0.2", false, true},
			{"169.254.0.9", "169.254.0.9", true, true},
			{"169.254.0.10", "169.254.0.10", false, false},
		} {
			g := Ground{Policy: policy, Own: func() []netip.Addr { return []netip.Addr{netip.MustParseAddr(own)} }}
			if problem := g.Refuses(step, test.host, netip.MustParseAddr(test.addr)); (problem == "") != test.allowed {
				t.Errorf("%s: %s at %s: %q", step, test.host, test.addr, problem)
			}
			g.Bench = bench
			if problem := g.Refuses(step, test.host, netip.MustParseAddr(test.addr)); (problem == "") != test.onLabs {
				t.Errorf("%s: %s at %s, with a name server here: %q", step, test.host, test.addr, problem)
			}
		}
	}
}

// A plan keeps the addresses that a packet may go to; a place without one is skipped, for its first.
func TestTidyPlan(t *testing.T) {
	good, bad, worse := netip.MustParseAddr("10.0.0.5"), netip.MustParseAddr("127.0.0.1"), netip.MustParseAddr("224.0.0.1")
	at := func(host string, addrs ...netip.Addr) Candidate {
		return Candidate{Step: InternalTLS, Endpoint: Endpoint{host, 5061, TLS}, Addrs: addrs}
	}
	before := Skip{Step: DHCPTLS, Reason: DHCPSilent}
	got := (&Ground{Policy: contoso}).Tidy(Plan{
		Try:     []Candidate{at("fe01.contoso.com", bad, good), at("fe02.contoso.com", bad, worse), at("fe03.contoso.com", good)},
		Skipped: []Skip{before},
	})
	want := Plan{
		Try: []Candidate{at("fe01.contoso.com", good), at("fe03.contoso.com", good)},
		Skipped: []Skip{before, {Step: InternalTLS, Endpoint: Endpoint{"fe02.contoso.com", 5061, TLS}, Reason: AddressNotAllowed,
			Detail: "address 127.0.0.1 cannot be a destination"}},
	}
	if diff := cmp.Diff(want, got, asValues); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}
}

// Only a Registrar reached over TLS is believed when it names a host, and an address only from one whose proven name obeys
// the name rule.
func TestWhoMayName(t *testing.T) {
	policy := contoso
	policy.Manual = []ManualServer{{Host: "lync.fabrikam.com"}, {Host: "10.0.0.9"}}
	for _, test := range []struct {
		from          string
		name, address bool // believed when it names one
	}{
		{"fe01.contoso.com", true, true},
		{"fe01.evil.net", true, false},
		{"lync.fabrikam.com", true, true},
		{"10.0.0.5", true, true}, // it has proven a name
		{"10.0.0.9", true, false},
	} {
		from := Candidate{Endpoint: Endpoint{test.from, 5061, TLS}}
		if name, address := policy.MayName(&from, "fe02.other.net"), policy.MayName(&from, "10.0.0.6"); name != test.name || address != test.address {
			t.Errorf("%s names a host: %t, and an address: %t", test.from, name, address)
		}
		from.Transport = TCP
		if policy.MayName(&from, "fe02.contoso.com") || policy.MayName(&from, "10.0.0.6") {
			t.Errorf("%s is believed over plain TCP", test.from)
		}
	}
}
