package sitetest

import (
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"net"
	"net/netip"
	"slices"
	"strings"
	"time"

	"github.com/miekg/dns"
)

// zone is what the name servers know, and how they behave.
type zone struct {
	domain  string // with the final dot
	servers []netip.Addr
	records []dns.RR
	faults  map[string]fault // by name, by server address, or "" for everything
}

// fault is how a question is treated; the zero value answers.
type fault struct {
	word  string
	delay time.Duration
}

var faultWords = []string{"answer", "servfail", "refused", "nxdomain", "nodata", "silent", "truncated", "malformed", "noedns", "closed"}

// parseFault reads the words of a behaviour; false if they are none.
func parseFault(words []string) (f fault, ok bool) {
	for len(words) > 0 {
		switch {
		case words[0] == "delay" && len(words) > 1:
			var err error
			if f.delay, err = time.ParseDuration(words[1]); err != nil {
				return f, false
			}
			words = words[2:]
		case f.word == "" && slices.Contains(faultWords, words[0]):
			f.word = words[0]
			words = words[1:]
		default:
			return f, false
		}
		ok = true
	}
	return f, ok
}

// take reads one line of the section; in a change, records replace those of the
// same name and type.
func (z *zone) take(words []string, change bool) error {
	if f, ok := parseFault(words); ok {
		z.faults[""] = f
		return nil
	}
	if len(words) < 2 {
		return fmt.Errorf("neither a behaviour nor a record: %q", strings.Join(words, " "))
	}
	f, ok := parseFault(words[1:])
	switch {
	case words[0] == "domain" && len(words) == 2:
		if change || len(z.records)+len(z.servers)+len(z.faults) > 0 {
			return errors.New("domain has to be the first line of the section")
		}
		z.domain = dns.CanonicalName(words[1])
		return nil
	case words[0] == "server":
		addr, err := netip.ParseAddr(words[1])
		if err != nil {
			return err
		}
		if known := slices.Contains(z.servers, addr); !known && change {
			return fmt.Errorf("no server %s", addr)
		} else if !known {
			z.servers = append(z.servers, addr)
		}
		if f, ok = parseFault(words[2:]); !ok && len(words) > 2 {
			return fmt.Errorf("unknown behaviour %q", strings.Join(words[2:], " "))
		}
		z.faults[addr.String()] = f
		return nil
	case ok && f.word == "closed":
		return errors.New("closed is not for one name")
	case ok:
		z.faults[z.absolute(words[0])] = f
		return nil
	}
	return z.takeRecords(words, change)
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
		if err := parser.Err(); err != nil {
			return fmt.Errorf("neither a behaviour nor a record: %q: %w", text, err)
		}
		if !ok {
			return fmt.Errorf("neither a behaviour nor a record: %q", text)
		}
		if strings.Contains(strings.ToLower(rr.String()), "."+z.domain+z.domain) {
			return fmt.Errorf("%q: a name with the SIP domain needs a final dot", text)
		}
		fresh = append(fresh, rr)
	}
	if change {
		z.records = slices.DeleteFunc(z.records, func(rr dns.RR) bool {
			return len(fresh) > 0 && z.is(rr, fresh[0].Header().Name, fresh[0].Header().Rrtype)
		})
	}
	z.records = append(z.records, fresh...)
	return nil
}

func (z zone) is(rr dns.RR, name string, rrtype uint16) bool {
	return strings.EqualFold(rr.Header().Name, name) && rr.Header().Rrtype == rrtype
}

// fault is the behaviour for a question: of the name, else of the server, else of the zone.
func (z zone) fault(server netip.Addr, name string) fault {
	for _, key := range []string{dns.CanonicalName(name), server.String()} {
		if f := z.faults[key]; f != (fault{}) {
			return f
		}
	}
	return z.faults[""]
}

// look finds the records for a question, along at most eight aliases.
func (z zone) look(q dns.Question) (found []dns.RR, rcode int) {
	name := q.Name
	for range 8 {
		exists, alias := false, ""
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
			return found, dns.RcodeNameError
		}
		if alias == "" {
			break
		}
		name = alias
	}
	return found, dns.RcodeSuccess
}

