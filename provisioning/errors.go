package provisioning

import (
	"context"
	"crypto/tls"
	"errors"
	"io"
	"os"
	"syscall"

	"github.com/homeward-agent/homeward/provisioning/internal/sip"
	"github.com/homeward-agent/homeward/provisioning/internal/trust"
)

// ReasonOf is the one place that turns the error of an attempt into a Reason.
func ReasonOf(err error) Reason {
	if err == nil {
		return ""
	}
	if reason := sipReason(err); reason != "" {
		return reason
	}
	var attempt *attemptError
	at := registering
	if errors.As(err, &attempt) {
		at = attempt.stage
	}
	if at == handshaking {
		return tlsReason(err)
	}
	return connectReason(err, at)
}

func sipReason(err error) Reason {
	var (
		status      *sip.StatusError
		redirect    *sip.RedirectError
		auth        *sip.AuthError
		credentials *sip.CredentialsError
		malformed   *sip.MalformedError
	)
	switch {
	case errors.As(err, &credentials):
		return SIPCredentials
	case errors.As(err, &auth):
		return SIPAuthNotSupported
	case errors.As(err, &malformed):
		return SIPMalformed
	case errors.As(err, &redirect):
		return SIPRedirectLoop
	case errors.Is(err, sip.ErrNoAnswer):
		return SIPNoAnswer
	case errors.Is(err, sip.ErrBindingLost):
		return BindingLost
	case errors.As(err, &status):
		return statusReason(status.Code)
	}
	return ""
}

func statusReason(code int) Reason {
	switch {
	case code == 403:
		return SIPForbidden
	case code == 404:
		return SIPNotFound
	default:
		return SIPUnavailable
	}
}

func tlsReason(err error) Reason {
	var (
		certificate *trust.CertificateError
		header      tls.RecordHeaderError
		alert       tls.AlertError
	)
	switch {
	case errors.As(err, &certificate):
		return certificateReason(certificate)
	case isTimeout(err):
		return TLSTimeout
	case errors.As(err, &header):
		return TLSFailed
	case errors.As(err, &alert) && alertVersion(alert):
		return TLSVersion
	case isReset(err):
		return ConnectReset
	default:
		return versionOrFailed(err)
	}
}

func certificateReason(e *trust.CertificateError) Reason {
	switch e.Problem {
	case trust.Expired:
		return TLSExpired
	case trust.NotYetValid:
		return TLSNotYetValid
	case trust.ClockWrong:
		return ClockWrong
	case trust.WrongName:
		return TLSName
	case trust.NoName:
		return TLSNoName
	default:
		return TLSUntrusted
	}
}

// alertVersion: protocol_version (70), handshake_failure (40) and insufficient_security (71) are how a server
// says that nothing is in common (RFC 8446 §6.2).
func alertVersion(alert tls.AlertError) bool { return alert == 40 || alert == 70 || alert == 71 }

// versionOrFailed recognises our own refusal of the version a server chose, which crypto/tls does not type.
func versionOrFailed(err error) Reason {
	for e := err; e != nil; e = errors.Unwrap(e) {
		if e.Error() == "tls: server selected unsupported protocol version 301" || e.Error() == "tls: server selected unsupported protocol version 302" {
			return TLSVersion
		}
	}
	return TLSFailed
}

func connectReason(err error, at stage) Reason {
	switch {
	case errors.Is(err, syscall.ECONNREFUSED):
		return ConnectRefused
	case errors.Is(err, syscall.EHOSTUNREACH), errors.Is(err, syscall.ENETUNREACH), errors.Is(err, syscall.EADDRNOTAVAIL):
		return ConnectUnreachable
	case isReset(err):
		return ConnectReset
	case isTimeout(err) && at == registering:
		return SIPNoAnswer
	case isTimeout(err):
		return ConnectTimeout
	default:
		return ConnectReset
	}
}

func isTimeout(err error) bool {
	return errors.Is(err, context.DeadlineExceeded) || errors.Is(err, os.ErrDeadlineExceeded) || errors.Is(err, syscall.ETIMEDOUT)
}

func isReset(err error) bool {
	return errors.Is(err, syscall.ECONNRESET) || errors.Is(err, syscall.EPIPE) || errors.Is(err, io.EOF) ||
		errors.Is(err, io.ErrUnexpectedEOF) || errors.Is(err, io.ErrClosedPipe)
}
