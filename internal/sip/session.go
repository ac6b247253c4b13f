package sip

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"net"
	"net/netip"
	"os"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/homeward-agent/homeward/internal/place"
	"github.com/homeward-agent/homeward/internal/secret"
)

// Account is who registers, and how it may prove that.
type Account struct {
	AOR        place.SIPAddress // address-of-record
	User       string           // login name: `CONTOSO\phone1`; "" or the AOR without "sip:": that address, its part before "@" for Digest
	Password   secret.Secret    // "": sign in only where no password is asked for
	Schemes    []string         // allowed, in order of preference: "ntlm", "digest"; names unknown here are passed over
	InClear    bool             // answer over clear TCP too, where whoever listens can try passwords against the proof
	UserAgent  string           // "homeward/1.0"; see CheckUserAgent
	Host       string           // host name of this device, for NTLM: accounts may be limited to some; or ""
	EndpointID string           // epid (MS-SIPRE section 3.2.3.1), "a1b2c3d4e5"; +sip.instance is derived from it. Or ""
	Subnet     string           // of our IPv4 address, "10.0.0.0", for ms-subnet; or ""
}

// Session is the conversation with one Registrar over one connection: Register, then Keep, then Unregister. Its methods may
// be called from any goroutine; they take turns, and Keep lets the others in. A Session is not used again after an error
// of these three, except to Unregister and Close.
type Session struct {
	conn     net.Conn
	secure   bool
	account  Account       // without the password
	password func() string // fmt cannot look into a function

	local       string // our end of the connection, "10.0.0.21:50123"
	callID, tag string // the same for the life of the connection (RFC 3261 section 10.2)
	sequence    uint32
	askers      [2]asker
	lifetime    string // seconds to ask for; "": the Registrar picks
	bound       bool   // the Registrar holds a binding of ours
	gruu        string // of the binding
	flow        flow
	provisioned subscription
	over        error // why nothing more is read from the connection; nil while it is

	turn  chan struct{} // full: someone has the connection
	calls chan call     // for Keep to do

	start    sync.Once
	reader   sync.WaitGroup
	arrivals chan arrival
	readErr  error // valid once arrivals is closed
	stop     sync.Once
	closed   chan struct{}
}

// Binding is what a Registrar grants.
type Binding struct {
	Expires time.Duration // 5 s to 24 h; 600 s when the Registrar names none
	Scheme  string        // how we signed in: "ntlm", "digest"; "": the Registrar asked for nothing
	User    string        // the login name we sent, as in StatusError; "": none
	Server  string        // the Server header, escaped, at most 256 bytes
	Date    time.Time     // the Registrar's clock; zero: not told

	// What Lync tells besides (MS-SIPREGE).
	GRUU     string // URI by which others reach this very device; "": none
	Remote   bool   // we came in from outside, through an Access Edge
	OnBackup bool   // this is not the primary Registrar of the user
	Lync     bool   // Provision and MediaRelays have someone to ask
}

// NewSession prepares to register over conn, which is connected and belongs to the Session from now on. secure says that
// it is TLS and the Registrar's name has been verified. Nothing is sent or started.
func NewSession(conn net.Conn, secure bool, account Account) *Session {
	password := account.Password.Reveal()
	account.Password = ""
	return &Session{
		conn: conn, secure: secure, account: account, password: func() string { return password },
		local: localAddress(conn), callID: token(), tag: token(),
		askers: newAskers(), turn: make(chan struct{}, 1), calls: make(chan call),
		arrivals: make(chan arrival, 16), closed: make(chan struct{}),
	}
}

// Close ends the connection and waits for the reader. The binding, if any, is left to expire.
func (s *Session) Close() error {
	s.stop.Do(func() { close(s.closed) })
	err := s.conn.Close()
	s.start.Do(func() { // never started: from now on it cannot be
		s.readErr = net.ErrClosed
		close(s.arrivals)
	})
	s.reader.Wait()
	return err
}

// Register sends REGISTER, answers what challenges it may, and returns the binding granted. ctx bounds the whole exchange;
// besides, each request must be answered within 4 s.
//
// Errors: *StatusError, *RedirectError, *AuthError, *CredentialsError, *MalformedError, ErrNoAnswer, ErrBadSignature,
// ErrBindingLost (a 200 that grants nothing), the cause of ctx, or what the connection returned (io.EOF: closed).
func (s *Session) Register(ctx context.Context) (Binding, error) {
	var b Binding
	err := s.take(ctx, func(ctx context.Context) (err error) {
		b, err = s.bind(ctx)
		return err
	})
	return b, err
}

