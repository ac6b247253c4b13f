package years

import (
	"fmt"
	"math/rand/v2"
	"net/netip"
	"slices"
	"strings"
	"time"

	"homeward/internal/sitetest"
)

// place is where the device is.
type place int

const (
	mainSite  place = iota // the site it was made for
	otherSite              // another site of the same organization, with Registrars of its own
	outside                // the internet: an Edge only
	everywhere
)

func (p place) String() string { return [...]string{"the main site", "the other site", "outside"}[p] }

// domain is the SIP domain of every world.
const domain = "contoso.com"

// server is a Registrar, or the web services, of a world.
type server struct {
	at     string // "10.0.0.5:5061"
	host   string // in its certificate; "": plain TCP
	manner string // how it behaves when it is well
	place  place  // from where it can be reached
	backup bool
	spare  bool // the second address of a host that is renumbered at times: nobody is there at first

	now      string // as the site has it
	override string // what an incident makes of it; "": nothing
	wellAt   time.Time
	deadAt   time.Time // since when a connection to it cannot live; zero: it can
	badAt    time.Time // since when its certificate is not to be believed; zero: it is
	asked    retry
	left     time.Time // until when the device leaves it alone, if it has kept that
}

// retry is a Registrar's wish to be left alone.
type retry struct{ at, until time.Time }

func (s *server) isWeb() bool { return strings.HasPrefix(s.manner, "web ") }

// span is a set of addresses that a name had, and when.
type span struct {
	addrs       []netip.Addr
	from, until time.Time // until is zero while it has them
}

// world is a site, and the truth about it: what the promises are held against. The driver alone uses it.
type world struct {
	*rand.Rand
	lync     bool
	honeypot bool          // a Registrar without TLS that accepts everybody
	release  bool          // the device holds no binding, since a phone does
	window   time.Duration // storm_window; negative: not configured
	routed   bool          // the other site can be reached from the main one, and the other way round
	password string
	servers  []*server
	site     *sitetest.Site

	place    place
	address  string // of the device
	up       bool   // its network
	dns      string // what is wrong with DNS; "": nothing
	dhcp     string
	dnsAt    time.Time // since when all answers of DNS are right
	dhcpAt   time.Time
	movedAt  time.Time
	networks int // of the device, so far
	names    map[string][]span
}

// one is one of several.
func one[T any](r *rand.Rand, from ...T) T { return from[r.IntN(len(from))] }

// newWorld draws a site.
func newWorld(r *rand.Rand) *world {
	w := &world{Rand: r, lync: r.IntN(4) > 0, honeypot: r.IntN(2) == 0, routed: r.IntN(2) == 0, release: r.IntN(5) == 0, window: one(r, -1, -1, 0, 10*time.Second, 2*time.Minute), password: fmt.Sprintf("Canary-%08x", r.Uint32()),
		address: "10.0.0.21", up: true, names: map[string][]span{}}
	account := `lync user=CONTOSO\phone1 password=` + w.password + " web=web01." + domain + " expires=86400 keepalive=86000"
	registrar := func(at, host string, from place, manner string) *server {
		s := &server{at: at, host: host + "." + domain, manner: manner, place: from}
		w.servers = append(w.servers, s)
		return s
	}
	if w.lync {
		registrar("10.0.0.4:5061", "dir01", mainSite, account+" home=pool01.contoso.com,pool02.contoso.com")
		registrar("10.0.0.14:5061", "dir01", mainSite, account+" home=pool01.contoso.com,pool02.contoso.com").spare = true
		registrar("10.0.0.5:5061", "pool01", mainSite, account)
		registrar("10.0.0.15:5061", "pool01", mainSite, account).spare = true
		registrar("10.0.0.6:5061", "pool02", mainSite, account+" backup").backup = true
		registrar("10.1.0.4:5061", "dir11", otherSite, account+" home=pool11.contoso.com,pool12.contoso.com")
		registrar("10.1.0.5:5061", "pool11", otherSite, account)
		registrar("10.1.0.6:5061", "pool12", otherSite, account+" backup").backup = true
		registrar("203.0.113.4:443", "edge01", everywhere, account+" edge")
		registrar("10.0.0.8:443", "web01", everywhere, `web user=CONTOSO\phone1 password=`+w.password+" life=480h")
	} else {
		account = "digest user=phone1 password=" + w.password + " expires=7200"
		if w.release {
			account += " rival=stays"
		}
		asks := func() string { return account + one(r, "", " algorithm=MD5", " algorithm=SHA-256,MD5") }
		registrar("10.0.0.5:5061", "fe01", mainSite, asks())
		registrar("10.0.0.15:5061", "fe01", mainSite, asks()).spare = true
		registrar("10.0.0.6:5061", "fe02", mainSite, asks())
		registrar("10.1.0.5:5061", "fe11", otherSite, asks())
		registrar("10.1.0.6:5061", "fe12", otherSite, asks())
		registrar("203.0.113.4:443", "edge01", everywhere, asks())
	}
	if w.honeypot {
		s := registrar(fmt.Sprintf("10.0.0.%d:5060", 9), "", mainSite, "accept")
		s.host = ""
	}
	return w
}

