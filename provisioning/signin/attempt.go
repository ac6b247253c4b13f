package signin

import (
	"context"
	"errors"
	"fmt"
	"net"
	"sync/atomic"
	"time"

	"homeward/internal/sip"
	"homeward/internal/trust"
	"homeward/provisioning"
	"homeward/provisioning/wire"
)

// keptLong is our choice: how long a connection has to be ready to be one that the Registrar may have grown tired of.
const keptLong = 100 * time.Millisecond

// attempt signs in on what an opening has come to. Meanwhile the race goes on for those whose turn is next.
func (w *Walk) attempt(ctx context.Context, a *attempt) (*Registration, error) {
	p := w.opener.openings[a.lane]
	far := p.progress()
	a.took = far.since.Sub(far.began)
	conn, met, err := p.take()
	if err != nil && w.signer.trustsFirst(ctx, &a.c, a.addr, err) {
		conn, met, err = w.signer.gate.known(&w.signer.sessions).open(ctx, &a.c, a.addr)
	}
	if err != nil {
		return nil, err
	}
	kept := time.Since(far.since) >= keptLong
	reg, said, err := w.register(ctx, a, conn, &met)
	if err != nil && !said && isHungUp(err) && kept { // it was not kept for us: as if it had not been there
		if conn, met, err = w.signer.gate.known(&w.signer.sessions).open(ctx, &a.c, a.addr); err == nil {
			reg, _, err = w.register(ctx, a, conn, &met)
		}
	}
	if reg != nil {
		reg.Way = SlowWay(&a.c, a.addr, p.connecting, watchedOf(conn).Securing)
	}
	return reg, err
}

// register signs in on a connection. said: the Registrar has said something.
func (w *Walk) register(ctx context.Context, a *attempt, conn net.Conn, met *trust.Met) (reg *Registration, said bool, err error) {
	s := w.signer
	account, refused, unproven := s.account(&a.c, conn.LocalAddr()), (*sip.CertificateError)(nil), ""
	account.Patience = s.restraint.tries.Patience(leastPatience)
	account.Rests, account.Tries, account.Nonce = s.restraint.passwordRests(), s.restraint.refusals.left, s.nonces[attempted{a.c.Endpoint, a.addr}]
	account.Identity = s.own.identity(&a.c, conn, func(e *sip.CertificateError) { refused = e }, func(target string) { unproven = target })
	if !s.policy.Withholds(a.c.Anchor) { // else who has named it gets none either
		a.c.Anchor = met.Anchor
	}
	withheld := account.Password != "" && s.policy.Withholds(a.c.Anchor)
	if withheld {
		account.Password = ""
	}
	heard := &heardConn{Conn: conn}
	session := sip.NewSession(heard, a.c.Transport == provisioning.TLS, account)
	binding, err := w.ask(ctx, a, session, heard)
	watched, loss := watchedOf(conn), wire.NoLoss
	if err != nil {
		loss = watched.Loss()
	}
	s.owner.offered(session.CertificateService(), a.c.Anchor)
	if refused != nil && !errors.As(err, new(*sip.CertificateError)) { // which says so itself
		s.owner.Tell(Explained(&provisioning.Event{Kind: provisioning.NotCertified, Step: a.c.Step, Endpoint: a.c.Endpoint, Addr: a.addr}, &attemptError{stage: registering, err: refused}))
	}
	if err != nil {
		s.nonces.keep(attempted{a.c.Endpoint, a.addr}, nil)
		s.restraint.refusals.add(besides(session, err))
		session.Close()
		if auth := (*sip.AuthError)(nil); withheld && errors.As(err, &auth) {
			err = &withheldError{a.c.Anchor, err}
		}
		return nil, heard.said.Load(), &attemptError{stage: registering, err: turnedAway(met, err), met: *met, loss: loss, began: watched.Began, near: s.gate.near(a.addr)}
	}
	s.nonces.keep(attempted{a.c.Endpoint, a.addr}, session.Nonce())
	reg = &Registration{Candidate: a.c, Addr: a.addr, Local: conn.LocalAddr(), Ends: Endings(a.c.Host, met.Shown), Issuer: met.Issuer, Session: session, Binding: binding}
	if binding.Scheme == provisioning.ByCertificate {
		reg.Unproven = unproven
	}
	return reg, true, nil
}

// besides is how often a sign-in that failed has had the password refused, besides the refusal that it failed with: one algorithm may have been before
// another got no answer. A nonce that is not known any more is no wrong password, where it did not fail with one.
func besides(session *sip.Session, err error) int {
	switch refused := (*sip.CredentialsError)(nil); {
	case errors.As(err, &refused) && refused.Scheme == "digest":
		return session.Spent() - 1
	case doubtsPassword(err), errors.As(err, &refused):
		return session.Spent()
	}
	return session.Refused()
}

// ask waits for the answer. A Registrar that says nothing at all has less time once another is ready.
func (w *Walk) ask(ctx context.Context, a *attempt, session *sip.Session, heard *heardConn) (binding sip.Binding, err error) {
	began := time.Now()
	asking, cancel := context.WithTimeout(ctx, registerLimit+w.signer.restraint.tries.Patience(leastPatience)-leastPatience)
	defer cancel()
	asking, giveUp := context.WithCancelCause(asking)
	defer giveUp(nil)
	done := make(chan struct{})
	go func() {
		defer close(done)
		binding, err = session.Register(asking)
	}()
	w.opener.held = began
	until := began.Add(w.opener.pace.answer())
	w.opener.drive(ctx, done, func(now time.Time) (bool, time.Time) {
		switch {
		case now.Before(until):
			return false, until
		case heard.said.Load() || !w.opener.anyReady():
			return false, time.Time{}
		}
		giveUp(&sip.SilenceError{Kind: sip.ToRequest, Method: "REGISTER", After: now.Sub(began).Round(time.Millisecond)})
		return true, time.Time{}
	})
	<-done
	w.opener.held = time.Time{}
	a.took += time.Since(began)
	return binding, err
}

// heardConn remembers whether the other side has said anything.
type heardConn struct {
	net.Conn
	said atomic.Bool
}

// NetConn is the connection below, as that of tls.Conn is.
func (c *heardConn) NetConn() net.Conn { return c.Conn }

func (c *heardConn) Read(b []byte) (int, error) {
	n, err := c.Conn.Read(b)
	if n > 0 {
		c.said.Store(true)
	}
	return n, err
}

// overtakenError is the end of an attempt that was undecided for too long while a worse rank was ready.
type overtakenError struct{ after time.Duration }

func (e *overtakenError) Error() string {
	return fmt.Sprintf("no answer in %s, while another Registrar was ready", e.after.Round(time.Millisecond))
}

func (e *overtakenError) Unwrap() error { return context.DeadlineExceeded }
