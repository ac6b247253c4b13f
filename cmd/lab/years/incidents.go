package years

import (
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"strings"
	"time"

	"homeward/provisioning"
)

// incident is something that happens in a year, drawn before anything has: what the device does has no influence on it.
type incident struct {
	after time.Duration // since the beginning of the episode
	what  string
	do    func(d *device)
}

// kinds are what may happen, and how often beside each other. Each draws its details, and returns the incidents that it is made of.
var kinds = []struct {
	name   string
	weight int
	draw   func(r *rand.Rand, w *world) []incident
}{
	{"dns", 8, drawDNS},
	{"dhcp", 4, drawDHCP},
	{"outage", 8, drawOutage},
	{"registrar", 12, drawRegistrar},
	{"certificate", 5, drawCertificate},
	{"all", 4, drawAll},
	{"web", 4, drawWeb},
	{"in-band", 5, drawInBand},
	{"broker", 3, drawBroker},
	{"network", 6, drawNetwork},
	{"move", 5, drawMove},
	{"renumber", 4, drawRenumber},
	{"password", 2, drawPassword},
	{"clock", 3, drawClock},
	{"cut", 10, drawCut},
	{"restart", 3, drawRestart},
	{"damage", 4, drawDamage},
}

// between is a time in a range: as many in each octave.
func between(r *rand.Rand, least, most time.Duration) time.Duration {
	d := time.Duration(float64(least) * math.Pow(float64(most)/float64(least), r.Float64()))
	return d.Round(time.Millisecond)
}

// draw is one episode of a year: some incidents that overlap, all of which have an end.
func draw(r *rand.Rand, w *world, count map[string]int) []incident {
	total := 0
	for _, k := range kinds {
		total += k.weight
	}
	var all []incident
	for range 1 + r.IntN(5) {
		at, n := time.Duration(r.Int64N(int64(20*time.Minute))), r.IntN(total)
		for _, k := range kinds {
			if n -= k.weight; n < 0 {
				count[k.name]++
				for _, i := range k.draw(r, w) {
					i.after += at
					all = append(all, i)
				}
				break
			}
		}
	}
	slices.SortStableFunc(all, func(a, b incident) int { return int(a.after - b.after) })
	return all
}

// lasting is something with an end.
func lasting(lasts time.Duration, what string, begin, end func(d *device)) []incident {
	return []incident{{0, fmt.Sprintf("%s, for %v", what, lasts), begin}, {lasts, "the end of: " + what, end}}
}

func drawDNS(r *rand.Rand, _ *world) []incident {
	fault := one(r, "silent", "silent", "servfail", "refused", "nxdomain", "nodata", "truncated", "malformed", "noedns", "lossy", "delay 700ms", "delay 3s")
	return lasting(between(r, time.Second, time.Hour), "DNS "+fault,
		func(d *device) { d.world.setDNS(fault) }, func(d *device) { d.world.setDNS("") })
}

func drawDHCP(r *rand.Rand, _ *world) []incident {
	fault := one(r, "silent", "denied", "10.0.0.67 nak", "10.0.0.67 ack 120=fe66.evil.net", "10.0.0.67 ack 120=hex:ffff", "10.0.0.67 ack 43=http://10.0.0.1", "10.0.0.67 ack 120=dir01.contoso.com delay=2s")
	return lasting(between(r, time.Second, time.Hour), "DHCP "+fault,
		func(d *device) { d.world.setDHCP(fault) }, func(d *device) { d.world.setDHCP("") })
}

// drawOutage is a site where nothing can be discovered, for a device that needs to.
func drawOutage(r *rand.Rand, w *world) []incident {
	fault, lasts := one(r, "silent", "servfail", "nxdomain", "refused", "closed"), between(r, time.Minute, time.Hour)
	all := lasting(lasts, "nothing can be discovered: DNS "+fault,
		func(d *device) { d.world.setDNS(fault); d.world.setDHCP("silent") }, func(d *device) { d.world.setDNS(""); d.world.setDHCP("") })
	lose := []incident{{0, "the power is cut for a moment", func(d *device) { d.powerCut(); d.start() }}}
	switch r.IntN(3) {
	case 0:
		lose = []incident{{0, "restarted", func(d *device) { d.restart() }}}
	case 1:
		lose = nil
		for _, s := range w.servers {
			if !s.isWeb() {
				lose = append(lose, incident{0, "all connections are reset", func(d *device) { d.world.touch("reset " + s.at) }})
			}
		}
	}
	for _, i := range lose {
		i.after = time.Second + time.Duration(r.Int64N(int64(lasts/2)))
		all = append(all, i)
	}
	return all
}