func (s *Session) bind(ctx context.Context) (Binding, error) {
	m, err := s.exchange(ctx, func() *message { return s.register(s.lifetime) })
	if err == nil && m.code == 423 && !m.unsigned {
		// RFC 3261 section 10.2.8: too brief for this Registrar. Asked once more, with what it wants.
		asked, _ := seconds(s.lifetime, maxExpires)
		if least, _ := seconds(m.get("Min-Expires"), maxExpires); least > asked {
			s.lifetime = strconv.Itoa(least)
			m, err = s.exchange(ctx, func() *message { return s.register(s.lifetime) })
		}
	}
	switch {
	case err != nil:
		return Binding{}, err
	case m.code >= 300:
		return Binding{}, s.failure(m)
	}
	return s.granted(m)
}

// Refresh makes Keep renew the binding now: the way to find out whether the connection still leads to the Registrar, and
// whether the binding has outlived a time in which no timer ran.
func (s *Session) Refresh(ctx context.Context) error {
	return s.take(ctx, func(context.Context) error {
		s.flow.refreshAt = time.Now()
		return nil
	})
}

// Unregister takes the binding back, if there is one, and waits for the answer as long as ctx and the limits of Register
// allow. Best effort: the binding expires by itself otherwise.
func (s *Session) Unregister(ctx context.Context) error { return s.take(ctx, s.unbind) }

func (s *Session) unbind(ctx context.Context) error {
	if !s.bound {
		return nil
	}
	s.bound = false
	m, err := s.exchange(ctx, func() *message { return s.register(leaving) })
	if err != nil {
		return err
	}
	if m.code >= 300 {
		return s.refusal(m)
	}
	return nil
}

// register builds one REGISTER. RFC 3261 section 10.2; the headers Lync wants are those of MS-SIPREGE section 2.2.1, and
// others pass over them.
func (s *Session) register(expires string) *message {
	s.sequence++
	m := s.request("REGISTER", "sip:"+s.account.AOR.Domain, s.account.AOR.String(), s.callID, s.sequence)
	contact := s.contact() + `;methods="` + allowed + `";proxy=replace`
	if s.account.EndpointID != "" {
		contact += `;+sip.instance="<` + instance(s.account.EndpointID) + `>"`
	}
	m.add("Contact", contact)
	if expires != "" {
		m.add("Expires", expires)
	}
	m.add("Allow", allowed)
	m.add("Supported", supported)
	m.add("Event", "registration") // a subscription to what becomes of the binding
	m.add("ms-keep-alive", "UAC;hop-hop=yes")
	if s.account.Subnet != "" {
		m.add("ms-subnet", s.account.Subnet)
	}
	m.add("Content-Length", "0")
	return m
}

// request builds what all requests have in common.
func (s *Session) request(method, uri, to, callID string, sequence uint32) *message {
	from := "<" + s.account.AOR.String() + ">;tag=" + s.tag
	if s.account.EndpointID != "" {
		from += ";epid=" + s.account.EndpointID
	}
	m := newRequest(method, uri)
	m.add("Via", "SIP/2.0/"+strings.ToUpper(s.transport())+" "+s.local+";branch="+branchCookie+token())
	m.add("Max-Forwards", "70") // RFC 3261 section 8.1.1.6
	m.add("From", from)
	m.add("To", "<"+to+">")
	m.add("Call-ID", callID)
	m.add("CSeq", strconv.FormatUint(uint64(sequence), 10)+" "+method)
	if s.account.UserAgent != "" {
		m.add("User-Agent", s.account.UserAgent)
	}
	return m
}

func (s *Session) contact() string {
	return "<sip:" + s.account.AOR.User + "@" + s.local + ";transport=" + s.transport() + ">"
}

func (s *Session) transport() string {
	if s.secure {
		return "tls"
	}
	return "tcp"
}

// exchange sends a request as often as its challenges ask, and returns the first final answer that is not a challenge.
// Each time the request is built anew: it needs its own CSeq and branch.
func (s *Session) exchange(ctx context.Context, build func() *message) (*message, error) {
	answered := map[int]bool{}
	for range maxChallenges + 1 {
		m, err := s.roundTrip(ctx, build())
		if err != nil || m.code != 401 && m.code != 407 {
			return m, err
		}
		if err := s.challenged(m, answered[m.code]); err != nil {
			return nil, err
		}
		answered[m.code] = true
	}
	return nil, &AuthError{Kind: ChallengedTooOften, Problem: "challenged again after " + strconv.Itoa(maxChallenges) + " answers"}
}

