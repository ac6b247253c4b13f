package main

import (
	"fmt"
	"strconv"
	"strings"
	"time"
)

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
