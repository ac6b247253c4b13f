package main

import (
	"fmt"
	"time"

	"homeward/internal/fleet"
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
