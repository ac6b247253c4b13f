package signin

import (
	"errors"
	"syscall"

	"github.com/homeward-agent/homeward/internal/sip"
	"github.com/homeward-agent/homeward/provisioning"
)

// judgement is an error while it is judged.
type judgement struct {
	err     error
	raw     string        // in words
	attempt *attemptError // nil: it has ended a registration
	facts   provisioning.Facts
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

// unreachable are the system's ways to say that there is no route to an address, or that this device forbids it.
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
