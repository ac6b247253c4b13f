package sitetest

import (
	"errors"
	"fmt"
	"maps"
	"net/netip"
	"slices"
	"strings"
	"sync"
	"time"
)

// simulation is a site that runs: its state now, its clock, what it has seen, its connections and goroutines. It
// speaks no protocol.
type simulation struct {
	*file

	mu      sync.Mutex // guards these
	now     state      // replaced by each change, never altered in place
	log     []Entry
	inner   []string                   // what handshakes with OpenSSL have come to
	streams map[*stream]netip.AddrPort // to the server
	closed  bool
	bound   map[netip.AddrPort]map[contact]time.Time // with the Registrars that are not of Lync, and their ends

	// Set by open, before any goroutine starts.
	began   time.Time
	done    chan struct{}
	changed chan string // told to the device, and not heard by it yet
	ca      *authority
	issued  issued
	nonces  nonces
	wg      sync.WaitGroup
}

// contact is one binding of an account: its Contact, and the device that has made it.
type contact struct{ aor, uri, instance string }

// bind keeps the binding that a Registrar has granted for so long; 0: it was taken back.
func (s *simulation) bind(at netip.AddrPort, c contact, life time.Duration) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.bound[at] == nil {
		s.bound[at] = map[contact]time.Time{}
	}
	s.bound[at][c] = time.Now().Add(life)
	maps.DeleteFunc(s.bound[at], func(_ contact, ends time.Time) bool { return !time.Now().Before(ends) })
}

// bindings are the Contacts of an account, as an answer lists them.
func (s *simulation) bindings(at netip.AddrPort, aor string) (lines []string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for c, ends := range s.bound[at] {
		if left := time.Until(ends); left > 0 && c.aor == aor {
			lines = append(lines, fmt.Sprintf("Contact: <%s>;expires=%d", c.uri, int(left.Seconds())))
		}
	}
	slices.Sort(lines)
	return lines
}

// unbind forgets the bindings of a Registrar, as an administrator does.
func (s *simulation) unbind(at netip.AddrPort) {
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.bound, at)
}

func (s *simulation) open() error {
	if s.done != nil {
		return errors.New("a site is started once")
	}
	var err error
	if s.ca, err = newAuthority("Simulated site"); err != nil {
		return err
	}
	s.done, s.began, s.streams = make(chan struct{}), time.Now(), map[*stream]netip.AddrPort{}
	s.bound = map[netip.AddrPort]map[contact]time.Time{}
	s.changed = make(chan string, 1)
	return nil
}

func (s *simulation) entries() []Entry {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Clone(s.log)
}

func (s *simulation) drain() []Entry {
	s.mu.Lock()
	defer s.mu.Unlock()
	all := s.log
	s.log = nil
	return all
}

func (s *simulation) note(e Entry) {
	s.mu.Lock()
	defer s.mu.Unlock()
	e.After = time.Since(s.began)
	s.log = append(s.log, e)
}

func (s *simulation) noteHandshake(agreed string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.inner = append(s.inner, agreed)
}

func (s *simulation) handshakes() []string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Clone(s.inner)
}

func (s *simulation) state() state {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.now
}

// change does one change as far as it concerns the state, and connections whatever they carry. It says whether the
// provisioning document is another now.
func (s *simulation) change(words []string) (document bool, err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	next := s.now.clone()
	if err := next.change(s.begin, words); err != nil {
		return false, fmt.Errorf("change %q: %w", strings.Join(words, " "), err)
	}
	document = !slices.Equal(s.now.provisioning, next.provisioning)
	s.now = next
	if words[0] == "reset" {
		for c, addr := range s.streams {
			if addr.String() == words[1] {
				c.reset()
			}
		}
	}
	return document, nil
}

// tellDevice leaves a change of its network to the device. It takes the place of one that it has not heard yet.
func (s *simulation) tellDevice(change string) {
	select {
	case <-s.changed:
	default:
	}
	select {
	case s.changed <- change:
	default:
	}
}

// end cuts all connections, and lets nothing begin any more.
func (s *simulation) end() {
	s.mu.Lock()
	defer s.mu.Unlock()
	if !s.closed {
		close(s.done)
	}
	s.closed = true
	for c := range s.streams {
		c.reset()
	}
}

func (s *simulation) isClosed() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.closed
}

// spawn runs f on a goroutine that Close waits for; false after Close.
func (s *simulation) spawn(f func()) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if !s.closed {
		s.wg.Go(f)
	}
	return !s.closed
}

// accept runs serve on a goroutine, with one end of a new connection that Close
// and the change "reset" can cut.
func (s *simulation) accept(addr netip.AddrPort, c *stream, serve func()) bool {
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

// sleep waits for d; false if the site was closed meanwhile.
func (s *simulation) sleep(d time.Duration) bool {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return true
	case <-s.done:
		return false
	}
}
