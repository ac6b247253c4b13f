package sitetest

import (
	"errors"
	"fmt"
	"maps"
	"net/netip"
	"os"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"time"
)

// The device, as seen from the site in memory. Its IPv4 address is the first one.
var (
	device4 = netip.AddrFrom4([4]byte{10, 0, 0, 21})
	device6 = netip.MustParseAddr("2001:db8::21")
)

// state is all that a change can change.
type state struct {
	zone         zone
	dhcp         dhcpSection
	manners      map[netip.AddrPort]manner
	provisioning document
	relays       relaySection
	device       netip.Addr  // of IPv4; the zero Addr: it is cut off
	only         string      // the one version of IP that it has, "ipv4" or "ipv6"; "": both
	lost         []time.Time // when its link was lost
}

func (st state) clone() state {
	st.zone.servers = slices.Clone(st.zone.servers)
	st.zone.records = slices.Clone(st.zone.records)
	st.zone.faults = maps.Clone(st.zone.faults)
	st.zone.own = maps.Clone(st.zone.own)
	st.dhcp.servers = slices.Clone(st.dhcp.servers)
	st.dhcp.six = slices.Clone(st.dhcp.six)
	st.dhcp.leases = slices.Clone(st.dhcp.leases)
	st.manners = maps.Clone(st.manners)
	st.provisioning = slices.Clone(st.provisioning)
	st.relays.all = slices.Clone(st.relays.all)
	return st
}

// verbs are the changes, with what applies one to the state. What reaches connections besides is in
// [registrars.tell]; begin is the state of the file.
var verbs = map[string]func(st *state, begin state, words []string) error{
	"zone":         func(st *state, _ state, words []string) error { return st.changeZone(words) },
	"dhcp":         func(st *state, _ state, words []string) error { return st.dhcp.take(words) },
	"registrar":    func(st *state, _ state, words []string) error { return st.changeRegistrar(words) },
	"provisioning": func(st *state, _ state, words []string) error { return st.provisioning.take(words) },
	"relays":       func(st *state, _ state, words []string) error { return st.changeRelay(words) },
	"network":      func(st *state, _ state, words []string) error { return st.changeNetwork(words) },
	"heal":         heal,
	"reset":        connections(func(words []string) error { return onlyWord("reset", words, "") }),
	"revoke":       onlyUser,
	"forget":       connections(func(words []string) error { return onlyWord("forget", words, "fixed") }),
	"deregister":   connections(checkDeregister),
	"ask":          connections(func(words []string) error { _, _, err := parseAsk(words); return err }),
}

// change applies one line of the section change, without its time.
func (st *state) change(begin state, words []string) error {
	if len(words) == 0 {
		return errors.New("no change given")
	}
	verb := verbs[words[0]]
	if verb == nil {
		return Unknown("change", words[0], slices.Collect(maps.Keys(verbs)))
	}
	return verb(st, begin, words[1:])
}

// onlyUser is a change of no state, but of what the certificate service has given out: here only its mistakes are found.
func onlyUser(_ *state, _ state, words []string) error {
	if len(words) != 1 || !strings.Contains(words[0], "@") {
		return errors.New("want revoke USER@DOMAIN")
	}
	return nil
}

func heal(st *state, begin state, words []string) error {
	if len(words) > 0 {
		return errors.New("heal has nothing behind it")
	}
	*st = begin.clone()
	return nil
}

func (st *state) changeZone(words []string) error {
	if len(words) == 0 {
		return errors.New("want a line of the section zone")
	}
	return st.zone.take(words, true)
}

// connections is a change of no state, but of the connections of one Registrar: here only its mistakes are found.
func connections(check func(words []string) error) func(*state, state, []string) error {
	return func(st *state, _ state, words []string) error {
		if _, err := st.registrar(words); err != nil {
			return err
		}
		return check(words[1:])
	}
}

// registrar is the address that words begin with, of a Registrar that the site has.
func (st *state) registrar(words []string) (netip.AddrPort, error) {
	if len(words) == 0 {
		return netip.AddrPort{}, errors.New("want ADDRESS:PORT")
	}
	addr, err := netip.ParseAddrPort(words[0])
	if err != nil {
		return addr, err
	}
	if _, ok := st.manners[addr]; !ok {
		err = fmt.Errorf("no registrar %s", addr)
	}
	return addr, err
}

// changeRegistrar gives a Registrar another behaviour; transport and names stay.
func (st *state) changeRegistrar(words []string) error {
	addr, err := st.registrar(words)
	if err != nil {
		return err
	}
	m, err := parseManner(words[1:])
	m.tls, m.names = st.manners[addr].tls, st.manners[addr].names
	st.manners[addr] = m
	return err
}