// reply is what comes back for one query, on the wire; nil for silence.
func (s *Site) reply(server netip.Addr, query []byte, overTCP bool) ([]byte, time.Duration) {
	q := new(dns.Msg)
	if q.Unpack(query) != nil || len(q.Question) != 1 || q.Response {
		return nil, 0
	}
	z := s.state().zone
	f := z.fault(server, q.Question[0].Name)
	m := new(dns.Msg).SetReply(q)
	m.RecursionAvailable = true
	size := dns.MinMsgSize
	if edns := q.IsEdns0(); edns != nil && f.word != "noedns" {
		m.SetEdns0(1232, false)
		size = max(size, int(edns.UDPSize()))
	}
	switch f.word {
	case "silent", "closed":
		return nil, 0
	case "servfail":
		m.Rcode = dns.RcodeServerFailure
	case "refused":
		m.Rcode = dns.RcodeRefused
	case "nxdomain":
		m.Rcode = dns.RcodeNameError
	case "nodata":
	case "truncated":
		if m.Truncated = !overTCP; m.Truncated {
			break
		}
		m.Answer, m.Rcode = z.look(q.Question[0])
	case "noedns":
		if q.IsEdns0() != nil {
			m.Rcode = dns.RcodeFormatError
			break
		}
		fallthrough
	default:
		m.Answer, m.Rcode = z.look(q.Question[0])
	}
	if m.Rcode == dns.RcodeNameError || m.Rcode == dns.RcodeSuccess && len(m.Answer) == 0 && !m.Truncated {
		m.Ns = []dns.RR{&dns.SOA{Hdr: dns.RR_Header{Name: z.domain, Rrtype: dns.TypeSOA, Class: dns.ClassINET, Ttl: 300}, Ns: z.domain, Mbox: z.domain, Minttl: 300}}
	}
	m.Answer = s.outsideRecords(m.Answer)
	if f.word == "malformed" {
		m.Answer, m.Ns, m.Extra, m.Rcode = nil, nil, nil, dns.RcodeSuccess
	} else if !overTCP && !m.Truncated {
		m.Truncate(size)
	}
	wire, err := m.Pack()
	if err != nil {
		return nil, 0
	}
	if f.word == "malformed" { // one answer announced (RFC 1035 section 4.1.1), of which only the first byte comes
		wire[7] = 1
		wire = append(wire, 0xC0)
	}
	return wire, f.delay
}

// dialDNS gives a UDP socket connected to a name server.
func (s *Site) dialDNS(local, server netip.AddrPort) net.Conn {
	from := net.UDPAddrFromAddrPort(server)
	far := func(query []byte, answers *lane) {
		if s.shut(server) {
			answers.put(parcel{err: errRefused("read"), from: from})
			return
		}
		s.noteQuery(server, local.String(), "udp", query)
		if reply, delay := s.reply(server.Addr(), query, false); reply != nil {
			answers.put(parcel{data: reply, from: from, due: time.Now().Add(delay)})
		}
	}
	return &datagrams{lane: newLane(), local: net.UDPAddrFromAddrPort(local), remote: from, far: far}
}

// serveDNS answers the queries of one TCP connection (RFC 1035 section 4.2.2).
func (s *Site) serveDNS(server netip.AddrPort, c net.Conn) {
	defer c.Close()
	for {
		query := make([]byte, 2)
		if _, err := io.ReadFull(c, query); err != nil {
			return
		}
		query = make([]byte, binary.BigEndian.Uint16(query))
		if _, err := io.ReadFull(c, query); err != nil {
			return
		}
		s.noteQuery(server, c.RemoteAddr().String(), "tcp", query)
		reply, delay := s.reply(server.Addr(), query, true)
		if reply == nil {
			continue
		}
		if !s.sleep(delay) {
			return
		}
		if _, err := c.Write(append(binary.BigEndian.AppendUint16(nil, uint16(len(reply))), reply...)); err != nil {
			return
		}
	}
}

func (s *Site) noteQuery(server netip.AddrPort, from, network string, query []byte) {
	q := new(dns.Msg)
	if q.Unpack(query) == nil && len(q.Question) == 1 {
		name := strings.TrimSuffix(dns.CanonicalName(q.Question[0].Name), ".")
		s.note(Entry{Server: server.String(), What: "query " + dns.TypeToString[q.Question[0].Qtype], Name: name, From: network + " " + from})
	}
}

// outsideRecords puts what the world outside has to dial into the answers.
func (s *Site) outsideRecords(records []dns.RR) []dns.RR {
	records = slices.Clone(records)
	for i, rr := range records {
		rr = dns.Copy(rr)
		switch rr := rr.(type) {
		case *dns.A:
			rr.A = s.outside(netip.AddrFrom4([4]byte(rr.A.To4()))).AsSlice()
		case *dns.AAAA:
			rr.AAAA = s.outside(netip.AddrFrom16([16]byte(rr.AAAA))).AsSlice()
		case *dns.SRV:
			rr.Port = s.outsidePort(rr.Port)
		}
		records[i] = rr
	}
	return records
}
