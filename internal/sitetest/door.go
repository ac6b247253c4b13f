package sitetest

import (
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"net"
	"net/netip"
	"slices"
)

// portTries is our choice: to find one port free for UDP and TCP.
const portTries = 20

// open opens a door for each Registrar and each name server.
func (w *loopback) open() error {
	w.mu.Lock()
	defer w.mu.Unlock()
	houses := map[netip.Addr][]*door{}
	for _, addr := range slices.SortedFunc(maps.Keys(w.sim.begin.manners), netip.AddrPort.Compare) {
		houses[addr.Addr()] = append(houses[addr.Addr()], &door{site: addr})
	}
	for _, r := range w.sim.begin.relays.all {
		if r.udp != 0 {
			houses[r.addr] = append(houses[r.addr], &door{site: r.at(), isUDP: true})
		}
	}
	for _, addr := range slices.SortedFunc(maps.Keys(houses), netip.Addr.Compare) {
		if err := w.place(addr, houses[addr]); err != nil {
			return fmt.Errorf("open %s on loopback: %w", addr, err)
		}
		w.doors = append(w.doors, houses[addr]...)
	}
	for _, addr := range w.sim.begin.zone.servers {
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

// place finds a loopback address where all doors of one address can be opened. w.mu is held.
func (w *loopback) place(addr netip.Addr, doors []*door) error {
	switch {
	case addr.Is6():
		ours := netip.IPv6Loopback()
		if err := w.claim(ours, claimPatience); err != nil {
			return err
		}
		return w.placeAt(addr, ours, doors)
	case addr.IsLoopback():
		return w.placeAt(addr, addr, doors)
	}
	var err error
	b := addr.As4()
	for second := byte(1); second <= networks; second++ { // 10.0.0.5 becomes 127.1.0.5, or the next that is free
		ours := netip.AddrFrom4([4]byte{127, second, b[2], b[3]})
		if w.out.taken(ours) {
			continue
		}
		if err = w.claim(netip.AddrFrom4([4]byte{127, second, 255, 254}), 0); err != nil {
			continue
		}
		if err = w.placeAt(addr, ours, doors); err == nil {
			return nil
		}
	}
	return err
}

// networks is our choice: so many of 127.N.0.0/16 are tried.
const networks = 100

func (w *loopback) placeAt(addr, ours netip.Addr, doors []*door) error {
	err := w.openAt(ours, doors)
	if err == nil {
		w.out.put(addr, ours)
	}
	return err
}

// openAt opens all doors at one address, or none. w.mu is held.
func (w *loopback) openAt(addr netip.Addr, doors []*door) error {
	for _, d := range doors {
		d.at = netip.AddrPortFrom(addr, w.out.port(d.site.Port()))
		err := w.put(d, "open")
		if errors.Is(err, fs.ErrPermission) && w.out.raisePorts() {
			d.at = netip.AddrPortFrom(addr, w.out.port(d.site.Port()))
			err = w.put(d, "open")
		}
		if err != nil {
			for _, d := range doors {
				d.shut()
			}
			return err
		}
	}
	return nil
}

// follow opens and shuts what the behaviours of now ask for.
func (w *loopback) follow() error {
	w.mu.Lock()
	defer w.mu.Unlock()
	st := w.sim.state()
	var errs []error
	for _, d := range w.doors {
		set := "open"
		switch {
		case d.isDNS && st.zone.fault(d.site.Addr(), "").word == "closed":
			set = "shut"
		case d.isUDP && w.relays.word(d.site) == "refuse":
			set = "shut"
		case d.isDNS, d.isUDP:
		case slices.Contains([]string{"refuse", "unreachable"}, st.manners[d.site].word):
			set = "shut"
		case st.manners[d.site].swallowed():
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
	if d.set == set || w.sim.isClosed() {
		return nil
	}
	d.shut()
	if set == "shut" {
		return nil
	}
	if !d.isUDP {
		err = w.openTCP(d, set == "full")
	}
	if err == nil && (d.isDNS || d.isUDP) {
		err = w.openUDP(d)
	}
	if err != nil {
		d.shut()
		return err
	}
	d.set = set
	return nil
}

func (w *loopback) openTCP(d *door, full bool) error {
	l, err := net.Listen("tcp", d.at.String())
	if err != nil {
		return err
	}
	d.opened = append(d.opened, l)
	if d.at.Port() == 0 {
		d.at = l.Addr().(*net.TCPAddr).AddrPort()
	}
	if full {
		filler, err := fillQueue(l.(*net.TCPListener))
		d.opened = append(d.opened, filler...)
		return err
	}
	serve := func(c *stream) { w.registrars.serve(d.site, c) }
	if d.isDNS {
		serve = func(c *stream) { w.names.serve(d.site, c) }
	}
	w.sim.spawn(func() { w.accept(l, d.site, serve) })
	return nil
}

func (w *loopback) openUDP(d *door) error {
	p, err := net.ListenPacket("udp", d.at.String())
	if err != nil {
		return err
	}
	d.opened = append(d.opened, p)
	answer := func(b []byte, from net.Addr) []parcel { return w.answerDNS(d.site, b, from) }
	if d.isUDP {
		answer = func(b []byte, from net.Addr) []parcel {
			reply := w.relays.allocate(d.site, b, from.String())
			if reply == nil {
				return nil
			}
			return []parcel{{data: reply}}
		}
	}
	w.sim.spawn(func() { w.serveUDP(p, answer) })
	return nil
}
