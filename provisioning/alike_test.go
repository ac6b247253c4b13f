package provisioning

import (
	"net/netip"
	"slices"
	"strings"
	"testing"
	"time"
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

// What is done first about what happens at all Registrars is what is done first about each: about the service where what is sent arrives, about the
// way where it does not, and about large packets where it may be their size. The way back is among it where nothing comes back at all.
func TestMend246WhatIsDoneFirstAboutAll(t *testing.T) {
	const service, path, size = "check that the service on each of them does not hang", "look for one firewall or filter on the way to all of them", "look for large packets that are lost on the way"
	const back = "check the way back from 10.0.0.5, 10.0.0.6: the default gateway there"
	arrived := Facts{"arrived": "has arrived"}
	large := Facts{"lost": "the server does not acknowledge what this device sends", "large": "large packets"}
	both := Facts{"arrived": "has arrived", "large": "large packets"}
	for name, test := range map[string]struct {
		fault         Fault
		first, second Facts
		says, do      string
		later         string // among what is done after that
	}{
		"the handshake arrives at both":        {FaultTLSSilent, arrived, arrived, "a service that hangs on each of them", service, "look for a firewall on the way that drops the answers of each of them"},
		"and it may be the size of the answer": {FaultTLSSilent, both, both, "drops what they answer, or only large packets of it", service, size},
		"at one that is not known":             {FaultTLSSilent, arrived, nil, "most likely one device on the way", path, service},
		"a request arrives at both":            {FaultNoSIP, arrived, arrived, "most likely something that they share", "check that the Registrar service runs behind this port", path},
		"the handshake does not":               {FaultTLSDropped, nil, nil, "most likely one device on the way", path, "look for a firewall that opens connections"},
		"it is lost, perhaps for its size":     {FaultTLSLost, large, large, "loses packets, perhaps only large ones", size, "see what else they share"},
		"it begins, perhaps for its size":      {FaultTLSStalls, large, large, "loses packets, perhaps only large ones", size, "see what else they share"},
		"nothing comes back through routers":   {FaultFiltered, Facts{"routed": true}, Facts{"routed": true}, "(fe01 10.0.0.5, fe02 10.0.0.6)", path, back},
	} {
		all := Together{}
		for i, facts := range []Facts{test.first, test.second} {
			host, addr := []string{"fe01", "fe02"}[i], netip.AddrFrom4([4]byte{10, 0, 0, byte(5 + i)})
			one := test.fault.Met(Facts{"at": host + ":5061", "host": host, "address": addr, "port": "5061"}).With(facts)
			if !all.Add(Endpoint{Host: host, Port: 5061}, addr, one) {
				t.Fatalf("%s: it is not the same", name)
			}
		}
		got := all.Told(time.Time{})
		later := slices.ContainsFunc(got.Otherwise(), func(cure string) bool { return strings.HasPrefix(cure, test.later) })
		if got.Fault != FaultAlike || got.Host() != "fe01" || !strings.Contains(got.What(), test.says) || !strings.HasPrefix(got.Do(), test.do) || !later {
			t.Errorf("%s: %s of %s: %s\n%s\n%s", name, got.Fault, got.Host(), got.What(), got.Do(), strings.Join(got.Otherwise(), "\n"))
		}
	}
	at := Endpoint{Host: "fe01", Port: 5061}
	one, near := FaultFiltered.Met(Facts{"host": "fe01", "routed": true}), FaultFiltered.Met(Facts{"host": "fe01"})
	all := Together{}
	if all.Add(at, netip.MustParseAddr("10.9.0.5"), one); all.Add(at, netip.MustParseAddr("10.0.0.6"), near) {
		if got := all.Told(time.Time{}); slices.ContainsFunc(got.Otherwise(), func(cure string) bool { return strings.Contains(cure, "way back") }) {
			t.Errorf("no router is on the way back of one: %q", got.Otherwise())
		}
	}
}

// What is told of all Registrars is told with the ports of all of them.
func TestMend258PortsOfAll(t *testing.T) {
	for fault, cure := range map[Fault]string{
		FaultTLSSilent: "check that port 5061 or 443 speaks TLS",
		FaultRefused:   "look for a firewall that rejects connections to port 5061 or 443",
		FaultFiltered:  "look for a firewall that drops packets to or from port 5061 or 443",
	} {
		all := Together{}
		for i, port := range []uint16{5061, 443} {
			at := Endpoint{Host: []string{"fe01", "edge05"}[i], Port: port}
			all.Add(at, netip.AddrFrom4([4]byte{10, 0, 0, byte(5 + i)}), fault.Met(Facts{"host": at.Host, "port": port, "usual": port, "arrived": "has arrived"}))
		}
		got := all.Told(time.Time{})
		if cures := got.Otherwise(); !slices.ContainsFunc(cures, func(told string) bool { return strings.HasPrefix(told, cure) }) {
			t.Errorf("%s: %q", fault, cures)
		}
	}
}
