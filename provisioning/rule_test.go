package provisioning

import (
	"slices"
	"testing"

	"github.com/homeward-agent/homeward/cache"
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
