package sitetest

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"maps"
	"net"
	"net/netip"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/homeward-agent/homeward/dhcpopts"
	"github.com/insomniacslk/dhcp/dhcpv4"
	"github.com/insomniacslk/dhcp/dhcpv4/server4"
)

// Live is a site on loopback.
type Live struct {
	Wire       // the network of this machine; Resolvers are the site's name servers
	DHCP error // nil: DHCPINFORM is answered on lo; else why not, and Wire.Listen gives the socket of the world in memory
}

// Our choices.
const (
	portShift = 10000 // for ports that may not be opened
	portTries = 20    // to find one port free for UDP and TCP
)

// nowhere is where Registrars are that cannot be reached: a broadcast address
// cannot be connected to.
var nowhere = netip.AddrFrom4([4]byte{127, 255, 255, 255})

// loopback is the live world of a site.
type loopback struct {
	site *Site

	mu    sync.Mutex // guards the rest
	doors []*door
	addrs map[netip.Addr]netip.Addr // from the file's to ours
	shift bool                      // ports below 1024 were not allowed
	dhcp  net.PacketConn
}

// door is where one Registrar or name server is reached.
type door struct {
	site   netip.AddrPort // by the file
	at     netip.AddrPort // on loopback
	isDNS  bool
	set    string // "open", "shut" or "full": a queue of connections so full that the kernel drops new ones
	opened []io.Closer
}

// Listen opens the site on loopback.
func (s *Site) Listen() (Live, error) {
	if err := s.open(); err != nil {
		return Live{}, err
	}
	w := &loopback{site: s, addrs: map[netip.Addr]netip.Addr{}}
	s.live = w
	if err := errors.Join(w.open(), w.follow()); err != nil {
		s.Close()
		return Live{}, err
	}
	live := Live{DHCP: w.openDHCP(), Wire: Wire{Dial: new(net.Dialer).DialContext, Listen: s.listenDHCP, Resolvers: w.resolvers}}
	if live.DHCP == nil {
		live.Listen = func(ctx context.Context, _ string) (dhcpopts.Conn, error) { return dhcpopts.Listen(ctx, "lo") }
	}
	s.spawn(s.runTimeline)
	return live, nil
}

// Loopback is where a Registrar of the file is reached in the live world.
func (s *Site) Loopback(addr netip.AddrPort) netip.AddrPort {
	return netip.AddrPortFrom(s.outside(addr.Addr()), s.outsidePort(addr.Port()))
}

// outside is the address the site gives to the world instead of one in the file.
func (s *Site) outside(addr netip.Addr) netip.Addr {
	if s.live == nil {
		return addr
	}
	s.live.mu.Lock()
	ours, known := s.live.addrs[addr]
	s.live.mu.Unlock()
	if addr.Is4() && (!known || !reachable(s.state().manners, addr)) {
		return nowhere
	}
	if known {
		return ours
	}
	return addr
}

func (s *Site) outsidePort(port uint16) uint16 {
	if s.live == nil {
		return port
	}
	s.live.mu.Lock()
	defer s.live.mu.Unlock()
	return s.live.port(port)
}

// port is where a Registrar's port is opened. w.mu is held.
func (w *loopback) port(port uint16) uint16 {
	if w.shift && port < 1024 {
		return port + portShift
	}
	return port
}

func (w *loopback) open() error {
	w.mu.Lock()
	defer w.mu.Unlock()
	for _, addr := range slices.SortedFunc(maps.Keys(w.site.begin.manners), netip.AddrPort.Compare) {
		d := &door{site: addr}
		if err := w.place(d); err != nil {
			return fmt.Errorf("open registrar %s on loopback: %w", addr, err)
		}
		w.doors = append(w.doors, d)
	}
	for _, addr := range w.site.begin.zone.servers {
		d := &door{site: netip.AddrPortFrom(addr, 53), isDNS: true}
		var err error
		for range portTries {
			d.at = netip.AddrPortFrom(netip.AddrFrom4([4]byte{127, 0, 0, 1}), 0)
			if err = w.put(d, "open"); err == nil {
				break
			}
		}
		if err != nil {
			return fmt.Errorf("open name server %s on loopback: %w", addr, err)
		}
		w.doors = append(w.doors, d)
	}
	return nil
}

