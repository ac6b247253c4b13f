// Package plain puts errors into the words that a field tech reads: what came of it, without the names of calls, packages and
// layers that the standard library puts before it.
//
//	plain.Words(err) // "listen for DHCP on eth0: operation not permitted", of "listen for DHCP on eth0: socket: operation …"
package plain

import (
	"context"
	"errors"
	"io"
	"net"
	"os"
	"strings"
)

// Words returns an error in words. Of what is not of the standard library they are those of its Error method.
func Words(err error) string {
	switch e := err.(type) { //nolint:errorlint // each layer is looked at by itself
	case nil:
		return ""
	case *net.OpError:
		if e.Op == "remote error" { // an alert of TLS
			return "the server says " + Words(e.Err)
		}
		return Words(e.Err)
	case *os.SyscallError:
		return Words(e.Err)
	case interface{ Unwrap() []error }: // fmt.Errorf("%w: %w"), say: its words are theirs, and what stands between them
		return between(err.Error(), e.Unwrap())
	}
	switch {
	case is(err, context.DeadlineExceeded), is(err, os.ErrDeadlineExceeded), is(err, io.ErrNoProgress):
		return "no answer in time"
	case is(err, io.EOF), is(err, io.ErrUnexpectedEOF):
		return "the other side has hung up"
	}
	text := err.Error()
	if inner := errors.Unwrap(err); inner != nil {
		return between(text, []error{inner})
	}
	for _, layer := range []string{"x509: ", "tls: "} {
		text = strings.TrimPrefix(text, layer)
	}
	return text
}

// between replaces in a text the texts of the errors that it is made of by their words.
func between(text string, parts []error) string {
	var b strings.Builder
	for _, part := range parts {
		before, after, found := strings.Cut(text, part.Error())
		if !found {
			continue
		}
		b.WriteString(before + Words(part))
		text = after
	}
	return b.String() + text
}

// is compares the error itself, not what it wraps: that may stand behind words that count.
func is(err, target error) bool { return err == target } //nolint:errorlint // see above
