package main

import (
	"context"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/homeward-agent/homeward/service/control"
)

// teller calls each for every entry of a history, or for those of failures; follow: and goes on.
type teller func(ctx context.Context, failures, follow bool, each func(control.Entry) error) error

// excerpt is which entries of a history are shown.
type excerpt struct {
	last  int       // the last so many; 0: all
	since time.Time // those that happened, or happened again, from then on; zero: all
}

// parseSince reads a point in time: RFC 3339, a date with or without a time of day in the zone of the device, or how long ago.
func parseSince(text string, now time.Time) (time.Time, error) {
	if ago, ok := parseAgo(text); ok {
		return now.Add(-ago), nil
	}
	if at, err := time.Parse(time.RFC3339, text); err == nil {
		return at, nil
	}
	for _, layout := range []string{time.DateTime, "2006-01-02 15:04", time.DateOnly} {
		if at, err := time.ParseInLocation(layout, text, now.Location()); err == nil {
			return at, nil
		}
	}
	return time.Time{}, fmt.Errorf(`%q is not a time: write 2h (two hours ago), 3d (three days ago), "2026-11-29 08:15", or 2026-11-29T08:15:00Z`, text)
}

// parseAgo reads a duration, which may begin with days: 3d, 1d12h. Those have 24 hours.
func parseAgo(since string) (ago time.Duration, ok bool) {
	if number, rest, found := strings.Cut(since, "d"); found {
		n, err := strconv.ParseUint(number, 10, 16)
		if err != nil {
			return 0, false
		}
		if ago, since = time.Duration(n)*24*time.Hour, rest; rest == "" {
			return ago, true
		}
	}
	rest, err := time.ParseDuration(since)
	return ago + rest, err == nil && rest >= 0
}

// latest is when an entry happened last.
func latest(e control.Entry) time.Time {
	if e.LastAt.After(e.At) {
		return e.LastAt
	}
	return e.At
}

// shows says whether an entry is recent enough.
func (x excerpt) shows(e control.Entry) bool { return !latest(e).Before(x.since) }

// of calls each for the entries of a history that are shown. One that is followed goes on from the last of them.
func (x excerpt) of(ctx context.Context, history teller, failures, follow bool, each func(control.Entry) error) error {
	if x.last > 0 {
		var kept []control.Entry
		err := history(ctx, failures, false, func(e control.Entry) error {
			if x.shows(e) {
				kept = append(kept, e)
			}
			return nil
		})
		kept = kept[max(0, len(kept)-x.last):]
		for _, e := range kept {
			if err != nil {
				break
			}
			err = each(e)
		}
		if err != nil || !follow {
			return err
		}
		if x.since = time.Now(); len(kept) > 0 {
			x.since = latest(kept[len(kept)-1]).Add(time.Millisecond) // entries are told to the millisecond
		}
	}
	return history(ctx, failures, follow, func(e control.Entry) error {
		if !x.shows(e) {
			return nil
		}
		return each(e)
	})
}
