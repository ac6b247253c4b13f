package srv

import (
	"bytes"
	"context"
	"encoding/binary"
	"fmt"
	"io"
	"net"
	"net/netip"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/miekg/dns"
)

const internalTLS = "_sipinternaltls._tcp.contoso.com"

// query is one message as a fake name server receives it.
type query struct {
	network string
	nth     int // 1 for the first message to this server
	raw     []byte
	msg     *dns.Msg
}

// server is the behaviour of one fake name server.
type server struct {
	answers func(query) [][]byte // nil: silence
	after   time.Duration        // how long each answer takes
	dial    error                // what connecting over UDP gives
	dialTCP error
	gone    netip.Addr     // who does not answer on the link
	read    error          // what reading from the socket gives, as ICMP would
	from    netip.AddrPort // who answers over UDP in place of the server; zero: it does
}

// site is a network with name servers 10.0.0.1, 10.0.0.2 … behind Resolver.Dial, made of pipes.
type site struct {
	servers map[string]server
	start   time.Time
	only    string       // the version of IP that this device has; "": both
	open    atomic.Int32 // connections the resolver has not closed
	mu      sync.Mutex
	log     []string
	count   map[string]int
	tasks   sync.WaitGroup
}

// usable is a rule such as the callers have.
func usable(server netip.AddrPort, addr netip.Addr) error {
	if addr.IsGlobalUnicast() || addr.IsLoopback() && server.Addr().IsLoopback() {
		return nil
	}
	return fmt.Errorf("address %s cannot be a destination", addr)
}

func newSite(servers ...server) (*site, *Resolver) {
	s := &site{servers: map[string]server{}, start: time.Now(), count: map[string]int{}}
	r := &Resolver{Dial: s.dial, Usable: usable, Absent: func(addr netip.Addr) netip.Addr { return s.servers[netip.AddrPortFrom(addr, 53).String()].gone }}
	r.Lacks = func(addr netip.Addr) bool { return s.only != "" && (s.only == "IPv4") != addr.Is4() }
	for i, behaviour := range servers {
		addr := netip.AddrPortFrom(netip.AddrFrom4([4]byte{10, 0, 0, byte(i + 1)}), 53)
		r.Servers = append(r.Servers, addr)
		s.servers[addr.String()] = behaviour
	}
	return s, r
}

// asked returns what the servers were asked, in a stable order.
func (s *site) asked() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return strings.Join(slices.Sorted(slices.Values(s.log)), "\n")
}

func (s *site) dial(_ context.Context, network, address string) (net.Conn, error) {
	behaviour, ok := s.servers[address]
	switch {
	case !ok:
		return nil, fmt.Errorf("dialled %s, which is no name server", address)
	case network == "udp" && behaviour.dial != nil:
		return nil, behaviour.dial
	case network == "tcp" && behaviour.dialTCP != nil:
		return nil, behaviour.dialTCP
	}
	ours, theirs := net.Pipe()
	s.open.Add(1)
	s.tasks.Go(func() { s.serve(behaviour, network, address, theirs) })
	c := &countedConn{Conn: ours, site: s, read: behaviour.read}
	if network == "udp" && behaviour.from.IsValid() {
		return &overheard{countedConn: c, server: behaviour}, nil
	}
	return c, nil
}

func (s *site) serve(behaviour server, network, address string, conn net.Conn) {
	defer conn.Close()
	buf := make([]byte, 65535)
	for {
		raw, err := receive(conn, network, buf)
		if err != nil {
			return
		}
		q := query{network: network, raw: bytes.Clone(raw), msg: new(dns.Msg)}
		if err := q.msg.Unpack(q.raw); err != nil {
			panic(err)
		}
		s.mu.Lock()
		s.count[address]++
		q.nth = s.count[address]
		edns := ""
		if opt := q.msg.IsEdns0(); opt != nil {
			edns = fmt.Sprintf(" edns=%d", opt.UDPSize())
		}
		s.log = append(s.log, fmt.Sprintf("+%v %s %s%s %s %s", time.Since(s.start), address, network, edns,
			dns.TypeToString[q.msg.Question[0].Qtype], q.msg.Question[0].Name))
		s.mu.Unlock()
		if behaviour.answers == nil {
			continue
		}
		s.tasks.Go(func() {
			time.Sleep(behaviour.after)
			for _, answer := range behaviour.answers(q) {
				if network == "tcp" {
					answer = append(binary.BigEndian.AppendUint16(nil, uint16(len(answer))), answer...)
				}
				if _, err := conn.Write(answer); err != nil {
					return
				}
			}
		})
	}
}

