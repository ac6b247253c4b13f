package provisioning

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"syscall"
	"testing"

	"github.com/homeward-agent/homeward/internal/sip"
	"github.com/homeward-agent/homeward/internal/trust"
)

func TestReasonOf(t *testing.T) {
	at := func(s stage, err error) error { return &attemptError{s, err} }
	status := func(code int) error { return at(registering, &sip.StatusError{Code: code}) }
	dialled := func(errno syscall.Errno) error {
		return at(connecting, &net.OpError{Op: "dial", Err: os.NewSyscallError("connect", errno)})
	}
	certificate := func(p trust.Problem) error { return at(handshaking, &trust.CertificateError{Problem: p, Err: io.EOF}) }
	for _, test := range []struct {
		err  error
		want Reason
	}{
		{nil, ""},
		{dialled(syscall.ECONNREFUSED), ConnectRefused},
		{dialled(syscall.EHOSTUNREACH), ConnectUnreachable},
		{dialled(syscall.ENETUNREACH), ConnectUnreachable},
		{dialled(syscall.ETIMEDOUT), ConnectTimeout},
		{at(connecting, context.DeadlineExceeded), ConnectTimeout},
		{at(handshaking, context.DeadlineExceeded), TLSTimeout},
		{at(handshaking, io.EOF), ConnectReset},
		{at(handshaking, syscall.ECONNRESET), ConnectReset},
		{at(handshaking, errors.New("remote error: tls: protocol version not supported")), TLSVersion},
		{at(handshaking, errors.New("tls: first record does not look like a TLS handshake")), TLSFailed},
		{certificate(trust.Untrusted), TLSUntrusted},
		{certificate(trust.Unusable), TLSUntrusted},
		{certificate(trust.NoName), TLSNoName},
		{certificate(trust.WrongName), TLSName},
		{certificate(trust.Expired), TLSExpired},
		{certificate(trust.NotYetValid), TLSNotYetValid},
		{certificate(trust.ClockWrong), ClockWrong},
		{certificate(trust.Unreadable), TLSUnreadable},
		{at(handshaking, &trust.HandshakeError{Err: context.DeadlineExceeded}), TLSTimeout},
		{at(registering, sip.ErrNoAnswer), SIPNoAnswer},
		{at(registering, context.DeadlineExceeded), SIPNoAnswer},
		{at(registering, io.EOF), ConnectReset},
		{at(registering, &sip.MalformedError{Problem: "not SIP"}), SIPMalformed},
		{at(registering, &sip.AuthError{Offered: []string{"Basic"}}), SIPAuthNotSupported},
		{at(registering, &sip.CredentialsError{Status: &sip.StatusError{Code: 401}}), SIPCredentials},
		{at(registering, sip.ErrBadSignature), SIPBadSignature},
		{status(403), SIPForbidden},
		{at(registering, &sip.StatusError{Code: 503, Problem: "Too many registered contacts"}), SIPForbidden},
		{at(registering, &sip.StatusError{Code: 503, Problem: "Too many registered contacts", Unsigned: true}), SIPUnavailable},
		{at(registering, &sip.StatusError{Code: 403, Unsigned: true, Diagnostics: []sip.Diagnostic{{ID: 1000}}}), SIPForbidden},
		{status(404), SIPNotFound},
		{status(408), SIPUnavailable},
		{status(480), SIPUnavailable},
		{status(503), SIPUnavailable},
		{fmt.Errorf("%w: %w", sip.ErrBindingLost, io.EOF), ConnectReset},
		{fmt.Errorf("%w: %w", sip.ErrBindingLost, sip.ErrNoAnswer), SIPNoAnswer},
		{sip.ErrBindingLost, BindingLost},
	} {
		if got := ReasonOf(test.err); got != test.want {
			t.Errorf("%v: got %q, want %q", test.err, got, test.want)
		}
	}
}
