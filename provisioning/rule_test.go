package provisioning

import (
	"slices"
	"strings"
	"testing"

	"homeward/cache"
)

// Where an address stands in place of a name: only the steps listed here take one, each over one transport.
func TestAddressesInPlaceOfNames(t *testing.T) {
	type way struct {
		step Step
		t    Transport
	}
	taken := []way{{Redirect, TLS}, {Recall, TLS}, {LastGood, TLS}, {DHCPTLS, TCP}, {DHCPTCP, TCP}, {LastGood, TCP}, {Manual, TLS}, {Manual, TCP}}
	for _, naming := range []Naming{NamingSuffix, NamingOff, NamingStrict} {
		policy := contoso
		policy.Naming = naming
		for step := range Redirect + 1 {
			for _, transport := range []Transport{TLS, TCP} {
				want := RegistrarNotProven
				switch {
				case step == Manual, naming != NamingStrict && slices.Contains(taken, way{step, transport}):
					want = ""
				case step == DHCPTLS && transport == TLS:
					want = TLSNoName
				case naming == NamingStrict:
					want = NameNotAllowed
				}
				if got, detail := policy.NameReason(step, "10.0.0.5", transport); got != want || (detail == "") != (want == "") {
					t.Errorf("%s: %s over %s: got %q (%s), want %q", naming, step, transport, got, detail, want)
				}
			}
		}
		policy.Manual = []ManualServer{{Host: "10.0.0.5"}}
		if got, _ := policy.NameReason(InternalTLS, "10.0.0.5", TLS); got != "" {
			t.Errorf("%s: one that is configured: %s", naming, got)
		}
	}
}

// A port of another service is dialled only where the configuration says so.
func TestPorts(t *testing.T) {
	for step := range Redirect + 1 {
		if got, _ := contoso.PortReason(step, 25); (got == "") != (step == Manual) {
			t.Errorf("%s: port 25: %q", step, got)
		}
		if got, _ := contoso.PortReason(step, 443); got != "" {
			t.Errorf("%s: port 443: %q", step, got)
		}
	}
}

// What a record remembers is used under the policy of today alone.
func TestRememberedUnderThePolicyOfToday(t *testing.T) {
	vouched := map[string]bool{"fe01.fabrikam.com": true, "10.0.0.6": true}
	for name, test := range map[string]struct {
		step  Step
		at    Endpoint
		edit  func(*Policy)
		floor bool
		want  Reason
	}{
		"over TLS":                                       {Recall, Endpoint{"fe01.contoso.com", 5061, TLS}, nil, true, ""},
		"last good over TCP":                             {LastGood, Endpoint{"fe01.contoso.com", 5060, TCP}, nil, false, ""},
		"over TCP, after TLS":                            {LastGood, Endpoint{"fe01.contoso.com", 5060, TCP}, nil, true, TLSFloor},
		"over TCP, which is off":                         {LastGood, Endpoint{"fe01.contoso.com", 5060, TCP}, func(p *Policy) { p.AllowTCP = false }, false, TransportPolicy},
		"recalled over TCP":                              {Recall, Endpoint{"fe01.contoso.com", 5060, TCP}, nil, false, RegistrarNotProven},
		"another name":                                   {LastGood, Endpoint{"fe02.fabrikam.com", 5061, TLS}, nil, false, NameNotAllowed},
		"another name that a Registrar has named":        {LastGood, Endpoint{"fe01.fabrikam.com", 5061, TLS}, nil, false, ""},
		"the same over TCP":                              {LastGood, Endpoint{"fe01.fabrikam.com", 5060, TCP}, nil, false, NameNotAllowed},
		"another name that is configured":                {LastGood, Endpoint{"fe02.fabrikam.com", 5061, TLS}, func(p *Policy) { p.Manual = []ManualServer{{Host: "fe02.fabrikam.com"}} }, false, ""},
		"an address that a Registrar has named, strict":  {LastGood, Endpoint{"10.0.0.6", 5061, TLS}, func(p *Policy) { p.Naming = NamingStrict }, false, NameNotAllowed},
		"a name that a Registrar has named, strict":      {LastGood, Endpoint{"fe01.fabrikam.com", 5061, TLS}, func(p *Policy) { p.Naming = NamingStrict }, false, ""},
		"the port of another service":                    {LastGood, Endpoint{"fe01.contoso.com", 25, TLS}, nil, false, AddressNotAllowed},
		"the port of another service, named by a server": {LastGood, Endpoint{"fe01.fabrikam.com", 25, TLS}, nil, false, AddressNotAllowed},
	} {
		policy := contoso
		if test.edit != nil {
			test.edit(&policy)
		}
		if got, detail := policy.RememberedReason(Candidate{Step: test.step, Endpoint: test.at}, test.floor, vouched); got != test.want {
			t.Errorf("%s: got %q (%s), want %q", name, got, detail, test.want)
		}
	}
}

