package service

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/netip"
	"path/filepath"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"homeward/provisioning"
	"homeward/service/control"
)

var noon = time.Date(2026, 11, 20, 12, 0, 0, 0, time.UTC)

// newStory returns a story without a file, and its log without times.
func newStory(t *testing.T) (*Story, *bytes.Buffer) {
	t.Helper()
	var log bytes.Buffer
	return NewStory(slog.New(JournalHandler(&log, slog.LevelInfo)), filepath.Join(t.TempDir(), "history.jsonl")), &log
}

// outageOf tells an outage with one round of events a minute.
func outageOf(s *Story, minutes int) {
	for i := range minutes {
		at := noon.Add(time.Duration(i) * time.Minute)
		for _, e := range []provisioning.Event{
			{Kind: provisioning.StateChanged, State: provisioning.Discovering},
			{Kind: provisioning.LookedUp, Query: "_sipinternaltls._tcp.contoso.com", Reason: provisioning.DNSTimeout, Detail: fmt.Sprint("from port ", i)},
			{Kind: provisioning.StateChanged, State: provisioning.Outage},
			{
				Kind: provisioning.Attempted, Step: provisioning.LastGood, State: provisioning.Outage, Endpoint: provisioning.Endpoint{Host: "fe01.contoso.com", Port: 5061},
				Addr: netip.MustParseAddr("10.0.0.5"), Reason: provisioning.ConnectTimeout, Took: 3 * time.Second,
			},
			{Kind: provisioning.StateChanged, State: provisioning.Resting},
			{Kind: provisioning.Waiting, State: provisioning.Resting, Until: at.Add(time.Minute)},
		} {
			e.At = at
			s.Tell(&e)
		}
	}
}

func registered(at time.Time) *provisioning.Event {
	return &provisioning.Event{At: at, Kind: provisioning.StateChanged, State: provisioning.Registered}
}

func TestAnOutageOfAWeekIsAFewLinesAndACount(t *testing.T) {
	const minutes = 7 * 24 * 60
	s, log := newStory(t)
	outageOf(s, minutes)
	s.Tell(registered(noon.Add(minutes * time.Minute)))
	want := strings.TrimPrefix(`
<6>msg="state changed" state=discovering
<4>msg="look-up failed" state=recalling step=internal-tls query=_sipinternaltls._tcp.contoso.com verdict=failed reason=dns-timeout err="from port 0"
<4>msg="state changed" state=outage
<4>msg="attempt failed" state=outage step=last-good host=fe01.contoso.com:5061 addr=10.0.0.5 transport=tls reason=connect-timeout took=3s
<6>msg="state changed" state=resting
<6>msg=waiting state=resting until=2026-11-20T12:01:00Z
<6>msg="lines repeated since the last change" count=60474
<6>msg="state changed" state=registered
`, "\n")
	if diff := cmp.Diff(want, log.String()); diff != "" {
		t.Error(diff)
	}
	history := s.History(false)
	if len(history) != 7 {
		t.Fatalf("the history has %d entries, want 7", len(history))
	}
	want2 := control.Entry{
		Number: 4, At: noon, Event: "attempt", State: "outage", Step: "last-good", Host: "fe01.contoso.com", Port: 5061, Transport: "tls",
		Address: "10.0.0.5", Reason: "connect-timeout", Hint: provisioning.ConnectTimeout.Hint(), TookMS: 3000,
		Count: minutes, LastAt: noon.Add((minutes - 1) * time.Minute),
	}
	if diff := cmp.Diff(want2, history[3]); diff != "" {
		t.Error(diff)
	}
}

// What looks the same after a registration was lost is news.
func TestALossBeginsANewChapter(t *testing.T) {
	s, _ := newStory(t)
	for i := range 3 {
		at := noon.Add(time.Duration(i) * time.Hour)
		s.Tell(registered(at))
		s.Tell(&provisioning.Event{At: at, Kind: provisioning.Lost, State: provisioning.Registered, Reason: provisioning.BindingLost})
		s.Tell(&provisioning.Event{At: at, Kind: provisioning.StateChanged, State: provisioning.Recalling})
	}
	if got := len(s.History(false)); got != 9 {
		t.Errorf("%d entries, want 9", got)
	}
}

