package sip

import (
	"context"
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
	Pinged      func()             // a keep-alive was sent
	Unread      func(error)        // a document with settings that cannot be read (*MalformedError); what was known stays
}

// Keep holds the binding until it is lost or ctx ends. It refreshes at a random moment between 50 and 90 % of Expires,
// renews what Provision subscribed to, pings the Registrar, and answers its requests. It returns the cause of ctx, or
// ErrBindingLost wrapped together with its cause: any error of Register, *DeregisteredError, a connection that ended,
// silence.
func (s *Session) Keep(ctx context.Context, watch Watch) error {
	release, err := s.talk.hold(ctx)
	if err != nil {
		return err
	}
	defer release()
	for {
		err := s.keepOnce(ctx, watch)
		if news, ok := s.settings.news(); ok && watch.Provisioned != nil {
			watch.Provisioned(news)
		}
		if problem := s.settings.take(); problem != nil && watch.Unread != nil {
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
	_, err := s.talk.receive(ctx, s.due, s.talk.calls) // a response nobody waits for is dropped
	if !errors.Is(err, errDue) {
		return err
	}
	now, flow := time.Now(), &s.talk.flow
	switch {
	case !now.Before(flow.refreshAt):
		return s.refresh(ctx, watch)
	case flow.silent(now):
		return &SilenceError{Kind: ToKeepAlive, After: pongWait}
	case !now.Before(flow.pingAt) && s.talk.conn.unanswered() >= probesInVain && flow.holds(now):
	case !now.Before(flow.pingAt):
		flow.pinged(now)
		err := s.talk.conn.write(ctx, []byte(ping))
		if err == nil && watch.Pinged != nil {
			watch.Pinged()
		}
		return err
	case s.settings.renewalDue(now):
		s.settings.renew(ctx)
	}
	return nil
}

// refresh renews the binding. An unsigned refusal ends nothing, or anyone on the way could end it: the binding stands for
// the time it was granted for, unless the refusals go on.
func (s *Session) refresh(ctx context.Context, watch Watch) error {
	binding, err := s.binding.bind(ctx)
	var refused *StatusError
	switch {
	case err == nil && watch.Refreshed != nil:
		watch.Refreshed(binding)
	case errors.As(err, &refused) && refused.Unsigned && s.talk.flow.doubts():
		if watch.Doubted != nil {
			watch.Doubted(refused)
		}
		return nil
	}
	return err
}

// due returns when there is something for Keep to do; now, when it has something to tell.
func (s *Session) due() time.Time {
	due := s.talk.flow.next()
	switch renewAt := s.settings.renewAt; {
	case s.settings.hasNews():
		return time.Now()
	case !renewAt.IsZero() && renewAt.Before(due):
		return renewAt
	}
	return due
}
