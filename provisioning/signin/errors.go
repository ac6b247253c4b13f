package signin

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"net/netip"
	"os"
	"syscall"

	"github.com/homeward-agent/homeward/internal/sip"
	"github.com/homeward-agent/homeward/internal/trust"
	"github.com/homeward-agent/homeward/provisioning"
)

// ReasonOf is the one place that turns the error of an attempt into a Reason.
func ReasonOf(err error) provisioning.Reason {
	if err == nil {
		return ""
	}
	if reason := sipReason(err); reason != "" {
		return reason
	}
	var refused *refusedError
	if errors.As(err, &refused) {
		return refused.reason
	}
	var moved *addressChangedError
	if errors.As(err, &moved) {
		return provisioning.AddressChanged
	}
	var attempt *attemptError
	at := registering
	if errors.As(err, &attempt) {
		at = attempt.stage
	}
	switch reason := connectReason(err, at); {
	case at == handshaking:
		return tlsReason(err)
	case reason == "" && errors.Is(err, sip.ErrBindingLost):
		return provisioning.BindingLost
	case reason == "":
		return provisioning.ConnectReset
	default:
		return reason
	}
}

func sipReason(err error) provisioning.Reason {
	var (
		status      *sip.StatusError
		redirect    *sip.RedirectError
		auth        *sip.AuthError
		credentials *sip.CredentialsError
		malformed   *sip.MalformedError
	)
	switch {
	case errors.As(err, &credentials):
		return provisioning.SIPCredentials
	case errors.As(err, &auth):
		return provisioning.SIPAuthNotSupported
	case errors.As(err, &malformed):
		return provisioning.SIPMalformed
	case errors.As(err, &redirect): // in answer to a refresh: the user has moved
		return provisioning.BindingLost
	case errors.Is(err, sip.ErrBadSignature):
		return provisioning.SIPBadSignature
	case errors.Is(err, sip.ErrNoAnswer):
		return provisioning.SIPNoAnswer
	case errors.As(err, &status):
		if d, ok := diagnose(err); ok && d.reason != "" {
			return d.reason
		}
		if status.TooManyBindings() {
			return provisioning.SIPForbidden
		}
		return statusReason(status.Code)
	}
	return ""
}

// userOf returns the login name that a Registrar was shown before it refused, as it went out: Digest takes a part of the
// SIP address, NTLM a domain and a name. "": none was.
func userOf(err error) string {
	var status *sip.StatusError
	if credentials := (*sip.CredentialsError)(nil); errors.As(err, &credentials) {
		return credentials.Status.User
	}
	if errors.As(err, &status) {
		return status.User
	}
	return ""
}

func statusReason(code int) provisioning.Reason {
	switch {
	case code == 403:
		return provisioning.SIPForbidden
	case code == 404:
		return provisioning.SIPNotFound
	default:
		return provisioning.SIPUnavailable
	}
}

const handshakeFailure = 40 // RFC 5246 section 7.2.2

// tlsReason says what the end of a handshake means: by its kind, or by what the connection says where it has none.
func tlsReason(err error) provisioning.Reason {
	var certificate *trust.CertificateError
	var handshake *trust.HandshakeError
	switch {
	case errors.As(err, &certificate):
		return cmp.Or(certificateReasons[certificate.Problem], provisioning.TLSUntrusted) // it is not believed, whatever it is
	case errors.As(err, &handshake) && handshake.Kind == trust.WantsCertificate && handshake.Alert == handshakeFailure:
		return provisioning.TLSVersion // the code of this alert has always been public; the kind says more
	case errors.As(err, &handshake) && handshakeReasons[handshake.Kind] != "":
		return handshakeReasons[handshake.Kind]
	case isTimeout(err):
		return provisioning.TLSTimeout
	case isReset(err):
		return provisioning.ConnectReset
	default:
		return provisioning.TLSFailed
	}
}

// certificateReasons has every trust.Problem.
var certificateReasons = map[trust.Problem]provisioning.Reason{
	trust.Unproven:             provisioning.TLSUntrusted,
	trust.Untrusted:            provisioning.TLSUntrusted,
	trust.OtherKey:             provisioning.TLSUntrusted,
	trust.WrongIssuer:          provisioning.TLSUntrusted,
	trust.SelfSigned:           provisioning.TLSUntrusted,
	trust.WeakSignature:        provisioning.TLSUntrusted,
	trust.UnknownSignature:     provisioning.TLSUntrusted,
	trust.NotAuthority:         provisioning.TLSUntrusted,
	trust.TooManyIntermediates: provisioning.TLSUntrusted,
	trust.NameConstraint:       provisioning.TLSUntrusted,
	trust.CriticalExtension:    provisioning.TLSUntrusted,
	trust.Unusable:             provisioning.TLSUntrusted,
	trust.NoCertificate:        provisioning.TLSUntrusted,
	trust.NoRoots:              provisioning.TLSUntrusted,
	trust.Expired:              provisioning.TLSExpired,
	trust.NotYetValid:          provisioning.TLSNotYetValid,
	trust.ClockWrong:           provisioning.ClockWrong,
	trust.WrongName:            provisioning.TLSName,
	trust.NoName:               provisioning.TLSNoName,
	trust.Unreadable:           provisioning.TLSUnreadable,
}

// handshakeReasons has every trust.HandshakeKind but that of a certificate, whose Problem says more, and that which says
// nothing.
var handshakeReasons = map[trust.HandshakeKind]provisioning.Reason{
	trust.NoVersion:        provisioning.TLSVersion,
	trust.NoCipher:         provisioning.TLSVersion,
	trust.WantsCertificate: provisioning.TLSFailed,
	trust.AlertReceived:    provisioning.TLSFailed,
	trust.Stalled:          provisioning.TLSTimeout,
	trust.Silent:           provisioning.TLSTimeout,
	trust.Cut:              provisioning.ConnectReset,
	trust.HungUp:           provisioning.ConnectReset,
	trust.NotTLS:           provisioning.TLSFailed,
}

func connectReason(err error, at stage) provisioning.Reason {
	switch {
	case errors.Is(err, syscall.ECONNREFUSED):
		return provisioning.ConnectRefused
	case isReset(err):
		return provisioning.ConnectReset
	case isTimeout(err) && at == registering:
		return provisioning.SIPNoAnswer
	case isTimeout(err):
		return provisioning.ConnectTimeout
	case at == connecting: // no route, no network, forbidden by a local firewall
		return provisioning.ConnectUnreachable
	default:
		return ""
	}
}

func isTimeout(err error) bool {
	return errors.Is(err, context.DeadlineExceeded) || errors.Is(err, os.ErrDeadlineExceeded) || errors.Is(err, syscall.ETIMEDOUT)
}

func isReset(err error) bool {
	return errors.Is(err, syscall.ECONNRESET) || errors.Is(err, syscall.EPIPE) || errors.Is(err, io.EOF) ||
		errors.Is(err, io.ErrUnexpectedEOF) || errors.Is(err, io.ErrClosedPipe)
}

// saidOf is the part of the detail that comes from the Registrar: what it made of our REGISTER, or "" if none was sent.
func saidOf(err error) string {
	var attempt *attemptError
	if !errors.As(err, &attempt) || attempt.stage != registering {
		return ""
	}
	return provisioning.DetailOf(attempt.err)
}

// addressChangedError means that the way to the Registrar does not begin where the connection does any more.
type addressChangedError struct{ was, is netip.Addr }

func (e *addressChangedError) Error() string {
	return fmt.Sprintf("the device reaches the Registrar from %s now, the connection is from %s", e.is, e.was)
}
