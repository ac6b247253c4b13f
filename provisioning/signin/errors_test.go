package signin

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/netip"
	"os"
	"slices"
	"strings"
	"syscall"
	"testing"

	"homeward/internal/sip"
	"homeward/internal/trust"
	"homeward/provisioning"
)

func TestReasonOf(t *testing.T) {
	at := func(s stage, err error) error { return &attemptError{stage: s, err: err} }
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
		{at(handshaking, &trust.HandshakeError{Kind: trust.NoVersion, Alert: 70, Received: true, Err: io.EOF}), provisioning.TLSVersion},
		{at(handshaking, &trust.HandshakeError{Kind: trust.NotTLS, Err: io.EOF}), provisioning.TLSFailed},
		{at(handshaking, errors.New("remote error: tls: protocol version not supported")), provisioning.TLSFailed}, // words say nothing
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
		{at(registering, &sip.ConnectionError{Kind: sip.HungUp, Err: io.EOF}), provisioning.ConnectReset},
		{at(registering, &sip.SilenceError{Kind: sip.ToRequest, Method: "REGISTER"}), provisioning.SIPNoAnswer},
		{at(registering, &sip.SignatureError{Kind: sip.WrongSignature}), provisioning.SIPBadSignature},
		{at(registering, &sip.LostError{Kind: sip.Forgotten}), provisioning.BindingLost},
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
	for _, hint := range []string{provisioning.SIPCredentials.Hint(), provisioning.CredentialsResting.Hint(), Judge(&refused, &provisioning.Candidate{}, netip.Addr{}).Hint()} {
		if !strings.Contains(hint, "restart homeward") {
			t.Errorf("no word of a restart: %s", hint)
		}
	}
}

// Every kind of a handshake and every problem of a certificate means something, and that in one table. Plain TCP stays open
// for none but those that show no TLS, nor for what has no kind at all.
func TestEveryKindOfTLSHasAReason(t *testing.T) {
	for _, p := range trust.Problems() {
		if certificateFaults[p] == "" {
			t.Errorf("problem %d of a certificate means nothing", p)
		}
		if got := ReasonOf(&attemptError{stage: handshaking, err: &trust.CertificateError{Problem: p, Err: io.EOF}}); !got.IsCertificate() {
			t.Errorf("problem %d of a certificate is %q", p, got)
		}
	}
	open := []trust.HandshakeKind{trust.Silent, trust.HungUp, trust.NotTLS}
	for _, k := range trust.HandshakeKinds() {
		if known := handshakeFaults[k] != ""; known == (k == trust.BadCertificate || k == trust.HandshakeFailed) {
			t.Errorf("kind %d of a handshake: in the table: %t", k, known)
		}
		err := &attemptError{stage: handshaking, err: &trust.HandshakeError{Kind: k, Err: errors.New("tls: some words")}}
		if ReasonOf(err) == "" || isDistrust(err) == slices.Contains(open, k) {
			t.Errorf("kind %d of a handshake: %q, closes plain TCP: %t", k, ReasonOf(err), isDistrust(err))
		}
	}
	if !isDistrust(&attemptError{stage: handshaking, err: errors.New("tls: some words")}) || isDistrust(&attemptError{stage: connecting, err: io.EOF}) || isDistrust(&attemptError{stage: registering, err: io.EOF}) {
		t.Error("of what has no kind, the end of a handshake alone closes plain TCP")
	}
}

// Every kind of failure that package sip knows means something.
func TestEveryKindOfSIPHasAReason(t *testing.T) {
	var all []error
	for _, k := range sip.AuthKinds() {
		all = append(all, &sip.AuthError{Kind: k})
	}
	for _, k := range sip.MalformedKinds() {
		all = append(all, &sip.MalformedError{Kind: k})
	}
	for _, k := range sip.SilenceKinds() {
		all = append(all, &sip.SilenceError{Kind: k})
	}
	for _, k := range sip.SignatureKinds() {
		all = append(all, &sip.SignatureError{Kind: k})
	}
	for _, k := range sip.LostKinds() {
		all = append(all, &sip.LostError{Kind: k})
	}
	want := map[string]provisioning.Reason{
		"*sip.AuthError": provisioning.SIPAuthNotSupported, "*sip.MalformedError": provisioning.SIPMalformed, "*sip.SilenceError": provisioning.SIPNoAnswer,
		"*sip.SignatureError": provisioning.SIPBadSignature, "*sip.LostError": provisioning.BindingLost,
	}
	for _, k := range sip.CertificateKinds() {
		if err := (&sip.CertificateError{Kind: k}); ReasonOf(err) == provisioning.Unknown || ReasonOf(err) == provisioning.SIPCredentials {
			t.Errorf("%s is %q", err, ReasonOf(err))
		}
	}
	for _, err := range all {
		expected := want[fmt.Sprintf("%T", err)]
		if auth := new(sip.AuthError); errors.As(err, &auth) && auth.Kind == sip.PasswordResting {
			expected = provisioning.CredentialsResting
		}
		if got := ReasonOf(&attemptError{stage: registering, err: err}); got != expected {
			t.Errorf("%T %v: %q", err, err, got)
		}
	}
	connection := map[sip.ConnectionKind]provisioning.Reason{
		sip.HungUp: provisioning.ConnectReset, sip.HungUpWithin: provisioning.ConnectReset, sip.ReadFailed: provisioning.Unknown, sip.SendFailed: provisioning.Unknown,
	}
	for _, k := range sip.ConnectionKinds() {
		if got := ReasonOf(&attemptError{stage: registering, err: &sip.ConnectionError{Kind: k, Err: errors.New("some words")}}); got != connection[k] {
			t.Errorf("connection, kind %d: %q", k, got)
		}
	}
}
