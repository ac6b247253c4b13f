//go:build linux

package e2e

import (
	"fmt"
	"net"
	"net/netip"
	"os"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/miekg/dns"
)

// A second name server that says "no such name" sends nobody away while the first one, that of the site, is slow, or a
// datagram to it was lost: the device signs in, and check and plan say that the two disagree.
func TestField09SecondResolverNXDOMAIN(t *testing.T) {
	common := newScene(t)
	const disagree = "the name servers disagree about _sipinternaltls._tcp.contoso.com: 10.0.0.53:53 names fe01.contoso.com:5061; 10.0.0.54:53 says that there is no such record"
	for _, manner := range []string{"slow500", "slow1200", "dropfirst"} {
		t.Run(manner, func(t *testing.T) {
			d := fault{given: with(oddDNS(manner), secondNameServer(zoneWith()))}.arrange(t, common)
			r := d.check(t)
			if r.Verdict != "degraded" || r.Reason != "dns-conflict" || !strings.Contains(strings.Join(r.Summary, "\n"), disagree) {
				t.Errorf("check: %s, %q\n%s", r.Verdict, r.Reason, strings.Join(r.Summary, "\n"))
			}
			plan, _ := d.run(t, "plan")
			for _, want := range []string{disagree, "a device would use: fe01.contoso.com:5061"} {
				if !strings.Contains(plan, want) {
					t.Errorf("plan does not say %q:\n%s", want, plan)
				}
			}
			d.boot(t)
			d.awaitRegistered(t)
		})
	}
}

// The answer is cut, and the rest does not come over TCP.
func TestField10TruncatedWithoutTCP(t *testing.T) {
	const do = "do one of these: have the name server answer on TCP port 53, and open that port; if only long answers are truncated, reduce the number of records; set dns_servers to another name server"
	what := func(tcp string) string {
		return "the name server 10.0.0.53:53 sends a truncated answer for _sipinternaltls._tcp.contoso.com, and over TCP it " + tcp
	}
	many := func(_ testing.TB, c *scene) { // more than fits into a datagram
		for i := range 60 {
			c.zone.srv = append(c.zone.srv, srv{fe01.srv, uint16(i), 0, 5061, fmt.Sprintf("a-host-with-a-long-name-%d.contoso.com", i)})
		}
	}
	tellTheSame(t, []fieldFault{
		{"BIND, and a firewall rejects TCP", with(many, dnsOverUDPAlone), "dns-malformed", what("refuses the connection"), do},
		{"BIND, and a firewall drops TCP", with(many, dnsBehind("tcp dport 53 drop")), "dns-malformed", what("does not answer"), do},
		{"nothing listens", with(oddDNS("cut")), "dns-malformed", what("refuses the connection"), do},
		{"it takes the connection, and is silent", with(oddDNS("cutmute")), "dns-malformed", what("does not answer"), do},
		{"it hangs up", with(oddDNS("cuthangup")), "dns-malformed", what("closes the connection without an answer"), do},
	})
}

// A DNS proxy that answers for addresses and does not know SRV records.
func TestField11SRVNotAnswered(t *testing.T) {
	const do = "set dns_servers to the site's own name server; if 10.0.0.53:53 is the DNS proxy of a router, configure it to forward SRV queries"
	what := func(how string) string {
		return "the name server 10.0.0.53:53 answers queries for addresses, but not for SRV records: " + how
	}
	tellTheSame(t, []fieldFault{
		{"dropped", with(oddDNS("dropsrv")), "dns-timeout", what("no answer"), do},
		{"NOTIMP", with(oddDNS("notimp")), "dns-servfail", what("NOTIMP (RCODE 4)"), do},
		{"FORMERR", with(oddDNS("formerr")), "dns-servfail", what("FORMERR (RCODE 1)"), do},
	})
}

