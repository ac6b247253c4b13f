package signin

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"strings"
	"syscall"
	"testing"

	"github.com/homeward-agent/homeward/internal/sip"
	"github.com/homeward-agent/homeward/internal/trust"
	"github.com/homeward-agent/homeward/provisioning"
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
		want provisioning.Reason
	}{
		{nil, ""},
		{dialled(syscall.ECONNREFUSED), provisioning.ConnectRefused},
		{dialled(syscall.EHOSTUNREACH), provisioning.ConnectUnreachable},
		{dialled(syscall.ENETUNREACH), provisioning.ConnectUnreachable},
		{dialled(syscall.ETIMEDOUT), provisioning.ConnectTimeout},
		{at(connecting, context.DeadlineExceeded), provisioning.ConnectTimeout},
		{at(handshaking, context.DeadlineExceeded), provisioning.TLSTimeout},
		{at(handshaking, io.EOF), provisioning.ConnectReset},
		{at(handshaking, syscall.ECONNRESET), provisioning.ConnectReset},
		{at(handshaking, errors.New("remote error: tls: protocol version not supported")), provisioning.TLSVersion},
		{at(handshaking, errors.New("tls: first record does not look like a TLS handshake")), provisioning.TLSFailed},
		{certificate(trust.Untrusted), provisioning.TLSUntrusted},
		{certificate(trust.Unusable), provisioning.TLSUntrusted},
		{certificate(trust.NoName), provisioning.TLSNoName},
		{certificate(trust.WrongName), provisioning.TLSName},
		{certificate(trust.Expired), provisioning.TLSExpired},
		{certificate(trust.NotYetValid), provisioning.TLSNotYetValid},
		{certificate(trust.ClockWrong), provisioning.ClockWrong},
		{certificate(trust.Unreadable), provisioning.TLSUnreadable},
		{at(handshaking, &trust.HandshakeError{Err: context.DeadlineExceeded}), provisioning.TLSTimeout},
		{at(registering, sip.ErrNoAnswer), provisioning.SIPNoAnswer},
		{at(registering, context.DeadlineExceeded), provisioning.SIPNoAnswer},
		{at(registering, io.EOF), provisioning.ConnectReset},
		{at(registering, &sip.MalformedError{Problem: "not SIP"}), provisioning.SIPMalformed},
		{at(registering, &sip.AuthError{Offered: []string{"Basic"}}), provisioning.SIPAuthNotSupported},
		{at(registering, &sip.CredentialsError{Status: &sip.StatusError{Code: 401}}), provisioning.SIPCredentials},
		{at(registering, sip.ErrBadSignature), provisioning.SIPBadSignature},
		{status(403), provisioning.SIPForbidden},
		{at(registering, &sip.StatusError{Code: 503, Problem: "Too many registered contacts"}), provisioning.SIPForbidden},
		{at(registering, &sip.StatusError{Code: 503, Problem: "Too many registered contacts", Unsigned: true}), provisioning.SIPUnavailable},
		{at(registering, &sip.StatusError{Code: 403, Unsigned: true, Diagnostics: []sip.Diagnostic{{ID: 1000}}}), provisioning.SIPForbidden},
		{status(404), provisioning.SIPNotFound},
		{status(408), provisioning.SIPUnavailable},
		{status(480), provisioning.SIPUnavailable},
		{status(503), provisioning.SIPUnavailable},
		{fmt.Errorf("%w: %w", sip.ErrBindingLost, io.EOF), provisioning.ConnectReset},
		{fmt.Errorf("%w: %w", sip.ErrBindingLost, sip.ErrNoAnswer), provisioning.SIPNoAnswer},
		{sip.ErrBindingLost, provisioning.BindingLost},
	} {
		if got := ReasonOf(test.err); got != test.want {
			t.Errorf("%v: got %q, want %q", test.err, got, test.want)
		}
	}
}

// A password that is corrected is read by a daemon that starts, and whoever corrects it has to be told.
func TestRefusedPasswordsWantARestart(t *testing.T) {
	refused := sip.CredentialsError{Status: &sip.StatusError{Code: 401, Diagnostics: []sip.Diagnostic{{ID: 1000}}}}
	for _, hint := range []string{provisioning.SIPCredentials.Hint(), provisioning.CredentialsResting.Hint(), HintOf(&refused)} {
		if !strings.Contains(hint, "restart homeward") {
			t.Errorf("no word of a restart: %s", hint)
		}
	}
}
