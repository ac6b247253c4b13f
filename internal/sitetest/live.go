package sitetest

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net"
	"net/netip"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/insomniacslk/dhcp/dhcpv4"
	"github.com/insomniacslk/dhcp/dhcpv4/server4"

	"github.com/homeward-agent/homeward/dhcpopts"
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
	live := Live{DHCP: w.openDHCP(), Wire: Wire{Dial: new(net.Dialer).DialContext, Listen: s.listenDHCP, Listen6: s.listenDHCP6, Leases: s.leases, Resolvers: w.resolvers}}
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
	if addr.Is4() && (!known || !s.state().reachable(addr)) {
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
