package sitetest

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/homeward-agent/homeward/dhcpopts"
)

// Site is one simulated site. It is started once, in one of the two worlds, and
// closed once; for another run the file is parsed again. Its methods may be called
// from any goroutine.
type Site struct {
	begin   state    // as the file says; never changed
	changes []change // in the order of time

	mu      sync.Mutex // guards the rest
	now     state      // replaced by each change, never altered in place
	log     []Entry
	streams map[*stream]netip.AddrPort // to the Registrar
	changed chan string                // told to the device, and not heard by it yet
	legs    []*leg                     // of Registrars, in the order they came
	dialled uint16
	closed  bool

	// Set by open, before any goroutine starts.
	began time.Time
	done  chan struct{}
	ca    *authority
	wg    sync.WaitGroup

	live *loopback // nil in memory
}

// Wire is what a device touches of the site. It has the fields of
// wire.Wire and converts to it.
type Wire struct {
	Dial      func(ctx context.Context, network, address string) (net.Conn, error)
	Listen    func(ctx context.Context, iface string) (dhcpopts.Conn, error)
	Listen6   func(ctx context.Context, iface string) (dhcpopts.Conn, error)
	Leases    func(iface, hooks string) ([]dhcpopts.Lease, error)
	Resolvers func() ([]netip.AddrPort, error)
	Own       func() []netip.Addr // nil in the live world
	Changes   <-chan string       // what the change "network" did; nil in the live world
}

// Entry is one thing the site saw.
type Entry struct {
	After  time.Duration // since the start
	Server string        // which server, by the address in the file: "10.0.0.5:5061", "10.0.0.53:53", "dhcp"
	// What is "connect", "tls", "tls-failed", "closed", "ping", "response", a SIP method
	// ("REGISTER"), "unregister"; "query SRV" and the like; a DHCP message type ("INFORM");
	// "sent NOTIFY" (or BENOTIFY: a request of the Registrar's); "allocate" (to a Media Relay);
	// "malformed"; "change"; "trouble" (of the simulation itself, live only).
	What string
	Name string // SIP address, server name of TLS, name asked for, vendor class, or words
	From string // the other end
	Host string // SIP: the server name this connection asked for in TLS; "" over TCP
	Auth string // SIP: scheme of the credentials sent, "Digest"; "" without
	// Proof is what the site found in credentials for NTLM: "begins" (asks for a challenge),
	// "authenticated", "signed"; or what is wrong with them, "wrong password". A response of the device
	// has to be signed like a request, once it has signed in.
	Proof string
	Code  int // SIP: status answered, or, of a response, its own; 0 without
}

// String is the entry on one line, without the ephemeral From.
func (e Entry) String() string {
	text := fmt.Sprintf("+%v %s %s", e.After, e.Server, e.What)
	for _, more := range []string{e.Name, e.Auth, e.Proof} {
		if more != "" {
			text += " " + more
		}
	}
	if e.Code != 0 {
		text += fmt.Sprintf(": %d", e.Code)
	}
	return text
}

// The device, as seen from the site in memory. Its IPv4 address is the first one.
var (
	device4 = netip.AddrFrom4([4]byte{10, 0, 0, 21})
	device6 = netip.MustParseAddr("2001:db8::21")
)

// Start opens the site in memory. In a bubble of testing/synctest it has to be
// called inside; certificates are issued by the clock it finds.
func (s *Site) Start() (Wire, error) {
	if err := s.open(); err != nil {
		return Wire{}, err
	}
	s.spawn(s.runTimeline)
	return Wire{
		Dial: s.dial, Listen: s.listenDHCP, Listen6: s.listenDHCP6, Leases: s.leases, Resolvers: s.resolvers,
		Own: s.own, Changes: s.changed,
	}, nil
}

func (s *Site) open() error {
	if s.done != nil {
		return errors.New("a site is started once")
	}
	var err error
	if s.ca, err = newAuthority("Simulated site"); err != nil {
		return err
	}
	s.done, s.began, s.streams = make(chan struct{}), time.Now(), map[*stream]netip.AddrPort{}
	s.changed = make(chan string, 1)
	return nil
}

