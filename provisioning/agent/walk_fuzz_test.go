package agent_test

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"math/rand/v2"
	"net/netip"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"homeward/cache"
	"homeward/internal/sitetest"
	"homeward/provisioning"
	"homeward/provisioning/agent"
	"homeward/provisioning/check"
	"homeward/provisioning/wire"
)

// FuzzWalk makes a hostile site, a device and a record of the bytes, lets the agent live there twice and a check look at
// it, and states at the wire what may never happen (see watch). Names and addresses carry their origin: what only somebody
// unproven has named must never be met, whatever the way there.
func FuzzWalk(f *testing.F) {
	for seed := range uint64(50) {
		f.Add(throw(seed))
	}
	for _, seed := range []uint64{60, 105, 227, 771, 831} { // each meets a rule that those above do not
		f.Add(throw(seed))
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		synctest.Test(t, func(t *testing.T) {
			if wrong, story := wander(t, &dice{data: data}); len(wrong) > 0 {
				t.Errorf("%s\n\n%s", strings.Join(wrong, "\n"), story)
			}
		})
	})
}

// throw is the bytes of a seed.
func throw(seed uint64) []byte {
	random := rand.New(rand.NewPCG(seed, 1))
	data := make([]byte, 500)
	for i := range data {
		data[i] = byte(random.Uint32())
	}
	return data
}

// dice are decisions; those that the bytes do not hold are 0.
type dice struct{ data []byte }

func (d *dice) roll(sides int) int {
	if len(d.data) == 0 {
		return 0
	}
	n := int(d.data[0]) % sides
	d.data = d.data[1:]
	return n
}

func (d *dice) oneIn(n int) bool { return d.roll(n) == n-1 }

func pick[T any](d *dice, from ...T) T { return from[d.roll(len(from))] }

// wander is one run: what went wrong, and where.
func wander(t *testing.T, d *dice) (wrong []string, story string) {
	w := newWorld(d)
	text := w.text()
	site, err := sitetest.Parse("fuzz", []byte(text))
	if err != nil {
		t.Fatalf("%v\n%s", err, text)
	}
	inner, err := site.Start()
	if err != nil {
		t.Fatal(err)
	}
	defer site.Close()
	w.policy.Roots = x509.NewCertPool()
	w.policy.Roots.AppendCertsFromPEM(site.Roots())
	watching := &watch{world: w, site: site, began: time.Now()}
	wire := wire.Wire(inner)
	wire.Dial = watching.dial(inner.Dial)
	store := cache.InMemory(w.record)
	for range 2 {
		checks := d.oneIn(3)
		watching.begin(store, !checks)
		if checks {
			record, _ := store.Load()
			check.Run(t.Context(), check.Options{Policy: w.policy, Wire: wire, Record: record})
		} else {
			life, end := context.WithTimeout(t.Context(), pick(d, 5*time.Second, 40*time.Second, 90*time.Second))
			agent.New(w.policy, wire, store, func(*provisioning.Event) {}).Run(life)
			end()
		}
		watching.end(store)
	}
	return watching.wrong, fmt.Sprintf("%+v\n%+v\n%s\n%s", w.policy, w.record, text, sitetest.Timeline(site.Log()))
}

// world is a site, and a device in it.
type world struct {
	*dice
	zone, dhcp, registrars, told, change []string
	policy                               provisioning.Policy
	record                               cache.Record

	bySRV   map[string]bool // hosts that SRV records name
	first   map[string]bool // places of the first step
	proven  map[string]bool // hosts of the SIP domain that a Registrar with a good certificate names
	cert    map[string]string
	places  []string
	planted bool
}

const canary = "canary-secret"

