package main

import (
	"encoding/json"
	"fmt"
	"reflect"
	"testing"
	"time"

	"github.com/homeward-agent/homeward/internal/fleet"
)

// stateOf is how the nth device of a simulated fleet stands: most are well.
func stateOf(n int) fleet.State {
	now := time.Now().UTC().Truncate(time.Second)
	pool := fmt.Sprintf("pool%02d.contoso.com", n%7)
	r := fleet.Registrar{Host: pool, Port: 5061, Transport: "tls", Step: "internal-tls", Role: "primary"}
	s := fleet.State{
		State: "registered", Since: now.Add(-time.Duration(n%5000) * time.Minute), SIPDomain: "contoso.com", Account: fleet.AccountOf(fmt.Sprintf("sip:phone%d@contoso.com", n)),
		Registrar: &r, RegisteredAt: now.Add(-time.Hour), Home: []fleet.Registrar{r, {Host: "backup" + pool, Port: 5061, Transport: "tls", Role: "backup"}},
		MediaRelays: []string{"edge01.contoso.com"}, Cache: &fleet.Cache{Generation: uint64(n%50 + 1), WrittenAt: now.Add(-time.Hour), Registrar: pool},
		BrokerCertificateUntil: now.AddDate(0, 0, 20+n%400), Counters: fleet.Counters{Cycles: uint64(n % 9), Registrations: 1},
	}
	switch {
	case n%50 == 1:
		s.Degraded, s.Reason, s.LastFailure = true, "dns-timeout", &fleet.Failure{At: now, Reason: "dns-timeout", Step: "internal-tls"}
	case n%100 == 2:
		s.State, s.Reason, s.Registrar, s.Home = "outage", "dhcp-silent", nil, nil
		s.LastFailure = &fleet.Failure{At: now, Reason: "connect-timeout", Step: "last-good", Host: pool}
	case n%100 == 3:
		s.State, s.Reason, s.Registrar, s.Cache = "resting", "sip-forbidden", nil, nil
		s.LastFailure = &fleet.Failure{At: now, Reason: "sip-forbidden", Step: "redirect", Host: pool}
	case n%200 == 4:
		s.State, s.Registrar = "discovering", nil
	}
	return s
}

func nameOf(n int) fleet.Name {
	return fleet.Name{Site: fmt.Sprintf("site-%03d", n*n%127), Device: fmt.Sprintf("phone%06d", n)}
}

// What is skimmed is what encoding/json would read; and what devices write is skimmed.
func FuzzSkim(f *testing.F) {
	for n := range 5 {
		s := stateOf(n)
		text, err := json.Marshal(s)
		if err != nil {
			f.Fatal(err)
		}
		if sk := (&skimmer{text: text}); !skims(sk, (*skimmer).state) {
			f.Errorf("%s is odd at %d", text, sk.at)
		}
		f.Add(text)
	}
	presence := []byte(`{"online":true,"version":"v1","boot_id":"7d8b6bd2-ce39-4a2b-9d57-24f6d5a7f6f1","at":"2026-11-20T12:00:00Z"}`)
	if sk := (&skimmer{text: presence}); !skims(sk, (*skimmer).presence) {
		f.Errorf("%s is odd at %d", presence, sk.at)
	}
	f.Add(presence)
	for _, text := range []string{
		`{"state":"outage","new":[1,{"a":[true]},"b"],"pace":["dns-slow"],"certificate_until":"2027-01-01T00:00:00+01:00"}`,
		`{"state":"outage","state":"resting","counters":{"dropped":1},"counters":{"cycles":2}}`, `{"registrar":{"host":"a"},"registrar":{"port":1}}`,
		`{"home":[{"host":"a"}],"home":[{"port":5061}]}`, `{"State":"outage","registrar":{"port":65536}}`, `{"state":"\u0041"}`, `{"at":"yesterday"}`,
		`{"counters":{"dropped":01}}`, `{"degraded":null,"registrar":null}`, `{"online":true}x`, `{"version":-1}`, `{"cache":{"generation":18446744073709551616}}`, `{`, `[`,
	} {
		f.Add([]byte(text))
	}
	f.Fuzz(func(t *testing.T, text []byte) {
		same(t, text, (*skimmer).state)
		same(t, text, (*skimmer).presence)
	})
}

func skims[T any](s *skimmer, skim func(*skimmer, *T)) bool {
	skim(s, new(T))
	return s.done()
}

func same[T any](t *testing.T, text []byte, skim func(*skimmer, *T)) {
	s, got, want := skimmer{text: text}, new(T), new(T)
	if skim(&s, got); !s.done() {
		return
	}
	if err := json.Unmarshal(text, want); err != nil || !reflect.DeepEqual(got, want) {
		t.Errorf("%s: got %+v, want %+v, %v", text, got, want, err)
	}
}
