package check

import (
	"context"
	"net/netip"
	"slices"
	"time"

	"homeward/provisioning"
	"homeward/provisioning/signin"
)

// witness says whether the daemon has shown already what the check would try: only one at a time can be registered with a
// certificate, and some networks let only one connection through.
func (f *Facts) witness() bool { return certified(f) || !f.Second.None() }

// certified says whether the daemon is registered with the certificate of the device.
func certified(f *Facts) bool {
	s := f.Daemon.At
	return s != nil && s.Scheme == provisioning.ByCertificate && !f.ByPassed && s.Registrar != nil && s.Registrar.Step != nil && f.Now.Before(s.ExpiresAt)
}

// refusedAside is that a Registrar has refused the password of a daemon that is registered with another one: that counts its tries, and one of the
// check would come on top.
func refusedAside(f *Facts) provisioning.Trouble {
	d, ofPassword := &f.Daemon, []provisioning.Reason{provisioning.SIPCredentials, provisioning.SIPForbidden}
	missed := d.met(ofPassword...) // through last good it may have looked for the normal way
	if better := d.missed(); missed == nil && better != nil && slices.Contains(ofPassword, better.Reason) {
		missed = &better.Attempt
	}
	if missed == nil || d.At == nil || d.At.Registrar == nil || d.At.Registrar.Step == nil || missed.Endpoint() == d.At.Registrar.Endpoint ||
		certified(f) || f.ByPassed || d.SIPAddress != f.Policy.SIPAddress.String() {
		return provisioning.Trouble{}
	}
	facts := d.facts()
	facts["host"], facts["aside"] = missed.Host, true
	if d.Newer != "" {
		facts["newer"] = d.Newer
	}
	cause := told(missed)
	return passwordSpared(cause, facts, cause.OnSide())
}

// isUneven says whether what failed at an address, since nobody was met or a certificate failed, is served there on other connections.
func isUneven(probe *signin.Probe, failed provisioning.Trouble) bool {
	return probe.Uneven && (slices.Contains(nobodyMet, failed.Reason()) || ofCertificate(failed.Reason())) && failed.Fault != provisioning.FaultUnevenCertificate
}

// ofCertificate says whether the certificate is what failed. A Registrar may also say of the clocks that they are apart.
func ofCertificate(r provisioning.Reason) bool {
	return r.IsCertificate() && r != provisioning.ClockWrong
}

// unevenly is what is wrong at a place that serves some connections, and not others.
func unevenly(probe *signin.Probe, t provisioning.Trouble) provisioning.Trouble {
	if ofCertificate(t.Reason()) {
		return unevenCertificate(probe, t)
	}
	return provisioning.FaultUneven.Because(t, t.With(provisioning.Facts{"address": probe.Addr, "worked": nil}).Facts)
}

// unevenCertificate is what is wrong where several servers show several certificates. That one of them is valid now speaks for the clock of this
// device; of one that this device does not trust, nothing says whose it is.
func unevenCertificate(probe *signin.Probe, t provisioning.Trouble) provisioning.Trouble {
	facts := provisioning.Facts{"host": t.Host(), "address": probe.Addr}
	cause, dates := t.With(provisioning.Facts{"clock": nil, "by": nil, "worked": nil}), []provisioning.Reason{provisioning.TLSExpired, provisioning.TLSNotYetValid}
	if slices.Contains(dates, t.Reason()) {
		facts["dated"] = true
		return provisioning.FaultUnevenCertificate.Because(cause, facts).On(provisioning.SideRegistrar)
	}
	facts["other"] = true
	return provisioning.FaultUnevenCertificate.Because(cause, facts)
}

// nobodyMet are the Reasons of an attempt to which nothing may have been answered.
var nobodyMet = []provisioning.Reason{provisioning.ConnectRefused, provisioning.ConnectReset, provisioning.ConnectTimeout, provisioning.TLSTimeout, provisioning.SIPNoAnswer}

// second is what is to be said where the device fails at an address at which the daemon is registered at this moment: that is a fact, and
// what fails is a second connection, or a second sign-in. None: the daemon is registered elsewhere, or another one would fail like this.
func second(f *Facts, at provisioning.Endpoint, addr netip.Addr, failed provisioning.Trouble) provisioning.Trouble {
	if failed.None() || !registeredAt(f, at, addr) || f.silent() || nobodyElse(f, at, addr, failed) {
		return provisioning.Trouble{}
	}
	p, _ := f.place(&provisioning.Candidate{Endpoint: at, Addrs: []netip.Addr{addr}}) // nobody has probed where a redirect leads
	for _, probe := range p.Probes {
		if isUneven(probe, failed) {
			return unevenly(probe, failed)
		}
	}
	facts := provisioning.Facts{"at": at.HostPort(), "address": addr, "host": at.Host, "port": at.Port, "said": failed.Facts["said"]}
	if fails := secondFails[failed.Fault]; fails != "" {
		facts["fails"] = fails
		return provisioning.FaultSecondConnection.Because(failed, facts).OnNoSide()
	}
	protocol := unserved[failed.Reason()]
	switch {
	case slices.Contains(lostOnTheWay, failed.Fault):
		return failed
	case protocol != "":
		facts["protocol"] = protocol
		return provisioning.FaultSecondSilent.Because(failed, facts)
	case failed.Reason() == provisioning.ConnectReset:
		facts["fails"] = "is accepted, and then dropped"
		return provisioning.FaultSecondConnection.Because(failed, facts).OnNoSide()
	case failed.Reason() == provisioning.SIPUnavailable, failed.Reason() == provisioning.SIPRejected, failed.Fault == provisioning.FaultTooManyBindings, failed.Fault == provisioning.FaultRefusedUnasked:
		facts["signin"] = true
		if slices.Contains(onQuery, failed.Fault) {
			facts["signin"], facts["query"] = nil, true
		}
		return provisioning.FaultSecondRefused.Because(failed, facts).OnNoSide()
	default:
		return provisioning.Trouble{}
	}
}

