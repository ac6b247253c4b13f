package check

import (
	"net/netip"
	"slices"
	"time"

	"homeward/provisioning"
	"homeward/provisioning/discover"
	"homeward/provisioning/signin"
)

// serverDead is about one name server of several that does not answer.
func serverDead(f *Facts) provisioning.Trouble {
	t := discover.DeadServer(f.Quality)
	dead, _ := t.Facts["server"].(netip.AddrPort)
	alive, _ := t.Facts["alive"].(netip.AddrPort)
	given := acked(f)
	if t.Fault != provisioning.FaultDNSServerDead || slices.Contains(given, dead.Addr()) || !slices.Contains(given, alive.Addr()) {
		return t
	}
	file := "/etc/resolv.conf"
	if len(f.Policy.DNSServers) > 0 {
		file = f.Policy.Setting("dns_servers")
	}
	return t.With(provisioning.Facts{"file": file}).On(provisioning.SideDevice)
}

// lossy is about questions that get lost on the way to a name server that is alive.
func lossy(f *Facts) provisioning.Trouble {
	for i := range f.Quality {
		q := &f.Quality[i]
		if t := discover.LossyServer(q); !t.None() {
			return t
		}
	}
	return provisioning.Trouble{}
}

// muchLost is the share of lost queries, in percent, from which on silence is no sign of a firewall. (Our choice.)
const muchLost = 10

// dropped are the faults of packets that do not arrive.
var dropped = []provisioning.Fault{provisioning.FaultFiltered, provisioning.FaultHostDrops, provisioning.FaultPortFiltered, provisioning.FaultTLSLost, provisioning.FaultTLSStalls, provisioning.FaultTLSDropped, provisioning.FaultSIPDropped}

// onSilence are the faults that rest on a connection to which nothing was answered, where one of these is the Reason.
var (
	onSilence      = []provisioning.Fault{provisioning.FaultSecondConnection, provisioning.FaultSecondSilent, provisioning.FaultAnsweredBefore, provisioning.FaultUneven}
	silenceReasons = []provisioning.Reason{provisioning.ConnectTimeout, provisioning.TLSTimeout, provisioning.SIPNoAnswer}
)

// onLossyWay is for a Registrar that seems to be behind a firewall, or to hang, where the questions to a name server get lost, too.
func onLossyWay(f *Facts, t provisioning.Trouble) provisioning.Trouble {
	if !slices.Contains(dropped, t.Fault) && !(slices.Contains(onSilence, t.Fault) && slices.Contains(silenceReasons, t.Reason())) {
		return t
	}
	for i := range f.Quality {
		q := &f.Quality[i]
		if loss := discover.LossyServer(q); loss.Fault == provisioning.FaultDNSLossy && q.Lost() >= muchLost {
			return provisioning.FaultLossyWay.Met(t.With(loss.Facts).Facts)
		}
	}
	return t
}

// slowPlace is about a Registrar of the plan that is slow, or the way to it.
func slowPlace(f *Facts) provisioning.Trouble {
	for i := range f.Plan.Try {
		c := &f.Plan.Try[i]
		p, _ := f.place(c)
		for _, probe := range p.Probes {
			if t := signin.SlowWay(c, probe.Addr, probe.Connecting, probe.Securing); probe.Connected && !t.None() {
				return t
			}
			if t := probe.SlowAnswer(c); !t.None() {
				return t
			}
		}
	}
	return provisioning.Trouble{}
}

// much is our choice: how many times as long as another a server must take to answer for that not to be the way.
const much = 4

// slowServer is about the first name server that takes so long, at least: on the side of DNS, where somebody else whom this device reaches in
// the same way answers soon.
func slowServer(f *Facts, least time.Duration) provisioning.Trouble {
	for i := range f.Quality {
		q := &f.Quality[i]
		t := discover.SlowServer(q)
		if t.None() || q.Median < least {
			continue
		}
		soon, took := "", q.Median/much
		other := func(addr netip.Addr, at string, after time.Duration) {
			if way, here := f.Ways[addr], f.Ways[q.Server.Addr()]; after < took && way.Hop.IsValid() && way.Link == here.Link && (way.Hop == here.Hop || here.Hop == q.Server.Addr()) {
				soon, took = at, after
			}
		}
		for j := range f.Quality {
			if beside := &f.Quality[j]; beside.Answered > 0 {
				other(beside.Server.Addr(), "the name server "+beside.Server.String(), beside.Median)
			}
		}
		for _, p := range f.Places {
			for _, probe := range p.Probes {
				if probe.Connected {
					other(probe.Addr, p.HostPort(), probe.Connecting)
				}
			}
		}
		if soon == "" {
			return t
		}
		facts := provisioning.Facts{"way": nil, "look": true, "other": soon, "soon": max(1, took.Milliseconds()), "beside": true}
		if f.Ways[q.Server.Addr()].Hop != q.Server.Addr() {
			facts["behind"], facts["beside"] = true, nil
		}
		if f.Here != nil {
			f.Here.Asked(f.Memory, facts)
		}
		return t.With(facts).On(provisioning.SideDNS)
	}
	return provisioning.Trouble{}
}

// slowWay is about a Registrar of the plan that is slow, or the way to it; and where a name server takes as long, about what is on the way to both.
func slowWay(f *Facts) provisioning.Trouble {
	place, server := slowPlace(f), slowServer(f, 0)
	if place.Fault == provisioning.FaultSlowWay && !server.None() && server.OnSide() == "" {
		return provisioning.FaultSlowPath.Met(place.With(provisioning.Facts{"server": server.Facts["server"], "answers": server.Facts["ms"]}).Facts)
	}
	return place
}

// slow is about what takes long although all goes well in the end.
func slow(f *Facts) provisioning.Trouble {
	server, way := slowServer(f, 0), slowWay(f)
	switch {
	case !way.None() && server.OnSide() == "":
		return way
	case !server.None():
		return server
	}
	if f.DHCP != nil && f.Policy.Asks(provisioning.DHCPTLS) {
		for i := range f.DHCP.Answers {
			a := &f.DHCP.Answers[i]
			if t := discover.SlowDHCP(a); !t.None() {
				return t
			}
		}
	}
	return provisioning.Trouble{}
}

// besideSlowDNS adds to a Registrar that does not answer that DNS is slow, where it is not known that both are slow.
func besideSlowDNS(f *Facts, t provisioning.Trouble) provisioning.Trouble {
	if slow := slowServer(f, slowTrip); !slow.None() && t.Reason() == provisioning.ConnectTimeout && t.Fault != provisioning.FaultTooLate {
		return t.And(slow)
	}
	return t
}