func TestFailuresReachFurtherBack(t *testing.T) {
	s, _ := newStory(t)
	s.Tell(&provisioning.Event{At: noon, Kind: provisioning.Lost, Reason: provisioning.BindingLost})
	s.Tell(&provisioning.Event{At: noon, Kind: provisioning.Skipped, Reason: provisioning.TransportPolicy})
	s.Tell(&provisioning.Event{At: noon, Kind: provisioning.LookedUp, Verdict: provisioning.Absent, Reason: provisioning.DNSNoRecord})
	for i := range 2 * storyLength {
		s.Tell(&provisioning.Event{At: noon, Kind: provisioning.Refreshed, Endpoint: provisioning.Endpoint{Host: fmt.Sprintf("fe%d.contoso.com", i)}})
	}
	if got := len(s.History(false)); got != storyLength {
		t.Errorf("%d entries, want %d", got, storyLength)
	}
	failures := s.History(true)
	if len(failures) != 1 || failures[0].Event != "lost" {
		t.Errorf("failures are %v, want the loss alone", failures)
	}
	if len(s.repeats) > storyLength {
		t.Errorf("%d entries are remembered for counting, want at most %d", len(s.repeats), storyLength)
	}
}

func TestTextFromTheNetworkIsCut(t *testing.T) {
	s, _ := newStory(t)
	s.Tell(&provisioning.Event{At: noon, Kind: provisioning.Attempted, Reason: provisioning.SIPForbidden, Detail: strings.Repeat("x", 10_000)})
	if got := len(s.History(false)[0].Detail); got != textLimit {
		t.Errorf("%d bytes are kept, want %d", got, textLimit)
	}
}

func TestNextWaitsAndReturnsWhatIsCountedAgain(t *testing.T) {
	dir := t.TempDir()
	synctest.Test(t, func(t *testing.T) {
		s := NewStory(slog.New(slog.DiscardHandler), filepath.Join(dir, "history.jsonl"))
		event := provisioning.Event{At: noon, Kind: provisioning.LookedUp, Query: "_sip._tls.contoso.com"}
		start := time.Now()
		var after uint64
		for i, want := range []control.Entry{
			{Number: 1, At: noon, Event: "lookup", State: "recalling", Step: "internal-tls", Query: event.Query, Verdict: "failed"},
			{Number: 1, At: noon, Event: "lookup", State: "recalling", Step: "internal-tls", Query: event.Query, Verdict: "failed", Count: 2, LastAt: noon},
		} {
			time.AfterFunc(time.Minute, func() { s.Tell(&event) })
			var got []control.Entry
			got, after, _ = s.Next(t.Context(), after)
			if diff := cmp.Diff([]control.Entry{want}, got); diff != "" {
				t.Error(diff)
			}
			if waited := time.Since(start); waited != time.Duration(i+1)*time.Minute {
				t.Errorf("waited %s", waited)
			}
		}
		over, end := context.WithCancel(t.Context())
		end()
		if got, _, err := s.Next(over, 0); len(got) != 1 || err != nil {
			t.Errorf("at the end %d entries and %v are returned, want the one that was told before", len(got), err)
		}
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		if _, _, err := s.Next(ctx, s.last); !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("got %v, want the deadline", err)
		}
	})
}

