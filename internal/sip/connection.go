package sip

import (
	"bufio"
	"context"
	"errors"
	"io"
	"net"
	"os"
	"sync"
	"time"
)

// arrival is what the reader hands over: a message, or blank lines (keep-alives) that stood between messages.
type arrival struct {
	message *message
	blanks  int
}

// connection is the stream to a Registrar. A reader of its own takes it apart into arrivals; whoever has the turn of the
// conversation writes to it.
type connection struct {
	conn net.Conn
	over error // why nothing more is read from it; nil while it is

	pauses *pauses

	start    sync.Once
	reader   sync.WaitGroup
	arrivals chan arrival
	readErr  error // valid once arrivals is closed
	stop     sync.Once
	closed   chan struct{}
}

func newConnection(conn net.Conn) *connection {
	return &connection{conn: conn, pauses: newPauses(), arrivals: make(chan arrival, 16), closed: make(chan struct{})}
}

// listen starts the reader, once; close ends it.
func (c *connection) listen() { c.start.Do(func() { c.reader.Go(c.read) }) }

// unanswered returns how long ago the other side's system has acknowledged anything, as far as the connection can tell; else 0.
func (c *connection) unanswered() time.Duration {
	inner := c.conn
	for outer, ok := inner.(interface{ NetConn() net.Conn }); ok; outer, ok = inner.(interface{ NetConn() net.Conn }) {
		inner = outer.NetConn()
	}
	if probed, ok := inner.(interface{ Unanswered() time.Duration }); ok {
		return probed.Unanswered()
	}
	return 0
}

// close ends the connection and waits for the reader.
func (c *connection) close() error {
	c.stop.Do(func() { close(c.closed) })
	err := c.conn.Close()
	c.start.Do(func() { // never started: from now on it cannot be
		c.readErr = net.ErrClosed
		close(c.arrivals)
	})
	c.reader.Wait()
	return err
}

// read takes the connection apart into arrivals until it fails or it is closed.
func (c *connection) read() {
	defer close(c.arrivals)
	in := bufio.NewReader(c.conn)
	for {
		next, err := c.readNext(in)
		if err != nil {
			c.readErr = err
			return
		}
		c.pauses.received()
		select {
		case c.arrivals <- next:
		case <-c.closed:
			c.readErr = net.ErrClosed
			return
		}
	}
}

// readNext reads one arrival. Deadlines that cannot be set are no matter: the read then fails as well, and says why.
func (c *connection) readNext(in *bufio.Reader) (arrival, error) {
	_ = c.conn.SetReadDeadline(time.Time{}) // between messages, silence is no fault
	blanks, err := skipBlanks(in)
	if err != nil || blanks > 0 {
		return arrival{blanks: blanks}, err
	}
	_ = c.conn.SetReadDeadline(time.Now().Add(messageWait))
	m, err := readMessage(in)
	return arrival{message: m}, err
}

// unread says why nothing more can be read.
func unread(err error) error {
	var malformed *MalformedError
	switch {
	case errors.As(err, &malformed):
		return err
	case errors.Is(err, io.EOF):
		return &ConnectionError{Kind: HungUp, Err: err}
	case errors.Is(err, io.ErrUnexpectedEOF):
		return &ConnectionError{Kind: HungUpWithin, Err: err}
	}
	return &ConnectionError{Kind: ReadFailed, Err: err}
}

// write sends bytes, for at most 4 s and not beyond ctx. When it fails, part of a message may be on its way, and there is no
// telling what the Registrar would make of the next.
func (c *connection) write(ctx context.Context, b []byte) error {
	if err := context.Cause(ctx); err != nil {
		return err
	}
	deadline := time.Now().Add(writeWait)
	if d, ok := ctx.Deadline(); ok && d.Before(deadline) {
		deadline = d
	}
	_ = c.conn.SetWriteDeadline(deadline)                       // on failure Write fails as well, and says why
	defer func() { _ = c.conn.SetWriteDeadline(time.Time{}) }() // its timer would wake an idle device for nothing
	switch _, err := c.conn.Write(b); {
	case errors.Is(err, os.ErrDeadlineExceeded):
		c.over = &SilenceError{Kind: TakesNothing}
		return c.over
	case err != nil:
		c.over = c.lastWord(err)
		return c.over
	}
	c.pauses.sent()
	return nil
}

// lastWord is why nothing can be sent any more: what the other side said before it hung up, such as a TLS alert, says more
// than that it has.
func (c *connection) lastWord(err error) error {
	c.listen()
	wait := time.NewTimer(lastWordWait)
	defer wait.Stop()
	for {
		select {
		case _, more := <-c.arrivals: // whatever it is, nothing follows from it any more
			if !more {
				return unread(c.readErr)
			}
		case <-wait.C:
			return &ConnectionError{Kind: SendFailed, Err: err}
		}
	}
}
