package sitetest

import (
	"encoding/binary"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/miekg/dns"
)

const zoneText = `-- zone --
domain Example.org
delay 20ms
server 10.0.0.53
server 10.0.0.54 servfail
server 10.0.0.55 closed
_sipinternaltls._tcp SRV 0 0 5061 fe01
_sip._tls SRV 0 0 0 .
fe01 A 10.0.0.5 10.0.0.6
fe01 AAAA 2001:db8::5
pool CNAME fe01
dead CNAME gone
a.far.away. A 192.0.2.1
trunc A 10.0.0.7
trunc truncated
broken malformed
quiet silent
old A 10.0.0.8
old noedns
empty nodata
denied refused delay 1s
`

// query asks one name server over a connection of the wire.
func query(t *testing.T, wire Wire, network, server, name string, rrtype uint16, edns bool) string {
	t.Helper()
	began := time.Now()
	c, err := wire.Dial(t.Context(), network, server)
	if err != nil {
		return cause(err)
	}
	defer c.Close()
	c.SetDeadline(began.Add(5 * time.Second))
	q := new(dns.Msg).SetQuestion(name, rrtype)
	if edns {
		q.SetEdns0(1232, false)
	}
	raw, _ := q.Pack()
	if network == "tcp" {
		raw = append(binary.BigEndian.AppendUint16(nil, uint16(len(raw))), raw...)
	}
	if _, err := c.Write(raw); err != nil {
		return cause(err)
	}
	raw = make([]byte, 65535)
	n, err := c.Read(raw)
	if err != nil {
		return cause(err)
	}
	raw = raw[:n]
	if network == "tcp" {
		raw = raw[2:]
	}
	m := new(dns.Msg)
	if err := m.Unpack(raw); err != nil {
		return "cannot unpack"
	}
	text := []string{dns.RcodeToString[m.Rcode]}
	if m.Truncated {
		text = append(text, "TC")
	}
	for _, rr := range m.Answer {
		text = append(text, strings.Join(strings.Fields(rr.String())[3:], " "))
	}
	if took := time.Since(began); took != 20*time.Millisecond {
		text = append(text, took.String())
	}
	return strings.Join(text, ", ")
}