// faults are what a Registrar may do besides its work.
var faults = []string{
	"refuse", "refuse", "blackhole", "blackhole", "unreachable", "reset hello", "reset", "silent", "silent hello", "http", "status 503", "status 503 retry-after=90", "status 503 retry-after=1500",
	"status 500", "status 404", "status 480 retry-after=30", "status 403", "offer Kerberos", "offer Basic", "accept idle=20s", "redirect sip:gone.contoso.com;transport=tls",
}

// override gives a server a behaviour, for a time.
func override(r *rand.Rand, s *server, manner string) []incident {
	return lasting(between(r, time.Second, 90*time.Minute), s.at+" "+manner,
		func(d *device) { d.world.override(s, manner) }, func(d *device) { d.world.override(s, "") })
}

// override gives a server another behaviour, or its own.
func (w *world) override(s *server, manner string) {
	s.override = manner
	w.refresh()
}

func (w *world) anyServer(r *rand.Rand) *server {
	for {
		if s := w.servers[r.IntN(len(w.servers))]; !s.isWeb() && s.host != "" && (s.place == mainSite || r.IntN(3) == 0) {
			return s
		}
	}
}

func drawRegistrar(r *rand.Rand, w *world) []incident {
	s, fault := w.anyServer(r), one(r, faults...)
	if fault == "accept idle=20s" && w.lync {
		fault = s.manner + " idle=20s"
	}
	return override(r, s, fault)
}

func drawCertificate(r *rand.Rand, w *world) []incident {
	s := w.anyServer(r)
	return override(r, s, s.manner+" "+one(r, badCerts...))
}

// drawAll is a site without power, or behind a router that has none: one after the other comes back.
func drawAll(r *rand.Rand, w *world) []incident {
	fault, lasts := one(r, "refuse", "blackhole", "unreachable", "status 503"), between(r, 10*time.Second, time.Hour)
	all := lasting(lasts, "all Registrars "+fault,
		func(d *device) {
			for _, s := range d.world.servers {
				s.override = fault
			}
			d.world.refresh()
		},
		func(d *device) {
			for _, s := range d.world.servers {
				s.override = ""
			}
			d.world.refresh()
		})
	if r.IntN(2) == 0 {
		back := between(r, time.Second, lasts+10*time.Minute)
		all = append(all, incident{0, "DNS and DHCP with them", func(d *device) { d.world.setDNS("silent"); d.world.setDHCP("silent") }},
			incident{back, "DNS and DHCP are back", func(d *device) { d.world.setDNS(""); d.world.setDHCP("") }})
	}
	return all
}

func drawWeb(r *rand.Rand, w *world) []incident {
	if !w.lync {
		return drawRegistrar(r, w)
	}
	s := w.at("10.0.0.8:443")
	if r.IntN(4) == 0 {
		return []incident{{0, "the certificates of the user are revoked", func(d *device) { d.world.apply("revoke phone1@%s", domain) }}}
	}
	spoils := one(r, "down", "missing", "redirect", "html", "deep", "entities", "cut", "policy", "plain", "elsewhere", "dc", "noticket", "store", "nocert", "badcert", "otherkey", "otheruser", "expired", "future", "short")
	return override(r, s, s.manner+" spoils="+spoils)
}

func drawBroker(r *rand.Rand, _ *world) []incident {
	fault := one(r, brokerFaults...)
	is := func(fault string) func(d *device) {
		return func(d *device) {
			if d.broker != nil {
				d.broker.is(fault)
			}
		}
	}
	return lasting(between(r, time.Second, 90*time.Minute), "the broker: "+fault, is(fault), is(""))
}

func drawInBand(r *rand.Rand, w *world) []incident {
	s := w.anyServer(r)
	change := one(r, "reset "+s.at, "reset "+s.at, "forget "+s.at, "deregister "+s.at+" rejected", "deregister "+s.at+" unregistered", "deregister "+s.at+" deactivated", "ask "+s.at+" OPTIONS 10",
		"deregister "+s.at+" preferred-registrar-change sip:"+w.anyServer(r).host)
	if !w.lync && !strings.HasPrefix(change, "reset") {
		change = "reset " + s.at
	}
	var all []incident
	for i := range 1 + r.IntN(3) {
		all = append(all, incident{time.Duration(i) * between(r, time.Second, time.Minute), change, func(d *device) { d.world.touch(change) }})
	}
	return all
}

// touch applies a change of the connections of a server, which may hold that against it.
func (w *world) touch(change string) {
	if s := w.at(strings.Fields(change)[1]); !s.wellAt.IsZero() {
		s.wellAt = time.Now()
	}
	w.apply("%s", change)
}