// place finds the loopback address of a Registrar, one for all its ports. w.mu is held.
func (w *loopback) place(d *door) error {
	addr := d.site.Addr()
	candidates := []netip.Addr{addr}
	switch {
	case w.addrs[addr].IsValid():
		candidates[0] = w.addrs[addr]
	case addr.Is6():
		candidates[0] = netip.IPv6Loopback()
	case !addr.IsLoopback():
		b := addr.As4()
		candidates = nil
		for high := range byte(100) { // 10.0.0.5 becomes 127.1.0.5, or the next that is free
			candidates = append(candidates, netip.AddrFrom4([4]byte{127, 1 + high, b[2], b[3]}))
		}
	}
	var err error
	for _, c := range candidates {
		taken := func(other *door) bool { return other.at.Addr() == c && other.site.Addr() != addr }
		if c.Is4() && slices.ContainsFunc(w.doors, taken) {
			continue
		}
		d.at = netip.AddrPortFrom(c, w.port(d.site.Port()))
		if err = w.put(d, "open"); errors.Is(err, fs.ErrPermission) && !w.shift {
			w.shift = true
			d.at = netip.AddrPortFrom(c, w.port(d.site.Port()))
			err = w.put(d, "open")
		}
		if err == nil {
			w.addrs[addr] = c
			return nil
		}
	}
	return err
}

// follow opens and shuts what the behaviours of now ask for.
func (w *loopback) follow() error {
	w.mu.Lock()
	defer w.mu.Unlock()
	st := w.site.state()
	var errs []error
	for _, d := range w.doors {
		set := "open"
		switch {
		case d.isDNS && st.zone.fault(d.site.Addr(), "").word == "closed":
			set = "shut"
		case d.isDNS:
		case slices.Contains([]string{"refuse", "unreachable"}, st.manners[d.site].word):
			set = "shut"
		case st.manners[d.site].word == "blackhole":
			set = "full"
		}
		if err := w.put(d, set); err != nil {
			errs = append(errs, fmt.Errorf("%s: %w", d.site, err))
		}
	}
	return errors.Join(errs...)
}

// put brings a door into one of its settings. w.mu is held.
func (w *loopback) put(d *door, set string) (err error) {
	if d.set == set || w.site.isClosed() {
		return nil
	}
	d.shut()
	if set == "shut" {
		return nil
	}
	defer func() {
		if err != nil {
			d.shut()
		} else {
			d.set = set
		}
	}()
	l, err := net.Listen("tcp", d.at.String())
	if err != nil {
		return err
	}
	d.opened = append(d.opened, l)
	if d.at.Port() == 0 {
		d.at = l.Addr().(*net.TCPAddr).AddrPort()
	}
	if set == "full" {
		filler, err := fillQueue(l.(*net.TCPListener))
		d.opened = append(d.opened, filler...)
		return err
	}
	serve := func(c *stream) { w.site.serve(d.site, c) }
	if d.isDNS {
		p, err := net.ListenPacket("udp", d.at.String())
		if err != nil {
			return err
		}
		d.opened = append(d.opened, p)
		w.site.spawn(func() { w.serveUDP(p, func(b []byte, from net.Addr) []parcel { return w.answerDNS(d.site, b, from) }) })
		serve = func(c *stream) { w.site.serveDNS(d.site, c) }
	}
	w.site.spawn(func() { w.accept(l, d.site, serve) })
	return nil
}

func (d *door) shut() {
	for _, c := range d.opened {
		c.Close()
	}
	d.opened, d.set = nil, "shut"
}

