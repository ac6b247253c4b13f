package control

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net"
	"net/http"
	"os"
	"strings"
	"syscall"
	"time"

	"homeward/provisioning"
)

// Our choices.
const (
	answerLimit = 10 * time.Second // a live daemon answers at once; a busy one has maxClients idle ones to outlive
	answerSize  = 1 << 20
	busyPause   = 100 * time.Millisecond
)

var (
	// ErrNotRunning says that no daemon listens on the socket.
	ErrNotRunning = errors.New("the daemon is not running")
	// ErrGone says that the daemon has ended while it was followed.
	ErrGone = errors.New("the daemon has stopped")
	// ErrNoRecord says that the daemon has no last good record.
	ErrNoRecord = errors.New("there is no last good record")

	errBusy = errors.New("the daemon is too busy to answer")
)

// Refusal is the daemon's word, or the kernel's, that this caller may not have what it asks for.
type Refusal struct {
	Text string // what is refused, and why
	Hint string // what to do about it, or ""
	Err  error  // fs.ErrPermission, os.ErrDeadlineExceeded
}

func (r *Refusal) Error() string { return r.Text }

func (r *Refusal) Unwrap() error { return r.Err }

// Client asks a daemon. Each method is one connection; nothing is kept in between.
type Client struct {
	socket string
}

// NewClient returns a client of the daemon that listens on socket. Nothing is opened yet.
func NewClient(socket string) *Client { return &Client{socket} }

// Status returns where the daemon stands.
func (c *Client) Status(ctx context.Context) (*provisioning.Status, error) {
	status := &provisioning.Status{}
	err := c.read(ctx, "GET", "/v1/status", status)
	return status, err
}

// Record returns the last good record in JSON; ErrNoRecord when there is none.
func (c *Client) Record(ctx context.Context) ([]byte, error) { return c.ask(ctx, "GET", "/v1/cache") }

// Log returns the last lines of the daemon's log, oldest first.
func (c *Client) Log(ctx context.Context) ([]byte, error) { return c.ask(ctx, "GET", "/v1/log") }

// Forget drops the last good record.
func (c *Client) Forget(ctx context.Context) error {
	_, err := c.ask(ctx, "POST", "/v1/forget")
	return err
}

// Enrol has the daemon ask for a certificate for sign-in. An event tells what comes of it.
func (c *Client) Enrol(ctx context.Context) error {
	_, err := c.ask(ctx, "POST", "/v1/enrol")
	return err
}

// Report tells the daemon that the phone's own registration has failed, and returns what comes of it.
func (c *Client) Report(ctx context.Context) (report provisioning.Report, err error) {
	err = c.read(ctx, "POST", "/v1/report", &report)
	return report, err
}

// History calls each for every entry that is wanted, oldest first. One that is followed ends with ctx (no error), with
// the daemon (ErrGone) or when each returns an error.
func (c *Client) History(ctx context.Context, wanted Excerpt, each func(Entry) error) error {
	response, done, err := c.open(ctx, "GET", "/v1/history?"+wanted.query().Encode(), wanted.Follow)
	if wanted.Follow && hungUp(err) { // it took the call, and ended
		return ErrGone
	}
	if err != nil {
		return err
	}
	defer done()
	lines := json.NewDecoder(response.Body)
	for {
		var e Entry
		switch err := lines.Decode(&e); {
		case ctx.Err() != nil:
			return nil
		case wanted.Follow && err != nil && !malformed(err):
			return ErrGone
		case errors.Is(err, io.EOF), errors.Is(err, io.ErrUnexpectedEOF):
			return nil
		case err != nil:
			return fmt.Errorf("read the history: %w", err)
		}
		if err := each(e); err != nil {
			return err
		}
	}
}

// hungUp says whether the other end of a connection has ended it without an answer.
func hungUp(err error) bool {
	return errors.Is(err, io.ErrUnexpectedEOF) || errors.Is(err, io.EOF) || errors.Is(err, syscall.ECONNRESET)
}

// malformed says whether what was read is not an entry, in contrast to nothing being left to read.
func malformed(err error) bool {
	var syntax *json.SyntaxError
	var kind *json.UnmarshalTypeError
	return errors.As(err, &syntax) || errors.As(err, &kind)
}

// read asks, and reads the answer.
func (c *Client) read(ctx context.Context, method, path string, answer any) error {
	body, err := c.ask(ctx, method, path)
	if err != nil {
		return err
	}
	if err := json.Unmarshal(body, answer); err != nil {
		return fmt.Errorf("read the answer: %w", err)
	}
	return nil
}

