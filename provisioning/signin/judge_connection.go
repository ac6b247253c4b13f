package signin

import (
	"errors"
	"net/netip"
	"slices"
	"strings"
	"syscall"
	"time"

	"homeward/internal/sip"
	"homeward/provisioning"
	"homeward/provisioning/wire"
)

// judgement is an error while it is judged.
type judgement struct {
	err     error
	raw     string        // in words
	attempt *attemptError // nil: it has ended a registration
	facts   provisioning.Facts
}

// maxFact bounds a text that may be anybody's. (Our choice.)
const maxFact = 1024

// know notes a fact, if there is one.
func (j *judgement) know(name, text string) {
	if len(text) > maxFact {
		text = strings.ToValidUTF8(text[:maxFact], "") + "…"
	}
	if text != "" {
		j.facts[name] = text
	}
}

func (j *judgement) met(f provisioning.Fault) provisioning.Trouble { return f.Met(j.facts) }

// atPort is for what a host does at a port, or a firewall in its name: where no router is on the way, it is on that host.
func (j *judgement) atPort(f provisioning.Fault) provisioning.Trouble {
	if j.attempt == nil || !j.attempt.near {
		return j.met(f)
	}
	j.facts["near"], j.facts["there"] = true, "on that host"
	return j.met(f).On(provisioning.SideRegistrar)
}

// dropped is for what was sent, and never acknowledged: something on the way drops it, or the host itself does.
func (j *judgement) dropped(f provisioning.Fault) provisioning.Trouble {
	if j.attempt.near {
		j.facts["near"], j.facts["there"] = true, "on the way or on that host"
	}
	return j.met(f)
}

// stepped notes how far a sign-in had come; false: nothing was answered.
func (j *judgement) stepped() bool {
	before := answeredBefore(j.err)
	if j.attempt == nil || before == nil {
		return false
	}
	j.know("method", before.Method)
	j.know("answer", before.With)
	switch {
	case before.Same:
	case before.Proof:
		j.know("then", "when this device sends its credentials")
	default:
		j.know("then", "when this device goes on with the sign-in")
	}
	return true
}

// deadGateway is for a gateway that does not answer: that of the default route, or of another one.
func (j *judgement) deadGateway() provisioning.Trouble {
	if route := j.attempt.route; route.Detour() {
		return j.met(provisioning.FaultDeadRoute).With(provisioning.ByRoute(route, j.attempt.gateway))
	}
	j.facts.Through(j.attempt.gateway)
	return j.met(provisioning.FaultNoGateway)
}

// late are our choices: from when on an answer is late, and how many times as long as the answers before nothing has to come on a connection to mean
// that what was sent is lost.
const (
	late     = time.Second
	meansOff = 4

	tlsLimit      = 3 * time.Second // nothing else is ready
	leastPatience = 4 * time.Second // what package sip waits for an answer at least
)

// lateness is for a connection whose own answers have come so late that it means little that no more have come: what was sent may be on its way, and
// what comes back.
func lateness(j *judgement, t provisioning.Trouble) provisioning.Trouble {
	if j.attempt == nil {
		return t
	}
	began, waited := j.attempt.began, leastPatience
	if j.attempt.stage == handshaking {
		waited = tlsLimit
	}
	if silence := (*sip.SilenceError)(nil); errors.As(j.err, &silence) {
		waited = max(waited, silence.After)
	}
	longest := max(began.Connecting, began.Securing)
	if longest < late || longest*meansOff < waited {
		return t
	}
	facts := t.With(provisioning.Facts{"connecting": began.Connecting.Milliseconds(), "waited": int64(waited.Seconds())}).Facts
	switch ms := began.Securing.Milliseconds(); {
	case began.Secured:
		facts["securing"] = ms
	case ms > 0:
		facts["partly"] = ms
	}
	if way := j.attempt.loss == wire.SentUnacknowledged; way && began.Connecting*meansOff < began.Securing {
		facts["grows"] = true
	} else if !way && began.Connecting < late { // the server may be as slow
		facts["open"] = true
		return provisioning.FaultAnswersLate.Because(t, facts).OnNoSide()
	}
	return provisioning.FaultAnswersLate.Because(t, facts)
}

// arrived is what is known of what was acknowledged, and not answered.
const arrived = "has arrived (it was acknowledged)"

// mute is for a Registrar that answers no SIP.
func (j *judgement) mute() provisioning.Trouble { return lateness(j, unanswered(j)) }

func unanswered(j *judgement) provisioning.Trouble {
	stepped := j.stepped()
	switch j.attempt.loss {
	case wire.SentUnacknowledged:
		return j.dropped(provisioning.FaultSIPDropped)
	case wire.Acknowledged:
		j.know("arrived", arrived)
	default: // it is not known
	}
	switch {
	case !stepped:
		return j.met(provisioning.FaultNoSIP)
	case j.facts["arrived"] != nil:
		return j.met(provisioning.FaultStepSilent).On(provisioning.SideRegistrar)
	default:
		return j.met(provisioning.FaultStepSilent)
	}
}

// refusedHere is for what this device does not do, and for a way that begins elsewhere now.
func refusedHere(j *judgement) provisioning.Trouble {
	var refused *refusedError
	var moved *addressChangedError
	var withheld *withheldError
	switch {
	case errors.As(j.err, &withheld):
		j.know("anchor", withheld.anchor)
		return j.met(provisioning.FaultFirstUse)
	case errors.As(j.err, &refused):
		return refused.reason.Met(refused.detail)
	case errors.As(j.err, &moved):
		return provisioning.AddressChanged.Met(j.raw)
	default:
		return provisioning.Trouble{}
	}
}

