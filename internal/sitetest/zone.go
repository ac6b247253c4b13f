package sitetest

import (
	"errors"
	"fmt"
	"maps"
	"net/netip"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/miekg/dns"
)

// zone is what the name servers know, and how they behave.
type zone struct {
	domain  string // with the final dot
	servers []netip.Addr
	records []dns.RR
	faults  map[string]fault        // by name, by server address, or "" for everything
	own     map[netip.Addr][]dns.RR // records that one server has in place of those of the same name and type
}

// fault is how a question is treated; the zero value answers.
type fault struct {
	word  string
	delay time.Duration
	says  *dns.EDNS0_EDE // nil: nothing (RFC 8914)
}

// faultWords are the behaviours; "delay" has a duration behind it.
var faultWords = []string{"answer", "servfail", "refused", "nxdomain", "nodata", "silent", "truncated", "malformed", "noedns", "closed", "absent", "ungated", "lossy", "additional", "elsewhere", "bogus", "waits", "tcponly", "delay", "ede"}

// parseFault reads the words of a behaviour; false if they are none.
func parseFault(words []string) (f fault, ok bool) {
	for len(words) > 0 {
		switch {
		case words[0] == "ede" && len(words) > 1:
			code, err := strconv.ParseUint(words[1], 10, 16)
			if err != nil {
				return f, false
			}
			f.says = &dns.EDNS0_EDE{InfoCode: uint16(code), ExtraText: strings.Join(words[2:], " ")}
			words = nil
		case words[0] == "delay" && len(words) > 1:
			var err error
			if f.delay, err = time.ParseDuration(words[1]); err != nil {
				return f, false
			}
			words = words[2:]
		case f.word == "" && words[0] != "delay" && words[0] != "ede" && slices.Contains(faultWords, words[0]):
			f.word = words[0]
			words = words[1:]
		default:
			return f, false
		}
		ok = true
	}
	return f, ok
}

// zoneLines are the lines that begin with a word of their own. The others are a behaviour of everything, a name with
// a behaviour, or a record.
var zoneLines = map[string]func(z *zone, words []string, change bool) error{
	"domain": (*zone).takeDomain,
	"server": (*zone).takeServer,
}

// take reads one line of the section; in a change, records replace those of the
// same name and type.
func (z *zone) take(words []string, change bool) error {
	if f, ok := parseFault(words); ok {
		z.faults[""] = f
		return nil
	}
	if takeLine := zoneLines[words[0]]; takeLine != nil && len(words) > 1 && !slices.Contains(recordTypes, words[1]) { // a host may have such a name
		return takeLine(z, words[1:], change)
	}
	if len(words) < 2 {
		known := slices.AppendSeq(slices.Clone(faultWords), maps.Keys(zoneLines))
		return fmt.Errorf("neither a behaviour nor a record: %q: %s", words[0], hint(words[0], known))
	}
	f, ok := parseFault(words[1:])
	switch {
	case ok && slices.Contains([]string{"closed", "absent", "ungated", "elsewhere"}, f.word):
		return fmt.Errorf("%s is not for one name", f.word)
	case ok:
		z.faults[z.absolute(words[0])] = f
		return nil
	}
	return z.takeRecords(words, change)
}

func (z *zone) takeDomain(words []string, change bool) error {
	if len(words) != 1 {
		return errors.New("want domain NAME")
	}
	if change || len(z.records)+len(z.servers)+len(z.faults) > 0 {
		return errors.New("domain has to be the first line of the section")
	}
	z.domain = dns.CanonicalName(words[0])
	return nil
}

func (z *zone) takeServer(words []string, change bool) error {
	addr, err := netip.ParseAddr(words[0])
	if err != nil {
		return err
	}
	if known := slices.Contains(z.servers, addr); !known && change {
		return fmt.Errorf("no server %s", addr)
	} else if !known {
		z.servers = append(z.servers, addr)
	}
	if len(words) > 3 && slices.Contains(recordTypes, words[2]) {
		if z.own == nil {
			z.own = map[netip.Addr][]dns.RR{}
		}
		other := zone{domain: z.domain, records: slices.Clone(z.own[addr])}
		err := other.takeRecords(words[1:], change)
		z.own[addr] = other.records
		return err
	}
	f, ok := parseFault(words[1:])
	if !ok && len(words) > 1 {
		return Unknown("behaviour", strings.Join(words[1:], " "), faultWords)
	}
	z.faults[addr.String()] = f
	return nil
}

func (z *zone) absolute(name string) string {
	if !strings.HasSuffix(name, ".") {
		name += "." + z.domain
	}
	return dns.CanonicalName(name)
}

