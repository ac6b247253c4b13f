package main

import (
	"bytes"
	"context"
	"fmt"
	"runtime"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"homeward/internal/fleet"
)

var now = time.Date(2026, 11, 20, 12, 0, 0, 0, time.UTC)

// How a device stands follows from what the broker keeps, and what a device says of the time is not trusted.
func TestStanding(t *testing.T) {
	online := func(at time.Time) *fleet.Presence { return &fleet.Presence{Online: true, At: at} }
	state := func(s string, at time.Time) *fleet.State { return &fleet.State{State: s, At: at} }
	for _, test := range []struct {
		name string
		device
		want string
	}{
		{"well", device{presence: online(now), state: state("registered", now)}, "registered"},
		{"in an outage", device{presence: online(now), state: state("outage", now)}, "outage"},
		{"through last good", device{presence: online(now), state: &fleet.State{State: "registered", Degraded: true}}, "degraded"},
		{"looking for more while degraded", device{presence: online(now), state: &fleet.State{State: "discovering", Degraded: true}}, "discovering"},
		{"the will was published", device{presence: &fleet.Presence{}, state: state("registered", now)}, "offline"},
		{"only a state", device{state: state("registered", now)}, "offline"},
		{"only a presence", device{presence: online(now)}, "unknown"},
		{"a state of a later version", device{presence: online(now), state: state("dreaming", now)}, "unknown"},
		{"a standing is no state", device{presence: online(now), state: state("offline", now)}, "unknown"},
		{"not heard for two days", device{presence: online(now.Add(-96 * time.Hour)), state: state("registered", now.Add(-48*time.Hour))}, "silent"},
		{"heard yesterday", device{presence: online(now.Add(-96 * time.Hour)), state: state("registered", now.Add(-30*time.Hour))}, "registered"},
		{"its clock is at 1970", device{presence: online(time.Unix(0, 0)), state: state("registered", time.Unix(0, 0))}, "registered"},
		{"its clock is ahead", device{presence: online(now.AddDate(10, 0, 0)), state: state("registered", now)}, "registered"},
	} {
		if got := test.standing(now); got != test.want {
			t.Errorf("%s: got %s, want %s", test.name, got, test.want)
		}
	}
}

func message(site, device, kind, text string) fleet.Message {
	return fleet.Message{Name: fleet.Name{Site: site, Device: device}, Kind: kind, Text: []byte(text)}
}

// What is gone from the broker is gone from the roster: taken back, or not there any more when the broker has given out all again.
func TestRoster(t *testing.T) {
	r := newRoster(t.Context())
	names := func() string {
		var b strings.Builder
		for _, d := range r.all(func(*device) bool { return true }) {
			fmt.Fprintf(&b, "%s:%s ", d.Name, d.standing(now))
		}
		return b.String()
	}
	r.begin()
	for _, device := range []string{"a", "b", "c"} {
		r.put(message("site1", device, fleet.PresenceTopic, `{"online":true}`))
		r.put(message("site1", device, fleet.StateTopic, `{"state":"outage"}`))
	}
	for range 1000 { // in their order
		r.put(message("site1", "a", fleet.StateTopic, `{"state":"outage"}`))
		r.put(message("site1", "a", fleet.StateTopic, `{"state":"registered"}`))
	}
	r.put(message("site1", "b", fleet.PresenceTopic, ""))
	r.put(message("site1", "b", fleet.StateTopic, ""))
	r.put(message("site1", "d", fleet.StateTopic, `[1]`))
	r.settle()
	if got, want := names(), "site1/a:registered site1/c:outage "; got != want {
		t.Errorf("got %s, want %s", got, want)
	}
	r.begin()
	r.put(message("site1", "a", fleet.PresenceTopic, `{"online":true}`))
	r.settle()
	if got, want := names(), "site1/a:registered "; got != want {
		t.Errorf("got %s, want %s", got, want)
	}
}

// Nothing of a roster is left when its time is over, and nobody waits for it.
func TestRosterEnds(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithCancel(t.Context())
		r := newRoster(ctx)
		cancel()
		synctest.Wait()
		for n := range runtime.GOMAXPROCS(0)*backlog + 1 {
			r.put(message("berlin", fmt.Sprint("phone", n), fleet.PresenceTopic, `{"online":true}`))
		}
		r.settle()
	})
}

// However many names devices invent, the figures have a bound, and lose nobody.
func TestSummaryHasABound(t *testing.T) {
	r := newRoster(t.Context())
	r.begin()
	const many = 3 * maxSeries
	for n := range many {
		name := fmt.Sprintf("x%d", n)
		r.put(message(name, "phone", fleet.PresenceTopic, `{"online":true}`))
		r.put(message(name, "phone", fleet.StateTopic, fmt.Sprintf(`{"state":"registered","reason":%q,"registrar":{"host":"\"\\\n%s"}}`, name, name)))
		r.put(message(name, "phone", fleet.EventTopic, fmt.Sprintf(`{"event":%q}`, name)))
	}
	r.settle()
	s := summarize(r, now)
	for what, counts := range map[string][]count{"sites": s.Sites, "registrars": s.Registrars, "reasons": s.Reasons} {
		devices := 0
		for _, c := range counts {
			devices += c.Devices
		}
		if len(counts) > maxSeries+1 || devices != many {
			t.Errorf("%s: %d counts of %d devices", what, len(counts), devices)
		}
	}
	events, counts := r.happened()
	if len(events) > lastEvents || len(counts) > maxSeries+1 {
		t.Errorf("%d events, %d counts", len(events), len(counts))
	}
	page := metricsOf(link{Connected: true}, s, counts)
	if !bytes.Contains(page, []byte(`registrar="\"\\\nx`)) {
		t.Error("the host of a Registrar is not escaped")
	}
}

func TestExpires(t *testing.T) {
	for until, want := range map[time.Time]int{{}: 0, now.Add(-time.Hour): 1, now.AddDate(0, 0, 6): 1, now.AddDate(0, 0, 8): 0} {
		if got := expires(until, now, 7); got != want {
			t.Errorf("%v: got %d", until, got)
		}
	}
}

// What is shown is shown on loopback alone.
func TestListen(t *testing.T) {
	for listen, ok := range map[string]bool{"127.0.0.1:8420": true, "[::1]:8420": true, "localhost:8420": true, "127.0.0.2:0": true, ":8420": false, "0.0.0.0:8420": false, "10.0.0.1:8420": false, "fleet:8420": false, "8420": false} {
		if err := checkLoopback(listen); (err == nil) != ok {
			t.Errorf("%s: %v", listen, err)
		}
	}
}
