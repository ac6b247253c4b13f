package sip

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"
)

// The groups of settings we ask for. MS-SIPREGE section 2.2.2.5.
const provisioningRequest = `<provisioningGroupList xmlns="http://schemas.microsoft.com/2006/09/sip/provisioninggrouplist">` +
	`<provisioningGroup name="ServerConfiguration"/></provisioningGroupList>`

// subscription is how we stay told of provisioning.
type subscription struct {
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

// Provision asks a Lync server (Binding.Lync) for its settings, and to be told when they change: Keep renews the
// subscription and tells Watch.Provisioned. ctx bounds it; besides, the answer must come within 10 s, and the document
// within another 5 s. The binding stands, whatever comes of it. Register must have succeeded; it may be called from
// another goroutine while Keep runs.
//
// Errors: *StatusError, *MalformedError (an unreadable document), *AuthError, ErrNoAnswer, ErrBadSignature, ErrBindingLost
// (ended meanwhile), the cause of ctx, or what the connection returned.
func (s *Session) Provision(ctx context.Context) (Provisioning, error) {
	var p Provisioning
	err := s.take(ctx, func(ctx context.Context) error {
		err := s.subscribe(ctx)
		if err == nil {
			err = s.awaitDocument(ctx)
		}
		if err == nil {
			p, s.provisioned.told = s.provisioned.latest, s.provisioned.latest
		}
		return err
	})
	return p, err
}

// subscribe sends SUBSCRIBE. It is always a new subscription: an old one is left to end by itself, so that there is no
// dialog to keep. MS-SIPREGE section 4.2.
func (s *Session) subscribe(ctx context.Context) error {
	s.provisioned.asked, s.provisioned.received, s.provisioned.problem = true, false, nil
	m, err := s.askProvisioning(ctx, "")
	var refused *StatusError
	if errors.As(err, &refused) && refused.Code/100 == 4 && refused.Code != 401 && refused.Code != 407 {
		m, err = s.askProvisioning(ctx, "0") // no subscription here: the settings as they are, once (RFC 6665 section 4.4.3)
	}
	if err != nil {
		return err
	}
	lives, ok := seconds(m.get("Expires"), maxSubscription)
	if !ok || lives == 0 { // a server that tells no changes is asked again
		lives = defaultSubscription
	}
	s.provisioned.renewAt = moment(time.Duration(max(lives, minSubscription)) * time.Second)
	if m.hasBody() { // the first notification, on the back of the answer
		s.document(m)
	}
	return nil
}

// askProvisioning sends one SUBSCRIBE, with the lifetime in seconds that is asked for; "": what the server likes.
func (s *Session) askProvisioning(ctx context.Context, expires string) (*message, error) {
	callID, sequence := token(), uint32(0)
	return s.ask(ctx, func() *message {
		sequence++
		m := s.request("SUBSCRIBE", s.account.AOR.String(), s.account.AOR.String(), callID, sequence)
		m.add("Contact", s.reachable())
		m.add("Event", provisioningEvent)
		m.add("Accept", "application/vnd-microsoft-roaming-provisioning-v2+xml")
		if expires != "" {
			m.add("Expires", expires)
		}
		m.add("Supported", "com.microsoft.autoextend, ms-benotify, ms-piggyback-first-notify")
		m.add("Proxy-Require", "ms-benotify")
		m.fill("application/vnd-microsoft-roaming-provisioning-v2+xml", provisioningRequest)
		return m
	})
}

// renew subscribes again. What fails will show again elsewhere if it is more than a whim of the server.
func (s *Session) renew(ctx context.Context) {
	if s.subscribe(ctx) != nil {
		s.provisioned.renewAt = time.Now().Add(minSubscription * time.Second)
	}
}

func (s *Session) awaitDocument(ctx context.Context) error {
	until := time.Now().Add(documentWait)
	for !s.provisioned.received {
		_, err := s.receive(ctx, func() time.Time {
			if s.provisioned.received {
				return time.Now()
			}
			return until
		}, nil)
		switch {
		case errors.Is(err, errDue) && !s.provisioned.received:
			return &SilenceError{Kind: NoDocument, Method: "SUBSCRIBE", After: documentWait}
		case err != nil && !errors.Is(err, errDue):
			return err
		}
	}
	return s.provisioned.take()
}

// notified takes in a notification of the server.
func (s *Session) notified(m *message) {
	if !s.provisioned.asked || !strings.EqualFold(m.get("Event"), provisioningEvent) {
		return
	}
	if m.hasBody() {
		s.document(m)
	}
	state := split(m.get("Subscription-State"), ';')
	if len(state) > 0 && strings.EqualFold(state[0], "terminated") && !s.provisioned.renewAt.IsZero() {
		s.provisioned.renewAt = time.Now().Add(minSubscription * time.Second)
	}
}

// document reads what the server tells. One that cannot be read changes nothing.
func (s *Session) document(m *message) {
	latest, err := parseProvisioning(m, s.provisioned.latest)
	if s.provisioned.received, s.provisioned.problem = true, err; err == nil {
		s.provisioned.latest = latest
	}
}

// ask sends a request other than REGISTER, and returns the answer if it is a good one.
func (s *Session) ask(ctx context.Context, build func() *message) (*message, error) {
	m, err := s.exchange(ctx, build)
	var refused *CredentialsError
	switch {
	case errors.As(err, &refused):
		return nil, refused.Status // not for the password, which REGISTER has proven
	case err != nil:
		return nil, err
	case m.code >= 300:
		return nil, s.refusal(m)
	}
	return m, nil
}

// reachable is our Contact for others.
func (s *Session) reachable() string {
	if s.gruu != "" {
		return "<" + s.gruu + ">"
	}
	return s.contact()
}

// fill adds a body.
func (m *message) fill(kind, body string) {
	m.add("Content-Type", kind)
	m.add("Content-Length", fmt.Sprint(len(body)))
	m.body = []byte(body)
}
