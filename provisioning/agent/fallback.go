package agent

import (
	"time"

	"homeward/provisioning"
	"homeward/provisioning/signin"
)

// The areas of Pace in which records stand that name in vain, and the option of DHCP that may name a former server.
const (
	recordArea = "record"
	optionArea = "option"
)

// stale is what is wrong with that option.
func stale(skips []provisioning.Skip) (found []provisioning.Trouble) {
	for i := range skips {
		if s := &skips[i]; s.Step == provisioning.DHCPTLS && provisioning.Stale(s.Trouble) {
			found = append(found, s.Trouble)
		}
	}
	return found
}

// misses shows at which better Registrar the device is not, as that has failed. A cycle in which nothing else was tried says nothing of that.
func misses(s *provisioning.Status, reg *signin.Registration) {
	missed, tells := s.Cycle.Missed(&reg.Candidate, s.Home), s.Cycle.Registered() && !reg.Anew
	if missed != nil || tells {
		s.Fallback = missed
	}
	if tells && reg.Candidate.Step != provisioning.Recall { // no record was asked for
		s.Paced(recordArea, s.Cycle.Unusable(&reg.Candidate))
	}
	if reg.Degraded || len(s.Home) > 0 && s.Home[0].Endpoint == reg.Candidate.Endpoint {
		s.Fallback = nil
	}
}

// unregistered shows that the device is not registered any more.
func unregistered(s *provisioning.Status) {
	s.Registrar, s.RegisteredAt, s.ExpiresAt, s.Degraded, s.Watch = nil, time.Time{}, time.Time{}, false, nil
	s.Scheme, s.Unproven, s.ServerCertificates = "", "", nil
	s.Fallback, s.Better, s.NextLookup = nil, nil, time.Time{}
}
