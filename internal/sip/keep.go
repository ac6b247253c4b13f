package sip

import (
	"context"
	"crypto/rand"
	"encoding/binary"
	"errors"
	"fmt"
	"time"
)

// Watch is who wants to know what Keep learns. Each may be nil. They are called one at a time, and Keep waits for them:
// they must not call the Session.
type Watch struct {
	Refreshed   func(Binding)      // a new binding
	Doubted     func(error)        // a refresh was refused, unsigned (*StatusError): the binding stands, and the refresh is tried again
	Provisioned func(Provisioning) // settings that differ from what Provision returned, or from the last call
	Unread      func(error)        // a document with settings that cannot be read (*MalformedError); what was known stays
}

// Keep holds the binding until it is lost or ctx ends. It refreshes at a random moment between 50 and 90 % of Expires,
// renews what Provision subscribed to, pings the Registrar, and answers its requests. It returns the cause of ctx, or
// ErrBindingLost wrapped together with its cause: any error of Register, *DeregisteredError, a connection that ended,
// silence.
func (s *Session) Keep(ctx context.Context, watch Watch) error {
	select {
	case s.turn <- struct{}{}:
		defer func() { <-s.turn }()
	case <-ctx.Done():
		return context.Cause(ctx)
	}
	for {
		err := s.keepOnce(ctx, watch)
		if news := s.provisioned.latest; news != s.provisioned.told {
			s.provisioned.told = news
			if watch.Provisioned != nil {
				watch.Provisioned(news)
			}
		}
		if problem := s.provisioned.take(); problem != nil && watch.Unread != nil {
			watch.Unread(problem)
		}
		switch {
		case ctx.Err() != nil:
			return context.Cause(ctx)
		case errors.Is(err, ErrBindingLost):
			return err
		case err != nil:
			return fmt.Errorf("%w: %w", ErrBindingLost, err)
		}
	}
}

// keepOnce waits for what is due next, and does it. It returns early when there is something to tell.
func (s *Session) keepOnce(ctx context.Context, watch Watch) error {
	_, err := s.receive(ctx, s.due, s.calls) // a response nobody waits for is dropped
	if !errors.Is(err, errDue) {
		return err
	}
	now := time.Now()
	switch {
	case !now.Before(s.flow.refreshAt):
		return s.refresh(ctx, watch)
	case s.flow.silent(now):
		return &SilenceError{Kind: ToKeepAlive, After: pongWait}
	case !now.Before(s.flow.pingAt):
		s.flow.pinged(now)
		return s.write(ctx, []byte(ping))
	case s.renewalDue(now):
		s.renew(ctx)
	}
	return nil
}

// refresh renews the binding. An unsigned refusal ends nothing, or anyone on the way could end it: the binding stands for
// the time it was granted for, unless the refusals go on.
func (s *Session) refresh(ctx context.Context, watch Watch) error {
	binding, err := s.bind(ctx)
	var refused *StatusError
	switch {
	case err == nil && watch.Refreshed != nil:
		watch.Refreshed(binding)
	case errors.As(err, &refused) && refused.Unsigned && s.flow.doubts():
		if watch.Doubted != nil {
			watch.Doubted(refused)
		}
		return nil
	}
	return err
}

// due returns when there is something for Keep to do; now, when it has something to tell.
func (s *Session) due() time.Time {
	due := s.flow.next()
	switch renewAt := s.provisioned.renewAt; {
	case s.provisioned.latest != s.provisioned.told, s.provisioned.problem != nil:
		return time.Now()
	case !renewAt.IsZero() && renewAt.Before(due):
		return renewAt
	}
	return due
}

func (s *Session) renewalDue(now time.Time) bool {
	return !s.provisioned.renewAt.IsZero() && !now.Before(s.provisioned.renewAt)
}

// flow is what keeps one connection alive (RFC 5626 section 2): when we act next, and what the peer has shown of itself.
type flow struct {
	refreshAt time.Time
	endsAt    time.Time // when the binding does
	doubted   int       // unsigned refusals in a row
	pingAt    time.Time
	interval  time.Duration // between pings
	awaiting  time.Time     // when the ping was sent that nothing was heard after; zero: none
	pongs     bool          // the peer answers pings: it has, or promised to (Flow-Timer)

	blanks int       // line ends since the last message
	echoed time.Time // when we last answered a ping
}

// moment draws when to renew what lives that long.
func moment(lifetime time.Duration) time.Time {
	var random [8]byte
	rand.Read(random[:])
	share := float64(binary.BigEndian.Uint64(random[:])>>11) / (1 << 53)
	return time.Now().Add(time.Duration((refreshFrom + share*(refreshTo-refreshFrom)) * float64(lifetime)))
}

// granted starts anew after a 2xx to REGISTER.
func (f *flow) granted(m *message, expires time.Duration) {
	f.refreshAt, f.endsAt, f.doubted = moment(expires), time.Now().Add(expires), 0
	told, ok := seconds(m.get("Flow-Timer"), maxExpires) // RFC 5626 section 4.4.1
	f.pongs = f.pongs || ok
	if !ok { // MS-CONMGMT: "UAS; tcp=no; hop-hop=yes; end-end=no; timeout=300"
		told, ok = seconds(parseParams(split(m.get("ms-keep-alive"), ';'))["timeout"], maxExpires)
	}
	f.interval = pingInterval
	if ok {
		f.interval = max(time.Duration(pingShare*float64(told)*float64(time.Second)), minPingInterval)
	}
	f.pingAt = time.Now().Add(f.interval)
}

// doubts plans another refresh after one that an unsigned answer refused; false: it is enough.
func (f *flow) doubts() bool {
	left := time.Until(f.endsAt)
	if f.doubted++; f.doubted > maxDoubted || left < minExpires*time.Second {
		return false
	}
	f.refreshAt = time.Now().Add(min(doubtedWait, left/2))
	return true
}

// next returns when something is due: the refresh, a ping, or the end of patience.
func (f *flow) next() time.Time {
	next := f.pingAt
	if f.pongs && !f.awaiting.IsZero() {
		next = f.awaiting.Add(pongWait)
	}
	if f.refreshAt.Before(next) {
		next = f.refreshAt
	}
	return next
}

func (f *flow) pinged(now time.Time) { f.awaiting, f.pingAt = now, now.Add(f.interval) }

func (f *flow) silent(now time.Time) bool {
	return f.pongs && !f.awaiting.IsZero() && now.Sub(f.awaiting) >= pongWait
}

// heard takes note of an arrival: anything shows that the peer lives. One line end soon after a ping is a pong; a peer
// that has sent one is from then on expected to.
func (f *flow) heard(blanks int) {
	if blanks == 1 && !f.awaiting.IsZero() && time.Since(f.awaiting) < pongWait {
		f.pongs, f.blanks = true, 0
	} else {
		f.blanks += blanks
	}
	if blanks == 0 {
		f.blanks = 0
	}
	f.awaiting = time.Time{}
}

// echo answers a ping (two line ends) of the peer, but no flood of them.
func (s *Session) echo(ctx context.Context) error {
	if s.flow.blanks < 2 {
		return nil
	}
	s.flow.blanks = 0
	if now := time.Now(); now.Sub(s.flow.echoed) >= minPongInterval {
		s.flow.echoed = now
		return s.write(ctx, []byte(pong))
	}
	return nil
}
