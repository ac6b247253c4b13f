package certprov

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"maps"
	"net"
	"net/http"
	"os"
	"slices"
	"strconv"
	"strings"
	"time"
)

// Our choices.
const (
	answerLimit = 15 * time.Second // for a whole answer, however slowly it drips
	maxBody     = 1 << 20
	maxHead     = 64 << 10
	maxInterim  = 4 // answers of 1xx before the one that counts
	maxAsked    = time.Hour
)

// Enrolment is one way to a certificate. It is used by one goroutine, and closed at the end.
type Enrolment struct {
	// Dial connects to a host whose name it has proven by TLS. Whoever may not be asked, it refuses.
	Dial      func(ctx context.Context, host string, port uint16) (net.Conn, error)
	UserAgent string
	// Metadata, unless nil, is called with what a service says of itself, and its address.
	Metadata func(at Address, text []byte)

	open  map[string]*connection // by host and port
	date  time.Time              // as a server has said last; zero: none has
	dated time.Time              // when that was, by our clock
}

// Close ends all connections.
func (e *Enrolment) Close() {
	for _, c := range e.open {
		c.Close()
	}
	clear(e.open)
}

// connection is one to a server, over which any number of requests go one after the other: NTLM proves a user to a connection.
type connection struct {
	net.Conn
	in    *bufio.Reader
	limit *io.LimitedReader
	ended error // what the last read ended with
}

// Read remembers how the connection ended: the reader of HTTP takes the piece of a line before it for a malformed one.
func (c *connection) Read(p []byte) (int, error) {
	n, err := c.Conn.Read(p)
	c.ended = err
	return n, err
}

// answer is a whole answer of HTTP.
type answer struct {
	status int
	header http.Header
	body   []byte
	over   bool // the server ends the connection
}

// retryAfter is how long a server that is busy asks to be left alone (RFC 9110 section 10.2.3). A time is one of its own clock.
func (a answer) retryAfter() time.Duration {
	if a.status < 500 && a.status != http.StatusTooManyRequests {
		return 0
	}
	text := a.header.Get("Retry-After")
	seconds, err := strconv.ParseUint(text, 10, 32)
	asked := time.Duration(seconds) * time.Second
	if err != nil {
		until, wrong := http.ParseTime(text)
		now, none := http.ParseTime(a.header.Get("Date"))
		if wrong != nil || none != nil {
			return 0
		}
		asked = until.Sub(now)
	}
	return min(max(0, asked), maxAsked)
}

// connect returns the connection to a server.
func (e *Enrolment) connect(ctx context.Context, at Address) (*connection, error) {
	if c := e.open[at.HostPort()]; c != nil {
		return c, nil
	}
	conn, err := e.Dial(ctx, at.Host, at.Port)
	if err != nil {
		return nil, &Error{Kind: Unreachable, Err: err}
	}
	c := &connection{Conn: conn}
	c.limit = &io.LimitedReader{R: c}
	c.in = bufio.NewReader(c.limit)
	if e.open == nil {
		e.open = map[string]*connection{}
	}
	e.open[at.HostPort()] = c
	return c, nil
}

// drop ends the connection to a server.
func (e *Enrolment) drop(at Address) {
	if c := e.open[at.HostPort()]; c != nil {
		c.Close()
		delete(e.open, at.HostPort())
	}
}

// ask sends a request and returns the answer, whatever its status. Every error is an *Error.
func (e *Enrolment) ask(ctx context.Context, method string, at Address, headers map[string]string, body string) (answer, error) {
	c, err := e.connect(ctx, at)
	if err != nil {
		return answer{}, located(err, at)
	}
	got, err := e.exchange(ctx, c, method, at, headers, body)
	if err != nil || got.over {
		e.drop(at)
	}
	if err != nil {
		return answer{}, located(err, at)
	}
	return got, nil
}

func (e *Enrolment) exchange(ctx context.Context, c *connection, method string, at Address, headers map[string]string, body string) (answer, error) {
	deadline := time.Now().Add(answerLimit)
	if until, ok := ctx.Deadline(); ok && until.Before(deadline) {
		deadline = until
	}
	_ = c.SetDeadline(deadline)
	stop := context.AfterFunc(ctx, func() { _ = c.SetDeadline(time.Unix(1, 0)) })
	defer stop()
	if _, err := io.WriteString(c, e.request(method, at, headers, body)); err != nil {
		return answer{}, broken(err)
	}
	c.limit.N = maxHead + maxBody
	for range maxInterim {
		response, err := http.ReadResponse(c.in, &http.Request{Method: method})
		if err != nil {
			return answer{}, unread(err, c)
		}
		text, err := io.ReadAll(io.LimitReader(response.Body, maxBody+1))
		switch {
		case err != nil:
			return answer{}, unread(err, c)
		case len(text) > maxBody:
			return answer{}, badAnswer("more than %d bytes", maxBody)
		case response.StatusCode >= 200:
			if date, err := http.ParseTime(response.Header.Get("Date")); err == nil {
				e.date, e.dated = date, time.Now()
			}
			return answer{response.StatusCode, response.Header, text, response.Close}, nil
		}
	}
	return answer{}, badAnswer("no final answer")
}

// request writes a request (RFC 9112). No value comes from a server but the path, which ParseAddress has checked.
func (e *Enrolment) request(method string, at Address, headers map[string]string, body string) string {
	var b strings.Builder
	fmt.Fprintf(&b, "%s %s HTTP/1.1\r\nHost: %s\r\nUser-Agent: %s\r\n", method, at.path, at.authority(), e.UserAgent)
	for _, name := range slices.Sorted(maps.Keys(headers)) {
		fmt.Fprintf(&b, "%s: %s\r\n", name, headers[name])
	}
	if method == http.MethodPost {
		b.WriteString("Content-Type: text/xml; charset=utf-8\r\nContent-Length: " + strconv.Itoa(len(body)) + "\r\n")
	}
	return b.String() + "\r\n" + body
}

// unread says why an answer could not be read.
func unread(err error, c *connection) *Error {
	if c.limit.N <= 0 {
		return badAnswer("more than %d bytes", maxHead+maxBody)
	}
	if c.ended != nil {
		return broken(c.ended)
	}
	return broken(err)
}

// broken says how a connection has ended.
func broken(err error) *Error {
	var timeout net.Error
	var op *net.OpError
	switch {
	case errors.Is(err, os.ErrDeadlineExceeded), errors.As(err, &timeout) && timeout.Timeout():
		return &Error{Kind: Timeout, Err: os.ErrDeadlineExceeded}
	case errors.Is(err, io.EOF), errors.Is(err, io.ErrUnexpectedEOF), errors.Is(err, io.ErrClosedPipe), errors.As(err, &op):
		return &Error{Kind: Cut, Err: err}
	default:
		return &Error{Kind: BadAnswer, Problem: "no HTTP: " + printable(err.Error())}
	}
}

// located adds to an error of this package which service it is about.
func located(err error, at Address) error {
	var e *Error
	if errors.As(err, &e) && e.At == "" {
		e.At = at.shown()
	}
	return err
}