func (c *Client) ask(ctx context.Context, method, path string) ([]byte, error) {
	response, done, err := c.open(ctx, method, path, false)
	if err != nil {
		return nil, err
	}
	defer done()
	body, err := io.ReadAll(io.LimitReader(response.Body, answerSize))
	if err != nil {
		return nil, c.unasked(ctx, err)
	}
	return bytes.TrimSpace(body), nil
}

// unasked is why a question got no answer.
func (c *Client) unasked(ctx context.Context, err error) error {
	if errors.Is(ctx.Err(), context.DeadlineExceeded) { // its end has closed the connection
		err = os.ErrDeadlineExceeded
	}
	if errors.Is(err, os.ErrDeadlineExceeded) {
		return &Refusal{"the daemon does not answer on " + c.socket, "it hangs, or another program listens there: restart it", err}
	}
	return fmt.Errorf("ask the daemon: %w", err)
}

// open sends one request, again and again for a while if the daemon has no place for one more. done closes the connection;
// it ends with ctx too.
func (c *Client) open(ctx context.Context, method, path string, follow bool) (response *http.Response, done func(), err error) {
	if err := checkPath(c.socket); err != nil {
		return nil, nil, err
	}
	for end := time.Now().Add(answerLimit); ; {
		response, done, err = c.openOnce(ctx, method, path, follow)
		if !errors.Is(err, errBusy) || ctx.Err() != nil || time.Now().After(end) {
			return response, done, err
		}
		select {
		case <-time.After(busyPause):
		case <-ctx.Done():
		}
	}
}

func (c *Client) openOnce(ctx context.Context, method, path string, follow bool) (response *http.Response, done func(), err error) {
	conn, err := c.dial(ctx)
	if err != nil {
		return nil, nil, err
	}
	stop := context.AfterFunc(ctx, func() { conn.Close() })
	hangUp := func() { stop(); conn.Close() }
	defer func() {
		if err != nil {
			hangUp()
		}
	}()
	if !follow {
		if err := conn.SetDeadline(time.Now().Add(answerLimit)); err != nil {
			return nil, nil, c.unasked(ctx, err)
		}
	}
	request, err := http.NewRequestWithContext(ctx, method, "http://homeward"+path, nil)
	if err != nil {
		return nil, nil, c.unasked(ctx, err)
	}
	if err := request.Write(conn); err != nil && !errors.Is(err, syscall.EPIPE) { // whoever hangs up has said why
		return nil, nil, c.unasked(ctx, err)
	}
	response, err = http.ReadResponse(bufio.NewReader(conn), request)
	if err != nil {
		return nil, nil, c.unasked(ctx, err)
	}
	return response, hangUp, refusal(response)
}

func (c *Client) dial(ctx context.Context) (net.Conn, error) {
	// A link could lead root to a socket of somebody else's.
	if at, err := os.Lstat(c.socket); err == nil && at.Mode().Type() != fs.ModeSocket {
		return nil, fmt.Errorf("%s is not a socket", c.socket)
	}
	var dialer net.Dialer
	conn, err := dialer.DialContext(ctx, "unix", c.socket)
	switch {
	case err == nil:
		return conn, nil
	case errors.Is(err, fs.ErrPermission):
		return nil, &Refusal{"the control socket " + c.socket + " is not accessible to this user", "run the command as root, or join the group of the socket", fs.ErrPermission}
	case errors.Is(err, syscall.EAGAIN):
		return nil, fmt.Errorf("%w: %w", errBusy, err)
	case ctx.Err() != nil: // nobody knows: it was not asked
		return nil, fmt.Errorf("ask the daemon: %w", context.Cause(ctx))
	default:
		return nil, fmt.Errorf("%w (nothing listens on %s)", ErrNotRunning, c.socket)
	}
}

// refusal turns an answer that is none into an error.
func refusal(response *http.Response) error {
	if response.StatusCode == http.StatusOK {
		return nil
	}
	var p problem
	_ = json.NewDecoder(io.LimitReader(response.Body, answerSize)).Decode(&p) // the status says enough
	switch {
	case response.StatusCode == http.StatusNotFound && p.Paths == nil && strings.HasPrefix(response.Request.URL.Path, "/v1/cache"):
		return ErrNoRecord
	case response.StatusCode == http.StatusServiceUnavailable && response.Header.Get("Retry-After") != "":
		return fmt.Errorf("%w: %s", errBusy, p.Error)
	case response.StatusCode == http.StatusForbidden:
		return &Refusal{p.Error, p.Hint, fs.ErrPermission}
	default:
		return fmt.Errorf("the daemon answered %s: %s", response.Status, p.Error)
	}
}
