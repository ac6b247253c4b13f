package provisioning

import (
	"context"
)

// SignedIn is how a sign-in went.
type SignedIn struct {
	Registrar    *Endpoint // nil: nobody accepted
	Scheme       string    // "ntlm", "digest"; empty: it asked for nothing
	User         string    // the login name that was sent; empty: none
	Remote       bool      // through an Access Edge
	OnBackup     bool
	Lync         bool // it tells in band
	Attempts     []Attempt
	Home         []Endpoint
	MediaRelays  []MediaRelay
	Provisioning *Provisioning
	InBand       Reason // why in-band provisioning or the relays are not as they should be
	InBandDetail string
	Reason       Reason // why nobody accepted
	Detail       string
	Hint         string
}

// SignInOnce walks through the Candidates as the daemon does, until one accepts; asks it for what it tells in band; and
// takes the binding back. cycle is where the events of this signer are noted.
func (s *signer) SignInOnce(ctx context.Context, try []Candidate, m memory, cycle *Cycle) SignedIn {
	s.note(try, map[string]bool{})
	w := s.newWalk()
	reg := w.try(ctx, try)
	done := SignedIn{Attempts: cycle.Attempts}
	if reg == nil {
		done.Reason, done.Detail, done.Hint = cycle.blame(w.stop)
		return done
	}
	defer reg.Session.Close()
	done.Scheme, done.User = reg.Binding.Scheme, reg.Binding.User
	done.Remote, done.OnBackup, done.Lync = reg.Binding.Remote, reg.Binding.OnBackup, reg.Binding.Lync
	if done.Lync {
		l := unproven()
		if reg.Candidate.Transport == TLS {
			l = s.askProvisioning(ctx, reg.Session, reg.Binding)
		}
		s.believe(reg, l)
		done.Provisioning, done.MediaRelays = l.settings(), l.relays
		done.InBand, done.InBandDetail = l.reason, l.detail
	}
	done.Home = homeOf(s.record(reg, m))
	done.Registrar = endpointOf(reg, done.Home)
	last, cancel := context.WithTimeout(context.WithoutCancel(ctx), unregisterLimit)
	defer cancel()
	_ = reg.Session.Unregister(last) // the binding expires by itself otherwise
	return done
}