// first are the hosts that the SRV records of a place name.
func (w *world) first(p place) []string {
	switch {
	case p == outside:
		return nil
	case w.lync:
		return []string{[]string{"dir01", "dir11"}[p]}
	default:
		return [][]string{{"fe01", "fe02"}, {"fe11", "fe12"}}[p]
	}
}

// pair are the primary and the backup of a place, with Lync.
func (w *world) pair(p place) []string {
	return [][]string{{"pool01", "pool02"}, {"pool11", "pool12"}}[p]
}

// text is the file of the site.
func (w *world) text() string {
	var b strings.Builder
	b.WriteString("-- zone --\ndomain " + domain + "\ndelay 1ms\n")
	for _, line := range w.srv(mainSite) {
		b.WriteString(line + "\n")
	}
	b.WriteString("_sip._tls SRV 0 0 443 edge01\nrelay01 A 10.0.0.30\n")
	if w.honeypot {
		b.WriteString("_sipinternal._tcp SRV 0 0 5060 clear01\nclear01 A 10.0.0.9\n")
	}
	for _, s := range w.servers {
		if s.host != "" && !s.spare {
			fmt.Fprintf(&b, "%s. A %s\n", s.host, addrOf(s.at))
		}
	}
	fmt.Fprintf(&b, "-- dhcp --\n%s\n-- registrars --\n", w.ack(mainSite))
	for _, s := range w.servers {
		kind := "tls " + s.host
		if s.host == "" {
			kind = "tcp"
		}
		fmt.Fprintf(&b, "%s %s %s\n", s.at, kind, s.manner)
	}
	if w.lync {
		b.WriteString("-- provisioning --\nmrasUri sip:relay01.contoso.com@contoso.com;gruu;opaque=srvr:MRAS:GhI\n-- relays --\n10.0.0.30 relay01.contoso.com\n")
	}
	return b.String()
}

// srv are the lines of the zone that depend on where the device is.
func (w *world) srv(p place) []string {
	hosts := w.first(p)
	if hosts == nil {
		return []string{"_sipinternaltls._tcp nxdomain", "_sipinternal._tcp nxdomain"}
	}
	var lines []string
	for i, h := range hosts {
		lines = append(lines, fmt.Sprintf("_sipinternaltls._tcp SRV %d 0 5061 %s", 10*i, h))
	}
	return lines
}

func (w *world) ack(p place) string {
	return "10.0.0.67 ack 120=" + w.first(p)[0] + "." + domain
}

// addrOf is the address of "10.0.0.5:5061".
func addrOf(at string) netip.Addr { return netip.MustParseAddrPort(at).Addr() }

// begin is after the site has started.
func (w *world) begin() {
	for _, s := range w.servers {
		s.now, s.wellAt = s.manner, time.Now()
		if s.host != "" && !s.spare {
			w.names[s.host] = []span{{addrs: []netip.Addr{addrOf(s.at)}, from: time.Now()}}
		}
	}
	w.names["relay01."+domain] = []span{{addrs: []netip.Addr{netip.MustParseAddr("10.0.0.30")}, from: time.Now()}}
	w.names["clear01."+domain] = []span{{addrs: []netip.Addr{netip.MustParseAddr("10.0.0.9")}, from: time.Now()}}
	w.dnsAt, w.dhcpAt, w.movedAt = time.Now(), time.Now(), time.Now()
	w.refresh()
}

// apply changes the site.
func (w *world) apply(format string, args ...any) {
	if err := w.site.Apply(fmt.Sprintf(format, args...)); err != nil {
		panic(err) // the lines are ours
	}
}

// named says whether a name had an address at any time since.
func (w *world) named(host string, addr netip.Addr, since time.Time) bool {
	return slices.ContainsFunc(w.names[host], func(s span) bool {
		return (s.until.IsZero() || !s.until.Before(since)) && slices.Contains(s.addrs, addr)
	})
}