// onQuery are the faults of a query that is refused as it stands: it may be that a registration is not.
var onQuery = []provisioning.Fault{provisioning.FaultRejected, provisioning.FaultNoQuery, provisioning.FaultNoQueryBeside, provisioning.FaultNoMinExpires}

// registeredAt says whether the daemon is registered at an address at this moment.
func registeredAt(f *Facts, at provisioning.Endpoint, addr netip.Addr) bool {
	s := f.Daemon.At
	return s != nil && s.Registrar != nil && s.Registrar.Step != nil && f.Now.Before(s.ExpiresAt) &&
		s.Registrar.Address == addr && s.Registrar.Port == at.Port && s.Registrar.Transport == at.Transport
}

// nobodyElse says whether what has failed at an address has failed in the same way at all other ones of Registrars: what they have in common is
// why, and no connection that the device has to one of them. Those that refuse do so at a port; the silent are silent at any.
func nobodyElse(f *Facts, at provisioning.Endpoint, addr netip.Addr, failed provisioning.Trouble) bool {
	fails := secondFails[failed.Fault]
	if fails == "" {
		return failed.Fault == provisioning.FaultTooLate || failed.Fault == provisioning.FaultSlowWay
	}
	others := false
	for _, p := range f.Places {
		for _, probe := range p.Probes {
			switch same := secondFails[probe.Trouble.Fault] == fails; {
			case probe.Addr == addr, p.Role == Beside, p.Role == Unplanned, fails != notAnswered && p.Port != at.Port:
			case same:
				others = true
			case !p.closed() && !cannotReach(f, probe):
				return false
			}
		}
	}
	return others
}

// lostOnTheWay are the faults of a connection of which it is seen that its packets are lost: no service has hung, and no connection is one too many.
var lostOnTheWay = []provisioning.Fault{provisioning.FaultTLSLost, provisioning.FaultTLSDropped, provisioning.FaultSIPDropped}

// unserved are the reasons of a connection that is accepted and not served, with what is not answered on it.
var unserved = map[provisioning.Reason]string{provisioning.TLSTimeout: "the TLS handshake", provisioning.SIPNoAnswer: "SIP"}

// secondFails are the faults of a connection that a limit of connections causes as well, in the words for a second one. Where it is known
// that nothing is there, or no way to it, there is no limit.
var secondFails = map[provisioning.Fault]string{
	provisioning.FaultFiltered: notAnswered, provisioning.FaultPortFiltered: notAnswered, provisioning.FaultHostDrops: notAnswered,
	provisioning.FaultRefused: "is refused", provisioning.FaultRefusedTCP: "is refused", provisioning.FaultHostUnreachable: "is rejected", provisioning.FaultRouterRejects: "is rejected",
	provisioning.FaultProhibited: "is rejected", provisioning.FaultNoHost: "is rejected",
}

const notAnswered = "is not answered"

// withAll says whether the daemon is registered at an address that has not answered, as no other has.
func withAll(f *Facts) bool {
	for _, p := range f.Places {
		for _, probe := range p.Probes {
			asked := p.Role == Planned || p.Role == LastGood
			if asked && registeredAt(f, p.Endpoint, probe.Addr) && (!f.silent() || !tooLate(f).None()) && nobodyElse(f, p.Endpoint, probe.Addr, probe.Trouble) {
				return true
			}
		}
	}
	return false
}

// attempts are those of a sign-in; none where nobody has tried.
func attempts(s *signin.SignedIn) []provisioning.Attempt {
	if s == nil {
		return nil
	}
	return s.Attempts
}

// secondOf is what second says of the first place, or attempt, of which it says something.
func secondOf(f *Facts) provisioning.Trouble {
	for _, a := range attempts(f.SignIn) {
		if t := second(f, a.Endpoint(), a.Address, a.Trouble); !t.None() && a.Result == "failed" {
			return t
		}
	}
	for _, p := range f.Places {
		for _, probe := range p.Probes {
			if t := second(f, p.Endpoint, probe.Addr, probe.Trouble); !t.None() && (p.Role == Planned || p.Role == LastGood) {
				return t
			}
		}
	}
	return provisioning.Trouble{}
}

