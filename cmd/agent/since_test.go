package main

import (
	"testing"
	"time"
)

func TestParseSince(t *testing.T) {
	zone := time.FixedZone("", 3600)
	now := time.Date(2026, 11, 29, 12, 0, 0, 0, zone)
	for text, want := range map[string]time.Time{
		"2h": now.Add(-2 * time.Hour), "0s": now, "3d": now.Add(-72 * time.Hour), "1d12h": now.Add(-36 * time.Hour), "2026-11-29T08:15:00Z": time.Date(2026, 11, 29, 8, 15, 0, 0, time.UTC),
		"2026-11-29 08:15": time.Date(2026, 11, 29, 8, 15, 0, 0, zone), "2026-11-29 08:15:30": time.Date(2026, 11, 29, 8, 15, 30, 0, zone),
		"2026-11-29": time.Date(2026, 11, 29, 0, 0, 0, 0, zone),
	} {
		if got, err := parseSince(text, now); err != nil || !got.Equal(want) {
			t.Errorf("%s: %v, %v", text, got, err)
		}
	}
	for _, text := range []string{"", "-2h", "yesterday", "08:15", "2026-13-01", "d", "-3d", "1.5d", "99999999999d", "3days"} {
		if got, err := parseSince(text, now); err == nil {
			t.Errorf("%q is taken for %v", text, got)
		}
	}
}
