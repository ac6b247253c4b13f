package sitetest

import (
	"encoding/binary"
	"io"
	"net"
	"net/netip"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/miekg/dns"
)

// nameServers are the name servers of a site that runs.
type nameServers struct {
	sim *simulation
	out *mapping

	mu    sync.Mutex
	asked map[string]int // by the socket of the device, where a server is lossy
}

// lostEvery is how many questions of one socket a lossy name server gets for one that is lost. (Our choice.)
const lostEvery = 10

// loses says whether a question is lost on the way.
func (n *nameServers) loses(from string) bool {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.asked[from]++
	return n.asked[from]%lostEvery == 0
}

// all are the name servers by the file.
func (n *nameServers) all() (all []netip.AddrPort) {
	for _, addr := range n.sim.begin.zone.servers {
		all = append(all, netip.AddrPortFrom(addr, 53))
	}
	return all
}

// shut says whether nothing listens at a name server's address.
func (n *nameServers) shut(server netip.AddrPort) bool {
	return n.sim.state().zone.fault(server.Addr(), "").word == "closed"
}

// unsaid says whether a query is answered by nothing at all where nothing listens: systems refuse only so many a second aloud.
func (n *nameServers) unsaid(server netip.AddrPort, query []byte) bool {
	q := new(dns.Msg)
	return q.Unpack(query) == nil && len(q.Question) == 1 && n.sim.state().zone.fault(server.Addr(), q.Question[0].Name).word == "silent"
}

// mute says whether a name server answers nobody, over TCP no more than over UDP.
func (n *nameServers) mute(server netip.AddrPort) bool {
	return slices.Contains([]string{"silent", "absent", "ungated"}, n.sim.state().zone.fault(server.Addr(), "").word)
}

// elsewhere says whether a name server answers from another address than the one asked.
func (n *nameServers) elsewhere(server netip.AddrPort) bool {
	return n.sim.state().zone.fault(server.Addr(), "").word == "elsewhere"
}

// ask is one query that came, and what comes back for it after the delay; nil for silence.
func (n *nameServers) ask(server netip.AddrPort, from, network string, query []byte) ([]byte, time.Duration) {
	reply, delay, said := n.reply(server.Addr(), query, network == "tcp")
	q := new(dns.Msg)
	if q.Unpack(query) == nil && len(q.Question) == 1 {
		if network == "udp" && n.sim.state().zone.fault(server.Addr(), q.Question[0].Name).word == "lossy" && n.loses(from) {
			reply, said = nil, "nothing"
		}
		name := strings.TrimSuffix(dns.CanonicalName(q.Question[0].Name), ".")
		n.sim.note(Entry{Server: server.String(), What: "query " + dns.TypeToString[q.Question[0].Qtype], Name: name, From: network + " " + from, Answer: said})
	}
	return reply, delay
}

// to is the behaviour for a question, where that depends on its flags.
func (f fault) to(q *dns.Msg) string {
	switch {
	case f.word == "bogus" && !q.CheckingDisabled:
		return "servfail"
	case f.word == "waits" && q.RecursionDesired:
		return "silent"
	case f.word == "waits":
		return "refused"
	default:
		return f.word
	}
}

// reply is what comes back for one query, on the wire, and in words; nil for silence.
func (n *nameServers) reply(server netip.Addr, query []byte, overTCP bool) (reply []byte, delay time.Duration, said string) {
	q := new(dns.Msg)
	if q.Unpack(query) != nil || len(q.Question) != 1 || q.Response {
		return nil, 0, ""
	}
	z := n.sim.state().zone.of(server)
	f := z.fault(server, q.Question[0].Name)
	m := new(dns.Msg).SetReply(q)
	m.RecursionAvailable = true
	size := dns.MinMsgSize
	if edns := q.IsEdns0(); edns != nil && f.word != "noedns" {
		m.SetEdns0(1232, false)
		size = max(size, int(edns.UDPSize()))
	}
	if edns := m.IsEdns0(); edns != nil && f.says != nil {
		edns.Option = append(edns.Option, f.says)
	}
	word := f.to(q)
	if word == "tcponly" && !overTCP {
		word = "silent"
	}
	switch word {
	case "silent", "closed", "absent", "ungated":
		return nil, 0, "nothing"
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
	if f.word == "additional" {
		m.Extra = append(m.Extra, n.out.records(z.besides(m.Answer))...)
	}
	m.Answer = n.out.records(m.Answer)
	if f.word == "malformed" {
		m.Answer, m.Ns, m.Extra, m.Rcode = nil, nil, nil, dns.RcodeSuccess
	} else if !overTCP && !m.Truncated {
		m.Truncate(size)
	}
	wire, err := m.Pack()
	if err != nil {
		return nil, 0, ""
	}
	if f.word == "malformed" { // one answer announced (RFC 1035 section 4.1.1), of which only the first byte comes
		wire[7] = 1
		wire = append(wire, 0xC0)
	}
	return wire, f.delay, words(m, f)
}

// dial gives a UDP socket connected to a name server.
func (n *nameServers) dial(local, server netip.AddrPort) net.Conn {
	from, others := net.UDPAddrFromAddrPort(server), newLane()
	far := func(query []byte, answers *lane) {
		if n.shut(server) && !n.unsaid(server, query) {
			answers.put(parcel{err: errRefused("read"), from: from})
			return
		}
		reply, delay := n.ask(server, local.String(), "udp", query)
		switch {
		case reply == nil:
		case n.elsewhere(server):
			others.put(parcel{data: reply, from: net.UDPAddrFromAddrPort(netip.AddrPortFrom(server.Addr().Next(), server.Port())), due: time.Now().Add(delay)})
		default:
			answers.put(parcel{data: reply, from: from, due: time.Now().Add(delay)})
		}
	}
	return &datagrams{lane: newLane(), others: others, local: net.UDPAddrFromAddrPort(local), remote: from, far: far}
}

// serve answers the queries of one TCP connection (RFC 1035 section 4.2.2).
func (n *nameServers) serve(server netip.AddrPort, c net.Conn) {
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
		reply, delay := n.ask(server, c.RemoteAddr().String(), "tcp", query)
		if reply == nil {
			continue
		}
		if !n.sim.sleep(delay) {
			return
		}
		if _, err := c.Write(append(binary.BigEndian.AppendUint16(nil, uint16(len(reply))), reply...)); err != nil {
			return
		}
	}
}

// words is an answer as the timeline shows it.
func words(m *dns.Msg, f fault) string {
	said := []string{}
	for _, rr := range m.Answer {
		said = append(said, dns.TypeToString[rr.Header().Rrtype]+" "+strings.TrimPrefix(rr.String(), rr.Header().String()))
	}
	switch {
	case f.word == "malformed":
		said = []string{"a malformed answer"}
	case m.Truncated:
		said = append(said, "truncated")
	case len(said) == 0 && m.Rcode == dns.RcodeSuccess:
		said = []string{"no such record"}
	case len(said) == 0:
		said = []string{dns.RcodeToString[m.Rcode]}
	}
	return strings.Join(said, ", ") + later(f.delay)
}