// The hosts by origin; the third byte of an address is that of its host.
var (
	inside   = []string{"sip.contoso.com", "fe01.contoso.com", "fe02.contoso.com", "pool01.contoso.com"} // 10.0.1.x
	pools    = []string{"pool01.corp.local", "pool02.corp.local"}                                        // 10.0.2.x: told by proven Registrars only
	evil     = []string{"fe01.evil.net", "contoso.com.evil.net", "evilcontoso.com"}                      // 10.0.66.x: told by others
	nowhere  = []string{"127.0.0.1", "169.254.169.254", "224.0.1.75", "0.0.0.7", "255.255.255.255", "240.0.0.1", "127.9.9.9"}
	nowhere6 = []string{"::1", "fe80::5", "ff02::1", "::ffff:127.0.0.1", "::ffff:169.254.169.254", "64:ff9b::7f00:1", "2002:7f00:1::1", "::127.0.0.1", "fec0::1"}
)

const (
	device  = "10.0.0.21"
	manual  = "registrar.fabrikam.com" // 10.0.5.1
	aloneAt = "10.0.5.2"               // configured as an address
	inBand  = "pool09.corp.local"      // 10.0.6.9: told in band only
)

func newWorld(d *dice) *world {
	w := &world{dice: d, bySRV: map[string]bool{}, first: map[string]bool{}, proven: map[string]bool{}, cert: map[string]string{}}
	w.makeZone()
	w.makeDHCP()
	w.makeRegistrars()
	w.makeInBand()
	w.makePolicy()
	w.makeRecord()
	for range d.roll(4) {
		w.change = append(w.change, fmt.Sprintf("+%ds %s", 2+d.roll(60), w.makeChange()))
	}
	return w
}

// text is the site file; it rolls dice, and is asked for once.
func (w *world) text() string {
	var b strings.Builder
	for _, s := range []struct {
		name  string
		lines []string
	}{{"zone", w.zone}, {"dhcp", w.dhcp}, {"registrars", w.registrars}, {"provisioning", w.told}, {"change", w.change}} {
		fmt.Fprintf(&b, "-- %s --\n%s\n", s.name, strings.Join(s.lines, "\n"))
		if s.name == "provisioning" {
			fmt.Fprintf(&b, "-- relays --\n10.0.6.1 intranet relay01.corp.local udp=%d tcp=%d\n", w.port(3478), w.port(443))
			fmt.Fprintf(&b, "169.254.7.7 internet relay02.corp.local\n10.0.6.2 %s\n", pick(w.dice, "", "silent", "refuse"))
		}
	}
	return b.String()
}

// port is usual, or one of another service.
func (w *world) port(usual int) int {
	if w.oneIn(5) {
		return pick(w.dice, 22, 53, 6379, 3306, 80)
	}
	return usual
}

func (w *world) makeZone() {
	w.zone = append(w.zone, "domain contoso.com", pick(w.dice, append(slices.Repeat([]string{"answer"}, 10), "silent", "servfail", "delay 700ms", "malformed")...))
	for _, srv := range []struct {
		name  string
		usual int
	}{{"_sipinternaltls._tcp", 5061}, {"_sipinternal._tcp", 5060}, {"_sip._tls", 443}, {"_sip._tcp", 5060}} {
		for i := range w.roll(3) {
			host, port := w.host(evil[w.roll(len(evil))], "odd.contoso.com"), w.port(srv.usual)
			w.bySRV[host] = true
			if srv.usual == 5061 && slices.Contains(inside, host) {
				w.first[fmt.Sprintf("%s:%d", w.addressOf(host), port)] = true
			}
			w.zone = append(w.zone, fmt.Sprintf("%s SRV %d 0 %d %s.", srv.name, i, port, host))
		}
	}
	for third, hosts := range map[int][]string{1: inside, 2: pools, 66: evil} {
		for i, host := range hosts {
			w.zone = append(w.zone, fmt.Sprintf("%s. A 10.0.%d.%d", host, third, i+1))
		}
	}
	w.zone = append(w.zone, manual+". A 10.0.5.1", inBand+". A 10.0.6.9", "relay01.corp.local. A 10.0.6.1", "relay02.corp.local. A 169.254.7.7",
		"me.contoso.com. A "+device, "odd.contoso.com. A "+pick(w.dice, nowhere...), "odd.contoso.com. AAAA "+pick(w.dice, nowhere6...))
	if w.oneIn(4) {
		w.zone = append(w.zone, inside[1]+". A "+pick(w.dice, nowhere...), inside[1]+". AAAA "+pick(w.dice, nowhere6...))
	}
}

