package signin

import (
	"context"
	"time"

	"homeward/provisioning"
)

// SignedIn is how a sign-in went.
type SignedIn struct {
	Registrar *provisioning.Registrar // nil: nobody accepted
	Scheme    string                  // "tls-dsk", "ntlm", "digest"; empty: it asked for nothing
	User      string                  // the login name that was sent; empty: none
	// NotCertified is why the certificate of the device did not sign in, where something else did.
	NotCertified provisioning.Trouble
	Unlisted     provisioning.Trouble // its answer does not list the binding
	Nobody       bool                 // asked for no binding, it lists none of this account, of whatever device
	Remote       bool                 // through an Access Edge
	OnBackup     bool
	Lync         bool // it tells in band
	// CertificateService is where certificates for sign-in can be got, as a Registrar says that has proven its name.
	CertificateService string
	Attempts           []provisioning.Attempt
	InBandTook         time.Duration // to be told in band
	Home               []provisioning.Registrar
	MediaRelays        []provisioning.MediaRelay
	Provisioning       *provisioning.Provisioning
	InBand             provisioning.Reason // why in-band provisioning or the relays are not as they should be
	InBandDetail       string
	Flaws              []provisioning.Trouble // the same, with each media relay that does not answer
	Why                provisioning.Why       // why nobody accepted
	Trouble            provisioning.Trouble   // which fault that is, where it was found out
}

// SignInOnce walks through the Candidates as the daemon does, until one accepts; asks it for what it tells in band; and
// takes the binding back if it is still ours. trip is how long a round trip took on the network, at most, for how patient the walk is; 0: unknown.
// cycle is where the events of this signer are noted.
func (s *Signer) SignInOnce(ctx context.Context, try []provisioning.Candidate, trip time.Duration, m *provisioning.Memory, cycle *provisioning.Cycle, ours func() bool) SignedIn {
	s.pace.hint = trip
	s.Note(try, map[string]bool{})
	w := s.NewWalk(nil)
	reg := w.Try(ctx, try)
	done := SignedIn{Attempts: cycle.Attempts}
	if reg == nil {
		why, trouble := cycle.Blame(w.Stopped())
		done.Why, done.Trouble = *why, trouble
		return done
	}
	defer reg.Session.Close()
	s.Accept(reg, m)
	done.Scheme, done.User = reg.Binding.Scheme, reg.Binding.User
	done.Unlisted, done.Nobody = reg.Unlisted(), reg.Binding.Nobody
	done.Remote, done.OnBackup, done.Lync = reg.Binding.Remote, reg.Binding.OnBackup, reg.Binding.Lync
	if done.Lync {
		l := Unproven()
		if reg.Candidate.Transport == provisioning.TLS {
			began := time.Now()
			l = s.askProvisioning(ctx, reg.Session, &reg.Binding)
			done.InBandTook = time.Since(began)
		}
		s.Believe(reg, l, m)
		done.Provisioning, done.MediaRelays = l.settings(), l.relays
		done.InBand, done.InBandDetail, done.Flaws = l.Reason, l.Detail, l.Troubles(reg.Candidate.Host)
	}
	done.Home, done.Registrar = reg.standing.home, &reg.standing.registrar
	if ours() {
		_ = reg.TakeBack(ctx) // the binding expires by itself otherwise
	}
	return done
}
