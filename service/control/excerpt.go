package control

import (
	"fmt"
	"math"
	"net/url"
	"strconv"
	"time"
)

// Excerpt is what is wanted of a history. The zero Excerpt is all that has happened.
type Excerpt struct {
	Failures bool      // only failures
	Since    time.Time // of what has happened: what did so, or did so again, from then on; zero: all
	Last     int       // of what has happened: the last so many; 0: all
	Follow   bool      // what happens from now on, too
}

func (x Excerpt) query() url.Values {
	query := url.Values{}
	if x.Failures {
		query.Set("failures", "")
	}
	if !x.Since.IsZero() {
		query.Set("since", x.Since.Format(time.RFC3339Nano))
	}
	if x.Last > 0 {
		query.Set("last", strconv.Itoa(min(x.Last, math.MaxInt32)))
	}
	if x.Follow {
		query.Set("follow", "")
	}
	return query
}

func wantedBy(query url.Values) (x Excerpt, err error) {
	x.Failures, x.Follow = query.Has("failures"), query.Has("follow")
	if query.Has("since") {
		if x.Since, err = time.Parse(time.RFC3339, query.Get("since")); err != nil {
			return Excerpt{}, fmt.Errorf("since is %q, which is not a time of RFC 3339", query.Get("since"))
		}
	}
	if query.Has("last") {
		n, err := strconv.ParseUint(query.Get("last"), 10, 31)
		if err != nil {
			return Excerpt{}, fmt.Errorf("last is %q, which is not a number of entries", query.Get("last"))
		}
		x.Last = int(n)
	}
	return x, nil
}

// Of is what is wanted of the entries that there are, in their order.
func (x Excerpt) Of(entries []Entry) (wanted []Entry) {
	for i := range entries {
		e := &entries[i]
		if x.tells(*e) && !e.Latest().Before(x.Since) {
			wanted = append(wanted, *e)
		}
	}
	if x.Last > 0 {
		wanted = wanted[max(0, len(wanted)-x.Last):]
	}
	return wanted
}

// tells says whether an entry that comes now is told.
func (x Excerpt) tells(e Entry) bool { return !x.Failures || e.Failure() }
