package fleet

import "sync"

// Our choices: an outage of the broker costs no more memory than this.
const (
	maxEvents = 200
	maxBytes  = 64 << 10
)

// outbox keeps the newest events until the broker has them.
type outbox struct {
	mu      sync.Mutex
	events  [][]byte // oldest first
	size    int
	first   uint64 // how many have left it
	dropped uint64
}

// add puts an event behind the others. The oldest make room.
func (o *outbox) add(event []byte) {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.events = append(o.events, event)
	o.size += len(event)
	for len(o.events) > maxEvents || o.size > maxBytes {
		o.shift()
		o.dropped++
	}
}

// next returns the oldest event, and its ticket for done. ok is false if there is none.
func (o *outbox) next() (event []byte, ticket uint64, ok bool) {
	o.mu.Lock()
	defer o.mu.Unlock()
	if len(o.events) == 0 {
		return nil, 0, false
	}
	return o.events[0], o.first, true
}

// done takes an event out that the broker has. It may have been dropped in the meantime; then it was not lost.
func (o *outbox) done(ticket uint64) {
	o.mu.Lock()
	defer o.mu.Unlock()
	switch {
	case len(o.events) > 0 && o.first == ticket:
		o.shift()
	case o.first > ticket && o.dropped > 0:
		o.dropped--
	}
}

func (o *outbox) shift() {
	o.size -= len(o.events[0])
	o.events[0] = nil
	o.events = o.events[1:]
	o.first++
	if len(o.events) == 0 {
		o.events = nil
	}
}

func (o *outbox) lost() uint64 {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.dropped
}
