package years

import (
	"context"
	"errors"
	"sync"
	"time"

	"homeward/cache"
	"homeward/provisioning"
	"homeward/provisioning/agent"
)

// life is one run of the daemon: the agent, its store, its history and its registrar.json, as cmd/agent puts them together. What
// needs sockets of the machine is left out: the control socket, metrics, the watch on the network, systemd.
type life struct {
	agent *agent.Agent
	store *cache.DB
	net   *network
	began time.Time
	stop  context.CancelCauseFunc
	done  chan struct{}

	mu     sync.Mutex
	told   []provisioning.Event // and not judged yet
	news   chan struct{}        // one place: something was told
	armed  func(provisioning.Event) bool
	frozen chan struct{} // the agent stands still at an event, for the power to be cut there; closed to let it go on
	struck *provisioning.Event
}

// errStopped is why a life ends that the service manager ends.
var errStopped = errors.New("stopped")

// tell is the agent's emit. Where the power is to be cut at this event, it waits until it is.
func (l *life) tell(e provisioning.Event) {
	l.mu.Lock()
	l.told = append(l.told, e)
	strikes := l.struck == nil && l.armed != nil && l.armed(e)
	if strikes {
		l.armed, l.struck = nil, &e
		l.net.cut()
	}
	l.mu.Unlock()
	select {
	case l.news <- struct{}{}:
	default:
	}
	if strikes {
		<-l.frozen
	}
}

// arm cuts the power at the next event of a kind.
func (l *life) arm(at func(provisioning.Event) bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.armed = at
}

// disarm lets the power be.
func (l *life) disarm() {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.armed = nil
}

// hit returns the event at which the power was cut; nil: it was not.
func (l *life) hit() *provisioning.Event {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.struck
}

// take returns what was told since.
func (l *life) take() []provisioning.Event {
	l.mu.Lock()
	defer l.mu.Unlock()
	told := l.told
	l.told = nil
	return told
}
