package sitetest

import (
	"errors"
	"net"
	"net/netip"
	"strings"
	"time"
)

// Site is one simulated site. It is started once, in one of the two worlds, and
// closed once; for another run the file is parsed again. Its methods may be called
// from any goroutine.
type Site struct {
	servers
	sim  *simulation
	out  *mapping
	live *loopback // nil in memory
}

// Parse reads a site file; name is for error messages. Sections that belong to
// the caller (of the same file, with other uses) are named in theirs and left
// alone; any other unknown section is an error.
func Parse(name string, text []byte, theirs ...string) (*Site, error) {
	f, err := parseFile(name, string(text), theirs)
	if err != nil {
		return nil, err
	}
	sim := &simulation{file: f, now: f.begin.clone()}
	out := &mapping{sim: sim}
	relays := &mediaRelays{sim, out}
	return &Site{sim: sim, out: out, servers: servers{
		names: &nameServers{sim: sim, out: out, asked: map[string]int{}}, dhcp: &dhcpServers{sim, out}, relays: relays, registrars: &registrars{sim: sim, out: out, relays: relays},
	}}, nil
}

// Start opens the site in memory. In a bubble of testing/synctest it has to be
// called inside; certificates are issued by the clock it finds.
func (s *Site) Start() (Wire, error) {
	if err := s.sim.open(); err != nil {
		return Wire{}, err
	}
	s.sim.spawn(s.runTimeline)
	return (&memory{servers: s.servers, sim: s.sim}).wire(), nil
}

// Listen opens the site on loopback.
func (s *Site) Listen() (Live, error) {
	if err := s.sim.open(); err != nil {
		return Live{}, err
	}
	s.out.addrs = map[netip.Addr]netip.Addr{}
	s.live = &loopback{servers: s.servers, sim: s.sim, out: s.out, claims: map[netip.Addr]net.PacketConn{}}
	if err := errors.Join(s.live.open(), s.live.follow()); err != nil {
		s.Close()
		return Live{}, err
	}
	live := s.live.wire()
	s.sim.spawn(s.runTimeline)
	return live, nil
}

// Section reads the lines of a section that belongs to the caller, as the site reads its own: words up to a comment, and
// a mistake is told with the file and the line.
func (s *Site) Section(name string, take func(words []string) error) error {
	return s.sim.each(name, take)
}

// Document is a section that belongs to the caller, as it stands, behind as many empty lines as the file has before it:
// a parser of its own names the lines of the file.
func (s *Site) Document(name string) []byte {
	var text []byte
	number := 1
	for _, l := range s.sim.sections[name] {
		text = append(text, strings.Repeat("\n", l.number-number)+l.text+"\n"...)
		number = l.number + 1
	}
	return text
}

// Rehearse finds the mistakes of a change, by the site as its file has it.
func (s *Site) Rehearse(words []string) error {
	return new(s.sim.begin.clone()).change(s.sim.begin, words)
}

// Loopback is where a Registrar of the file is reached in the live world.
func (s *Site) Loopback(addr netip.AddrPort) netip.AddrPort { return s.out.addrPort(addr) }

// Roots is the certificate of the site's authority, in PEM.
func (s *Site) Roots() []byte { return s.sim.ca.pem() }

// Issue makes a certificate for sign-in as the site's certificate service does, and publishes it to the Registrars: for a user
// ("phone1@contoso.com"), the UUID of a device, and a public key.
func (s *Site) Issue(user, instance string, key any, begins, ends time.Time) ([]byte, error) {
	der, err := s.sim.issued.issue(user, key, begins, ends)
	if err == nil {
		s.sim.issued.publish(published{der: der, user: user, instance: instance, since: begins, ends: ends})
	}
	return der, err
}

// Secrets are what nobody but a device and the web services may see, of what those have given out and received so far: web tickets
// by their id, their keys, and the entropy of both sides. The keys of the map say which is which.
func (s *Site) Secrets() map[string][]byte { return s.sim.issued.secrets() }

// Log returns what the site saw so far, in order.
func (s *Site) Log() []Entry { return s.sim.entries() }

// Handshakes are what the handshakes inside SIP with OpenSSL (dsk-openssl) have come to so far, in order, such as "TLS 1.0 AES128-SHA
// without the extended master secret".
func (s *Site) Handshakes() []string { return s.sim.handshakes() }

// Drain returns what the site saw since the last Drain, and forgets it: a site that runs for a year sees a lot.
func (s *Site) Drain() []Entry { return s.sim.drain() }

// Note puts what the device does or says into the log, where it belongs among what the servers see.
func (s *Site) Note(text string) { s.sim.note(Entry{Server: "device", What: "note", Name: text}) }

// Apply does one change, such as "zone servfail": a line of the section change
// without its time.
func (s *Site) Apply(line string) error { return s.apply(strings.Fields(line)) }

func (s *Site) apply(words []string) error {
	document, err := s.sim.change(words)
	if err != nil {
		return err
	}
	s.sim.note(Entry{Server: "site", What: "change", Name: strings.Join(words, " ")})
	if words[0] == "network" {
		s.sim.tellDevice(strings.Join(words, " "))
	}
	if words[0] == "revoke" {
		s.sim.issued.revoke(words[1])
	}
	if words[0] == "forget" {
		s.sim.unbind(netip.MustParseAddrPort(words[1])) // rehearsed by change
	}
	s.registrars.tell(words, document)
	if s.live != nil {
		return s.live.follow()
	}
	return nil
}

func (s *Site) runTimeline() {
	for _, c := range s.sim.changes {
		if !s.sim.sleep(time.Until(s.sim.began.Add(c.after))) {
			return
		}
		if err := s.apply(c.words); err != nil {
			s.sim.note(Entry{Server: "site", What: "trouble", Name: err.Error()})
		}
	}
}

// Close ends all connections and returns when every goroutine has ended.
func (s *Site) Close() error {
	if s.sim.done == nil {
		return nil
	}
	s.sim.end()
	if s.live != nil {
		s.live.close()
	}
	s.sim.wg.Wait()
	return nil
}
