package agent

import (
	"net/netip"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"homeward/provisioning"
	"homeward/provisioning/discover"
)

// Whoever was shown a status has it as it was: what happens later changes the next one only.
func TestSnapshotStaysAsItWas(t *testing.T) {
	b := newBoard(provisioning.Policy{}, func(*provisioning.Event) {})
	if s := b.snapshot(nil); s.Cycle != nil {
		t.Errorf("before the first cycle: %+v", s.Cycle)
	}
	b.beginCycle()
	dns := func(v provisioning.Verdict) provisioning.Finding {
		return provisioning.Finding{Source: provisioning.Source{Step: provisioning.InternalTLS, Source: "dns", Verdict: v}}
	}
	b.found(dns(provisioning.Failed))
	before := b.snapshot(nil)
	b.change(func(s *provisioning.Status) {
		s.Cycle.Sources[0].Verdict = provisioning.Found
		s.Cycle.Attempts = append(s.Cycle.Attempts, provisioning.Attempt{Host: "fe01.contoso.com"})
	})
	if c := before.Cycle; len(c.Sources) != 1 || c.Sources[0].Verdict != provisioning.Failed || len(c.Attempts) != 0 {
		t.Errorf("what was shown has become %+v", c)
	}
	if c := b.snapshot(nil).Cycle; len(c.Sources) != 1 || c.Sources[0].Verdict != provisioning.Found || len(c.Attempts) != 1 {
		t.Errorf("what is shown is %+v", c)
	}
}

// How long a source took goes into the history.
func TestFoundTellsHowLongItTook(t *testing.T) {
	var told []provisioning.Event
	b := newBoard(provisioning.Policy{}, func(e *provisioning.Event) { told = append(told, *e) })
	b.beginCycle()
	b.found(provisioning.Finding{Source: provisioning.Source{Step: provisioning.InternalTLS, Source: "dns", Verdict: provisioning.Found, TookMS: 250}})
	if len(told) != 1 || told[0].Kind != provisioning.LookedUp || told[0].Took != 250*time.Millisecond {
		t.Errorf("told: %+v", told)
	}
}

// What is said of losses is as it is now: an hour after the last one, nothing is wrong any more, and the day is counted on.
func TestSnapshotCountsLossesOfNow(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		told := 0
		b := newBoard(provisioning.Policy{}, func(e *provisioning.Event) {
			if e.Kind == provisioning.Paced {
				told++
			}
		})
		lose := func() {
			b.lost(&provisioning.Event{Kind: provisioning.Lost, Endpoint: provisioning.Endpoint{Host: "fe01"}, Reason: provisioning.ConnectReset}, provisioning.Loss{Life: time.Minute, Idle: 20 * time.Second})
			time.Sleep(time.Minute)
		}
		for range 5 {
			lose()
		}
		if s := b.snapshot(nil); len(s.Losses) != 1 || s.Losses[0].LastHour != 5 || s.Losses[0].IdleMS != 20_000 || len(s.Pace) != 1 || told != 1 {
			t.Errorf("after five losses %+v, %+v; told %d times", s.Losses, s.Pace, told)
		}
		time.Sleep(time.Hour)
		if s := b.snapshot(nil); len(s.Losses) != 1 || s.Losses[0].LastHour != 0 || s.Losses[0].LastDay != 5 || s.Losses[0].IdleMS != 0 || len(s.Pace) != 0 {
			t.Errorf("an hour later %+v, %+v", s.Losses, s.Pace)
		}
		lose()
		for range 2 {
			lose()
		}
		if b.snapshot(nil); told != 2 {
			t.Errorf("what has begun anew was told %d times", told)
		}
		time.Sleep(24 * time.Hour)
		if s := b.snapshot(nil); len(s.Losses) != 0 {
			t.Errorf("a day later %+v", s.Losses)
		}
	})
}

