package discover

import (
	"fmt"
	"time"

	"homeward/dhcpopts"
	"homeward/internal/srv"
	"homeward/provisioning"
)

// What a tech would not let pass. (Our choices.)
const (
	slowDNS    = 200 * time.Millisecond // until an answer, as a rule
	slowDHCP   = 2 * time.Second
	lossyShare = 4 // percent of the questions to a name server
)

// Quality is how well a name server answers.
type Quality = srv.Quality

// DeadServer is about one name server of several that does not answer.
func DeadServer(all []Quality) provisioning.Trouble {
	var dead, alive *Quality
	for i := range all {
		if q := &all[i]; q.Answered > 0 && alive == nil {
			alive = q
		} else if q.Answered == 0 && dead == nil {
			dead = q
		}
	}
	if dead == nil || alive == nil {
		return provisioning.Trouble{}
	}
	if dead.From.IsValid() {
		return provisioning.FaultDNSElsewhere.Met(provisioning.Facts{"server": dead.Server, "servers": []string{dead.Server.String()}, "from": dead.From})
	}
	if dead.Lives {
		return Waits(dead).With(provisioning.Facts{"server": dead.Server, "alive": alive.Server})
	}
	facts := provisioning.Facts{"server": dead.Server, "alive": alive.Server}
	if fails, works := provisioning.Family(dead.Server.Addr()), provisioning.Family(alive.Server.Addr()); fails != works {
		facts["fails"], facts["works"] = fails, works
	}
	return provisioning.FaultDNSServerDead.Met(facts)
}

// Waits is about a name server that lives, and has answered nothing that it was asked many times.
func Waits(q *Quality) provisioning.Trouble {
	return serverTrouble(&srv.Error{Kind: srv.Timeout, Name: q.Name, Server: q.Server.String(), Lives: true, Waited: q.Took})
}

// LossyServer is about questions that get lost on the way to a name server that is alive; or that it did not answer for a while, if it did
// before or after, and none between.
func LossyServer(q *Quality) provisioning.Trouble {
	if q.Answered == 0 || q.Lost() < lossyShare {
		return provisioning.Trouble{}
	}
	if g := q.Gap; g.Took > 0 {
		facts := provisioning.Facts{"server": q.Server, "at": g.At.UTC().Format("15:04:05 UTC"), "span": fmt.Sprintf("about %d ms", g.Took.Milliseconds()), "otherwise": "after that"}
		if g.Open {
			facts["span"], facts["otherwise"] = fmt.Sprintf("at least %d ms", g.Took.Milliseconds()), "before that; whether it does again was not seen"
			facts["now"] = "homeward check"
		}
		return provisioning.FaultDNSGap.Met(facts)
	}
	return provisioning.FaultDNSLossy.Met(provisioning.Facts{"server": q.Server, "asked": q.Asked, "lost": q.Asked - q.Answered, "share": q.Lost()})
}

// SlowServer is about a name server whose answers take long.
func SlowServer(q *Quality) provisioning.Trouble {
	if q.Median < slowDNS {
		return provisioning.Trouble{}
	}
	return provisioning.FaultDNSSlow.Met(provisioning.Facts{"server": q.Server, "ms": q.Median.Milliseconds(), "way": true})
}

// SlowDHCP is about an answer to DHCPINFORM that takes long.
func SlowDHCP(a *dhcpopts.Answer) provisioning.Trouble {
	if a.Took < slowDHCP {
		return provisioning.Trouble{}
	}
	return provisioning.FaultDHCPSlow.Met(provisioning.Facts{"server": Who(a), "ms": a.Took.Milliseconds()})
}
