package signin

import (
	"errors"
	"net/netip"
	"syscall"
	"time"

	"github.com/homeward-agent/homeward/internal/sip"
	"github.com/homeward-agent/homeward/provisioning"
)

// Judge says which fault the error of an attempt at an address of a Candidate is, or the error that has ended a
// registration. It is the one place that does. What it does not recognise is provisioning.Unknown, with the raw words.
func Judge(err error, c provisioning.Candidate, addr netip.Addr) provisioning.Trouble {
	if err == nil {
		return provisioning.Trouble{}
	}
	j := judgement{err: err, raw: provisioning.DetailOf(err), facts: provisioning.Facts{"host": c.Host, "port": c.Port, "at": c.HostPort(), "now": time.Now()}}
	if !provisioning.IsAddress(c.Host) && addr.IsValid() {
		j.facts["address"] = addr
	}
	if errors.As(err, &j.attempt) {
		j.facts["problem"] = provisioning.DetailOf(j.attempt.err)
	}
	for _, judge := range []func(*judgement) provisioning.Trouble{refusedHere, (*judgement).answered, (*judgement).certificate, (*judgement).handshake, (*judgement).connection} {
		if t := judge(&j); !t.None() {
			return j.narrowed(t, c)
		}
	}
	return provisioning.Unknown.Met(j.raw)
}

// ReasonOf is the Reason of the fault that an error is.
func ReasonOf(err error) provisioning.Reason {
	return Judge(err, provisioning.Candidate{}, netip.Addr{}).Reason()
}

// Explained says in an event what an error is; nil changes nothing.
func Explained(e provisioning.Event, err error) provisioning.Event {
	if err == nil {
		return e
	}
	e.Trouble = Judge(err, provisioning.Candidate{Endpoint: e.Endpoint}, e.Addr)
	e.Reason, e.Detail = e.Trouble.Reason(), provisioning.DetailOf(err)
	return e
}

// judgement is an error while it is judged.
type judgement struct {
	err     error
	raw     string        // in words
	attempt *attemptError // nil: it has ended a registration
	facts   provisioning.Facts
}

// narrowed leaves the general fault to what has ended a registration: those that say more are about an attempt.
func (j *judgement) narrowed(t provisioning.Trouble, c provisioning.Candidate) provisioning.Trouble {
	if reason := t.Reason(); j.attempt == nil && !reason.IsSIP() && t.Specific() {
		return reason.Met(j.raw)
	}
	if t.Fault == provisioning.FaultRefused && c.Transport == provisioning.TCP {
		return provisioning.FaultRefusedTCP.Met(j.facts)
	}
	return t
}

func (j *judgement) met(f *provisioning.Fault) provisioning.Trouble { return f.Met(j.facts) }

// refusedHere is for what this device does not do, and for a way that begins elsewhere now.
func refusedHere(j *judgement) provisioning.Trouble {
	var refused *refusedError
	var moved *addressChangedError
	switch {
	case errors.As(j.err, &refused):
		return refused.reason.Met(refused.detail)
	case errors.As(j.err, &moved):
		return provisioning.AddressChanged.Met(j.raw)
	default:
		return provisioning.Trouble{}
	}
}

// unreachable are the system's ways to say that there is no way to an address, or that this device forbids it.
var unreachable = []error{
	syscall.EHOSTUNREACH, syscall.ENETUNREACH, syscall.ENETDOWN, syscall.EADDRNOTAVAIL, syscall.EACCES, syscall.EPERM, syscall.EINVAL,
	syscall.EAFNOSUPPORT,
}

// connection is for a connection that failed, at whatever stage.
func (j *judgement) connection() provisioning.Trouble {
	isAny := func(targets []error) bool {
		for _, target := range targets {
			if errors.Is(j.err, target) {
				return true
			}
		}
		return false
	}
	var broken *sip.ConnectionError
	hungUp := errors.As(j.err, &broken) && (broken.Kind == sip.HungUp || broken.Kind == sip.HungUpWithin)
	registering := j.attempt == nil || j.attempt.stage == registering
	switch {
	case errors.Is(j.err, syscall.ECONNREFUSED):
		return j.met(provisioning.FaultRefused)
	case (hungUp || isReset(j.err)) && j.attempt != nil && j.attempt.met.AsksCertificate:
		return j.met(provisioning.FaultCutAsking)
	case hungUp || isReset(j.err):
		return j.met(provisioning.FaultCut)
	case isTimeout(j.err) && registering:
		return j.met(provisioning.FaultNoSIP)
	case isTimeout(j.err):
		return j.met(provisioning.FaultFiltered)
	case isAny(unreachable):
		return j.met(provisioning.FaultNoWay)
	case errors.Is(j.err, sip.ErrBindingLost):
		return provisioning.BindingLost.Met(j.raw)
	default:
		return provisioning.Trouble{}
	}
}
