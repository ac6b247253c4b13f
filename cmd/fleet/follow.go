package main

import (
	"context"
	"math/rand/v2"
	"sync"
	"time"

	"homeward/internal/fleet"
)

// Our choices.
const (
	snapLimit = 5 * time.Minute  // for a snapshot over a slow line
	againMax  = 30 * time.Second // between two connections
)

// snapshot is what the broker keeps now.
func snapshot(ctx context.Context, conf fleet.Settings, site string) (*roster, error) {
	ctx, cancel := context.WithTimeout(ctx, snapLimit)
	defer cancel()
	r, complete, failed := newRoster(ctx), make(chan struct{}), make(chan error, 1)
	r.begin()
	go func() {
		failed <- fleet.Follow(ctx, conf, site, []string{fleet.PresenceTopic, fleet.StateTopic}, func() { close(complete) }, r.put)
	}()
	select {
	case err := <-failed:
		return nil, err
	case <-complete:
	}
	r.settle()
	return r, nil
}

// link is how the connection to the broker stands.
type link struct {
	Connected bool      `json:"connected"` // and everything that the broker keeps has come
	Since     time.Time `json:"since"`
	Error     string    `json:"error,omitempty"`
}

// follower keeps a roster up to date for as long as it runs.
type follower struct {
	conf   fleet.Settings
	site   string
	roster *roster
	heard  func(fleet.Message) // besides; nil: nobody
	noted  func(link)          // how the connection goes; nil: nobody wants to know

	mu    sync.Mutex
	state link
}

func newFollower(ctx context.Context, conf fleet.Settings, site string) *follower {
	return &follower{conf: conf, site: site, roster: newRoster(ctx), state: link{Since: time.Now()}}
}

func (f *follower) link() link {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.state
}

func (f *follower) note(l link) {
	f.mu.Lock()
	if f.state.Connected != l.Connected {
		f.state.Since = time.Now()
	}
	l.Since = f.state.Since
	f.state = l
	f.mu.Unlock()
	if f.noted != nil {
		f.noted(l)
	}
}

// run follows the broker until ctx ends.
func (f *follower) run(ctx context.Context) {
	for wait := time.Second; ; wait = min(2*wait, againMax) {
		began := time.Now()
		err := f.session(ctx)
		if ctx.Err() != nil {
			return
		}
		f.note(link{Error: err.Error()})
		if time.Since(began) > againMax {
			wait = time.Second
		}
		select {
		case <-time.After(wait/2 + rand.N(wait)):
		case <-ctx.Done():
			return
		}
	}
}

func (f *follower) session(ctx context.Context) error {
	f.roster.begin()
	kinds := []string{fleet.PresenceTopic, fleet.StateTopic, fleet.EventTopic}
	return fleet.Follow(ctx, f.conf, f.site, kinds, func() {
		f.roster.settle()
		f.note(link{Connected: true})
	}, func(m fleet.Message) {
		f.roster.put(m)
		if f.heard != nil {
			f.heard(m)
		}
	})
}