// host is one of the SIP domain, or seldom one of others.
func (w *world) host(others ...string) string {
	if w.oneIn(4) {
		return pick(w.dice, others...)
	}
	return pick(w.dice, inside...)
}

func (w *world) makeDHCP() {
	switch w.roll(4) {
	case 0:
		w.dhcp = []string{pick(w.dice, "denied", "silent")}
		return
	case 1:
		w.dhcp = append(w.dhcp, "10.0.0.67 ack 120="+w.host(evil[0], "odd.contoso.com", "me.contoso.com"))
	case 2:
		w.dhcp = append(w.dhcp, "10.0.0.67 ack 120=ip:"+pick(w.dice, append([]string{"10.0.3.1", "10.0.3.1", "10.0.3.2", device}, nowhere...)...))
	default:
		w.dhcp = append(w.dhcp, fmt.Sprintf("10.0.0.67 ack 120=hex:%02x%02x%02x%02x%02x", w.roll(3), 10, 0, 3, w.roll(256)))
	}
	if w.oneIn(3) {
		w.dhcp = append(w.dhcp, "fe80::67 reply "+pick(w.dice, "21="+w.host(evil[1]), "22=2001:db8:3::1", "22=fe80::9,::1", "22=::ffff:127.0.0.1"))
	}
	if w.oneIn(3) {
		w.dhcp = append(w.dhcp, "lease /lease 120="+pick(w.dice, w.host(evil[2]), "ip:127.0.0.1", "ip:10.0.3.2"))
	}
}

func (w *world) makeRegistrars() {
	for i, host := range inside {
		cert := pick(w.dice, "", "", "", "", "", "", "", "cert=expired", "cert=untrusted", "cert=wrongname", "cert=selfsigned")
		addr := fmt.Sprintf("10.0.1.%d", i+1)
		w.addRegistrar(addr, 5061, host, cert)
		w.addRegistrar(addr, 443, host, cert)
		w.addRegistrar(addr, 5060, "", "")
		w.addRegistrar(addr, 22, "", "")
		w.addRegistrar(addr, 6379, host, "")
	}
	for i, host := range pools {
		w.addRegistrar(fmt.Sprintf("10.0.2.%d", i+1), 5061, host, pick(w.dice, "", "", "", "cert=expired"))
		w.addRegistrar(fmt.Sprintf("10.0.2.%d", i+1), 5060, "", "")
	}
	for i, host := range evil {
		w.addRegistrar(fmt.Sprintf("10.0.66.%d", i+1), pick(w.dice, 5061, 443), host, "")
		w.addRegistrar(fmt.Sprintf("10.0.66.%d", i+1), 5060, "", "")
	}
	// Addresses in place of names: from DHCP, from proven Registrars, from others.
	for _, addr := range []string{"10.0.3.1", "10.0.3.2", "10.0.4.1", "10.0.4.2", "10.0.66.100", "10.0.66.101"} {
		w.addRegistrar(addr, 5060, "", "")
		w.addRegistrar(addr, 5061, addr, pick(w.dice, "", "cert=san:fe01.contoso.com,"+addr, "cert=san:fe01.evil.net,"+addr, "cert=san:*.contoso.com", "cert=cnonly"))
	}
	w.addRegistrar("10.0.5.1", 5061, manual, pick(w.dice, "", "cert=expired"))
	w.addRegistrar("10.0.5.1", 5060, "", "")
	w.addRegistrar("10.0.5.2", 5061, aloneAt, "")
	w.addRegistrar("10.0.5.2", 5060, "", "")
	w.addRegistrar("10.0.6.9", 5061, inBand, "")
	for _, addr := range []string{"127.0.0.1", "169.254.169.254", device} {
		for _, port := range []int{22, 6379} {
			w.registrars = append(w.registrars, fmt.Sprintf("%s:%d tcp accept", addr, port))
		}
		w.registrars = append(w.registrars, addr+":5060 tcp accept", addr+":5061 tls odd.contoso.com me.contoso.com accept")
	}
}