func (z *zone) takeRecords(words []string, change bool) error {
	lines := []string{strings.Join(words, " ")}
	if words[1] == "A" || words[1] == "AAAA" {
		lines = nil
		for _, addr := range words[2:] {
			lines = append(lines, words[0]+" "+words[1]+" "+addr)
		}
	}
	var fresh []dns.RR
	for _, text := range lines {
		parser := dns.NewZoneParser(strings.NewReader(text+"\n"), z.domain, "")
		parser.SetDefaultTTL(300)
		rr, ok := parser.Next()
		if err := parser.Err(); err != nil || !ok {
			return notARecord(words, text, err)
		}
		if strings.Contains(strings.ToLower(rr.String()), "."+z.domain+z.domain) {
			return fmt.Errorf("%q: a name with the SIP domain needs a final dot", text)
		}
		fresh = append(fresh, rr)
	}
	if change {
		z.records = slices.DeleteFunc(z.records, func(rr dns.RR) bool {
			return z.is(rr, z.absolute(words[0]), dns.StringToType[words[1]]) || len(fresh) > 0 && z.is(rr, fresh[0].Header().Name, fresh[0].Header().Rrtype)
		})
	}
	z.records = append(z.records, fresh...)
	return nil
}

// recordTypes are those that a phone asks for, and aliases; a zone may have any other.
var recordTypes = []string{"A", "AAAA", "SRV", "CNAME"}

// notARecord is the mistake of a line that has an unknown word where a behaviour or a type belongs, or a bad value.
func notARecord(words []string, text string, err error) error {
	if _, isType := dns.StringToType[words[1]]; err != nil && isType {
		return fmt.Errorf("neither a behaviour nor a record: %q: %w", text, err)
	}
	return fmt.Errorf("neither a behaviour nor a record: %q: %q: %s", text, words[1], hint(words[1], append(slices.Clone(faultWords), recordTypes...)))
}

func (z zone) is(rr dns.RR, name string, rrtype uint16) bool {
	return strings.EqualFold(rr.Header().Name, name) && rr.Header().Rrtype == rrtype
}

// fault is the behaviour for a question: of the name, else of all names of the SIP domain, else of the server, else of everything.
func (z zone) fault(server netip.Addr, name string) fault {
	keys := []string{dns.CanonicalName(name), server.String()}
	if dns.IsSubDomain(z.domain, name) {
		keys = slices.Insert(keys, 1, "*."+z.domain)
	}
	for _, key := range keys {
		if f := z.faults[key]; f != (fault{}) {
			return f
		}
	}
	return z.faults[""]
}

// wildcard makes the records of a name that is only covered by a wildcard below its parent (RFC 4592).
func (z zone) wildcard(name string, rrtype uint16) (made []dns.RR, covered bool) {
	_, parent, _ := strings.Cut(name, ".")
	for _, rr := range z.records {
		covered = covered || strings.EqualFold(rr.Header().Name, "*."+parent)
		if z.is(rr, "*."+parent, rrtype) {
			rr = dns.Copy(rr)
			rr.Header().Name = name
			made = append(made, rr)
		}
	}
	return made, covered
}

// of is the zone as one server has it.
func (z zone) of(server netip.Addr) zone {
	own := z.own[server]
	z.records = slices.DeleteFunc(slices.Clone(z.records), func(rr dns.RR) bool {
		return slices.ContainsFunc(own, func(other dns.RR) bool { return z.is(rr, other.Header().Name, other.Header().Rrtype) })
	})
	z.records = append(z.records, own...)
	return z
}

// besides are the addresses of the hosts that SRV records name.
func (z zone) besides(answers []dns.RR) (all []dns.RR) {
	for _, rr := range answers {
		if s, ok := rr.(*dns.SRV); ok {
			for _, kind := range []uint16{dns.TypeA, dns.TypeAAAA} {
				of, _ := z.look(dns.Question{Name: s.Target, Qtype: kind})
				all = append(all, of...)
			}
		}
	}
	return all
}

// look finds the records for a question, along at most eight aliases.
func (z zone) look(q dns.Question) (found []dns.RR, rcode int) {
	name := q.Name
	for range 8 {
		exists, alias := strings.EqualFold(name, z.domain), ""
		for _, rr := range z.records {
			if z.is(rr, name, q.Qtype) {
				found = append(found, rr)
				alias = ""
			} else if z.is(rr, name, dns.TypeCNAME) {
				found = append(found, rr)
				alias = rr.(*dns.CNAME).Target
			}
			exists = exists || strings.EqualFold(rr.Header().Name, name)
		}
		if !exists {
			wild, covered := z.wildcard(name, q.Qtype)
			if !covered {
				return found, dns.RcodeNameError
			}
			found = append(found, wild...)
		}
		if alias == "" {
			break
		}
		name = alias
	}
	return found, dns.RcodeSuccess
}