// The default log is info: it must say why there is an outage, and nothing of what is as it should be.
func TestTheDefaultLogSaysWhy(t *testing.T) {
	for _, test := range []struct {
		name  string
		event provisioning.Event
		want  string
	}{
		{"a look-up failed", provisioning.Event{Kind: provisioning.LookedUp, Verdict: provisioning.Failed}, "<4>"},
		{"DHCP is switched off", provisioning.Event{Kind: provisioning.Skipped, Reason: provisioning.DHCPOff}, ""},
		{"a look-up found something", provisioning.Event{Kind: provisioning.LookedUp, Verdict: provisioning.Found}, ""},
		{"an option is of use, and malformed", provisioning.Event{Kind: provisioning.LookedUp, Verdict: provisioning.Found, Reason: provisioning.DHCPMalformed}, "<4>"},
		{"a look-up proved absence", provisioning.Event{Kind: provisioning.LookedUp, Verdict: provisioning.Absent}, ""},
		{"an outage", provisioning.Event{Kind: provisioning.StateChanged, State: provisioning.Outage}, "<4>"},
		{"registered through last good", provisioning.Event{Kind: provisioning.StateChanged, State: provisioning.Registered, Degraded: true}, "<4>"},
		{"registered", provisioning.Event{Kind: provisioning.StateChanged, State: provisioning.Registered}, "<6>"},
	} {
		t.Run(test.name, func(t *testing.T) {
			s, log := newStory(t)
			s.Tell(&test.event)
			if got := log.String()[:min(3, log.Len())]; got != test.want {
				t.Errorf("got %q, want %q", got, test.want)
			}
		})
	}
}

// TestMend93WhatFollowsIsMarked: a rest marks the entries of what follows from its fault, and the loss of a registration with one of the silent;
// what is told anew is not marked before the next rest says so.
func TestMend93WhatFollowsIsMarked(t *testing.T) {
	s, _ := newStory(t)
	silent := provisioning.Event{
		Kind: provisioning.Attempted, Step: provisioning.LastGood, Endpoint: provisioning.Endpoint{Host: "fe01.contoso.com", Port: 5061},
		Addr: netip.MustParseAddr("10.98.0.2"), Reason: provisioning.ConnectTimeout, Trouble: provisioning.FaultFiltered.Met(nil),
	}
	refused := silent
	refused.Addr, refused.Reason, refused.Trouble = netip.MustParseAddr("10.0.0.5"), provisioning.ConnectRefused, provisioning.FaultRefused.Met(nil)
	lost := silent
	lost.Kind, lost.Reason, lost.Trouble = provisioning.Lost, provisioning.SIPNoAnswer, provisioning.FaultWentSilent.Met(nil)
	lookup := provisioning.Event{Kind: provisioning.LookedUp, Query: "_sip._tls.contoso.com", Verdict: provisioning.Failed, Reason: provisioning.DNSTimeout, Trouble: provisioning.FaultDNSSilentFor.Met(nil)}
	wait := provisioning.Event{Kind: provisioning.Waiting, Reason: provisioning.ConnectTimeout, Explains: true, Follow: []provisioning.Event{silent}}
	n := 0
	tell := func(events ...provisioning.Event) (marked string) {
		for _, e := range events {
			n++
			e.At = noon.Add(time.Duration(n) * time.Second)
			s.Tell(&e)
		}
		for _, e := range s.History(false) {
			if e.Follows {
				marked += e.Event + " " + e.Address + ";"
			}
		}
		return marked
	}
	for _, step := range []struct {
		name   string
		events []provisioning.Event
		want   string
	}{
		{"before the rest", []provisioning.Event{lost, lookup, refused, silent}, ""},
		{"the rest", []provisioning.Event{wait}, "lost 10.98.0.2;attempt 10.98.0.2;"},
		{"the next search", []provisioning.Event{silent}, "lost 10.98.0.2;"},
		{"the next rest", []provisioning.Event{wait}, "lost 10.98.0.2;attempt 10.98.0.2;"},
	} {
		if got := tell(step.events...); got != step.want {
			t.Errorf("%s: %q is marked, want %q", step.name, got, step.want)
		}
	}
	other, _ := newStory(t)
	s = other
	if got := tell(lost, *registered(noon.Add(time.Minute)), silent, wait); got != "attempt 10.98.0.2;" {
		t.Errorf("after a registration %q is marked", got)
	}
}