func TestNameServers(t *testing.T) {
	for _, tt := range []struct {
		name, network, server, ask string
		rrtype                     uint16
		edns                       bool
		want                       string
	}{
		{"SRV", "udp", "10.0.0.53:53", "_SIPinternaltls._tcp.example.org.", dns.TypeSRV, true, "NOERROR, SRV 0 0 5061 fe01.example.org."},
		{"a service that is not offered", "udp", "10.0.0.53:53", "_sip._tls.example.org.", dns.TypeSRV, false, "NOERROR, SRV 0 0 0 ."},
		{"several addresses, in order", "udp", "10.0.0.53:53", "fe01.example.org.", dns.TypeA, true, "NOERROR, A 10.0.0.5, A 10.0.0.6"},
		{"over TCP", "tcp", "10.0.0.53:53", "fe01.example.org.", dns.TypeAAAA, true, "NOERROR, AAAA 2001:db8::5"},
		{"an alias", "udp", "10.0.0.53:53", "pool.example.org.", dns.TypeAAAA, true, "NOERROR, CNAME fe01.example.org., AAAA 2001:db8::5"},
		{"an alias to nothing", "udp", "10.0.0.53:53", "dead.example.org.", dns.TypeA, true, "NXDOMAIN, CNAME gone.example.org."},
		{"a name of another domain", "udp", "10.0.0.53:53", "a.far.away.", dns.TypeA, true, "NOERROR, A 192.0.2.1"},
		{"a name that does not exist", "udp", "10.0.0.53:53", "sip.example.org.", dns.TypeA, true, "NXDOMAIN"},
		{"a type that does not exist", "udp", "10.0.0.53:53", "fe01.example.org.", dns.TypeSRV, true, "NOERROR"},
		{"nodata for a name without records", "udp", "10.0.0.53:53", "empty.example.org.", dns.TypeA, true, "NOERROR, 0s"},
		{"truncated over UDP", "udp", "10.0.0.53:53", "trunc.example.org.", dns.TypeA, true, "NOERROR, TC, 0s"},
		{"whole over TCP", "tcp", "10.0.0.53:53", "trunc.example.org.", dns.TypeA, true, "NOERROR, A 10.0.0.7, 0s"},
		{"malformed", "udp", "10.0.0.53:53", "broken.example.org.", dns.TypeA, true, "cannot unpack"},
		{"silent", "udp", "10.0.0.53:53", "quiet.example.org.", dns.TypeA, true, "i/o timeout"},
		{"an old server, asked with EDNS", "udp", "10.0.0.53:53", "old.example.org.", dns.TypeA, true, "FORMERR, 0s"},
		{"an old server, asked without", "udp", "10.0.0.53:53", "old.example.org.", dns.TypeA, false, "NOERROR, A 10.0.0.8, 0s"},
		{"refused, late", "udp", "10.0.0.53:53", "denied.example.org.", dns.TypeA, true, "REFUSED, 1s"},
		{"a server that fails", "udp", "10.0.0.54:53", "fe01.example.org.", dns.TypeA, true, "SERVFAIL, 0s"},
		{"the behaviour of a name counts before that of the server", "udp", "10.0.0.54:53", "quiet.example.org.", dns.TypeA, true, "i/o timeout"},
		{"a port where nothing listens", "udp", "10.0.0.55:53", "fe01.example.org.", dns.TypeA, true, "connection refused"},
		{"the same over TCP", "tcp", "10.0.0.55:53", "fe01.example.org.", dns.TypeA, true, "connection refused"},
		{"an address where nobody is", "udp", "10.0.0.99:53", "fe01.example.org.", dns.TypeA, true, "i/o timeout"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			inBubble(t, zoneText, func(t *testing.T, s *Site, wire Wire) {
				if got := query(t, wire, tt.network, tt.server, tt.ask, tt.rrtype, tt.edns); got != tt.want {
					t.Errorf("\n got %s\nwant %s", got, tt.want)
				}
			})
		})
	}
}

func TestLongAnswersAreTruncatedWithoutEDNS(t *testing.T) {
	text := "-- zone --\nbig A"
	for i := range 40 {
		text += fmt.Sprintf(" 10.0.1.%d", i)
	}
	inBubble(t, text, func(t *testing.T, s *Site, wire Wire) {
		if got := query(t, wire, "udp", "10.0.0.53:53", "big.contoso.com.", dns.TypeA, false); !strings.HasPrefix(got, "NOERROR, TC") {
			t.Errorf("without EDNS: %s", got)
		}
		if got := query(t, wire, "udp", "10.0.0.53:53", "big.contoso.com.", dns.TypeA, true); strings.Contains(got, "TC") || strings.Count(got, "A 10.") != 40 {
			t.Errorf("with EDNS: %s", got)
		}
	})
}

func TestChangesOfTheZone(t *testing.T) {
	inBubble(t, "-- zone --\nfe01 A 10.0.0.5\nfe01 AAAA 2001:db8::5\n", func(t *testing.T, s *Site, wire Wire) {
		for _, step := range []struct{ change, want string }{
			{"zone fe01 A 10.0.0.6 10.0.0.7", "NOERROR, A 10.0.0.6, A 10.0.0.7, 0s"},
			{"zone fe01 nodata", "NOERROR, 0s"},
			{"zone servfail", "NOERROR, 0s"},
			{"zone fe01 answer", "NOERROR, A 10.0.0.6, A 10.0.0.7, 0s"},
			{"zone closed", "connection refused"},
			{"heal", "NOERROR, A 10.0.0.5, 0s"},
		} {
			if err := s.Apply(step.change); err != nil {
				t.Fatal(err)
			}
			if got := query(t, wire, "udp", "10.0.0.53:53", "fe01.contoso.com.", dns.TypeA, true); got != step.want {
				t.Errorf("after %q got %s, want %s", step.change, got, step.want)
			}
		}
		if err := s.Apply("zone fe01 melt"); err == nil {
			t.Error("a change that is none was applied")
		}
	})
}