// TestMend160LossesAreOver: registrations that were lost often are no news any more when one has held there for longer than between any two of these
// losses, and for two minutes at least.
func TestMend160LossesAreOver(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBoard(provisioning.Policy{}, func(*provisioning.Event) {})
		at := provisioning.Endpoint{Host: "fe01", Port: 5061, Transport: provisioning.TLS}
		register := func(at provisioning.Endpoint) {
			b.change(func(s *provisioning.Status) {
				s.State, s.Registrar, s.RegisteredAt = provisioning.Registered, &provisioning.Registrar{Endpoint: at}, time.Now()
			})
		}
		lose := func(after ...time.Duration) {
			for _, d := range after {
				register(at)
				time.Sleep(d)
				b.lost(&provisioning.Event{Kind: provisioning.Lost, Endpoint: at, Reason: provisioning.ConnectTimeout}, provisioning.Loss{Life: d})
			}
		}
		holds := func(what string, d time.Duration, stable bool) {
			time.Sleep(d)
			s := b.snapshot(nil)
			if len(s.Losses) != 1 || s.Losses[0].StableSince.IsZero() == stable || stable && !s.Losses[0].StableSince.Equal(s.RegisteredAt) || (len(s.Pace) == 0) != stable {
				t.Errorf("%s: %+v, %+v", what, s.Losses, s.Pace)
			}
		}
		lose(time.Second, time.Second, time.Second)
		register(at)
		holds("a minute after the last of three at once", time.Minute, false)
		holds("two minutes after", 61*time.Second, true)
		lose(time.Second)
		register(at)
		holds("after another one that had held for two minutes", 2*time.Minute, false)
		holds("for longer than that", 10*time.Second, true)
		lose(10 * time.Minute)
		register(provisioning.Endpoint{Host: "fe02", Port: 5061, Transport: provisioning.TLS})
		holds("at another Registrar", 20*time.Minute, false)
	})
}

