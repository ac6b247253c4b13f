package signin

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/netip"
	"os"
	"strings"
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
		if tooManyBindings(status) {
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

func tlsReason(err error) provisioning.Reason {
	var certificate *trust.CertificateError
	switch {
	case errors.As(err, &certificate):
		return certificateReason(certificate)
	case isTimeout(err):
		return provisioning.TLSTimeout
	case isReset(err):
		return provisioning.ConnectReset
	case nothingInCommon(err):
		return provisioning.TLSVersion
	default:
		return provisioning.TLSFailed
	}
}

func certificateReason(e *trust.CertificateError) provisioning.Reason {
	switch e.Problem {
	case trust.Expired:
		return provisioning.TLSExpired
	case trust.NotYetValid:
		return provisioning.TLSNotYetValid
	case trust.ClockWrong:
		return provisioning.ClockWrong
	case trust.WrongName:
		return provisioning.TLSName
	case trust.NoName:
		return provisioning.TLSNoName
	case trust.Unreadable:
		return provisioning.TLSUnreadable
	default:
		return provisioning.TLSUntrusted
	}
}

// nothingInCommon recognises the alerts protocol_version and handshake_failure (RFC 8446 §6.2) and our own
// refusal of what the server chose. crypto/tls gives none of them a type.
func nothingInCommon(err error) bool {
	for _, text := range []string{"protocol version not supported", "handshake failure", "unsupported protocol version"} {
		if strings.Contains(err.Error(), text) {
			return true
		}
	}
	return false
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
	return strings.TrimPrefix(provisioning.DetailOf(err), registering.prefix())
}

// addressChangedError means that the way to the Registrar does not begin where the connection does any more.
type addressChangedError struct{ was, is netip.Addr }

func (e *addressChangedError) Error() string {
	return fmt.Sprintf("the device reaches the Registrar from %s now, the connection is from %s", e.is, e.was)
}
