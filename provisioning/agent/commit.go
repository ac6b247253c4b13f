package agent

import (
	"errors"

	"github.com/homeward-agent/homeward/cache"
	"github.com/homeward-agent/homeward/provisioning"
	"github.com/homeward-agent/homeward/provisioning/signin"
)

// commit keeps what this registration has proven: one transaction that drops whatever it does not confirm. A
// degraded registration proves nothing new, and erases nothing.
func (a *Agent) commit(reg *signin.Registration) {
	if reg.Degraded {
		return
	}
	changed, err := a.store.Commit(reg.Record())
	switch {
	case err != nil:
		reason := provisioning.CacheWrite
		if note := (cache.Note{}); errors.As(err, &note) {
			reason = provisioning.Reason(note.Code)
		}
		a.tell(provisioning.Event{Kind: provisioning.StoreNote, Reason: reason, Detail: err.Error()})
	case changed:
		a.tell(reg.Event(provisioning.Committed, "", ""))
	}
}
