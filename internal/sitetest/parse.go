package sitetest

import (
	"cmp"
	"errors"
	"fmt"
	"net/netip"
	"slices"
	"strings"
	"time"
)

// file is a site as its file says; it is never changed.
type file struct {
	name     string
	begin    state
	changes  []change          // in the order of time
	sections map[string][]line // by name, those of the caller too
}

type line struct {
	number int
	words  []string // up to a comment
	text   string   // as it stands
}

type change struct {
	after time.Duration // since the start
	words []string
}

var sectionNames = []string{"zone", "dhcp", "registrars", "provisioning", "relays", "change"}

func parseFile(name, text string, theirs []string) (*file, error) {
	sections, err := split(text, theirs)
	if err != nil {
		return nil, fmt.Errorf("%s:%w", name, err)
	}
	f := &file{name: name, sections: sections, begin: state{
		zone:    zone{domain: "contoso.com.", faults: map[string]fault{}},
		manners: map[netip.AddrPort]manner{},
		relays:  relaySection{mras: goodMRAS},
		device:  device4,
	}}
	takers := map[string]func([]string) error{
		"zone":         func(words []string) error { return f.begin.zone.take(words, false) },
		"dhcp":         f.begin.dhcp.take,
		"registrars":   f.begin.takeRegistrar,
		"provisioning": f.begin.provisioning.take,
		"relays":       f.begin.takeRelay,
		"change":       f.takeChange,
	}
	for _, section := range sectionNames {
		if err := f.each(section, takers[section]); err != nil {
			return nil, err
		}
	}
	if len(f.begin.zone.servers) == 0 {
		f.begin.zone.servers = []netip.Addr{netip.AddrFrom4([4]byte{10, 0, 0, 53})}
	}
	slices.SortStableFunc(f.changes, func(a, b change) int { return cmp.Compare(a.after, b.after) })
	return f, nil
}

// each reads the lines of a section; a mistake is told with the file and the line.
func (f *file) each(section string, take func(words []string) error) error {
	for _, l := range f.sections[section] {
		if err := take(l.words); err != nil {
			return fmt.Errorf("%s:%d: %w", f.name, l.number, err)
		}
	}
	return nil
}

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
			if known := slices.Concat(sectionNames, theirs); !slices.Contains(known, section) {
				return nil, fmt.Errorf("%d: %w", number, Unknown("section", section, known))
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
			sections[section] = append(sections[section], line{number, words, raw})
		}
	}
	return sections, nil
}

func (st *state) takeRegistrar(words []string) error {
	if len(words) < 3 || words[1] != "tls" && words[1] != "tcp" {
		return errors.New("want ADDRESS:PORT tls|tcp [NAME …] BEHAVIOUR [OPTION …]")
	}
	addr, err := netip.ParseAddrPort(words[0])
	if err != nil {
		return err
	}
	if _, twice := st.manners[addr]; twice {
		return fmt.Errorf("registrar %s for the second time", addr)
	}
	isTLS := words[1] == "tls"
	names, words := span(words[2:], func(w string) bool { return strings.Contains(w, ".") && !strings.Contains(w, "=") })
	if isTLS && len(names) == 0 {
		return fmt.Errorf("registrar %s: tls needs a name for the certificate", addr)
	}
	m, err := parseManner(words)
	if err == nil && m.word == "web" && !isTLS {
		err = fmt.Errorf("registrar %s: web services speak TLS", addr)
	}
	m.tls, m.names = isTLS, names
	st.manners[addr] = m
	return err
}

// takeChange reads a line of the timeline, and rehearses it to find its mistakes.
func (f *file) takeChange(words []string) error {
	after, err := time.ParseDuration(words[0])
	if err != nil || !strings.HasPrefix(words[0], "+") {
		return fmt.Errorf("want +DURATION before the change, not %q", words[0])
	}
	f.changes = append(f.changes, change{after, words[1:]})
	return new(f.begin.clone()).change(f.begin, words[1:])
}
