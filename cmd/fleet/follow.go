package main

import (
	"context"
	"errors"
	"math/rand/v2"
	"sync"
	"time"

	"github.com/homeward-agent/homeward/internal/fleet"
)

// Our choices.
const (
	quietFor  = 250 * time.Millisecond // the broker has given out what it keeps when it says nothing for so long
	firstWord = time.Second            // and for so long after the subscription, before the first message
	snapLimit = 60 * time.Second       // for a snapshot
	againMax  = 30 * time.Second       // between two connections
)

// pause tells when messages have ceased to come.
type pause struct {
	mu    sync.Mutex
	timer *time.Timer
	some  bool // messages have come
	ready bool // the subscription stands
}

func newPause() *pause {
	t := time.NewTimer(0)
	t.Stop()
	return &pause{timer: t}
}

// subscribed notes that the broker has accepted the subscription.
func (p *pause) subscribed() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.ready = true
	if p.some {
		p.timer.Reset(quietFor)
	} else {
		p.timer.Reset(firstWord)
	}
}

// message notes that one has come.
func (p *pause) message() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.some = true
	if p.ready {
		p.timer.Reset(quietFor)
	}
}

// snapshot is what the broker keeps now.
func snapshot(ctx context.Context, conf fleet.Settings, site string) (*roster, error) {
	ctx, cancel := context.WithTimeout(ctx, snapLimit)
	defer cancel()
	r, p, failed := newRoster(), newPause(), make(chan error, 1)
	r.begin()
	go func() {
		failed <- fleet.Follow(ctx, conf, site, []string{fleet.PresenceTopic, fleet.StateTopic}, p.subscribed, func(m fleet.Message) {
			p.message()
			r.put(m)
		})
	}()
	select {
	case err := <-failed:
		if errors.Is(err, context.DeadlineExceeded) {
			err = errors.New("the broker does not come to an end of what it keeps")
		}
		return nil, err
	case <-p.timer.C:
	}
	r.settle()
	return r, nil
}

// link is how the connection to the broker stands.
type link struct {
	Connected bool      `json:"connected"`
	Complete  bool      `json:"complete"` // everything that the broker keeps has come
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

func newFollower(conf fleet.Settings, site string) *follower {
	return &follower{conf: conf, site: site, roster: newRoster(), state: link{Since: time.Now()}}
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
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	p := newPause()
	f.roster.begin()
	var settled sync.WaitGroup
	settled.Go(func() {
		select {
		case <-p.timer.C:
			f.roster.settle()
			f.note(link{Connected: true, Complete: true})
		case <-ctx.Done():
		}
	})
	kinds := []string{fleet.PresenceTopic, fleet.StateTopic, fleet.EventTopic}
	err := fleet.Follow(ctx, f.conf, f.site, kinds, func() { f.note(link{Connected: true}); p.subscribed() }, func(m fleet.Message) {
		if m.Retained {
			p.message()
		}
		f.roster.put(m)
		if f.heard != nil {
			f.heard(m)
		}
	})
	cancel()
	settled.Wait()
	return err
}
