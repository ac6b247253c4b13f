//go:build linux

package e2e

import (
	"flag"
	"fmt"
	"os"
	"os/exec"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"
)

// What the bench measures: make bench BENCH='-quick -rows hole'.
var (
	benchQuick = flag.Bool("quick", false, "bench: each row once, at a round trip of 20 ms, without other phones")
	benchRows  = flag.String("rows", ".", "bench: a pattern (RE2) for the rows")
	benchPaths = flag.String("paths", "20,5,100,300/2", "bench: round trips in ms, each with the loss in percent")
	benchRuns  = flag.Int("n", 7, "bench: how often each row is measured")
	benchPeers = flag.Bool("peers", false, "bench: measure Linphone and baresip besides, on the first path")
)

// Our choices.
const (
	benchPatience = 60 * time.Second // for homeward
	peerPatience  = 4 * time.Minute  // longer than any peer has been seen to take for a way on
	manyRuns      = 14               // factor on the runs of a row that is about chance
	learnTries    = 3                // starts until a device knows the best Registrar, where packets are lost
)

// benchRow is a case: a site, what happens to it, and where a device ends up.
type benchRow struct {
	name   string
	zone   []place         // internal TLS and the like, the first one first
	before func(*benching) // a fault that is there from the start
	known  bool            // the device has registered before
	after  func(*benching) // a fault when it has registered, or its end; time is counted from here
	ends   place
	goal   time.Duration // at a round trip of 20 ms; our choice
	chance bool          // measured more often, for how it is at worst
}

// Places of the bench besides those of the site.
var (
	stalls = place{"internal-tls", at("internal-tls").srv, "fe31.contoso.com", "10.0.0.31", 5061, "tls"}
	mute   = place{"internal-tls", at("internal-tls").srv, "fe32.contoso.com", "10.0.0.32", 5061, "tls"}
	holes  = []place{
		{"internal-tls", at("internal-tls").srv, "fe33.contoso.com", "10.0.0.33", 5061, "tls"},
		{"internal-tls", at("internal-tls").srv, "fe34.contoso.com", "10.0.0.34", 5061, "tls"},
		{"internal-tls", at("internal-tls").srv, "fe35.contoso.com", "10.0.0.35", 5061, "tls"},
		{"internal-tcp", at("internal-tcp").srv, "fe36.contoso.com", "10.0.0.36", 5060, "tcp"},
		{"internal-tcp", at("internal-tcp").srv, "fe37.contoso.com", "10.0.0.37", 5060, "tcp"},
		{"internal-tcp", at("internal-tcp").srv, "fe38.contoso.com", "10.0.0.38", 5060, "tcp"},
	}
)

// benchTable is what the bench measures, in the order of its table.
func benchTable() []benchRow {
	first, usual := at("internal-tls"), []place{at("internal-tls"), second}
	dies := func(b *benching) { b.registrar.fault(b, first.match()+blackHole) }
	restarts := func(b *benching) {
		b.registrar.fault(b, first.match()+refuses)
		b.registrar.run(b, "ss", "-K", "src", first.addr, "sport", "=", strconv.Itoa(int(first.port)))
	}
	ms := time.Millisecond
	return []benchRow{
		{name: "healthy, cold", zone: usual, ends: first, goal: 130 * ms},
		{name: "healthy, warm", zone: usual, known: true, ends: first, goal: 95 * ms},
		{name: "first target refuses", zone: usual, before: func(b *benching) { b.registrar.fault(b, first.match()+refuses) }, ends: second, goal: 150 * ms},
		{name: "first target is a black hole", zone: usual, before: dies, ends: second, goal: 600 * ms},
		{name: "first target stalls in TLS", zone: []place{stalls, second}, ends: second, goal: 1700 * ms},
		{name: "first target is mute", zone: []place{mute, second}, ends: second, goal: 4100 * ms},
		{name: "six black holes, the seventh is well", zone: append(slices.Clone(holes), at("external-tls")), before: func(b *benching) {
			for _, p := range holes {
				b.registrar.fault(b, p.match()+blackHole)
			}
		}, ends: at("external-tls"), goal: 2000 * ms},
		{name: "registered, then a black hole", zone: usual, after: func(b *benching) { b.path.swallow(first.addr) }, ends: second, goal: 10 * time.Second},
		{name: "registered, then a reset", zone: usual, after: restarts, ends: second},
		{name: "the only Registrar restarts", zone: usual[:1], after: func(b *benching) {
			restarts(b)
			b.measured.rests()
			b.registrar.heal(b)
			b.begin()
		}, ends: first, goal: 10 * time.Second},
		{name: "DNS is silent, then back", zone: usual, known: true, before: func(b *benching) { b.dns.fault(b, silentDNS) },
			after: func(b *benching) { b.dns.heal(b) }, ends: first, goal: 2300 * ms},
		{name: "half of the DNS queries lost", zone: usual, before: func(b *benching) {
			b.dns.fault(b, "udp dport 53 numgen random mod 2 == 0 drop")
		}, ends: first, chance: true},
		{name: "half of the DNS packets lost", zone: usual, before: func(b *benching) { b.path.lossDNS.Store(500) }, ends: first, chance: true},
	}
}

// benching is a bench under way: one site, and a path between the device and it.
type benching struct {
	*testing.B
	*site
	path     *path
	server   *registrar
	measured *benched  // the device under way
	began    time.Time // when time began to count
}