// What a record keeps of hosts that Registrars have named: names outside the name rule, over TLS, each once; under no rule,
// nothing.
func TestVouchedForInARecord(t *testing.T) {
	at := func(host, transport string) cache.Registrar {
		return cache.Registrar{Host: host, Port: 5061, Transport: transport}
	}
	vouched := map[string]bool{"b.fabrikam.com": true, "a.fabrikam.com": true, "tcp.fabrikam.com": true, "fe01.contoso.com": true, "10.0.0.6": true}
	record := cache.Record{Registrar: at("b.fabrikam.com", "tls"), Home: []cache.Registrar{
		at("a.fabrikam.com", "tls"), at("b.fabrikam.com", "tls"), at("tcp.fabrikam.com", "tcp"), at("unknown.fabrikam.com", "tls"), at("fe01.contoso.com", "tls"), at("10.0.0.6", "tls"),
	}}
	for naming, want := range map[Naming]struct {
		hosts []string
		under string
	}{
		NamingSuffix: {[]string{"a.fabrikam.com", "b.fabrikam.com"}, "suffix"},
		NamingStrict: {[]string{"a.fabrikam.com", "b.fabrikam.com", "fe01.contoso.com"}, "strict"},
		NamingOff:    {nil, ""},
	} {
		policy := contoso
		policy.Naming = naming
		if got := policy.VouchedFor(record, vouched); !slices.Equal(got.Hosts, want.hosts) || got.Under != want.under {
			t.Errorf("%s: got %+v", naming, got)
		}
	}
}

// No password goes to a server whose authority nobody is known to have looked at: also not where what was accepted cannot be read any
// more since the handshake, or was forgotten.
func TestWhoGetsNoPassword(t *testing.T) {
	pin, other := "sha256:"+strings.Repeat("1", 64), "sha256:"+strings.Repeat("2", 64)
	accepted := func(firstUse bool) func() []Anchor {
		return func() []Anchor {
			return []Anchor{{Fingerprint: other, FirstUse: true}, {Fingerprint: pin, FirstUse: firstUse}}
		}
	}
	for name, test := range map[string]struct {
		policy Policy
		anchor string
		want   bool
	}{
		"the roots":                       {Policy{Bootstrap: TrustFirstUse, Anchors: accepted(true)}, "", false},
		"first use":                       {Policy{Bootstrap: TrustFirstUse, Anchors: accepted(true)}, pin, true},
		"first use, which is enough":      {Policy{Bootstrap: TrustFirstUse, Anchors: accepted(true), FirstUseSendsCredentials: true}, pin, false},
		"accepted":                        {Policy{Bootstrap: TrustFirstUse, Anchors: accepted(false)}, pin, false},
		"pinned":                          {Policy{Bootstrap: TrustPinned, TrustPins: []string{pin}}, pin, false},
		"another is pinned":               {Policy{Bootstrap: TrustPinned, TrustPins: []string{other}}, pin, true},
		"pins that do not count":          {Policy{Bootstrap: TrustFirstUse, TrustPins: []string{pin}}, pin, true},
		"first use does not count":        {Policy{Bootstrap: TrustPinned, Anchors: accepted(true)}, pin, true},
		"the file is gone, or unreadable": {Policy{Bootstrap: TrustFirstUse, Anchors: func() []Anchor { return nil }}, pin, true},
		"no place for authorities":        {Policy{Bootstrap: TrustFirstUse}, pin, true},
	} {
		if got := test.policy.Withholds(test.anchor); got != test.want {
			t.Errorf("%s: withheld: %t", name, got)
		}
		from := Candidate{Endpoint: Endpoint{"fe01.contoso.com", 5061, TLS}, Anchor: test.anchor}
		if test.policy.Vouches(&from) == test.want || test.policy.MayName(&from, "fe02.contoso.com") == test.want {
			t.Errorf("%s: it vouches: %t", name, test.want)
		}
	}
}
