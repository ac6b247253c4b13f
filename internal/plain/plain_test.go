package plain

import (
	"context"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"syscall"
	"testing"
)

func TestWords(t *testing.T) {
	at := &net.TCPAddr{IP: net.IPv4(10, 0, 0, 5), Port: 5061}
	met := func(op string, err error) error { return &net.OpError{Op: op, Net: "tcp", Addr: at, Err: err} }
	reset := met("read", os.NewSyscallError("read", syscall.ECONNRESET))
	for _, test := range []struct {
		err  error
		want string
	}{
		{nil, ""},
		{errors.New("some words"), "some words"},
		{met("dial", os.NewSyscallError("connect", syscall.ECONNREFUSED)), "connection refused"},
		{met("dial", context.DeadlineExceeded), "no answer in time"},
		{os.ErrDeadlineExceeded, "no answer in time"},
		{context.Canceled, "context canceled"},
		{io.EOF, "the other side has hung up"},
		{io.ErrUnexpectedEOF, "the other side has hung up"},
		{met("remote error", errors.New("tls: handshake failure")), "the server says handshake failure"},
		{x509.UnknownAuthorityError{}, "certificate signed by unknown authority"},
		{fmt.Errorf("ask DHCP on eth0: %w", os.NewSyscallError("socket", syscall.EPERM)), "ask DHCP on eth0: operation not permitted"},
		{fmt.Errorf("once: %w", fmt.Errorf("twice: %w, at last", reset)), "once: twice: connection reset by peer, at last"},
		{fmt.Errorf("%w, and over TCP: %w", io.EOF, reset), "the other side has hung up, and over TCP: connection reset by peer"},
		{errors.Join(io.EOF, reset), "the other side has hung up\nconnection reset by peer"},
		{hides{reset}, "says nothing of it"},
	} {
		if got := Words(test.err); got != test.want {
			t.Errorf("got  %q\nwant %q", got, test.want)
		}
	}
}

// hides wraps an error whose text is no part of its own.
type hides struct{ err error }

func (h hides) Error() string { return "says nothing of it" }
func (h hides) Unwrap() error { return h.err }
