package agent

import (
	"sync"
	"time"
)

// gaps are the times after a report that is heeded in which no other one is, while they go on: a phone that fails tells so each time
// that it tries. (Our choice.)
var gaps = [...]time.Duration{30 * time.Second, time.Minute, 2 * time.Minute, 4 * time.Minute, 8 * time.Minute}

// reportsSettled is a time without a report that is heeded after which the next one is the first again. (Our choice.)
const reportsSettled = 30 * time.Minute

// reports are what the phone says of its own registration. They may come from any goroutine, at any rate.
type reports struct {
	heeded chan struct{} // one place

	mu   sync.Mutex
	runs int // heeded of late
	last time.Time
}

// heed counts a report, and says whether a report is heeded now, and else when the next one will be.
func (r *reports) heed() (until time.Time, heeded bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	now := time.Now()
	if r.runs > 0 {
		if until = r.last.Add(gaps[min(r.runs, len(gaps))-1]); now.Before(until) {
			return until, false
		}
	}
	if now.Sub(r.last) > reportsSettled {
		r.runs = 0
	}
	r.runs++
	r.last = now
	return time.Time{}, true
}