// accept takes connections until the listener is closed.
func (w *loopback) accept(l net.Listener, site netip.AddrPort, serve func(*stream)) {
	for {
		c, err := l.Accept()
		if err != nil {
			return
		}
		rtt := w.site.state().manners[site].rtt
		far := c.RemoteAddr().(*net.TCPAddr).AddrPort()
		outer, inner := newStreams(far, site, rtt)
		carried := w.site.spawn(func() { w.carry(c.(*net.TCPConn), outer, rtt) })
		if !carried || !w.site.accept(site, inner, func() { serve(inner) }) {
			c.Close()
			outer.reset()
		}
	}
}

// carry moves bytes between a socket and the simulated connection behind it, so
// that delays, resets and closing are the same in both worlds.
func (w *loopback) carry(c *net.TCPConn, outer *stream, rtt time.Duration) {
	w.site.sleep(rtt) // the kernel answered the SYN at once
	var up sync.WaitGroup
	up.Go(func() {
		if _, err := io.Copy(outer, c); err != nil && !errors.Is(err, net.ErrClosed) {
			outer.reset()
		}
		outer.out.finish(io.EOF)
	})
	if _, err := io.Copy(c, struct{ io.Reader }{outer}); err != nil {
		c.SetLinger(0) // a reset, as the simulated connection had
	}
	c.Close()
	up.Wait()
	outer.Close()
}

// serveUDP answers datagrams until the socket is closed.
func (w *loopback) serveUDP(p net.PacketConn, answer func(packet []byte, from net.Addr) []parcel) {
	packet := make([]byte, 65535)
	for {
		n, from, err := p.ReadFrom(packet)
		if errors.Is(err, net.ErrClosed) {
			return
		}
		if err != nil {
			continue // an ICMP error of an earlier answer
		}
		for _, a := range answer(slices.Clone(packet[:n]), from) {
			to := from
			if a.from != nil {
				to = a.from
			}
			w.site.spawn(func() {
				if w.site.sleep(time.Until(a.due)) {
					p.WriteTo(a.data, to)
				}
			})
		}
	}
}

func (w *loopback) answerDNS(server netip.AddrPort, query []byte, from net.Addr) []parcel {
	w.site.noteQuery(server, from.String(), "udp", query)
	reply, delay := w.site.reply(server.Addr(), query, false)
	if reply == nil {
		return nil
	}
	return []parcel{{data: reply, due: time.Now().Add(delay)}}
}

// openDHCP answers DHCPINFORM on lo, and nowhere else: a machine's own network
// must never hear us.
func (w *loopback) openDHCP() error {
	section := w.site.state().dhcp
	if len(section.servers) == 0 && section.word != "silent" {
		return errors.New("the site has no DHCP server")
	}
	if section.word == "denied" {
		return fmt.Errorf("the site denies it: %w", fs.ErrPermission)
	}
	p, err := server4.NewIPv4UDPConn("lo", &net.UDPAddr{Port: dhcpv4.ServerPort})
	if err != nil {
		if strings.Contains(err.Error(), "permitted") || strings.Contains(err.Error(), "denied") { // the library drops the type
			err = fmt.Errorf("%w: %w", fs.ErrPermission, err)
		}
		return fmt.Errorf("open DHCP on lo: %w", err)
	}
	w.mu.Lock()
	w.dhcp = p
	w.mu.Unlock()
	w.site.spawn(func() {
		w.serveUDP(p, func(packet []byte, from net.Addr) []parcel {
			answers := w.site.inform(packet, from.String())
			for i := range answers { // RFC 2131 section 4.3.5: unicast to ciaddr
				answers[i].from = &net.UDPAddr{IP: net.IP(packet[12:16]), Port: dhcpv4.ClientPort}
			}
			return answers
		})
	})
	return nil
}

func (w *loopback) resolvers() ([]netip.AddrPort, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	var all []netip.AddrPort
	for _, d := range w.doors {
		if d.isDNS {
			all = append(all, d.at)
		}
	}
	return all, nil
}

func (w *loopback) close() {
	w.mu.Lock()
	defer w.mu.Unlock()
	for _, d := range w.doors {
		d.shut()
	}
	if w.dhcp != nil {
		w.dhcp.Close()
	}
}
