package provisioning

import (
	"errors"

	"github.com/homeward-agent/homeward/cache"
)

// commit keeps what this registration has proven: one transaction that drops whatever it does not confirm. A
// degraded registration proves nothing new, and erases nothing.
func (a *Agent) commit(reg *registration) {
	if reg.Degraded {
		return
	}
	changed, err := a.store.Commit(a.newRecord(reg))
	switch {
	case err != nil:
		reason := CacheWrite
		if note := (cache.Note{}); errors.As(err, &note) {
			reason = Reason(note.Code)
		}
		a.tell(Event{Kind: StoreNote, Reason: reason, Detail: err.Error()})
	case changed:
		a.tell(reg.event(Committed, "", ""))
	}
}

// newRecord is what is kept of a registration now.
func (a *Agent) newRecord(reg *registration) cache.Record { return a.signer.record(reg, a.memory()) }
