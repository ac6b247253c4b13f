package provisioning

import (
	"net/netip"
	"strings"
	"testing"
)

// What happens at all Registrars of a cycle has one cause more likely than several, unless something was seen that says otherwise.
func TestMend170AllAlike(t *testing.T) {
	failed := func(host, addr string, fault Fault) Attempt {
		at := netip.MustParseAddr(addr)
		return Attempt{Host: host, Port: 5061, Address: at, Result: "failed", Trouble: fault.Met(Facts{"at": host + ":5061", "host": host, "address": at, "port": "5061"})}
	}
	fe01, fe02, sip := failed("fe01", "10.0.0.5", FaultTLSHungUp), failed("fe02", "10.0.0.6", FaultTLSHungUp), failed("sip", "203.0.113.5", FaultTLSHungUp)
	again, floor := Attempt{Host: "fe01", Result: "skipped", Reason: SameAsFailed}, Attempt{Result: "skipped", Reason: TLSFloor}
	setAside := Attempt{Host: "fe02", Address: netip.MustParseAddr("10.0.0.6"), Result: "skipped", Reason: ConnectReset}
	led := fe02
	led.Trouble = led.Trouble.With(Facts{"led": FaultLed.Met(nil)})
	dns := []Source{{Step: InternalTLS, Source: "dns", Reason: DNSTimeout}}
	for name, test := range map[string]struct {
		cycle Cycle
		want  Fault
	}{
		"at all of them":         {Cycle{Attempts: []Attempt{fe01, fe02, again, floor, sip}}, FaultAlike},
		"at one":                 {Cycle{Attempts: []Attempt{fe01, again}}, ""},
		"another refuses":        {Cycle{Attempts: []Attempt{fe01, failed("fe02", "10.0.0.6", FaultRefused)}}, ""},
		"another certificate":    {Cycle{Attempts: []Attempt{failed("fe01", "10.0.0.5", FaultUnknownAuthority), failed("fe02", "10.0.0.6", FaultUnknownAuthority)}}, ""},
		"another has no turn":    {Cycle{Attempts: []Attempt{fe01, setAside, sip}}, ""},
		"another redirects":      {Cycle{Attempts: []Attempt{{Host: "dir01", Result: "redirected"}, fe01, fe02}}, ""},
		"a name leads elsewhere": {Cycle{Attempts: []Attempt{fe01, led}}, ""},
		"DNS does not answer":    {Cycle{Attempts: []Attempt{fe01, fe02}, Sources: dns}, ""},
	} {
		got := test.cycle.Alike()
		if got.Fault != test.want {
			t.Errorf("%s: %s, want %s: %s", name, got.Fault, test.want, got.What())
		}
		const said = "each of the 3 Registrars (fe01, fe02, sip) accepts the connection, and drops it when the TLS handshake begins. As it is the same at all of them, the cause is most likely one device on the way"
		if test.want == FaultAlike && (!strings.HasPrefix(got.What(), said) || !strings.HasPrefix(got.Hint(), "look for one firewall or filter on the way to all of them")) {
			t.Errorf("%s: %s; %s", name, got.What(), got.Hint())
		}
	}
}
