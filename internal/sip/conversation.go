package sip

import (
	"context"
	"errors"
	"strconv"
	"time"
)

// conversation is what goes to and fro on one connection, one thing at a time: requests of ours with their answers, and what
// else arrives meanwhile.
type conversation struct {
	conn  *connection
	auth  *authentication
	flow  flow
	serve func(context.Context, *message) error // deals with a request of the Registrar

	patience time.Duration // until the first answer to a REGISTER; whoever has the connection uses it
	answered *message      // the latest answer on the connection; nil: there was none
	asked    string        // the method of what it answers

	turn  chan struct{} // full: someone has the connection
	calls chan call     // for Keep to do
}

func newConversation(conn *connection, auth *authentication) *conversation {
	return &conversation{conn: conn, auth: auth, patience: firstAnswer, turn: make(chan struct{}, 1), calls: make(chan call)}
}

// call is something to do with the connection while Keep has it.
type call struct {
	ctx  context.Context
	do   func(context.Context) error
	done chan error
}

// take does something with the connection as soon as nobody else does: there is one conversation at a time. While Keep has
// the connection, Keep's goroutine does it, between two arrivals.
func (t *conversation) take(ctx context.Context, do func(context.Context) error) error {
	c := call{ctx: ctx, do: do, done: make(chan error, 1)}
	select {
	case t.turn <- struct{}{}:
		defer func() { <-t.turn }()
		return do(ctx)
	case t.calls <- c:
		return <-c.done
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}

// hold takes the connection until it is released, and lets others have it in between: see receive.
func (t *conversation) hold(ctx context.Context) (release func(), err error) {
	select {
	case t.turn <- struct{}{}:
		return func() { <-t.turn }, nil
	case <-ctx.Done():
		return nil, context.Cause(ctx)
	}
}

// run does it, for as long as its caller and Keep want it done.
func (c call) run(keeping context.Context) {
	ctx, cancel := context.WithCancelCause(c.ctx)
	defer cancel(nil)
	defer context.AfterFunc(keeping, func() { cancel(context.Cause(keeping)) })()
	c.done <- c.do(ctx)
}

// exchange sends a request as often as its challenges ask, and returns the first final answer that is not a challenge.
// Each time the request is built anew: it needs its own CSeq and branch.
func (t *conversation) exchange(ctx context.Context, build func() *message) (*message, error) {
	defer t.auth.hangUp()
	if t.auth.account.Tries() < mostProofs { // one that is refused for its nonce would leave none for the answer
		t.auth.askers.wait()
	}
	answered := map[int]bool{}
	stale := 0 // answers that came too late for their nonce, though they went out at once
	for rounds := 0; rounds <= maxChallenges; rounds++ {
		sent := time.Now()
		m, err := t.roundTrip(ctx, build())
		took := time.Since(sent).Round(time.Millisecond)
		if err == nil && (t.auth.foreign(m) || t.auth.askers[0].rash(m)) {
			clear(answered)
			continue
		}
		if err != nil || m.code != 401 && m.code != 407 {
			return m, err
		}
		if answered[m.code] && saysStale(m) {
			stale++
		}
		next, err := t.auth.challenged(m, answered[m.code])
		if refused := (*CredentialsError)(nil); errors.As(err, &refused) {
			refused.Took = took
		}
		if err != nil {
			return nil, err
		}
		if rounds == maxChallenges && stale == maxChallenges {
			return nil, &AuthError{Kind: NonceOutdated, Took: took, Problem: "each of " + strconv.Itoa(stale) + " answers was refused as stale"}
		}
		if answered[m.code] = next != startsOver; next == handshakes { // package dsk bounds that
			rounds--
		}
	}
	return nil, &AuthError{Kind: ChallengedTooOften, Problem: "challenged again after " + strconv.Itoa(maxChallenges) + " answers"}
}

// roundTrip sends one request and returns its final answer. Where none comes, the error says what was answered before.
func (t *conversation) roundTrip(ctx context.Context, request *message) (*message, error) {
	earlier := t.answered
	m, err := t.await(ctx, request)
	if err != nil && t.answered != nil {
		before := &Answered{
			Method: t.asked, With: strconv.Itoa(t.answered.code) + " " + printable(t.answered.phrase), Same: t.answered != earlier, Proof: t.auth.sentUser() != "",
		}
		var broken *ConnectionError
		var silence *SilenceError
		switch {
		case errors.As(err, &broken):
			broken.Answered = before
		case errors.As(err, &silence):
			silence.Answered = before
		}
	}
	return m, err
}

// await sends one request and returns its final answer. What else arrives meanwhile is dealt with, in order.
func (t *conversation) await(ctx context.Context, request *message) (*message, error) {
	sent := time.Now()
	if err := t.send(ctx, request); err != nil {
		return nil, err
	}
	until := sent.Add(t.patience)
	if request.method != "REGISTER" {
		until = sent.Add(firstAnswerFromBehind)
	}
	strange, differs := "", ""
	for {
		m, err := t.receive(ctx, func() time.Time { return until }, nil)
		if err == nil && m.differs(request) != "" {
			// An answer to nothing we asked; RFC 3261 section 18.1.2: dropped.
			strange, differs = printable(m.start), m.differs(request)
			continue
		}
		if err == nil {
			t.answered, t.asked = m, request.method
		}
		switch {
		case errors.Is(err, errDue), errors.Is(err, context.DeadlineExceeded):
			return nil, &SilenceError{Kind: ToRequest, Method: request.method, After: time.Since(sent).Round(time.Millisecond), Strange: strange, Differs: differs}
		case err != nil:
			return nil, err
		case m.code < 200:
			// It lives; further provisional answers change nothing. They need not be signed (MS-SIPAE): for all they
			// say, we wait a little longer.
			until = sent.Add(finalAnswer)
		case m.code == 401 || m.code == 407:
			return m, nil // cannot be signed yet
		default:
			err := t.auth.verify(m)
			if err != nil && request.method == "REGISTER" && m.code >= 400 && !m.claimsProof() {
				m.unsigned, err = true, nil // some servers do that: it is worth telling, and no more than that
			}
			return m, err
		}
	}
}

// send signs a message of ours, and sends it.
func (t *conversation) send(ctx context.Context, m *message) error {
	if err := t.auth.sign(m); err != nil {
		return err
	}
	return t.conn.write(ctx, m.encode())
}

// end means that nothing more is read, and why.
func (t *conversation) end(err error) error {
	t.conn.over = err
	return err
}

// errDue means that nothing arrived in the time given.
var errDue = errors.New("time is up")

// receive returns the next response, or errDue once the moment of due has passed. Keep-alives, requests and calls are dealt
// with on the way; they may move that moment.
func (t *conversation) receive(ctx context.Context, due func() time.Time, calls <-chan call) (*message, error) {
	t.conn.listen()
	for t.conn.over == nil {
		select {
		case <-ctx.Done():
			return nil, context.Cause(ctx)
		case <-time.After(time.Until(due())): // a new timer: one that is reset wakes an idle process at its old moment, too
			return nil, errDue
		case c := <-calls:
			c.run(ctx)
		case next, more := <-t.conn.arrivals:
			if !more {
				return nil, unread(t.conn.readErr)
			}
			t.flow.heard(next.blanks)
			var err error
			switch {
			case next.message == nil:
				err = t.echo(ctx)
			case next.message.method != "":
				err = t.serve(ctx, next.message)
			default:
				return next.message, nil
			}
			if err != nil {
				return nil, err
			}
		}
	}
	return nil, t.conn.over
}

// ask sends a request other than REGISTER, and returns the answer if it is a good one.
func (t *conversation) ask(ctx context.Context, build func() *message) (*message, error) {
	m, err := t.exchange(ctx, build)
	var refused *CredentialsError
	switch {
	case errors.As(err, &refused):
		return nil, refused.Status // not for the password, which REGISTER has proven
	case err != nil:
		return nil, err
	case m.code >= 300:
		return nil, t.auth.refusal(m)
	}
	return m, nil
}

// echo answers a ping (two line ends) of the peer, but no flood of them.
func (t *conversation) echo(ctx context.Context) error {
	if t.flow.blanks < 2 {
		return nil
	}
	t.flow.blanks = 0
	if now := time.Now(); now.Sub(t.flow.echoed) >= minPongInterval {
		t.flow.echoed = now
		return t.conn.write(ctx, []byte(pong))
	}
	return nil
}