func receive(conn net.Conn, network string, buf []byte) ([]byte, error) {
	if network == "udp" {
		n, err := conn.Read(buf)
		return buf[:n], err
	}
	if _, err := io.ReadFull(conn, buf[:2]); err != nil {
		return nil, err
	}
	raw := buf[:binary.BigEndian.Uint16(buf)]
	_, err := io.ReadFull(conn, raw)
	return raw, err
}

// countedConn tells the site when it is closed, and can fail to read.
type countedConn struct {
	net.Conn
	site *site
	once sync.Once
	read error
}

func (c *countedConn) Read(b []byte) (int, error) {
	if c.read != nil {
		return 0, c.read
	}
	return c.Conn.Read(b)
}

func (c *countedConn) Close() error {
	c.once.Do(func() { c.site.open.Add(-1) })
	return c.Conn.Close()
}

// overheard is a socket whose server answers from elsewhere.
type overheard struct {
	*countedConn
	server server
	came   [][]byte
}

func (o *overheard) Write(b []byte) (int, error) {
	q := query{network: "udp", raw: bytes.Clone(b), msg: new(dns.Msg)}
	if err := q.msg.Unpack(b); err != nil {
		panic(err)
	}
	o.came = append(o.came, o.server.answers(q)...)
	return len(b), nil
}

func (o *overheard) Overheard(b []byte) (int, netip.AddrPort) {
	if len(o.came) == 0 {
		return 0, netip.AddrPort{}
	}
	n := copy(b, o.came[0])
	o.came = o.came[1:]
	return n, o.server.from
}

// ask runs one look-up ("SRV name", or "ADDR host") and returns all of its result as text, with the time it took. "alone": there is none of
// the other version of IP.
func (s *site) ask(ctx context.Context, t testing.TB, r *Resolver, what string) string {
	t.Helper()
	var results []string
	var err error
	kind, name, _ := strings.Cut(what, " ")
	if kind == "SRV" {
		var targets []Target
		targets, err = r.SRV(ctx, name)
		for _, x := range targets {
			results = append(results, fmt.Sprintf("%s:%d", x.Host, x.Port))
		}
	} else {
		var addrs []netip.Addr
		var one bool
		addrs, one, err = r.Addrs(ctx, name)
		for _, x := range addrs {
			results = append(results, x.String())
		}
		if one {
			results = append(results, "alone")
		}
	}
	took := time.Since(s.start)
	if n := s.open.Load(); n != 0 {
		t.Errorf("%d connections are open after the look-up", n)
	}
	if err != nil {
		results = append(results, err.Error())
	}
	return fmt.Sprintf("+%v %s", took, strings.Join(results, " "))
}

// The behaviours of name servers.

// zone answers from records in the notation of master files, as a recursive server does: aliases followed, SOA when there
// is nothing, truncation over UDP.
func zone(records ...string) server {
	var rrs []dns.RR
	for _, text := range records {
		rr, err := dns.NewRR(text)
		if err != nil {
			panic(err)
		}
		rrs = append(rrs, rr)
	}
	return says(func(q query, m *dns.Msg) {
		name, known := m.Question[0].Name, false
		for hop := 0; hop < 20; hop++ {
			alias := ""
			for _, rr := range rrs {
				if !strings.EqualFold(rr.Header().Name, name) {
					continue
				}
				known = true
				if rr.Header().Rrtype == m.Question[0].Qtype {
					m.Answer = append(m.Answer, rr)
				} else if c, ok := rr.(*dns.CNAME); ok {
					m.Answer = append(m.Answer, rr)
					alias = c.Target
				}
			}
			if alias == "" {
				break
			}
			name = alias
		}
		if len(m.Answer) == 0 {
			soa, _ := dns.NewRR("contoso.com. 60 IN SOA ns.contoso.com. admin.contoso.com. 1 2 3 4 5")
			m.Ns = []dns.RR{soa}
		}
		if !known {
			m.Rcode = dns.RcodeNameError
		}
		if q.network == "udp" {
			m.Truncate(1232)
		}
	})
}

