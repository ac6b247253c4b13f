package signin

import (
	"errors"
	"net/netip"
	"slices"
	"time"

	"homeward/internal/plain"
	"homeward/internal/trust"
	"homeward/provisioning"
)

// cutError means that a connection was lost for what has befallen this device.
type cutError struct {
	error
	why provisioning.Trouble
}

func (e *cutError) Unwrap() error { return e.error }

// Judge says which fault the error of an attempt at an address of a Candidate is, or the error that has ended a
// registration. It is the one place that does. What it does not recognise is provisioning.Unknown, with the raw words.
func Judge(err error, c *provisioning.Candidate, addr netip.Addr) provisioning.Trouble {
	if err == nil {
		return provisioning.Trouble{}
	}
	var cut *cutError
	if errors.As(err, &cut) {
		return cut.why
	}
	j := judgement{err: err, raw: plain.Words(err), facts: provisioning.Facts{"host": c.Host, "port": c.Port, "at": c.HostPort(), "now": time.Now(), "new": true, "single": true, "setting": "the setting user", "auth": "the setting auth"}}
	if !provisioning.IsAddress(c.Host) && addr.IsValid() {
		j.facts["address"] = addr
	}
	if errors.As(err, &j.attempt) {
		j.facts["problem"] = plain.Words(j.attempt.err)
	}
	for _, judge := range []func(*judgement) provisioning.Trouble{refusedHere, (*judgement).answered, (*judgement).certificate, (*judgement).handshake, (*judgement).connection} {
		if t := judge(&j); !t.None() {
			return j.proven(j.narrowed(t, c), c)
		}
	}
	return provisioning.Unknown.Met(j.raw)
}

// ReasonOf is the Reason of the fault that an error is.
func ReasonOf(err error) provisioning.Reason {
	return Judge(err, &provisioning.Candidate{}, netip.Addr{}).Reason()
}

// Cut says why a registration was lost where that is known from elsewhere, and the connection has said nothing of it.
func Cut(err error, why provisioning.Trouble) error {
	if reason := ReasonOf(err); why.None() || !provisioning.EndsConnection(reason) && reason != provisioning.ConnectUnreachable {
		return err
	}
	return &cutError{err, why}
}

// Explained says in an event what an error is; nil changes nothing.
func Explained(e *provisioning.Event, err error) *provisioning.Event {
	if err == nil {
		return e
	}
	e.Trouble = Judge(err, &provisioning.Candidate{Step: e.Step, Endpoint: e.Endpoint}, e.Addr)
	e.Reason, e.Detail = e.Trouble.Reason(), plain.Words(err)
	return e
}

// narrowed leaves the general fault to what has ended a registration: those that say more are about an attempt.
func (j *judgement) narrowed(t provisioning.Trouble, c *provisioning.Candidate) provisioning.Trouble {
	if reason := t.Reason(); j.attempt == nil && !reason.IsSIP() && t.Specific() {
		return reason.Met(j.raw)
	}
	if t.Fault == provisioning.FaultRefused && c.Transport == provisioning.TCP {
		return provisioning.FaultRefusedTCP.Met(j.facts).On(t.OnSide())
	}
	if t.Fault == provisioning.FaultInClear && c.Step == provisioning.DHCPTCP && provisioning.IsAddress(c.Host) { // whether it has TLS, nobody has asked
		return j.met(provisioning.FaultClearAddress)
	}
	return t
}

// proven notes where whoever was met may be anybody: neither has a name been proven, nor has a Registrar answered in SIP.
func (j *judgement) proven(t provisioning.Trouble, c *provisioning.Candidate) provisioning.Trouble {
	var certificate *trust.CertificateError
	anybody := false
	switch reason := t.Reason(); {
	case c.Transport == provisioning.TLS && (j.attempt == nil || j.attempt.stage == registering), answeredBefore(j.err) != nil:
	case errors.As(j.err, &certificate) && slices.Contains([]provisioning.Reason{provisioning.TLSExpired, provisioning.TLSNotYetValid, provisioning.ClockWrong}, reason):
		anybody = certificate.Nameless
	case reason == provisioning.TLSClientCert: // it is asked for by who has shown one
	default:
		anybody = reason.InTLS() || reason == provisioning.SIPMalformed || reason == provisioning.SIPNoAnswer
	}
	if anybody {
		return t.With(provisioning.Facts{"unproven": true})
	}
	return t
}