// TestMend136WhatIsOver: what was wrong with a name server is told to be over, once, when that one answers as it should, also after the registration
// was lost; of one that is not asked any more (mend-162), that is told. Of one that does not answer, or in another network, nothing was seen.
func TestMend136WhatIsOver(t *testing.T) {
	one, two := netip.MustParseAddrPort("10.0.0.53:53"), netip.MustParseAddrPort("10.0.0.54:53")
	met := func(fault provisioning.Fault, server netip.AddrPort) provisioning.Trouble {
		return fault.Met(provisioning.Facts{"server": server, "alive": "10.0.0.52:53", "ms": 300, "asked": 40, "lost": 4, "share": 10})
	}
	type measured struct {
		quality []discover.Quality
		found   []provisioning.Trouble
	}
	well := func(server netip.AddrPort, wrong ...provisioning.Trouble) measured {
		return measured{[]discover.Quality{{Server: server, Asked: 40, Answered: 40}}, wrong}
	}
	mute := func(server netip.AddrPort, wrong ...provisioning.Trouble) measured {
		return measured{[]discover.Quality{{Server: server, Asked: 40}}, wrong}
	}
	slow := func(server netip.AddrPort) measured { return well(server, met(provisioning.FaultDNSSlow, server)) }
	dead := func(server netip.AddrPort) measured {
		return mute(server, met(provisioning.FaultDNSServerDead, server))
	}
	measure := func(b *board, all []measured) {
		var both measured
		for _, m := range all {
			both.quality, both.found = append(both.quality, m.quality...), append(both.found, m.found...)
		}
		b.measured(both.quality, both.found)
	}
	for name, test := range map[string]struct {
		before, then []measured
		between      func(*board)
		want         []string // told of the second measurement
	}{
		"dead":                        {before: []measured{well(one), dead(two)}, then: []measured{well(one), well(two)}, want: []string{"well 10.0.0.54 dns.one-dead: the name server 10.0.0.54:53 answers again"}},
		"still dead":                  {before: []measured{well(one), dead(two)}, then: []measured{well(one), dead(two)}},
		"taken off the list":          {before: []measured{well(one), dead(two)}, then: []measured{well(one)}, want: []string{"well 10.0.0.54 dns.one-dead: the name server 10.0.0.54:53 is not asked any more"}},
		"nobody is asked":             {before: []measured{well(one), dead(two)}},
		"another is dead":             {before: []measured{well(one), dead(two)}, then: []measured{dead(one), well(two)}, want: []string{"pace 10.0.0.53 dns.one-dead", "well 10.0.0.54 dns.one-dead: the name server 10.0.0.54:53 answers again"}},
		"none answers":                {before: []measured{well(one), dead(two)}, then: []measured{mute(one), mute(two)}},
		"slow, and dead now":          {before: []measured{slow(one), well(two)}, then: []measured{dead(one), well(two)}, want: []string{"pace 10.0.0.53 dns.one-dead"}},
		"dead, and slow now":          {before: []measured{dead(one), well(two)}, then: []measured{slow(one), well(two)}, want: []string{"pace 10.0.0.53 dns.slow", "well 10.0.0.53 dns.one-dead: the name server 10.0.0.53:53 answers again"}},
		"one of two that were slow":   {before: []measured{slow(one), slow(two)}, then: []measured{slow(one), well(two)}, want: []string{"well 10.0.0.54 dns.slow: the name server 10.0.0.54:53 answers as it should again"}},
		"the other is slow, too":      {before: []measured{slow(one), well(two)}, then: []measured{slow(one), slow(two)}, want: []string{"pace 10.0.0.54 dns.slow"}},
		"loses in another way":        {before: []measured{well(one, met(provisioning.FaultDNSLossy, one))}, then: []measured{well(one, met(provisioning.FaultDNSGap, one))}, want: []string{"pace 10.0.0.53 dns.gap"}},
		"the registration was lost":   {before: []measured{well(one), dead(two)}, then: []measured{well(one), well(two)}, between: func(b *board) { b.lost(&provisioning.Event{Kind: provisioning.Lost}, provisioning.Loss{}) }, want: []string{"well 10.0.0.54 dns.one-dead: the name server 10.0.0.54:53 answers again"}},
		"in another network":          {before: []measured{well(one), dead(two)}, then: []measured{well(one), well(two)}, between: func(b *board) { b.networkChanged("eth0", []netip.AddrPort{one, two}) }},
		"taken off, and the network":  {before: []measured{well(one), dead(two)}, then: []measured{well(one)}, between: func(b *board) { b.networkChanged("name servers", []netip.AddrPort{one}) }},
		"well, and once more so":      {before: []measured{slow(one)}, then: []measured{well(one)}, between: func(b *board) { measure(b, []measured{well(one)}) }},
		"none answered in the middle": {before: []measured{well(one), dead(two)}, then: []measured{well(one), well(two)}, between: func(b *board) { measure(b, []measured{mute(one), mute(two)}) }, want: []string{"well 10.0.0.54 dns.one-dead: the name server 10.0.0.54:53 answers again"}},
	} {
		t.Run(name, func(t *testing.T) {
			var told []string
			b := newBoard(provisioning.Policy{}, func(e *provisioning.Event) {
				line := string(e.Kind) + " " + e.Addr.String() + " " + e.Why().Fault
				if e.Kind == provisioning.Well {
					line += ": " + e.Why().What
				}
				told = append(told, line)
			})
			measure(b, test.before)
			if test.between != nil {
				test.between(b)
			}
			told = nil
			if measure(b, test.then); !slices.Equal(told, test.want) {
				t.Errorf("got %q, want %q", told, test.want)
			}
		})
	}
}