// says answers with a message that the function has edited.
func says(edit func(query, *dns.Msg)) server {
	return server{answers: func(q query) [][]byte {
		m := new(dns.Msg).SetReply(q.msg)
		m.Compress = true
		edit(q, m)
		return [][]byte{pack(m)}
	}}
}

func rcode(code int) server { return says(func(_ query, m *dns.Msg) { m.Rcode = code }) }

func (s server) slow(d time.Duration) server { s.after = d; return s }
func (s server) absent(a string) server      { s.gone = netip.MustParseAddr(a); return s }
func (s server) elsewhere(a string) server   { s.from = netip.MustParseAddrPort(a); return s }
func (s server) dialling(err error) server   { s.dial = err; return s }
func (s server) tcp(err error) server        { s.dialTCP = err; return s }
func (s server) reading(err error) server    { s.read = err; return s }
func (s server) only(network string) server {
	return s.when(func(q query) bool { return q.network == network })
}
func (s server) fromNth(nth int) server { return s.when(func(q query) bool { return q.nth >= nth }) }
func (s server) forType(qtype uint16) server {
	return s.when(func(q query) bool { return q.msg.Question[0].Qtype == qtype })
}
func (s server) or(other server) server   { return s.preceded(other, false) }
func (s server) then(other server) server { return s.preceded(other, true) }

// when makes a server answer some queries only.
func (s server) when(wanted func(query) bool) server {
	answers := s.answers
	s.answers = func(q query) [][]byte {
		if !wanted(q) {
			return nil
		}
		return answers(q)
	}
	return s
}

// preceded adds what other says after what s says, or only when s says nothing.
func (s server) preceded(other server, both bool) server {
	answers := s.answers
	s.answers = func(q query) [][]byte {
		said := answers(q)
		if both || said == nil {
			said = append(said, other.answers(q)...)
		}
		return said
	}
	return s
}

func pack(m *dns.Msg) []byte {
	raw, err := m.Pack()
	if err != nil {
		panic(err)
	}
	return raw
}

// crafted answers with bytes of our own after the question: claimed is the number of answer records in the header.
func crafted(claimed uint16, body ...[]byte) server {
	return server{answers: func(q query) [][]byte {
		plain := new(dns.Msg).SetReply(q.msg)
		raw := pack(plain)
		binary.BigEndian.PutUint16(raw[6:], claimed)
		return [][]byte{append(raw, bytes.Join(body, nil)...)}
	}}
}

// record is one record on the wire: owner and data as given.
func record(owner []byte, qtype uint16, rdata ...[]byte) []byte {
	data := bytes.Join(rdata, nil)
	b := binary.BigEndian.AppendUint16(bytes.Clone(owner), qtype)
	b = binary.BigEndian.AppendUint16(b, dns.ClassINET)
	b = binary.BigEndian.AppendUint32(b, 60)
	b = binary.BigEndian.AppendUint16(b, uint16(len(data)))
	return append(b, data...)
}

var (
	owner = []byte{0xc0, 12}                      // a pointer to the question's name
	prefs = []byte{0, 0, 0, 0, 0x13, 0xc5}        // priority 0, weight 0, port 5061
	body  = headerSize + len(internalTLS) + 2 + 4 // where crafted records begin
	rdata = body + len(owner) + 10                // where the data of the first crafted record begins
	good  = record(owner, dns.TypeSRV, prefs, []byte("\x02fe\x07contoso\x03com\x00"))
)

func pointer(offset int) []byte { return binary.BigEndian.AppendUint16(nil, 0xc000|uint16(offset)) }