// addRegistrar adds one that speaks TLS if it has a name for a certificate.
func (w *world) addRegistrar(addr string, port int, name, cert string) {
	place := fmt.Sprintf("%s:%d", addr, port)
	w.places = append(w.places, place)
	line := place + " tcp "
	if name != "" {
		line = place + " tls " + name + " "
		w.cert[place] = cert
		if cert == "" {
			w.cert[place] = name
		}
	}
	w.registrars = append(w.registrars, strings.TrimSpace(line+w.manner(addr, name != "", cert)+" "+cert))
}

// manner is a behaviour, with its options.
func (w *world) manner(addr string, secure bool, cert string) string {
	account := " user=phone1 password=" + canary
	lync := ` user=CONTOSO\phone1 password=` + canary
	word := "redirect"
	if !w.oneIn(3) {
		word = pick(w.dice, "accept", "digest"+account, "lync", "lync"+lync, "lync"+lync, "accept", "status 403", "status 404", "status 503 retry-after=5",
			"silent", "reset", "refuse", "http", "offer Basic", "offer Kerberos NTLM", "blackhole", "accept idle=20s", "reset hello")
	}
	if word == "redirect" {
		word += w.contacts(addr, secure, cert) + pick(w.dice, "", "", "", account, " schemes=NTLM"+lync)
	}
	return word + pick(w.dice, "", "", "", " delay=300ms", " rtt=200ms")
}

// contacts are what a Registrar redirects to; who has proven a name names others than who has not.
func (w *world) contacts(addr string, secure bool, cert string) string {
	at := func(prefix string) bool { return strings.HasPrefix(addr, prefix) }
	isProven := secure && cert == "" && !at("10.0.66.")
	ruled := isProven && (at("10.0.1.") || addr == "10.0.5.1")
	vague := at("10.0.4.") || secure && at("10.0.66.") // proven or not, as the policy has it
	var uris strings.Builder
	for range 1 + w.roll(3) {
		host := w.host("me.contoso.com", "odd.contoso.com", device, pick(w.dice, nowhere...), "["+pick(w.dice, nowhere6...)+"]")
		switch kind := w.roll(3); {
		case vague || kind == 2:
		case kind == 0 && isProven:
			host = pick(w.dice, pools...)
		case kind == 0:
			host = pick(w.dice, evil...)
		case ruled:
			host = pick(w.dice, "10.0.4.1", "10.0.4.2")
		case isProven && !at("10.0.5."): // by a name outside the SIP domain
			host = "10.0.66.101"
		default:
			host = "10.0.66.100"
		}
		transport := pick(w.dice, "tls", "tls", "tcp")
		if (isProven || vague) && transport == "tls" {
			w.proven[host] = true
		}
		usual := 5061
		if transport == "tcp" {
			usual = 5060
		}
		fmt.Fprintf(&uris, " sip:%s:%d;transport=%s;q=0.%d", host, w.port(usual), transport, 1+w.roll(9))
	}
	return uris.String()
}

func (w *world) makeInBand() {
	w.told = []string{"poolUri sip:" + inBand + "@contoso.com;gruu;opaque=srvr:HomeServer:AbC", "mrasUri sip:relay01.corp.local@contoso.com;gruu;opaque=srvr:MRAS:GhI"}
	if w.oneIn(3) {
		w.told = append(w.told, "ucEnableSIPSecurityMode High")
	}
}

