package signin

import (
	"cmp"
	"context"
	"fmt"

	"homeward/internal/sip"
	"homeward/provisioning"
)

// contact is a Contact of a redirect, and why it is not tried.
type contact struct {
	provisioning.Candidate
	reason provisioning.Reason
	detail string
}

// contacts makes Candidates of Contacts and looks up the addresses of all that may be tried, at the same time.
func (w *Walk) contacts(ctx context.Context, from *provisioning.Candidate, redirects []sip.Redirect) []contact {
	s := w.signer
	contacts := make([]contact, len(redirects))
	hosts := make([]string, len(redirects)) // empty: not asked for
	for i, r := range redirects {
		c := &contacts[i]
		c.Candidate = provisioning.Candidate{Step: provisioning.Redirect, Endpoint: provisioning.Endpoint{Host: r.Host, Port: r.Port}, Via: fmt.Sprintf("%s %s", from.Step, from.Host), Anchor: from.Anchor}
		if err := c.Transport.UnmarshalText([]byte(r.Transport)); err != nil {
			c.reason, c.detail = provisioning.TransportPolicy, err.Error()
			continue
		}
		if c.reason, c.detail = s.contactReason(from, &c.Candidate); c.reason == "" {
			hosts[i] = c.Host
		}
	}
	for i, name := range s.owner.Resolve(ctx, hosts) {
		c := &contacts[i]
		if c.Addrs = name.Addrs; c.reason == "" && len(c.Addrs) == 0 {
			c.reason, c.detail = provisioning.NoAddress, ""
			if name.Reason == provisioning.AddressNotAllowed || name.Reason == provisioning.DNSMalformed {
				c.reason, c.detail = name.Reason, name.Detail
			}
		}
		if s.policy.Vouches(from) && (c.reason == "" || c.reason == provisioning.NoAddress) {
			s.vouched.add(c.Host)
		}
	}
	return contacts
}

// contactReason says why a Contact may not be tried, or "". A Registrar reached over TLS has proven its name, and whom it
// names is trusted; one reached over plain TCP, or trusted on first use alone, has not, and the name rule guards its word (Lync
// trust model).
func (s *Signer) contactReason(from, c *provisioning.Candidate) (provisioning.Reason, string) {
	if from.Transport == provisioning.TLS && c.Transport == provisioning.TCP {
		return provisioning.SIPRedirectDowngrade, ""
	}
	if reason := s.policy.Closed(c.Transport, s.owner.Floor()); reason != "" {
		return reason, ""
	}
	if reason, detail := s.policy.PortReason(c.Step, c.Port); reason != "" {
		return reason, detail
	}
	if s.policy.Vouches(from) && !provisioning.IsAddress(c.Host) {
		return "", ""
	}
	if !s.policy.MayName(from, c.Host) && provisioning.IsAddress(c.Host) && !s.policy.Configured(c.Host) {
		return provisioning.RegistrarNotProven, ""
	}
	return s.policy.NameReason(c.Step, c.Host, c.Transport)
}

// homePair is the primary and the backup Registrar of a redirect that may be remembered.
func homePair(p *provisioning.Policy, from *provisioning.Candidate, contacts []contact) []provisioning.Candidate {
	var home []provisioning.Candidate
	if !p.Vouches(from) {
		return nil
	}
	for i := range contacts {
		c := &contacts[i]
		if (c.reason == "" || c.reason == provisioning.NoAddress) && len(home) < 2 {
			home = append(home, c.Candidate)
		}
	}
	return home
}

// pass tells that a Contact of a redirect is not tried.
func (w *Walk) pass(from, c *provisioning.Candidate, reason provisioning.Reason, detail string) {
	facts := provisioning.Facts{"from": from.Host, "host": c.Host, "user": w.signer.policy.SIPAddress}
	s := provisioning.Skip{Step: c.Step, Endpoint: c.Endpoint, Reason: reason, Detail: cmp.Or(detail, "redirected by "+from.Host)}
	switch reason {
	case provisioning.NoAddress:
		s.Trouble = provisioning.FaultRedirectNoAddress.Met(facts)
	case provisioning.SameAsFailed:
		facts["at"] = c.HostPort()
		met, known := w.met[c.Endpoint]
		s.Trouble = again(met, known, facts)
	case provisioning.SIPRedirectLoop:
		s.Trouble = provisioning.FaultRedirectLoop.Met(facts)
	default:
		s.Trouble = provisioning.FaultRedirectNotUsed.Because(reason.Met(detail), facts)
	}
	w.signer.owner.Tell(s.Event())
}

// again is for a redirect to where all addresses have been tried, and what was met there last, if that is known.
func again(met provisioning.Trouble, known bool, facts provisioning.Facts) provisioning.Trouble {
	switch {
	case !known:
		return provisioning.FaultRedirectNotUsed.Because(provisioning.SameAsFailed.Met(""), facts)
	case met.None():
		return provisioning.FaultRedirectBack.Met(facts)
	default:
		return provisioning.FaultRedirectAgain.Because(met, facts)
	}
}
