package main

import (
	"context"
	"slices"
	"testing"
	"time"

	"github.com/homeward-agent/homeward/service/control"
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

// What is shown of a history: the last so many, since when, and both, followed or not.
func TestExcerpt(t *testing.T) {
	begin := time.Date(2026, 11, 29, 12, 0, 0, 0, time.UTC)
	at := func(n int) time.Time { return begin.Add(time.Duration(n) * time.Minute) }
	before := []control.Entry{{Number: 1, At: at(1), LastAt: at(4), Count: 2}, {Number: 2, At: at(2)}, {Number: 3, At: at(3)}}
	history := func(_ context.Context, _, follow bool, each func(control.Entry) error) error {
		all := before
		if follow {
			all = append(slices.Clip(all), control.Entry{Number: 4, At: at(5)})
		}
		for _, e := range all {
			if err := each(e); err != nil {
				return err
			}
		}
		return nil
	}
	for name, test := range map[string]struct {
		excerpt
		follow bool
		want   []uint64
	}{
		"all":               {excerpt{}, false, []uint64{1, 2, 3}},
		"since":             {excerpt{since: at(3)}, false, []uint64{1, 3}},
		"the last":          {excerpt{last: 2}, false, []uint64{2, 3}},
		"more than are":     {excerpt{last: 9}, false, []uint64{1, 2, 3}},
		"the last since":    {excerpt{last: 1, since: at(3)}, false, []uint64{3}},
		"followed":          {excerpt{since: at(5)}, true, []uint64{4}},
		"the last, then on": {excerpt{last: 1}, true, []uint64{3, 1, 4}}, // 1 has happened again after 3
	} {
		var got []uint64
		if err := test.of(t.Context(), history, false, test.follow, func(e control.Entry) error { got = append(got, e.Number); return nil }); err != nil || !slices.Equal(got, test.want) {
			t.Errorf("%s: %v, %v, want %v", name, got, err, test.want)
		}
	}
}