// Our choices: so many connections, within this time, show whether it is all of them that fail.
const (
	connectionsMore = 3
	moreLimit       = 3 * time.Second
)

// early says whether a connection has come to its end before it could be told from that of a probe: before SIP.
func early(t provisioning.Trouble) bool {
	switch t.Fault {
	case provisioning.FaultTLSCut, provisioning.FaultTLSHungUp:
		return true
	default:
		return slices.Contains([]provisioning.Reason{provisioning.ConnectRefused, provisioning.ConnectTimeout, provisioning.TLSTimeout}, t.Reason())
	}
}

// tryAgain makes more connections to where this device was served on one and not on another: by the daemon that is registered there, or by
// a probe before a sign-in.
func (e *eye) tryAgain(ctx context.Context, f *Facts) {
	for _, p := range f.Places {
		for _, probe := range p.Probes {
			failed := func(a provisioning.Attempt) bool {
				return a.Endpoint() == p.Endpoint && a.Address == probe.Addr && a.Result == "failed" && early(a.Trouble)
			}
			beside := second(f, p.Endpoint, probe.Addr, probe.Trouble)
			probe.Uneven = probe.Uneven || twoCertificates(f, p, probe)
			if !probe.Uneven && (isUnproven(probe) && ofCertificate(probe.Reason()) && p.Transport == provisioning.TLS && (p.Role == Planned || p.Role == LastGood) || slices.Contains(nobodyMet, beside.Reason()) || probe.Greeting.Code != 0 && slices.ContainsFunc(attempts(f.SignIn), failed)) {
				probe.Uneven = e.oneServed(ctx, &p.Candidate, probe.Addr)
			}
		}
	}
}

// twoCertificates says whether a probe and the sign-in have met two at one address: one that this device accepts, and another one.
func twoCertificates(f *Facts, p *Place, probe *signin.Probe) bool {
	return slices.ContainsFunc(attempts(f.SignIn), func(a provisioning.Attempt) bool {
		good := a.Result == "ok" || a.Result == "redirected"
		return a.Endpoint() == p.Endpoint && a.Address == probe.Addr &&
			(isSecured(probe) && a.Result == "failed" && ofCertificate(a.Reason) || isUnproven(probe) && good && p.Transport == provisioning.TLS)
	})
}

// oneServed says whether one of several connections at the same time is answered. When that is known, it ends the others, and waits for that.
func (e *eye) oneServed(ctx context.Context, c *provisioning.Candidate, addr netip.Addr) bool {
	ctx, enough := context.WithTimeout(ctx, moreLimit)
	defer enough()
	answers := make(chan bool, connectionsMore)
	for range connectionsMore {
		go func() {
			probe := e.signer.Probe(ctx, c, addr)
			answers <- probe.Secured && probe.Greeting.Code != 0 // over plain TCP anybody on the way may have answered
		}()
	}
	served := false
	for range connectionsMore {
		if <-answers {
			served = true
			enough()
		}
	}
	return served
}

// signedInAt is the place that led to the sign-in: the one that redirected, where one did.
func (f *Facts) signedInAt() provisioning.Endpoint {
	if f.witness() { // what had led the daemon there would lead it so again
		for i := range f.Plan.Try {
			c := &f.Plan.Try[i]
			if p, _ := f.place(c); p.ready() || c.Endpoint == f.SignIn.Registrar.Endpoint {
				return c.Endpoint
			}
		}
		return f.SignIn.Registrar.Endpoint
	}
	for i := range f.SignIn.Attempts {
		a := &f.SignIn.Attempts[i]
		if a.Result == "redirected" || a.Result == "ok" {
			return a.Endpoint()
		}
	}
	return provisioning.Endpoint{}
}

// asRegistered is the sign-in of a daemon that is registered.
func asRegistered(s *provisioning.Status) signin.SignedIn {
	r := *s.Registrar
	done := signin.SignedIn{
		Registrar: &r, Scheme: s.Scheme, OnBackup: r.Role == signin.Roles[1], Lync: s.Scheme == provisioning.ByCertificate || s.Provisioning != nil,
		Home: s.Home, MediaRelays: s.MediaRelays, Provisioning: s.Provisioning,
	}
	for i := range s.MediaRelays {
		r := &s.MediaRelays[i]
		if !answering(*r, true) {
			done.Flaws = append(done.Flaws, provisioning.FaultRelaySilent.Met(provisioning.Facts{"host": r.Host}))
		}
	}
	if len(s.MediaRelays) > 0 && len(done.Flaws) == len(s.MediaRelays) {
		done.InBand = provisioning.RelayUnreachable
	}
	return done
}

// answering says whether a media relay is of use. Of one that the daemon has not probed, nothing is known.
func answering(r provisioning.MediaRelay, witness bool) bool {
	unknown := witness && r.UDPAnswers == nil && r.TCPAnswers == nil
	return unknown || (!dead(r.UDPAnswers) || !dead(r.TCPAnswers)) && len(r.Addresses) > 0
}

func dead(answers *bool) bool { return answers == nil || !*answers }