// BenchmarkSignIn measures how long a device takes from the start of its process, or from a fault, to the 200 OK of a
// Registrar, and prints a table. It is one benchmark, since what it measures takes seconds.
func BenchmarkSignIn(b *testing.B) {
	s := newSite(b)
	plugIn(b, s)
	k := &benching{B: b, site: s, path: newPath(b, s.device)}
	mustIP(b, "-n", s.device.name, "address", "replace", "10.0.0.90/24", "dev", "eth0")
	mustIP(b, "-n", s.device.name, "route", "replace", "default", "via", bridgeAddr)
	for _, p := range append([]place{stalls, mute}, holes...) {
		mustIP(b, "-n", s.registrar.name, "address", "add", p.addr+"/24", "dev", "eth0")
	}
	startKea(b, s.dhcp, options{})
	k.server = startKamailio(b, s, settings{})
	for _, p := range []place{stalls, mute} {
		cert, key := s.ca.issue(b, b.TempDir(), p.host)
		server := startTLS(b, s, p, cert, key)
		if p == stalls {
			server.hang()
		}
	}
	pattern, err := regexp.Compile(*benchRows)
	if err != nil {
		b.Fatal(err)
	}
	paths, runs := strings.Split(*benchPaths, ","), *benchRuns
	if *benchQuick {
		paths, runs = []string{"20"}, 1
	}
	var table benchReport
	for i, way := range paths {
		k.setPath(way)
		for _, row := range benchTable() {
			if pattern.MatchString(row.name) {
				table.add(k.measure(row, way, runs, *benchPeers && i == 0))
			}
		}
	}
	table.print(os.Stdout)
}

// setPath sets the path to a round trip in ms, with the loss in percent: "20", "300/2".
func (b *benching) setPath(way string) {
	trip, loss, _ := strings.Cut(way, "/")
	ms, err := strconv.ParseFloat(trip, 64)
	percent := 0.0
	if err == nil && loss != "" {
		percent, err = strconv.ParseFloat(loss, 64)
	}
	if err != nil {
		b.Fatalf("%q is no path: a round trip in ms, and perhaps /loss in percent", way)
	}
	b.path.trip.Store(int64(ms * float64(time.Millisecond)))
	b.path.lossy.Store(uint32(percent * 10))
}

// measure measures a row.
func (b *benching) measure(row benchRow, way string, runs int, peers bool) (m measured) {
	m = measured{row: row, way: way, trip: time.Duration(b.path.trip.Load())}
	named := startNamed(b, b.dns, benchZone(row.zone))
	defer named.stop(b)
	if row.chance {
		runs *= manyRuns
	}
	for range runs {
		t, trips := b.once(homeward, row, benchPatience)
		m.own = append(m.own, t)
		m.trips = append(m.trips, trips)
	}
	if peers && !row.chance {
		for _, c := range benchPhones {
			t := absent
			if _, err := exec.LookPath(c.program); err == nil {
				t, _ = b.once(c, row, peerPatience)
			}
			m.peers = append(m.peers, t)
		}
	}
	fmt.Println(m.line())
	return m
}

// benchZone leads to the places, for homeward and for phones that know RFC 3263 alone.
func benchZone(places []place) zone {
	z := zoneWith(places...)
	for i, p := range places {
		z.addrs[p.host] = p.addr
		if p.transport == "tls" {
			z.more = append(z.more, fmt.Sprintf("_sips._tcp SRV %d 0 %d %s.", i, p.port, p.host))
		}
	}
	return z
}

// Times that are none.
const (
	never  = time.Duration(-1) // not within patience
	absent = time.Duration(-2) // the program is not installed
)

// once starts a device and returns what the row is about, and how many round trips it took.
func (b *benching) once(c benchClient, row benchRow, patience time.Duration) (took time.Duration, trips int) {
	defer b.wellAgain()
	p := c.prepare(b)
	if row.known {
		b.learn(c, row, p, patience)
	}
	if row.before != nil {
		row.before(b)
	}
	b.path.begin()
	b.began, b.measured = p.start(b), p
	defer p.stop(b)
	if row.after != nil {
		if !row.known { // else it is in the middle of an outage
			if _, ok := p.registered(b, row.zone[0], patience); !ok {
				return never, 0
			}
		} else {
			p.settles()
		}
		b.begin()
		row.after(b)
	}
	at, ok := p.registered(b, row.ends, patience)
	if !ok {
		b.Logf("%s: %s does not register at %s within %v; it says:\n%s", row.name, c.name, row.ends.host, patience, p.said())
		return never, 0
	}
	return at.Sub(b.began), b.path.trips(at)
}

// learn has a device know the best Registrar. On a lossy path it may pass over it, and is started again.
func (b *benching) learn(c benchClient, row benchRow, p *benched, patience time.Duration) {
	for range learnTries {
		p.start(b)
		_, ok := p.registered(b, row.zone[0], patience)
		p.stop(b)
		if ok {
			return
		}
	}
	b.Fatalf("%s: %s does not register where all is well\n%s", row.name, c.name, p.said())
}

// begin counts time and round trips from now.
func (b *benching) begin() {
	b.path.begin()
	b.began = time.Now()
}

// wellAgain takes all faults away, and the bindings.
func (b *benching) wellAgain() {
	b.registrar.heal(b)
	b.dns.heal(b)
	b.path.lossDNS.Store(0)
	b.path.swallow("")
	b.server.rpc(b, "ul.rm", "location", sipUser+"@"+sipDomain)
}