// changeNetwork gives the device another address, or none.
func (st *state) changeNetwork(words []string) error {
	switch word := strings.Join(words, " "); word {
	case "":
		return errors.New("want network ADDRESS, down, ipv4, ipv6, both, lost …, or what has changed")
	case "down":
		st.device = netip.Addr{}
	case "ipv4", "ipv6":
		st.only = word
	case "both":
		st.only = ""
	default:
		if words[0] == "lost" {
			st.lost = append(slices.Clip(st.lost), time.Now())
		} else if addr, err := netip.ParseAddr(word); err == nil {
			st.device = addr
		}
	}
	return nil
}

// lacks says whether the device has not the version of IP of an address.
func (st state) lacks(addr netip.Addr) bool {
	return st.only == "ipv4" && addr.Is6() || st.only == "ipv6" && addr.Is4()
}

// takeRelay reads a line of the section relays.
func (st *state) takeRelay(words []string) error {
	r, err := st.relays.take(words)
	if err != nil || !r.addr.IsValid() {
		return err
	}
	if _, taken := st.manners[netip.AddrPortFrom(r.addr, r.tcp)]; taken {
		return fmt.Errorf("relay %s for the second time, or where a registrar is", r.addr)
	}
	st.followRelays()
	return nil
}

func (st *state) changeRelay(words []string) error {
	err := st.relays.change(words)
	st.followRelays()
	return err
}

// followRelays gives the TCP ports of Relays their behaviour among those of Registrars.
func (st *state) followRelays() {
	for _, r := range st.relays.all {
		if r.tcp != 0 {
			st.manners[netip.AddrPortFrom(r.addr, r.tcp)] = relayManners[r.word]
		}
	}
}

func onlyWord(verb string, words []string, known string) error {
	if len(words) > 0 && (known == "" || words[0] != known) {
		return fmt.Errorf("%s: unknown word %q", verb, words[0])
	}
	return nil
}

var deregistrations = []string{"rejected", "unregistered", "deactivated", "preferred-registrar-change"}

// checkDeregister reads "EVENT [SIP-URI] [benotify]".
func checkDeregister(words []string) error {
	if len(words) == 0 || !slices.Contains(deregistrations, words[0]) {
		return fmt.Errorf("deregister: want one of %v: %s", deregistrations, hint(strings.Join(words[:min(1, len(words))], ""), deregistrations))
	}
	for _, w := range words[1:] {
		if w != "benotify" && !strings.HasPrefix(w, "sip:") {
			return fmt.Errorf("deregister: neither a SIP URI nor benotify: %q", w)
		}
	}
	return nil
}

// parseAsk reads "METHOD [BYTES]".
func parseAsk(words []string) (method string, size int, err error) {
	if len(words) == 0 || len(words) > 2 || words[0] != strings.ToUpper(words[0]) {
		return "", 0, errors.New("ask: want METHOD [BYTES]")
	}
	if len(words) == 2 {
		size, err = strconv.Atoi(words[1])
	}
	return words[0], size, err
}

// reachable says whether any Registrar or Media Relay at the address can be reached.
func (st state) reachable(addr netip.Addr) bool {
	for at, m := range st.manners {
		if at.Addr() == addr && m.word != "unreachable" {
			return true
		}
	}
	return slices.ContainsFunc(st.relays.all, func(r relay) bool { return r.addr == addr })
}

// mannerAt says how a new connection to far is treated, or what it fails with.
func (st state) mannerAt(far netip.AddrPort) (manner, error) {
	m, ok := st.manners[far]
	switch {
	case ok && m.word == "refuse":
		return m, errRefused("connect")
	case ok && m.word != "unreachable":
		return m, nil
	case !ok && st.reachable(far.Addr()):
		return m, errRefused("connect")
	case m.net:
		return m, os.NewSyscallError("connect", syscall.ENETUNREACH)
	}
	err := os.NewSyscallError("connect", syscall.EHOSTUNREACH)
	if m.router.IsValid() {
		return m, &barred{err, m}
	}
	return m, err
}

// barred is the error of a connection of which somebody says by ICMP that there is no way.
type barred struct {
	error
	manner manner
}

func (b *barred) Unwrap() error { return b.error }

// Barred is what package wire asks for.
func (b *barred) Barred() (by netip.Addr, code byte) { return b.manner.router, b.manner.icmp }
