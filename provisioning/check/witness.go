package check

import (
	"github.com/homeward-agent/homeward/provisioning"
	"github.com/homeward-agent/homeward/provisioning/signin"
)

// witness says whether the daemon has shown already what the check would try: only one at a time can be registered with a
// certificate.
func (f *Facts) witness() bool {
	s := f.Daemon.Certified
	return s != nil && !f.ByPassed && s.Registrar != nil && s.Registrar.Step != nil && f.Now.Before(s.ExpiresAt)
}

// signedInAt is the place that led to the sign-in: the one that redirected, where one did.
func (f *Facts) signedInAt() provisioning.Endpoint {
	if f.witness() { // what had led the daemon there would lead it so again
		for _, c := range f.Plan.Try {
			if p, _ := f.place(c); p.ready() || c.Endpoint == f.SignIn.Registrar.Endpoint {
				return c.Endpoint
			}
		}
		return f.SignIn.Registrar.Endpoint
	}
	for _, a := range f.SignIn.Attempts {
		if a.Result == "redirected" || a.Result == "ok" {
			return a.Endpoint()
		}
	}
	return provisioning.Endpoint{}
}

// asRegistered is the sign-in of a daemon that is registered with the certificate of the device.
func asRegistered(s *provisioning.Status) signin.SignedIn {
	r := *s.Registrar
	done := signin.SignedIn{
		Registrar: &r, Scheme: s.Scheme, OnBackup: r.Role == signin.Roles[1], Lync: true,
		Home: s.Home, MediaRelays: s.MediaRelays, Provisioning: s.Provisioning,
	}
	for _, r := range s.MediaRelays {
		if !answering(r, true) {
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