func drawNetwork(r *rand.Rand, _ *world) []incident {
	down := func(d *device) { d.world.unplug() }
	up := func(d *device) { d.world.renew() }
	switch r.IntN(3) {
	case 0:
		return lasting(between(r, time.Second, time.Hour), "no network", down, up)
	case 1:
		return []incident{{0, "another address", up}}
	default: // a loose cable
		var all []incident
		at := time.Duration(0)
		for range 2 + r.IntN(12) {
			all = append(all, incident{at, "the cable comes off", down})
			at += between(r, 200*time.Millisecond, 20*time.Second)
			all = append(all, incident{at, "the cable is back", up})
			at += between(r, time.Second, time.Minute)
		}
		return all
	}
}

func drawMove(r *rand.Rand, _ *world) []incident {
	to := one(r, otherSite, otherSite, outside)
	return lasting(between(r, 5*time.Minute, 2*time.Hour), "moves to "+to.String(),
		func(d *device) { d.world.move(to) }, func(d *device) { d.world.move(mainSite) })
}

func drawRenumber(r *rand.Rand, w *world) []incident {
	host := "fe01." + domain
	if w.lync {
		host = one(r, "dir01.", "pool01.") + domain
	}
	stranger := one(r, "", "cert=wrongname", "cert=untrusted")
	return []incident{{0, host + " moves to its other address", func(d *device) {
		from, _ := d.world.renumber(host)
		if from.override = ""; stranger != "" {
			d.world.override(from, from.manner+" "+stranger)
		}
	}}}
}

// drawPassword changes the password of the account: the device learns it later, with a restart.
func drawPassword(r *rand.Rand, _ *world) []incident {
	return lasting(between(r, time.Minute, 90*time.Minute), "the password of the account is another one",
		func(d *device) { d.newPassword("Other-" + d.world.password) },
		func(d *device) { d.newPassword(d.world.password); d.restart() })
}

// drawClock is a clock that is wrong beside that of the site, by what the device can see of it.
func drawClock(r *rand.Rand, w *world) []incident {
	option := one(r, "clock=1h", "clock=-1h", "clock=8760h", "cert=notyet", "cert=ending")
	all := lasting(between(r, time.Minute, time.Hour), "clock: "+option,
		func(d *device) {
			for _, s := range d.world.servers {
				if !s.isWeb() && s.host != "" {
					s.override = s.manner + " " + option
				}
			}
			d.world.refresh()
		},
		func(d *device) {
			for _, s := range d.world.servers {
				s.override = ""
			}
			d.world.refresh()
		})
	if r.IntN(2) == 0 { // it boots with a clock that is behind what it remembers
		ahead := one(r, time.Hour, 72*time.Hour, 400*24*time.Hour)
		all = append(all, incident{time.Second, fmt.Sprintf("boots with a clock that is %v behind", ahead), func(d *device) { d.powerCut(); d.remember(ahead); d.start() }})
	}
	return all
}

// drawCut cuts the power: at an instant, or at an event. It comes back at once, or later.
func drawCut(r *rand.Rand, _ *world) []incident {
	off := between(r, time.Second, 10*time.Minute)
	if r.IntN(5) == 0 {
		off = between(r, time.Hour, 60*24*time.Hour)
	}
	on := incident{0, "the power is back", func(d *device) { d.powerCut(); d.start() }}
	kind := one(r, provisioning.Committed, provisioning.Committed, provisioning.Attempted, provisioning.LookedUp, provisioning.StateChanged, provisioning.Lost, provisioning.Enrolled, provisioning.Told, provisioning.Waiting, "")
	n := 1 + r.IntN(6)
	if kind == "" {
		cut := incident{0, fmt.Sprintf("a power cut of %v", off), func(d *device) { d.powerCut() }}
		on.after = off
		return []incident{cut, on}
	}
	on.after = 5*time.Minute + off
	return []incident{{0, fmt.Sprintf("a power cut at event number %d of the kind %q, or 5 min later, of %v", n, kind, off), func(d *device) {
		if d.life != nil {
			left := n
			d.life.arm(func(e provisioning.Event) bool {
				if e.Kind == kind {
					left--
				}
				return left == 0
			})
		}
	}}, {5 * time.Minute, "the power is off by now", func(d *device) { d.powerCut() }}, on}
}

func drawRestart(r *rand.Rand, _ *world) []incident {
	off := between(r, time.Second, time.Minute)
	return []incident{
		{0, fmt.Sprintf("stopped for %v", off), func(d *device) {
			if d.life != nil {
				d.shutdown()
			}
		}},
		{off, "started", func(d *device) { d.boot() }},
	}
}

// drawDamage damages files while the power is off.
func drawDamage(r *rand.Rand, _ *world) []incident {
	seed := r.Uint64()
	return []incident{
		{0, "the power is cut, and files are damaged", func(d *device) { d.powerCut(); d.spoil(rand.New(rand.NewPCG(seed, 1))) }},
		{between(r, time.Second, time.Minute), "the power is back", func(d *device) { d.boot() }},
	}
}