// Roots is the certificate of the site's authority, in PEM.
func (s *Site) Roots() []byte { return s.ca.pem() }

// Log returns what the site saw so far, in order.
func (s *Site) Log() []Entry {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Clone(s.log)
}

func (s *Site) note(e Entry) {
	s.mu.Lock()
	defer s.mu.Unlock()
	e.After = time.Since(s.began)
	s.log = append(s.log, e)
}

// Apply does one change, such as "zone servfail": a line of the section change
// without its time.
func (s *Site) Apply(line string) error { return s.apply(strings.Fields(line)) }

func (s *Site) apply(words []string) error {
	s.mu.Lock()
	next := s.now.clone()
	err := s.change(&next, words)
	if err != nil {
		s.mu.Unlock()
		return fmt.Errorf("change %q: %w", strings.Join(words, " "), err)
	}
	documentChanged := !slices.Equal(s.now.provisioning, next.provisioning)
	s.now = next
	if words[0] == "reset" {
		for c, addr := range s.streams {
			if addr.String() == words[1] {
				c.reset()
			}
		}
	}
	legs := slices.Clone(s.legs)
	s.mu.Unlock()
	s.note(Entry{Server: "site", What: "change", Name: strings.Join(words, " ")})
	if words[0] == "network" {
		s.tellDevice(strings.Join(words, " "))
	}
	for _, l := range legs {
		if documentChanged {
			l.provision()
		}
		if len(words) > 1 && l.addr.String() == words[1] {
			l.obey(words)
		}
	}
	if s.live != nil {
		return s.live.follow()
	}
	return nil
}

// tellDevice leaves a change of its network to the device. It takes the place of one that it has not heard yet.
func (s *Site) tellDevice(change string) {
	select {
	case <-s.changed:
	default:
	}
	select {
	case s.changed <- change:
	default:
	}
}

func (s *Site) runTimeline() {
	for _, c := range s.changes {
		if !s.sleep(time.Until(s.began.Add(c.after))) {
			return
		}
		if err := s.apply(c.words); err != nil {
			s.note(Entry{Server: "site", What: "trouble", Name: err.Error()})
		}
	}
}

// Close ends all connections and returns when every goroutine has ended.
func (s *Site) Close() error {
	if s.done == nil {
		return nil
	}
	s.mu.Lock()
	if !s.closed {
		close(s.done)
	}
	s.closed = true
	for c := range s.streams {
		c.reset()
	}
	s.mu.Unlock()
	if s.live != nil {
		s.live.close()
	}
	s.wg.Wait()
	return nil
}

func (s *Site) isClosed() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.closed
}

func (s *Site) state() state {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.now
}

// spawn runs f on a goroutine that Close waits for; false after Close.
func (s *Site) spawn(f func()) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if !s.closed {
		s.wg.Go(f)
	}
	return !s.closed
}

// accept runs serve on a goroutine, with one end of a new connection that Close
// and the change "reset" can cut.
func (s *Site) accept(addr netip.AddrPort, c *stream, serve func()) bool {
	return s.spawn(func() {
		s.mu.Lock()
		s.streams[c] = addr
		s.mu.Unlock()
		if s.isClosed() {
			c.reset()
		}
		serve()
		c.Close()
		s.mu.Lock()
		delete(s.streams, c)
		s.mu.Unlock()
	})
}

func (s *Site) join(l *leg) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.legs = append(s.legs, l)
}

func (s *Site) leave(l *leg) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.legs = slices.DeleteFunc(slices.Clone(s.legs), func(other *leg) bool { return other == l })
}

// sleep waits for d; false if the site was closed meanwhile.
func (s *Site) sleep(d time.Duration) bool {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return true
	case <-s.done:
		return false
	}
}

func (s *Site) resolvers() ([]netip.AddrPort, error) {
	var all []netip.AddrPort
	for _, addr := range s.begin.zone.servers {
		all = append(all, netip.AddrPortFrom(addr, 53))
	}
	return all, nil
}