func (w *world) makePolicy() {
	w.policy = provisioning.Policy{
		SIPAddress: provisioning.SIPAddress{User: "phone1", Domain: "contoso.com"}, User: pick(w.dice, "", `CONTOSO\phone1`, "phone1"), Password: canary, Auth: []string{"ntlm", "digest"},
		AllowTCP: !w.oneIn(8), TLSFloor: !w.oneIn(3), CredentialsOverTCP: w.oneIn(2), AskDHCP: true, ReadLease: true, TLSMin: tls.VersionTLS12, Version: "fuzz",
		Naming: pick(w.dice, provisioning.NamingSuffix, provisioning.NamingSuffix, provisioning.NamingSuffix, provisioning.NamingStrict, provisioning.NamingOff),
		Order:  pick(w.dice, provisioning.DeviceOrder, provisioning.DeviceOrder, provisioning.DeviceOrder, provisioning.CommunicatorOrder),
	}
	if w.oneIn(8) {
		w.policy.Manual = []provisioning.ManualServer{{Host: pick(w.dice, manual, aloneAt), Port: pick[uint16](w.dice, 0, 5061, 5060, 5070)}}
	}
}

// makeRecord plants a record: none of its claims of origin is true.
func (w *world) makeRecord() {
	if !w.oneIn(3) {
		return
	}
	w.planted = true
	step := pick(w.dice, "internal-tls", "redirect", "manual", "recall", "nonsense", "dhcp-tcp")
	plant := func() cache.Registrar {
		host := w.host(evil[0], evil[1], "10.0.3.1", "10.0.4.1", "odd.contoso.com")
		port, transport := 5061, "tls"
		if inClear := w.oneIn(2); host == "10.0.3.1" || inClear && host != "10.0.4.1" {
			port, transport = 5060, "tcp"
		}
		addr := w.addressOf(host)
		if w.oneIn(4) {
			addr = netip.MustParseAddr(pick(w.dice, append([]string{device}, nowhere[:2]...)...))
		}
		return cache.Registrar{Host: host, Port: uint16(w.port(port)), Transport: transport, Step: step, Via: "planted", Address: addr, Addresses: []netip.Addr{addr}}
	}
	w.record = cache.Record{SIPAddress: "sip:phone1@contoso.com", Registrar: plant(), Told: w.oneIn(2), TLSFloor: w.oneIn(2), RegisteredAt: time.Now()}
	for range w.roll(3) {
		w.record.Home = append(w.record.Home, plant())
	}
}

func (w *world) addressOf(host string) netip.Addr {
	if addr, err := netip.ParseAddr(host); err == nil {
		return addr
	}
	for third, hosts := range map[int][]string{1: inside, 66: evil} {
		for i, h := range hosts {
			if h == host {
				return netip.MustParseAddr(fmt.Sprintf("10.0.%d.%d", third, i+1))
			}
		}
	}
	return netip.MustParseAddr("127.0.0.1")
}

func (w *world) makeChange() string {
	at := pick(w.dice, w.places...)
	if w.oneIn(2) { // where the device most likely is
		at = fmt.Sprintf("10.0.1.%d:%d", 1+w.roll(4), pick(w.dice, 5060, 5061))
	}
	switch w.roll(6) {
	case 0:
		return "zone " + pick(w.dice, "silent", "servfail", "answer", "nxdomain")
	case 1:
		return "dhcp " + pick(w.dice, "silent", "answer", "denied")
	case 2:
		return "reset " + at
	case 3:
		preferred := pick(w.dice, evil...)
		if proven := w.cert[at]; proven != "" && !strings.HasPrefix(proven, "cert=") && strings.HasPrefix(at, "10.0.1.") {
			preferred = pick(w.dice, pools[0], "10.0.4.1", "odd.contoso.com", "me.contoso.com", device)
		}
		return "deregister " + at + " preferred-registrar-change sip:" + preferred
	case 4:
		return "forget " + at
	default:
		return "heal"
	}
}