// TestMend162NotAsked: where a name server is taken off the list, that is told at once, and what was wrong with it stands in the status no more.
func TestMend162NotAsked(t *testing.T) {
	one, two := netip.MustParseAddrPort("10.0.0.53:53"), netip.MustParseAddrPort("10.0.0.54:53")
	dead := []provisioning.Trouble{provisioning.FaultDNSServerDead.Met(provisioning.Facts{"server": two, "alive": one})}
	for name, test := range map[string]struct {
		servers []netip.AddrPort
		told    int
		stands  int
	}{
		"taken off":       {[]netip.AddrPort{one}, 1, 0},
		"still asked":     {[]netip.AddrPort{two, one}, 0, 1},
		"it is not known": {nil, 0, 1},
	} {
		var told []provisioning.Event
		b := newBoard(provisioning.Policy{}, func(e *provisioning.Event) {
			if e.Kind == provisioning.Well {
				told = append(told, *e)
			}
		})
		b.measured([]discover.Quality{{Server: one, Asked: 40, Answered: 40}, {Server: two, Asked: 40}}, dead)
		b.networkChanged("the name servers", test.servers)
		if stands := len(b.snapshot(nil).Pace); len(told) != test.told || stands != test.stands {
			t.Errorf("%s: told %+v, %d stand", name, told, stands)
		}
		for _, e := range told {
			if e.Verdict != provisioning.Absent || e.Addr != two.Addr() || e.Why().Fault != string(provisioning.FaultDNSServerDead) || e.Why().Hint != "" {
				t.Errorf("%s: told %+v", name, e)
			}
		}
	}
}

// TestMend138HistoryAsStatus: what to do about a name server that leaves a question unanswered is the same in the event as in the status of that time.
func TestMend138HistoryAsStatus(t *testing.T) {
	source := func(step provisioning.Step, name string) provisioning.Finding {
		if name == "" {
			return provisioning.Finding{Source: provisioning.Source{Step: step, Source: "dns", Verdict: provisioning.Found}}
		}
		met := provisioning.FaultDNSSilentFor.Met(provisioning.Facts{"servers": "10.0.0.53:53", "name": name, "dead": true, "alone": true})
		return provisioning.Finding{Source: provisioning.Source{Step: step, Source: "dns", Verdict: provisioning.Failed, Reason: met.Reason(), Trouble: met}}
	}
	const zone = "look at the zone of two.example on the name server, and at its forwarders: it answers other questions"
	for name, test := range map[string]struct {
		first, second provisioning.Finding
		want          string // of the second
	}{
		"it answers others":     {source(provisioning.InternalTLS, ""), source(provisioning.ExternalTLS, "two.example"), zone},
		"it answers nothing":    {source(provisioning.InternalTLS, "one.example"), source(provisioning.ExternalTLS, "two.example"), "see whether the name server runs, and whether its address is right"},
		"it answers after that": {source(provisioning.InternalTLS, "one.example"), source(provisioning.ExternalTLS, ""), ""},
	} {
		t.Run(name, func(t *testing.T) {
			var told []provisioning.Event
			b := newBoard(provisioning.Policy{}, func(e *provisioning.Event) { told = append(told, *e) })
			b.beginCycle()
			b.found(test.first)
			b.found(test.second)
			if history, status := told[1].Why().Hint, b.snapshot(nil).Cycle.Sources[1].Hint; history != test.want || status != test.want {
				t.Errorf("history: %q, status: %q, want %q", history, status, test.want)
			}
		})
	}
	var told provisioning.Event
	b := newBoard(provisioning.Policy{}, func(e *provisioning.Event) { told = *e })
	b.beginCycle()
	b.found(source(provisioning.InternalTLS, ""))
	b.tell(&provisioning.Event{Kind: provisioning.Skipped, Reason: provisioning.DNSTimeout, Trouble: source(provisioning.InternalTLS, "two.example").Trouble})
	if history, status := told.Why().Hint, b.snapshot(nil).Cycle.Attempts[0].Hint; history != zone || status != zone {
		t.Errorf("a host that was not found: history: %q, status: %q, want %q", history, status, zone)
	}
}
