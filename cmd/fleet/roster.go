package main

import (
	"context"
	"hash/maphash"
	"maps"
	"runtime"
	"slices"
	"strings"
	"sync"

	"homeward/internal/fleet"
)

// Our choices.
const (
	backlog    = 4096 // messages that wait to be read
	lastEvents = 100
	maxSeries  = 1000 // names that come from devices are not trusted to be few
)

// roster holds the devices. Messages are read in parallel, those of one device in their order, until ctx ends.
type roster struct {
	ctx    context.Context
	shards []*shard
	seed   maphash.Seed

	mu      sync.Mutex
	session int
	events  []namedEvent // newest last
	counts  map[eventLabels]uint64
}

// shard is a part of the devices.
type shard struct {
	in chan note

	mu      sync.Mutex
	devices map[fleet.Name]*device
}

// note is a message and the session in which it came.
type note struct {
	fleet.Message
	session int
	read    chan struct{} // or this, which is closed when everything before it has been read
}

// namedEvent is an event and whose it is.
type namedEvent struct {
	fleet.Name
	fleet.Event
}

// eventLabels are what events are counted by.
type eventLabels struct{ site, event, reason string }

func newRoster(ctx context.Context) *roster {
	r := &roster{ctx: ctx, seed: maphash.MakeSeed(), counts: map[eventLabels]uint64{}}
	for range runtime.GOMAXPROCS(0) {
		s := &shard{in: make(chan note, backlog), devices: map[fleet.Name]*device{}}
		r.shards = append(r.shards, s)
		go s.run(ctx)
	}
	return r
}

func (s *shard) run(ctx context.Context) {
	for {
		select {
		case n := <-s.in:
			if n.read != nil {
				close(n.read)
				continue
			}
			s.take(n)
		case <-ctx.Done():
			return
		}
	}
}

// hand gives a shard something to read.
func (r *roster) hand(s *shard, n note) {
	select {
	case s.in <- n:
	case <-r.ctx.Done():
	}
}

// put takes a message in. It is called by one goroutine.
func (r *roster) put(m fleet.Message) {
	if m.Kind == fleet.EventTopic {
		r.putEvent(m)
		return
	}
	r.mu.Lock()
	session := r.session
	r.mu.Unlock()
	r.hand(r.shards[maphash.Comparable(r.seed, m.Name)%uint64(len(r.shards))], note{Message: m, session: session})
}

func (s *shard) take(n note) {
	fresh := device{}
	fresh.take(n.Kind, n.Text)
	s.mu.Lock()
	defer s.mu.Unlock()
	d := device{Name: n.Name}
	if before := s.devices[n.Name]; before != nil {
		d = *before // what was given out stays as it is
	}
	if n.Kind == fleet.PresenceTopic {
		d.presence = fresh.presence
	} else {
		d.state = fresh.state
	}
	d.seen = n.session
	if s.devices[n.Name] = &d; d.gone() {
		delete(s.devices, n.Name)
	}
}

func (r *roster) putEvent(m fleet.Message) {
	e := read[fleet.Event](m.Text)
	if e == nil {
		return
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	r.counts[eventLabels{m.Site, e.Event, e.Reason}]++
	if len(r.counts) > maxSeries { // what devices say is not trusted
		r.counts = map[eventLabels]uint64{}
	}
	if r.events = append(r.events, namedEvent{m.Name, *e}); len(r.events) > lastEvents {
		r.events = slices.Delete(r.events, 0, 1)
	}
}

// begin begins a session: the broker gives out everything again.
func (r *roster) begin() {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.session++
}

// settle waits until everything that came has been read, and forgets what did not come in this session.
func (r *roster) settle() {
	for _, s := range r.shards {
		read := make(chan struct{})
		r.hand(s, note{read: read})
		select {
		case <-read:
		case <-r.ctx.Done():
		}
	}
	r.mu.Lock()
	session := r.session
	r.mu.Unlock()
	for _, s := range r.shards {
		s.mu.Lock()
		maps.DeleteFunc(s.devices, func(_ fleet.Name, d *device) bool { return d.seen < session })
		s.mu.Unlock()
	}
}

// all are the devices that are as wanted, by site and name. They do not change any more.
func (r *roster) all(wanted func(*device) bool) []*device {
	var all []*device
	for _, s := range r.shards {
		s.mu.Lock()
		for _, d := range s.devices {
			if wanted(d) {
				all = append(all, d)
			}
		}
		s.mu.Unlock()
	}
	slices.SortFunc(all, func(a, b *device) int {
		if a.Site != b.Site {
			return strings.Compare(a.Site, b.Site)
		}
		return strings.Compare(a.Device, b.Device)
	})
	return all
}

// each calls do for each device, in no order.
func (r *roster) each(do func(*device)) {
	for _, s := range r.shards {
		s.mu.Lock()
		for _, d := range s.devices {
			do(d)
		}
		s.mu.Unlock()
	}
}

// partial is how many devices are known only in part.
func (r *roster) partial() (devices int) {
	r.each(func(d *device) {
		if d.partial() {
			devices++
		}
	})
	return devices
}

// happened are the last events, newest first, and how many there have been of each kind.
func (r *roster) happened() ([]namedEvent, map[eventLabels]uint64) {
	r.mu.Lock()
	defer r.mu.Unlock()
	events := slices.Clone(r.events)
	slices.Reverse(events)
	return events, maps.Clone(r.counts)
}
