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
	"syscall"
	"time"

	"github.com/insomniacslk/dhcp/dhcpv4"
	"github.com/insomniacslk/dhcp/dhcpv4/server4"

	"homeward/dhcpopts"
)

// loopback is the live world: sockets of this machine.
type loopback struct {
	servers
	sim *simulation
	out *mapping

	mu     sync.Mutex // guards the rest
	doors  []*door
	socket net.PacketConn                // for DHCP
	claims map[netip.Addr]net.PacketConn // what no other site of this machine may use meanwhile
}

// door is where one Registrar or name server is reached.
type door struct {
	site   netip.AddrPort // by the file
	at     netip.AddrPort // on loopback
	isDNS  bool
	isUDP  bool   // and nothing else: a Media Relay
	set    string // "open", "shut" or "full": a queue of connections so full that the kernel drops new ones
	opened []io.Closer
}

// Our choices.
const (
	claimPort     = 47067
	claimPatience = 10 * time.Second // a test with one site is over before
	claimAgain    = 20 * time.Millisecond
)

// dhcpClaim stands for DHCP on lo.
var dhcpClaim = netip.AddrFrom4([4]byte{127, 0, 0, 1})

// errClaimed is that of a site that has to wait for another one.
var errClaimed = errors.New("another simulated site of this machine uses it")

// claim takes what an address stands for, as long as this site is open: a network of loopback, or DHCP on lo. A socket that
// nobody talks to holds it, which is gone when the process is, and is not seen in another network namespace. w.mu is held.
func (w *loopback) claim(addr netip.Addr, patience time.Duration) error {
	if w.claims[addr] != nil {
		return nil
	}
	for until := time.Now().Add(patience); ; {
		p, err := net.ListenPacket("udp", netip.AddrPortFrom(addr, claimPort).String())
		if err == nil {
			w.claims[addr] = p
			return nil
		}
		if !errors.Is(err, syscall.EADDRINUSE) {
			return err
		}
		if !time.Now().Before(until) || !w.sim.sleep(claimAgain) {
			return errClaimed
		}
	}
}

func (w *loopback) wire() Live {
	live := Live{DHCP: w.openDHCP(), Wire: Wire{
		Dial: new(net.Dialer).DialContext, Listen: w.dhcp.listen, Listen6: w.dhcp.listen6, Leases: w.dhcp.leases, Resolvers: w.resolvers,
	}}
	if live.DHCP == nil {
		live.Listen = func(ctx context.Context, _ string) (dhcpopts.Conn, error) { return dhcpopts.Listen(ctx, "lo") }
	}
	return live
}

// accept takes connections until the listener is closed.
func (w *loopback) accept(l net.Listener, site netip.AddrPort, serve func(*stream)) {
	for {
		c, err := l.Accept()
		if err != nil {
			return
		}
		m := w.sim.state().manners[site]
		rtt := m.rtt
		far := c.RemoteAddr().(*net.TCPAddr).AddrPort()
		outer, inner := newStreams(far, site, rtt)
		inner.rate = m.rate
		carried := w.sim.spawn(func() { w.carry(c.(*net.TCPConn), outer, rtt) })
		if !carried || !w.sim.accept(site, inner, func() { serve(inner) }) {
			c.Close()
			outer.reset()
		}
	}
}

// carry moves bytes between a socket and the simulated connection behind it, so
// that delays, resets and closing are the same in both worlds.
func (w *loopback) carry(c *net.TCPConn, outer *stream, rtt time.Duration) {
	w.sim.sleep(rtt) // the kernel answered the SYN at once
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
			w.sim.spawn(func() {
				if w.sim.sleep(time.Until(a.due)) {
					p.WriteTo(a.data, to)
				}
			})
		}
	}
}

func (w *loopback) answerDNS(server netip.AddrPort, query []byte, from net.Addr) []parcel {
	reply, delay := w.names.ask(server, from.String(), "udp", query)
	if reply == nil || w.names.elsewhere(server) {
		return nil
	}
	return []parcel{{data: reply, due: time.Now().Add(delay)}}
}

// openDHCP answers DHCPINFORM on lo, and nowhere else: a machine's own network
// must never hear us.
func (w *loopback) openDHCP() error {
	section := w.sim.state().dhcp
	if len(section.servers) == 0 && section.word != "silent" {
		return errors.New("the site has no DHCP server")
	}
	if section.word == "denied" {
		return fmt.Errorf("the site denies it: %w", fs.ErrPermission)
	}
	w.mu.Lock()
	err := w.claim(dhcpClaim, claimPatience)
	w.mu.Unlock()
	if err != nil {
		return fmt.Errorf("answer DHCP on lo: %w", err)
	}
	p, err := server4.NewIPv4UDPConn("lo", &net.UDPAddr{Port: dhcpv4.ServerPort})
	if err != nil {
		if strings.Contains(err.Error(), "permitted") || strings.Contains(err.Error(), "denied") { // the library drops the type
			err = fmt.Errorf("%w: %w", fs.ErrPermission, err)
		}
		return fmt.Errorf("open DHCP on lo: %w", err)
	}
	w.mu.Lock()
	w.socket = p
	w.mu.Unlock()
	w.sim.spawn(func() {
		w.serveUDP(p, func(packet []byte, from net.Addr) []parcel {
			answers := w.servers.dhcp.inform(packet, from.String())
			for i := range answers { // RFC 2131 section 4.3.5: unicast to ciaddr
				answers[i].from = &net.UDPAddr{IP: net.IP(packet[12:16]), Port: dhcpv4.ClientPort}
			}
			return answers
		})
	})
	return nil
}

// resolvers are the name servers, where they are on loopback.
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
	if w.socket != nil {
		w.socket.Close()
	}
	for _, p := range w.claims {
		p.Close()
	}
}

func (d *door) shut() {
	for _, c := range d.opened {
		c.Close()
	}
	d.opened, d.set = nil, "shut"
}
