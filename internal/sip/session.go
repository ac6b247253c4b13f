package sip

import (
	"context"
	"net"
	"strconv"
	"time"
)

// Session is the conversation with one Registrar over one connection: Register, then Keep, then Unregister. Its methods may
// be called from any goroutine; they take turns, and Keep lets the others in. A Session is not used again after an error
// of these three, except to Unregister and Close.
type Session struct {
	talk     *conversation
	our      *composer
	binding  *registration
	settings *subscription
}

// NewSession prepares to register over conn, which is connected and belongs to the Session from now on. secure says that
// it is TLS and the Registrar's name has been verified. Nothing is sent or started.
func NewSession(conn net.Conn, secure bool, account Account) *Session {
	talk, our := newConversation(newConnection(conn), newAuthentication(account, secure)), newComposer(account, conn, secure)
	talk.patience = max(firstAnswer, account.Patience)
	s := &Session{
		talk: talk, our: our,
		binding:  &registration{talk: talk, our: our, callID: token(), briefly: account.Unbound},
		settings: &subscription{talk: talk, our: our},
	}
	if account.Unbound {
		s.binding.lifetime = strconv.Itoa(briefExpires)
	}
	talk.serve = (&responder{talk: talk, our: our, binding: s.binding, settings: s.settings}).serve
	return s
}

// Close ends the connection and waits for the reader. The binding, if any, is left to expire.
func (s *Session) Close() error { return s.talk.conn.close() }

// Register sends REGISTER, answers what challenges it may, and returns the binding granted. ctx bounds the whole exchange;
// besides, each request must be answered within the Patience of the account, 4 s at least.
//
// Errors: *StatusError, *RedirectError, *AuthError, *CredentialsError, *CertificateError, *MalformedError, ErrNoAnswer
// (*SilenceError), ErrBadSignature (*SignatureError), ErrBindingLost (*LostError: a 200 that grants nothing), *ConnectionError,
// or the cause of ctx.
func (s *Session) Register(ctx context.Context) (granted Binding, err error) {
	err = s.talk.take(ctx, func(ctx context.Context) (err error) {
		defer func() { s.talk.patience = firstAnswer }() // a Registrar that has accepted the device answers at once
		granted, err = s.binding.bind(ctx)
		return err
	})
	return granted, err
}

// Nonce returns that with which Register has signed by Digest, for the next Session with the same Registrar: it need not ask then. Nil:
// there is none.
func (s *Session) Nonce() *Nonce { return s.talk.auth.askers[0].nonce() }

// Spent is how many proofs of the password the Registrar and a proxy have refused, as who counts wrong passwords may count them: one for each
// algorithm of Digest, and one for credentials that were sent before it had asked, unless it said that it was the nonce.
func (s *Session) Spent() int { return s.talk.auth.askers.proofs() }

// Refused is how many of those had been asked for: they were refused, whatever has become of the sign-in since.
func (s *Session) Refused() int { return s.talk.auth.askers.refused() }

// Refresh makes Keep renew the binding now: the way to find out whether the connection still leads to the Registrar, and
// whether the binding has outlived a time in which no timer ran.
func (s *Session) Refresh(ctx context.Context) error {
	return s.talk.take(ctx, func(context.Context) error {
		s.talk.flow.refreshAt = time.Now()
		return nil
	})
}

// Unregister takes the binding back, if there is one, and waits for the answer as long as ctx and the limits of Register
// allow. Best effort: the binding expires by itself otherwise.
func (s *Session) Unregister(ctx context.Context) error { return s.talk.take(ctx, s.binding.unbind) }

// GiveBack takes the binding back, and has Keep go on without one: it watches over the connection until then, when it asks for a
// binding again and tells Watch.Refreshed. What was subscribed to ends with the binding. It is for an account that is Unbound, and may
// be called while Keep runs. Whatever the error, no binding is renewed before then.
func (s *Session) GiveBack(ctx context.Context, then time.Time) error {
	return s.talk.take(ctx, func(ctx context.Context) error {
		s.settings.renewAt, s.settings.asked = time.Time{}, false
		err := s.binding.unbind(ctx)
		if ctx.Err() != nil {
			s.binding.bound = true // nobody knows; Unregister tries again
		}
		s.talk.flow.refreshAt, s.talk.flow.endsAt = then, then
		return err
	})
}

// Greet asks for the bindings of the account, without credentials and without a Contact, so that nothing is bound
// whatever the answer (RFC 3261 section 10.2.3). It is for people who want to know what lives at the other end, and
// instead of Register.
//
// Errors: *StatusError (refused, and not for want of credentials; the Greeting is there nevertheless),
// *MalformedError, ErrNoAnswer, *ConnectionError, or the cause of ctx.
func (s *Session) Greet(ctx context.Context) (said Greeting, err error) {
	err = s.talk.take(ctx, func(ctx context.Context) (err error) {
		said, err = s.binding.greet(ctx)
		return err
	})
	return said, err
}

// AnswersOptions says whether whoever does not answer a REGISTER answers OPTIONS (RFC 3261 section 11), within ctx.
func (s *Session) AnswersOptions(ctx context.Context) bool {
	err := s.talk.take(ctx, func(ctx context.Context) error {
		m := s.our.request("OPTIONS", "sip:"+s.our.account.AOR.Domain, s.our.account.AOR.String(), token(), 1)
		m.add("Accept", "application/sdp")
		m.add("Content-Length", "0")
		_, err := s.talk.roundTrip(ctx, m)
		return err
	})
	return err == nil
}

// Provision asks a Lync server (Binding.Lync) for its settings, and to be told when they change: Keep renews the
// subscription and tells Watch.Provisioned. ctx bounds it; besides, the answer must come within 10 s, and the document
// within another 5 s. The binding stands, whatever comes of it. Register must have succeeded; it may be called from
// another goroutine while Keep runs.
//
// Errors: *StatusError, *MalformedError (an unreadable document), *AuthError, ErrNoAnswer, ErrBadSignature, ErrBindingLost
// (ended meanwhile), *ConnectionError, or the cause of ctx.
func (s *Session) Provision(ctx context.Context) (named Provisioning, err error) {
	err = s.talk.take(ctx, func(ctx context.Context) (err error) {
		named, err = s.settings.provision(ctx)
		return err
	})
	return named, err
}

// MediaRelays asks the MRAS of a Lync site (Provisioning.MRASURI) for the Media Relays of this user; remote says that we
// came in from outside (Binding.Remote). ctx bounds it; besides, the answer must come within 10 s. The binding stands,
// whatever comes of it. Register must have succeeded; it may be called from another goroutine while Keep runs.
//
// Errors: *RelayError, *MalformedError (an unreadable document), *AuthError, ErrNoAnswer, ErrBadSignature, ErrBindingLost
// (ended meanwhile), *ConnectionError, or the cause of ctx.
func (s *Session) MediaRelays(ctx context.Context, mrasURI string, remote bool) (named Relays, err error) {
	err = s.talk.take(ctx, func(ctx context.Context) (err error) {
		named, err = askRelays(ctx, s.talk, s.our, mrasURI, remote)
		return err
	})
	return named, err
}

// Pauses returns how long the connection has been without traffic, or had been when something was sent that nothing has answered;
// and the longest such time that it has survived.
func (s *Session) Pauses() (idle, survived time.Duration) { return s.talk.conn.pauses.last() }

// CertificateService is the URL of the service where a certificate for sign-in can be got, as the Registrar names it over TLS, and
// as it stands there; "": it names none.
func (s *Session) CertificateService() string { return s.talk.auth.service }