// roundTrip sends one request and returns its final answer. What else arrives meanwhile is dealt with, in order.
func (s *Session) roundTrip(ctx context.Context, request *message) (*message, error) {
	if err := s.sign(request); err != nil {
		return nil, err
	}
	sent := time.Now()
	if err := s.write(ctx, request.encode()); err != nil {
		return nil, err
	}
	until := sent.Add(firstAnswer)
	if request.method != "REGISTER" {
		until = sent.Add(firstAnswerFromBehind)
	}
	for {
		m, err := s.receive(ctx, func() time.Time { return until }, nil)
		switch {
		case errors.Is(err, errDue), errors.Is(err, context.DeadlineExceeded):
			return nil, &SilenceError{Kind: ToRequest, Method: request.method, After: time.Since(sent).Round(time.Millisecond)}
		case err != nil:
			return nil, err
		case !m.answers(request):
			// An answer to nothing we asked; RFC 3261 section 18.1.2: dropped.
		case m.code < 200:
			// It lives; further provisional answers change nothing. They need not be signed (MS-SIPAE): for all they
			// say, we wait a little longer.
			until = sent.Add(finalAnswer)
		case m.code == 401 || m.code == 407:
			return m, nil // cannot be signed yet
		default:
			err := s.verify(m)
			if err != nil && request.method == "REGISTER" && m.code >= 400 && !m.claimsProof() {
				m.unsigned, err = true, nil // some servers do that: it is worth telling, and no more than that
			}
			return m, err
		}
	}
}

// errDue means that nothing arrived in the time given.
var errDue = errors.New("time is up")

// receive returns the next response, or errDue once the moment of due has passed. Keep-alives, requests and calls are dealt
// with on the way; they may move that moment.
func (s *Session) receive(ctx context.Context, due func() time.Time, calls <-chan call) (*message, error) {
	s.start.Do(func() { s.reader.Go(s.read) }) // ended by Close, which waits
	timer := time.NewTimer(time.Until(due()))
	defer timer.Stop()
	for ; s.over == nil; timer.Reset(time.Until(due())) {
		select {
		case <-ctx.Done():
			return nil, context.Cause(ctx)
		case <-timer.C:
			return nil, errDue
		case c := <-calls:
			c.run(ctx)
		case next, more := <-s.arrivals:
			if !more {
				return nil, unread(s.readErr)
			}
			s.flow.heard(next.blanks)
			var err error
			switch {
			case next.message == nil:
				err = s.echo(ctx)
			case next.message.method != "":
				err = s.serve(ctx, next.message)
			default:
				return next.message, nil
			}
			if err != nil {
				return nil, err
			}
		}
	}
	return nil, s.over
}

// unread says why nothing more can be read.
func unread(err error) error {
	var malformed *MalformedError
	switch {
	case errors.As(err, &malformed):
		return fmt.Errorf("read from the Registrar: %w", err)
	case errors.Is(err, io.EOF):
		return &ConnectionError{Kind: HungUp, Err: err}
	case errors.Is(err, io.ErrUnexpectedEOF):
		return &ConnectionError{Kind: HungUpWithin, Err: err}
	}
	return &ConnectionError{Kind: ReadFailed, Err: err}
}

// write sends bytes, for at most 4 s and not beyond ctx. When it fails, part of a message may be on its way, and there is no
// telling what the Registrar would make of the next.
func (s *Session) write(ctx context.Context, b []byte) error {
	if err := context.Cause(ctx); err != nil {
		return err
	}
	deadline := time.Now().Add(writeWait)
	if d, ok := ctx.Deadline(); ok && d.Before(deadline) {
		deadline = d
	}
	_ = s.conn.SetWriteDeadline(deadline)                       // on failure Write fails as well, and says why
	defer func() { _ = s.conn.SetWriteDeadline(time.Time{}) }() // its timer would wake an idle device for nothing
	switch _, err := s.conn.Write(b); {
	case errors.Is(err, os.ErrDeadlineExceeded):
		s.over = &SilenceError{Kind: TakesNothing}
		return s.over
	case err != nil:
		s.over = &ConnectionError{Kind: SendFailed, Err: err}
		return s.over
	}
	return nil
}

// localAddress returns our end of the connection as a SIP host and port. A connection without an IP address (in memory)
// gets a name that can never be reached (RFC 2606).
func localAddress(conn net.Conn) string {
	address, err := netip.ParseAddrPort(conn.LocalAddr().String())
	if err != nil {
		return "anonymous.invalid"
	}
	return netip.AddrPortFrom(address.Addr().Unmap().WithZone(""), address.Port()).String()
}

// token returns a mark that no one else uses: branch, tag, Call-ID.
func token() string { return strings.ToLower(rand.Text()) }
