package sip

import (
	"context"
	"errors"
	"strings"
	"time"
)

// The groups of settings we ask for. MS-SIPREGE section 2.2.2.5.
const provisioningRequest = `<provisioningGroupList xmlns="http://schemas.microsoft.com/2006/09/sip/provisioninggrouplist">` +
	`<provisioningGroup name="ServerConfiguration"/></provisioningGroupList>`

// subscription is how we stay told of provisioning.
type subscription struct {
	talk *conversation
	our  *composer

	asked    bool      // there is, or was, one
	renewAt  time.Time // zero: none to renew
	latest   Provisioning
	told     Provisioning // to the caller
	received bool         // a document has come since the last SUBSCRIBE
	problem  error        // why the latest cannot be read; nil: it could, or that was told
}

// take returns the problem once.
func (s *subscription) take() error {
	problem := s.problem
	s.problem = nil
	return problem
}

// provision subscribes, and waits for the settings.
func (s *subscription) provision(ctx context.Context) (Provisioning, error) {
	if err := s.subscribe(ctx); err != nil {
		return Provisioning{}, err
	}
	if err := s.awaitDocument(ctx); err != nil {
		return Provisioning{}, err
	}
	s.told = s.latest
	return s.latest, nil
}

// subscribe sends SUBSCRIBE. It is always a new subscription: an old one is left to end by itself, so that there is no
// dialog to keep. MS-SIPREGE section 4.2.
func (s *subscription) subscribe(ctx context.Context) error {
	s.asked, s.received, s.problem = true, false, nil
	m, err := s.ask(ctx, "")
	var refused *StatusError
	if errors.As(err, &refused) && refused.Code/100 == 4 && refused.Code != 401 && refused.Code != 407 {
		m, err = s.ask(ctx, "0") // no subscription here: the settings as they are, once (RFC 6665 section 4.4.3)
	}
	if err != nil {
		return err
	}
	lives, ok := seconds(m.get("Expires"), maxSubscription)
	if !ok || lives == 0 { // a server that tells no changes is asked again
		lives = defaultSubscription
	}
	s.renewAt = moment(time.Duration(max(lives, minSubscription)) * time.Second)
	if m.hasBody() { // the first notification, on the back of the answer
		s.document(m)
	}
	return nil
}

// ask sends one SUBSCRIBE, with the lifetime in seconds that is asked for; "": what the server likes.
func (s *subscription) ask(ctx context.Context, expires string) (*message, error) {
	callID, sequence := token(), uint32(0)
	return s.talk.ask(ctx, func() *message {
		sequence++
		m := s.our.request("SUBSCRIBE", s.our.account.AOR.String(), s.our.account.AOR.String(), callID, sequence)
		m.add("Contact", s.our.reachable())
		m.add("Event", provisioningEvent)
		m.add("Accept", provisioningType)
		if expires != "" {
			m.add("Expires", expires)
		}
		m.add("Supported", "com.microsoft.autoextend, ms-benotify, ms-piggyback-first-notify")
		m.add("Proxy-Require", "ms-benotify")
		m.fill(provisioningType, provisioningRequest)
		return m
	})
}

// renew subscribes again. What fails will show again elsewhere if it is more than a whim of the server.
func (s *subscription) renew(ctx context.Context) {
	if s.subscribe(ctx) != nil {
		s.renewAt = time.Now().Add(minSubscription * time.Second)
	}
}

func (s *subscription) renewalDue(now time.Time) bool {
	return !s.renewAt.IsZero() && !now.Before(s.renewAt)
}

// hasNews says whether there is something to tell.
func (s *subscription) hasNews() bool { return s.latest != s.told || s.problem != nil }

// news returns settings that have not been told yet, once.
func (s *subscription) news() (latest Provisioning, ok bool) {
	ok = s.latest != s.told
	s.told = s.latest
	return s.latest, ok
}

func (s *subscription) awaitDocument(ctx context.Context) error {
	until := time.Now().Add(documentWait)
	for !s.received {
		_, err := s.talk.receive(ctx, func() time.Time {
			if s.received {
				return time.Now()
			}
			return until
		}, nil)
		switch {
		case errors.Is(err, errDue) && !s.received:
			return &SilenceError{Kind: NoDocument, Method: "SUBSCRIBE", After: documentWait}
		case err != nil && !errors.Is(err, errDue):
			return err
		}
	}
	return s.take()
}

// notified takes in a notification of the server.
func (s *subscription) notified(m *message) {
	if !s.asked || !strings.EqualFold(m.get("Event"), provisioningEvent) {
		return
	}
	if m.hasBody() {
		s.document(m)
	}
	state := split(m.get("Subscription-State"), ';')
	if len(state) > 0 && strings.EqualFold(state[0], "terminated") && !s.renewAt.IsZero() {
		s.renewAt = time.Now().Add(minSubscription * time.Second)
	}
}

// document reads what the server tells. One that cannot be read changes nothing.
func (s *subscription) document(m *message) {
	latest, err := parseProvisioning(m, s.latest)
	if s.received, s.problem = true, err; err == nil {
		s.latest = latest
	}
}
