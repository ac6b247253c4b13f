package check

import (
	"time"

	"github.com/homeward-agent/homeward/provisioning"
	"github.com/homeward-agent/homeward/provisioning/discover"
)

// What a tech would not let pass. (Our choices.)
const (
	slowDNS     = 200 * time.Millisecond // until an answer, as a rule
	slowDHCP    = 2 * time.Second
	slowConnect = 800 * time.Millisecond // a SYN that was lost is sent again after a second
	lossyShare  = 4                      // percent of the questions to a name server
)

// serverDead is about one name server of several that does not answer.
func serverDead(f *Facts) provisioning.Trouble {
	var dead, alive *discover.Quality
	for i := range f.Quality {
		if q := &f.Quality[i]; q.Answered > 0 && alive == nil {
			alive = q
		} else if q.Answered == 0 && dead == nil {
			dead = q
		}
	}
	if dead == nil || alive == nil {
		return provisioning.Trouble{}
	}
	return provisioning.FaultDNSServerDead.Met(provisioning.Facts{"server": dead.Server, "alive": alive.Server})
}

// lossy is about questions that get lost on the way to a name server that is alive.
func lossy(f *Facts) provisioning.Trouble {
	for _, q := range f.Quality {
		if q.Answered > 0 && q.Lost() >= lossyShare {
			return provisioning.FaultDNSLossy.Met(provisioning.Facts{"server": q.Server, "asked": q.Asked, "lost": q.Asked - q.Answered, "share": q.Lost()})
		}
	}
	return provisioning.Trouble{}
}

// slow is about what takes long although all goes well in the end.
func slow(f *Facts) provisioning.Trouble {
	for _, q := range f.Quality {
		if q.Median >= slowDNS {
			return provisioning.FaultDNSSlow.Met(provisioning.Facts{"server": q.Server, "ms": q.Median.Milliseconds()})
		}
	}
	for _, c := range f.Plan.Try {
		p, _ := f.place(c)
		for _, probe := range p.Probes {
			if probe.Connected && probe.Connecting >= slowConnect {
				return provisioning.FaultSlowWay.Met(provisioning.Facts{"at": c.HostPort(), "address": probe.Addr, "ms": probe.Connecting.Milliseconds()})
			}
		}
	}
	if f.DHCP != nil && f.Policy.Asks(provisioning.DHCPTLS) {
		for _, a := range f.DHCP.Answers {
			if a.Took >= slowDHCP {
				return provisioning.FaultDHCPSlow.Met(provisioning.Facts{"server": a.Server, "ms": a.Took.Milliseconds()})
			}
		}
	}
	return provisioning.Trouble{}
}
