package signin

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

	"homeward/internal/plain"
	"homeward/internal/sip"
	"homeward/internal/srv"
	"homeward/internal/trust"
)

func TestWordsOfAttempts(t *testing.T) {
	at := &net.TCPAddr{IP: net.IPv4(10, 0, 0, 5), Port: 5061}
	met := func(op string, err error) error { return &net.OpError{Op: op, Net: "tcp", Addr: at, Err: err} }
	lookUp := func(kind srv.Kind, err error) error {
		return &srv.Error{Name: "pool01", Type: "A", Kind: kind, Server: "10.0.0.53:53", Err: err}
	}
	for _, test := range []struct {
		err  error
		want string
	}{
		{&attemptError{stage: connecting, err: met("dial", os.NewSyscallError("connect", syscall.ECONNREFUSED))}, "connect: connection refused"},
		{&attemptError{stage: connecting, err: met("dial", context.DeadlineExceeded)}, "connect: no answer in time"},
		{&attemptError{stage: connecting, err: met("dial", os.ErrDeadlineExceeded)}, "connect: no answer in time"},
		{&attemptError{stage: handshaking, err: context.DeadlineExceeded}, "TLS: no answer in time"},
		{&attemptError{stage: handshaking, err: met("remote error", errors.New("tls: protocol version not supported"))}, "TLS: the server says protocol version not supported"},
		{&attemptError{stage: handshaking, err: &trust.CertificateError{Host: "fe01.contoso.com", Err: x509.UnknownAuthorityError{}}}, "TLS: certificate of fe01.contoso.com: certificate signed by unknown authority"},
		{&attemptError{stage: registering, err: &sip.MalformedError{Problem: `not SIP but "HTTP/1.1 400 Bad Request"`}}, `REGISTER: not SIP but "HTTP/1.1 400 Bad Request"`},
		{&attemptError{stage: registering, err: &sip.CredentialsError{Realm: "contoso.com", Status: &sip.StatusError{Code: 401, Phrase: "Unauthorized"}}}, `REGISTER: credentials refused by "contoso.com", which answered 401 Unauthorized`},
		{&attemptError{stage: registering, err: &sip.AuthError{Offered: []string{"TLS-DSK"}, Problem: "TLS-DSK is not supported"}}, "REGISTER: offered TLS-DSK, but TLS-DSK is not supported"},
		{fmt.Errorf("%w: %w", sip.ErrBindingLost, &sip.ConnectionError{Kind: sip.ReadFailed, Err: met("read", os.NewSyscallError("read", syscall.ECONNRESET))}), "binding lost: connection reset by peer"},
		{fmt.Errorf("%w: %w", sip.ErrBindingLost, &sip.ConnectionError{Kind: sip.HungUp, Err: io.EOF}), "binding lost: the other side has hung up"},
		{lookUp(srv.Timeout, context.DeadlineExceeded), `look up A "pool01" at 10.0.0.53:53: no answer in time`},
		{lookUp(srv.PortClosed, met("read", os.NewSyscallError("read", syscall.ECONNREFUSED))), `look up A "pool01" at 10.0.0.53:53: connection refused`},
		{lookUp(srv.ServFail, errors.New("RCODE 2=SERVFAIL")), `look up A "pool01" at 10.0.0.53:53: RCODE 2=SERVFAIL`},
		{lookUp(srv.NoRecord, nil), `look up A "pool01" at 10.0.0.53:53: no such name`},
		{fmt.Errorf("listen for DHCP on eth0: %w", os.NewSyscallError("socket", syscall.EPERM)), "listen for DHCP on eth0: operation not permitted"},
	} {
		t.Run(test.want, func(t *testing.T) {
			if got := plain.Words(test.err); got != test.want {
				t.Errorf("got  %s\nwant %s\nof   %s", got, test.want, test.err)
			}
		})
	}
}