// unreachable are the system's ways to say that no packet gets through, by what they mean. The first are also what it makes of
// ICMP: host unreachable, and administratively prohibited (EACCES with IPv6).
var unreachable = []struct {
	means  provisioning.Fault
	errnos []error
}{
	{provisioning.FaultHostUnreachable, []error{syscall.EHOSTUNREACH, syscall.EACCES}},
	{provisioning.FaultNotPermitted, []error{syscall.EPERM}},
	{provisioning.FaultNoWay, []error{syscall.ENETUNREACH, syscall.ENETDOWN, syscall.EADDRNOTAVAIL, syscall.EINVAL, syscall.EAFNOSUPPORT}},
}

// noWayOut says whether an error is how it ends when nobody on the link answers: whichever comes first.
func noWayOut(err error) bool { return isTimeout(err) || errors.Is(err, syscall.EHOSTUNREACH) }

// Searched is how long it takes at least that a router looks for a host in vain; one that rejects a connection says so at once. (Our choice.)
const Searched = 500 * time.Millisecond

// Barred is what somebody has said by ICMP of a connection to an address that was not made; hop is the gateway on the way. None: nobody has said
// anything, or this device has for want of an answer on its link, or the host has that nothing listens there.
func Barred(w *wire.Wire, err error, addr, hop netip.Addr, took time.Duration) (none provisioning.Trouble) {
	var said wire.Barred
	if !errors.As(err, &said) {
		return none
	}
	by, code := said.Barred()
	own, itself := w.Own != nil && slices.Contains(w.Own(), by), by == addr.WithZone("")
	facts := provisioning.Facts{"sender": by, "wall": by}
	if by == hop {
		facts["sender"] = "the gateway " + by.String()
	}
	t := provisioning.FaultProhibited.Met(facts)
	switch {
	case own && code == wire.HostUnreachable, itself && code == wire.PortUnreachable:
		return none
	case own:
		return provisioning.FaultNotPermitted.Met(nil)
	case code == wire.NetProhibited, code == wire.HostProhibited, code == wire.Prohibited:
		facts["rule"] = "administratively prohibited"
	case itself, code > wire.HostUnreachable:
	case code == wire.NetUnreachable:
		t.Fault = provisioning.FaultRouterRejects
	case took >= Searched:
		t.Fault = provisioning.FaultNoHost
	default:
		t.Fault = provisioning.FaultHostUnreachable
	}
	if itself {
		facts["sender"], facts["wall"], facts["itself"] = by.String()+" itself", nil, true
	} else if t.Fault == provisioning.FaultProhibited {
		return t.On(provisioning.SideNetwork)
	}
	return t
}

// barred is what was said of the connection of an attempt.
func barred(j *judgement) provisioning.Trouble {
	t := j.attempt.barred.With(j.facts)
	switch {
	case t.Facts["itself"] == nil:
	case j.attempt.near:
		return t.On(provisioning.SideRegistrar)
	default:
		t.Facts["far"] = true
	}
	return t
}

// connection is for a connection that failed, at whatever stage.
func (j *judgement) connection() provisioning.Trouble {
	registering := j.attempt == nil || j.attempt.stage == registering
	switch {
	case j.attempt != nil && !j.attempt.barred.None():
		return barred(j)
	case errors.Is(j.err, syscall.ECONNREFUSED):
		return j.atPort(provisioning.FaultRefused)
	case isHungUp(j.err) && j.stepped():
		return j.atPort(provisioning.FaultStepCut)
	case isHungUp(j.err) && j.attempt != nil && j.attempt.met.AsksCertificate:
		return j.atPort(provisioning.FaultCutAsking)
	case isHungUp(j.err) && registering && j.attempt != nil && j.attempt.met.Version != "":
		return j.atPort(provisioning.FaultDropsSIP)
	case isHungUp(j.err):
		return j.atPort(provisioning.FaultCut)
	case j.attempt != nil && j.attempt.absent && noWayOut(j.err):
		if j.attempt.route != nil {
			j.know("on", j.attempt.route.Interface)
		}
		return j.met(provisioning.FaultNoNeighbour)
	case j.attempt != nil && j.attempt.gateway.IsValid() && noWayOut(j.err):
		return j.deadGateway()
	case isTimeout(j.err) && j.attempt == nil:
		return j.met(provisioning.FaultWentSilent)
	case isTimeout(j.err) && registering:
		return j.mute()
	case isTimeout(j.err) && j.attempt.there:
		return j.met(provisioning.FaultHostDrops)
	case isTimeout(j.err):
		if j.attempt.hop.IsValid() {
			j.facts["routed"] = true
		}
		j.facts["lone"] = true // one port was tried
		return j.met(provisioning.FaultFiltered)
	case errors.Is(j.err, sip.ErrBindingLost) && !errors.As(j.err, new(syscall.Errno)): // else this device has lost its way
		return provisioning.BindingLost.Met(j.raw)
	}
	if j.attempt != nil && j.attempt.route != nil && j.attempt.route.Refuses != "" {
		j.know("refuses", j.attempt.route.Refuses)
		return j.met(provisioning.FaultRouteRefuses)
	}
	if j.attempt != nil && j.attempt.noRoute && errors.Is(j.err, syscall.ENETUNREACH) {
		return j.met(provisioning.FaultNoDefault)
	}
	if j.attempt != nil && j.attempt.hop.IsValid() && errors.Is(j.err, syscall.ENETUNREACH) { // this device has a way there: it is ICMP
		j.facts.Through(j.attempt.hop)
		return j.met(provisioning.FaultRouterRejects)
	}
	for _, way := range unreachable {
		if slices.ContainsFunc(way.errnos, func(errno error) bool { return errors.Is(j.err, errno) }) {
			return j.met(way.means)
		}
	}
	return provisioning.Trouble{}
}
