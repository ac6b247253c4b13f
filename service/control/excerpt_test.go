package control

import (
	"context"
	"errors"
	"math"
	"slices"
	"testing"
	"time"
)

// What is shown of a history: the last so many, since when, and both; of what happens after it, all. A clock may be set back.
func TestExcerpt(t *testing.T) {
	at := func(n int) time.Time { return noon.Add(time.Duration(n) * time.Minute) }
	past := []Entry{{Number: 1, At: at(1), LastAt: at(4), Count: 2}, {Number: 2, At: at(2), Event: "attempt", Reason: "connect-refused"}, {Number: 3, At: at(3)}}
	source := Source{
		History: func(bool) []Entry { return past },
		Next: func(_ context.Context, after uint64) ([]Entry, uint64, error) {
			switch after {
			case 0:
				return slices.Clone(past), 3, nil
			case 3:
				return []Entry{{Number: 4, At: at(0)}}, 4, nil
			default:
				return nil, after, errors.New("the daemon ends")
			}
		},
	}
	socket := socketIn(t)
	run(t, socket, source)
	for name, test := range map[string]struct {
		Excerpt
		want []uint64
	}{
		"all":              {Excerpt{}, []uint64{1, 2, 3}},
		"since":            {Excerpt{Since: at(3)}, []uint64{1, 3}},
		"the last":         {Excerpt{Last: 2}, []uint64{2, 3}},
		"more than are":    {Excerpt{Last: math.MaxInt}, []uint64{1, 2, 3}},
		"the last since":   {Excerpt{Last: 1, Since: at(3)}, []uint64{3}},
		"the last failure": {Excerpt{Last: 1, Failures: true}, []uint64{2}},
		"since, and on":    {Excerpt{Since: at(5), Follow: true}, []uint64{4}},
		"the last, and on": {Excerpt{Last: 1, Follow: true}, []uint64{3, 4}},
		"failures, and on": {Excerpt{Failures: true, Follow: true}, []uint64{2}},
	} {
		var got []uint64
		err := NewClient(socket).History(t.Context(), test.Excerpt, func(e Entry) error { got = append(got, e.Number); return nil })
		if test.Follow != errors.Is(err, ErrGone) || !slices.Equal(got, test.want) {
			t.Errorf("%s: %v, %v, want %v", name, got, err, test.want)
		}
	}
}
