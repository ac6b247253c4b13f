package sip

import (
	"sync"
	"time"
)

// pauses is for how long nothing was sent or received on a connection: what closes, or forgets, a connection that is idle shows in
// that. It may be used from any goroutine.
type pauses struct {
	mu       sync.Mutex
	moved    time.Time     // when something was sent or received last
	open     time.Duration // the longest before what was sent since something was received
	survived time.Duration // the longest after which something was received
}

func newPauses() *pauses { return &pauses{moved: time.Now()} }

func (p *pauses) sent() { p.move(func(pause time.Duration) { p.open = max(p.open, pause) }) }

func (p *pauses) received() {
	p.move(func(pause time.Duration) { p.survived, p.open = max(p.survived, p.open, pause), 0 })
}

func (p *pauses) move(take func(pause time.Duration)) {
	p.mu.Lock()
	defer p.mu.Unlock()
	now := time.Now()
	take(now.Sub(p.moved))
	p.moved = now
}

// last returns for how long nothing has been sent or received, or had not when something was sent that nothing has answered; and
// the longest pause after which something was received.
func (p *pauses) last() (idle, survived time.Duration) {
	p.mu.Lock()
	defer p.mu.Unlock()
	return max(time.Since(p.moved), p.open), p.survived
}
