package sitetest

import (
	"cmp"
	"fmt"
	"maps"
	"net/netip"
	"slices"
	"strings"
	"time"
)

// state is all that a change can change.
type state struct {
	zone         zone
	dhcp         dhcpSection
	manners      map[netip.AddrPort]manner
	provisioning []setting
	relays       []relay
	mras         mras
	device       netip.Addr // of IPv4; the zero Addr: it is cut off
}

func (st state) clone() state {
	st.zone.servers = slices.Clone(st.zone.servers)
	st.zone.records = slices.Clone(st.zone.records)
	st.zone.faults = maps.Clone(st.zone.faults)
	st.dhcp.servers = slices.Clone(st.dhcp.servers)
	st.manners = maps.Clone(st.manners)
	st.provisioning = slices.Clone(st.provisioning)
	st.relays = slices.Clone(st.relays)
	return st
}

type line struct {
	number int
	words  []string
}

type change struct {
	after time.Duration // since the start
	words []string
}

// Parse reads a site file; name is for error messages. Sections that belong to
// the caller (of the same file, with other uses) are named in theirs and left
// alone; any other unknown section is an error.
func Parse(name string, text []byte, theirs ...string) (*Site, error) {
	sections, err := split(string(text), theirs)
	if err != nil {
		return nil, fmt.Errorf("%s:%w", name, err)
	}
	s := &Site{begin: state{
		zone:    zone{domain: "contoso.com.", faults: map[string]fault{}},
		manners: map[netip.AddrPort]manner{},
		mras:    goodMRAS,
		device:  device4,
	}}
	for _, step := range []struct {
		section string
		take    func([]string) error
	}{
		{"zone", func(words []string) error { return s.begin.zone.take(words, false) }},
		{"dhcp", s.begin.dhcp.take},
		{"registrars", s.takeRegistrar},
		{"provisioning", s.begin.takeSetting},
		{"relays", s.begin.takeRelay},
		{"change", s.takeChange},
	} {
		for _, l := range sections[step.section] {
			if err := step.take(l.words); err != nil {
				return nil, fmt.Errorf("%s:%d: %w", name, l.number, err)
			}
		}
	}
	if len(s.begin.zone.servers) == 0 {
		s.begin.zone.servers = []netip.Addr{netip.AddrFrom4([4]byte{10, 0, 0, 53})}
	}
	s.now = s.begin.clone()
	slices.SortStableFunc(s.changes, func(a, b change) int { return cmp.Compare(a.after, b.after) })
	return s, nil
}

var ours = []string{"zone", "dhcp", "registrars", "provisioning", "relays", "change"}

// split cuts the text into sections of lines of words.
func split(text string, theirs []string) (map[string][]line, error) {
	sections := map[string][]line{}
	var section string
	number := 0
	for raw := range strings.Lines(text) {
		number++
		raw = strings.TrimSpace(raw)
		if inner, ok := strings.CutPrefix(raw, "-- "); ok && strings.HasSuffix(inner, " --") {
			section = strings.TrimSpace(strings.TrimSuffix(inner, "--"))
			if !slices.Contains(ours, section) && !slices.Contains(theirs, section) {
				return nil, fmt.Errorf("%d: unknown section %q", number, section)
			}
			if _, twice := sections[section]; twice {
				return nil, fmt.Errorf("%d: section %q for the second time", number, section)
			}
			sections[section] = []line{}
			continue
		}
		words := strings.Fields(raw)
		if i := slices.IndexFunc(words, func(w string) bool { return w[0] == '#' }); i >= 0 {
			words = words[:i]
		}
		if section != "" && len(words) > 0 {
			sections[section] = append(sections[section], line{number, words})
		}
	}
	return sections, nil
}

func (s *Site) takeRegistrar(words []string) error {
	if len(words) < 3 || words[1] != "tls" && words[1] != "tcp" {
		return fmt.Errorf("want ADDRESS:PORT tls|tcp [NAME …] BEHAVIOUR [OPTION …]")
	}
	addr, err := netip.ParseAddrPort(words[0])
	if err != nil {
		return err
	}
	if _, twice := s.begin.manners[addr]; twice {
		return fmt.Errorf("registrar %s for the second time", addr)
	}
	isTLS := words[1] == "tls"
	names, words := span(words[2:], func(w string) bool { return strings.Contains(w, ".") && !strings.Contains(w, "=") })
	if isTLS && len(names) == 0 {
		return fmt.Errorf("registrar %s: tls needs a name for the certificate", addr)
	}
	m, err := parseManner(words)
	m.tls, m.names = isTLS, names
	s.begin.manners[addr] = m
	return err
}

// takeChange reads a line of the timeline, and rehearses it to find its mistakes.
func (s *Site) takeChange(words []string) error {
	after, err := time.ParseDuration(words[0])
	if err != nil || !strings.HasPrefix(words[0], "+") {
		return fmt.Errorf("want +DURATION before the change, not %q", words[0])
	}
	s.changes = append(s.changes, change{after, words[1:]})
	return s.change(new(s.begin.clone()), words[1:])
}

// change applies one line to st.
func (s *Site) change(st *state, words []string) error {
	if len(words) == 0 {
		return fmt.Errorf("no change given")
	}
	switch rest := words[1:]; words[0] {
	case "zone":
		return st.zone.take(rest, true)
	case "dhcp":
		return st.dhcp.take(rest)
	case "heal":
		*st = s.begin.clone()
		return nil
	case "provisioning":
		return st.takeSetting(rest)
	case "relays":
		return st.changeRelay(rest)
	case "registrar", "reset", "deregister", "forget", "ask":
		return st.changeRegistrar(words[0], rest)
	case "network":
		return st.changeNetwork(rest)
	}
	return fmt.Errorf("unknown change %q: want zone, dhcp, registrar, provisioning, relays, network, reset, deregister, forget, ask or heal", words[0])
}

// changeNetwork gives the device another address, or none.
func (st *state) changeNetwork(words []string) (err error) {
	switch word := strings.Join(words, " "); word {
	case "":
		return fmt.Errorf("want network ADDRESS, down, or what has changed")
	case "down":
		st.device = netip.Addr{}
	default:
		if addr, err := netip.ParseAddr(word); err == nil {
			st.device = addr
		}
	}
	return nil
}

// changeRegistrar applies a line that names a Registrar. Of those that change no
// state but reach its connections, it only finds the mistakes.
func (st *state) changeRegistrar(verb string, words []string) error {
	if len(words) == 0 {
		return fmt.Errorf("want %s ADDRESS:PORT …", verb)
	}
	addr, err := netip.ParseAddrPort(words[0])
	if err != nil {
		return err
	}
	old, ok := st.manners[addr]
	if !ok {
		return fmt.Errorf("no registrar %s", addr)
	}
	switch verb {
	case "deregister":
		return checkDeregister(words[1:])
	case "ask":
		_, _, err := parseAsk(words[1:])
		return err
	case "reset", "forget":
		if len(words) > 1 && (verb == "reset" || words[1] != "fixed") {
			return fmt.Errorf("%s: unknown word %q", verb, words[1])
		}
		return nil
	}
	m, err := parseManner(words[1:])
	m.tls, m.names = old.tls, old.names
	st.manners[addr] = m
	return err
}