// The host of the record is an alias of what is gone, or of what has no address; or the record itself is one.
func TestField12DanglingAlias(t *testing.T) {
	const do = "correct the alias (CNAME) fe09.contoso.com, or create the A record of gone.contoso.com"
	const what = "the SRV record _sipinternaltls._tcp.contoso.com names fe09.contoso.com: fe09.contoso.com is an alias of gone.contoso.com, which "
	target := srvFor("fe09.contoso.com", 5061)
	tellTheSame(t, []fieldFault{
		{"it does not exist", with(target, record("fe09 CNAME gone")), "no-address", what + "does not exist", do},
		{"through another alias", with(target, record("fe09 CNAME lb"), record("lb CNAME gone")), "no-address", what + "does not exist", do},
		{"it has no address", with(target, record("fe09 CNAME gone"), record("gone TXT x")), "no-address", what + "has no address", do},
		{"the record is an alias", with(record("_sipinternaltls._tcp CNAME gone")), "dns-no-record",
			"there is no SRV record _sipinternaltls._tcp.contoso.com: that name is an alias of gone.contoso.com, which does not exist",
			"create the SRV record _sipinternaltls._tcp.contoso.com, in place of the alias (CNAME)"},
	})
}

// oddDNS is a name server whose manners no server that can be installed has: a process of its own, as startNAK is.
func oddDNS(manner string) given {
	return nameServer(func(t testing.TB, h *host, _ zone) *process {
		self, err := os.Executable()
		if err != nil {
			t.Fatal(err)
		}
		p := start(t, h, "env", fmt.Sprintf("%s=dns %s %s", envProp, manner, h.addr), self)
		eventually(t, "the odd name server listens", contains(t, p.log, "listening"))
		return p
	})
}

// serveOddDNS knows fe01 alone.
func serveOddDNS(manner, addr string) error {
	o := &odd{manner: manner, seen: map[dns.Question]bool{}}
	at := net.JoinHostPort(addr, "53")
	switch manner {
	case "cutmute", "cuthangup":
		l, err := net.Listen("tcp", at)
		if err != nil {
			return err
		}
		go func() {
			for {
				c, err := l.Accept()
				if err != nil {
					return
				}
				if manner == "cuthangup" {
					c.Read(make([]byte, 512))
					c.Close()
				}
			}
		}()
	}
	server := &dns.Server{Addr: at, Net: "udp", Handler: o, NotifyStartedFunc: func() { fmt.Println("listening") }}
	return server.ListenAndServe()
}

type odd struct {
	manner string
	mu     sync.Mutex
	seen   map[dns.Question]bool
}

// first says whether a question is seen for the first time.
func (o *odd) first(q dns.Question) bool {
	o.mu.Lock()
	defer o.mu.Unlock()
	known := o.seen[q]
	o.seen[q] = true
	return !known
}

// slowness is how long the answers of a slow server take.
var slowness = map[string]time.Duration{"slow500": 500 * time.Millisecond, "slow1200": 1200 * time.Millisecond}

func (o *odd) ServeDNS(w dns.ResponseWriter, q *dns.Msg) {
	m := new(dns.Msg).SetReply(q)
	asked := q.Question[0]
	isSRV := asked.Qtype == dns.TypeSRV
	switch {
	case asked.Name == fe01.srv+"." && isSRV:
		m.Answer = []dns.RR{&dns.SRV{Hdr: dns.RR_Header{Name: asked.Name, Rrtype: dns.TypeSRV, Class: dns.ClassINET, Ttl: 60}, Port: fe01.port, Target: fe01.host + "."}}
	case asked.Name == fe01.host+"." && asked.Qtype == dns.TypeA:
		m.Answer = []dns.RR{&dns.A{Hdr: dns.RR_Header{Name: asked.Name, Rrtype: dns.TypeA, Class: dns.ClassINET, Ttl: 60}, A: netip.MustParseAddr(fe01.addr).AsSlice()}}
	default:
		if asked.Name != fe01.host+"." {
			m.Rcode = dns.RcodeNameError
		}
		m.Ns = []dns.RR{&dns.SOA{Hdr: dns.RR_Header{Name: sipDomain + ".", Rrtype: dns.TypeSOA, Class: dns.ClassINET, Ttl: 60}, Ns: sipDomain + ".", Mbox: sipDomain + "."}}
	}
	switch {
	case o.manner == "dropfirst" && o.first(asked), o.manner == "dropsrv" && isSRV:
		return
	case o.manner == "notimp" && isSRV:
		m = new(dns.Msg).SetRcode(q, dns.RcodeNotImplemented)
	case o.manner == "formerr" && isSRV:
		m = new(dns.Msg).SetRcode(q, dns.RcodeFormatError)
	case strings.HasPrefix(o.manner, "cut") && isSRV:
		m.Answer, m.Ns, m.Truncated = nil, nil, true
	}
	time.AfterFunc(slowness[o.manner], func() { w.WriteMsg(m) })
}