// at is the server at an address.
func (w *world) at(at string) *server {
	i := slices.IndexFunc(w.servers, func(s *server) bool { return s.at == at })
	if i < 0 {
		return nil
	}
	return w.servers[i]
}

// of are the servers of a host; the one that DNS names is the first.
func (w *world) of(host string) *server {
	spans := w.names[host]
	for _, s := range w.servers {
		if s.host == host && len(spans) > 0 && slices.Contains(spans[len(spans)-1].addrs, addrOf(s.at)) {
			return s
		}
	}
	return nil
}

// reachable says whether the network leads from the device to a server.
func (w *world) reachable(s *server) bool {
	return s.place == everywhere && (w.place != outside || !s.isWeb()) || w.place != outside && (s.place == w.place || w.routed)
}

// badCerts are the kinds of certificates that nobody may believe.
var badCerts = []string{"cert=expired", "cert=wrongname", "cert=untrusted", "cert=selfsigned"}

// refresh brings the servers of the site to what the world says of them.
func (w *world) refresh() {
	now := time.Now()
	for _, s := range w.servers {
		manner := s.manner
		switch {
		case !w.reachable(s):
			manner = "unreachable"
		case s.override != "":
			manner = s.override
		case s.spare:
			manner = "unreachable"
		}
		if manner == s.now {
			continue
		}
		w.apply("registrar %s %s", s.at, manner)
		s.now = manner
		mark(&s.deadAt, manner == "unreachable" || manner == "blackhole" || manner == "refuse")
		mark(&s.badAt, slices.ContainsFunc(badCerts, func(c string) bool { return strings.Contains(manner, c) }))
		if s.wellAt = (time.Time{}); manner == s.manner {
			s.wellAt = now
		}
		if manner != s.manner && !strings.HasPrefix(manner, "blackhole") && !strings.HasPrefix(manner, "silent") || strings.Contains(manner, "cert=") {
			w.apply("reset %s", s.at)
		}
	}
}

// mark takes note of since when something is so.
func mark(since *time.Time, is bool) {
	switch {
	case !is:
		*since = time.Time{}
	case since.IsZero():
		*since = time.Now()
	}
}

// setDNS gives all name servers a behaviour; "": they answer.
func (w *world) setDNS(fault string) {
	w.dns, w.dnsAt = fault, time.Time{}
	if fault == "" {
		w.dnsAt, fault = time.Now(), "delay 1ms"
	}
	w.apply("zone %s", fault)
}

// setDHCP gives the DHCP server a behaviour; "": it answers.
func (w *world) setDHCP(fault string) {
	w.dhcp, w.dhcpAt = fault, time.Time{}
	switch {
	case w.place == outside:
		w.apply("dhcp silent")
	case fault == "":
		w.dhcpAt = time.Now()
		w.apply("dhcp answer")
		w.apply("dhcp %s", w.ack(w.place))
	default:
		w.apply("dhcp %s", fault)
	}
}

// move takes the device to another place, where it has another address.
func (w *world) move(to place) {
	if w.place != to {
		w.place, w.movedAt = to, time.Now()
		if to != outside {
			w.apply("zone _sipinternaltls._tcp delay 0s")
			w.apply("zone _sipinternal._tcp delay 0s")
		}
		lines := w.srv(to)
		if len(lines) == 2 && to != outside { // records of one name replace each other: both in one change is not possible
			lines = lines[:1]
		}
		for _, line := range lines {
			w.apply("zone %s", line)
		}
		w.setDHCP(w.dhcp)
		w.refresh()
	}
	w.renew()
}

// renew gives the device another address.
func (w *world) renew() {
	w.networks++
	w.address, w.up = fmt.Sprintf("10.%d.0.%d", 20+int(w.place), 21+w.networks%200), true
	w.apply("network %s", w.address)
}

// unplug takes its network away.
func (w *world) unplug() {
	w.up = false
	w.apply("network down")
}

// renumber moves a host to its other address.
func (w *world) renumber(host string) (from, to *server) {
	from = w.of(host)
	i := slices.IndexFunc(w.servers, func(s *server) bool { return s.host == host && s != from })
	to = w.servers[i]
	from.spare, to.spare, to.override = true, false, ""
	spans := w.names[host]
	spans[len(spans)-1].until = time.Now()
	w.names[host] = append(spans[max(0, len(spans)-8):], span{addrs: []netip.Addr{addrOf(to.at)}, from: time.Now()})
	w.apply("zone %s. A %s", host, addrOf(to.at))
	w.refresh()
	return from, to
}
