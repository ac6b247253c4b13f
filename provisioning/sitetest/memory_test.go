package sitetest

import (
	"bufio"
	"context"
	"crypto/md5"
	"crypto/sha256"
	"crypto/tls"
	"crypto/x509"
	"encoding/binary"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net"
	"net/netip"
	"os"
	"slices"
	"strings"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/insomniacslk/dhcp/dhcpv4"
	"github.com/miekg/dns"
)

// inBubble runs test with a started site in a bubble of fake time.
func inBubble(t *testing.T, text string, test func(t *testing.T, s *Site, wire Wire)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		s, err := Parse("site.txt", []byte(text))
		if err != nil {
			t.Fatal(err)
		}
		wire, err := s.Start()
		if err != nil {
			t.Fatal(err)
		}
		defer s.Close()
		test(t, s, wire)
	})
}

// phone is a device at the other end, made of bytes.
type phone struct {
	conn net.Conn
	in   *bufio.Reader
	cseq int
}

func dialPhone(ctx context.Context, s *Site, dial func(context.Context, string, string) (net.Conn, error), at, name string) (*phone, error) {
	conn, err := dial(ctx, "tcp", at)
	if err != nil {
		return nil, err
	}
	if name != "" {
		roots := x509.NewCertPool()
		roots.AppendCertsFromPEM(s.Roots())
		secure := tls.Client(conn, &tls.Config{RootCAs: roots, ServerName: name})
		if err := secure.HandshakeContext(ctx); err != nil {
			conn.Close()
			return nil, err
		}
		conn = secure
	}
	return &phone{conn: conn, in: bufio.NewReader(conn)}, nil
}

// ask sends one request and returns the status line and the headers that matter.
func (p *phone) ask(method string, headers ...string) (string, error) {
	p.cseq++
	request := append([]string{
		method + " sip:contoso.com SIP/2.0", "Via: SIP/2.0/TLS 10.0.0.21:50001;branch=z9hG4bK1", "Max-Forwards: 70",
		"From: <sip:phone1@contoso.com>;tag=1", "To: <sip:phone1@contoso.com>", "Call-ID: 1", fmt.Sprintf("CSeq: %d %s", p.cseq, method),
		"Contact: <sip:10.0.0.21:50001;transport=tls>", "Content-Length: 0",
	}, headers...)
	if _, err := io.WriteString(p.conn, strings.Join(request, "\r\n")+"\r\n\r\n"); err != nil {
		return "", err
	}
	var answer []string
	for {
		line, err := p.in.ReadString('\n')
		line = strings.TrimRight(line, "\r\n")
		if err != nil || line == "" {
			return strings.Join(answer, "\n"), err
		}
		name, _, _ := strings.Cut(line, ":")
		if !slices.Contains([]string{"Via", "From", "To", "Call-ID", "CSeq", "Server", "Content-Length", "Date"}, name) {
			answer = append(answer, line)
		}
	}
}

// cause is the inmost error, which is the same text everywhere.
func cause(err error) string {
	var errno syscall.Errno
	switch {
	case errors.As(err, &errno):
		return errno.Error()
	case errors.Is(err, os.ErrDeadlineExceeded):
		return os.ErrDeadlineExceeded.Error()
	}
	for errors.Unwrap(err) != nil {
		err = errors.Unwrap(err)
	}
	return err.Error()
}

func TestRegistrarBehaviours(t *testing.T) {
	for _, tt := range []struct{ name, line, want string }{
		{"accept grants what was not asked for", "accept expires=1200",
			"SIP/2.0 200 OK\nContact: <sip:10.0.0.21:50001;transport=tls>;expires=1200\nExpires: 1200"},
		{"status with a time to stay away", "status 503 retry-after=5", "SIP/2.0 503 Service Unavailable\nRetry-After: 5"},
		{"redirect in any order of q", "redirect sip:pool02.contoso.com:5061;transport=tls;q=0.3 sip:pool01.contoso.com:5061;transport=tls;q=0.7",
			"SIP/2.0 301 Redirect request to Home Server\nContact: <sip:pool02.contoso.com:5061;transport=tls>;q=0.3\nContact: <sip:pool01.contoso.com:5061;transport=tls>;q=0.7"},
		{"offer of schemes", "offer NTLM Kerberos",
			`SIP/2.0 401 Unauthorized` + "\n" + `WWW-Authenticate: NTLM realm="contoso.com", targetname="fe01.contoso.com", version=4` + "\n" + `WWW-Authenticate: Kerberos realm="contoso.com", targetname="fe01.contoso.com", version=4`},
		{"a web server", "http", "HTTP/1.1 400 Bad Request\nContent-Type: text/plain\nConnection: close"},
		{"a late answer", "accept delay=3s", "+3s SIP/2.0 200 OK\nContact: <sip:10.0.0.21:50001;transport=tls>;expires=600\nExpires: 600"},
		// connect, TLS 1.3, REGISTER
		{"a long line", "accept rtt=20ms", "+60ms SIP/2.0 200 OK\nContact: <sip:10.0.0.21:50001;transport=tls>;expires=600\nExpires: 600"},
		{"a black hole", "blackhole", "+10s dial: context deadline exceeded"},
		{"refuse", "refuse", "dial: connection refused"},
		{"unreachable", "unreachable", "dial: no route to host"},
		{"silence after TLS", "silent", "+10s ask: i/o timeout"},
		{"silence from the first byte", "silent hello", "+10s dial: context deadline exceeded"},
		{"reset at the request", "reset", "ask: connection reset by peer"},
		{"reset at the first byte", "reset hello", "dial: connection reset by peer"},
		{"old TLS only", "accept tlsmax=1.1", "dial: tls: protocol version not supported"},
		{"an expired certificate", "accept cert=expired", "dial: x509: certificate has expired or is not yet valid: current time 2000-01-01T00:00:00Z is after 1999-12-31T00:00:00Z"},
		{"a certificate of tomorrow", "accept cert=notyet", "dial: x509: certificate has expired or is not yet valid: current time 2000-01-01T00:00:00Z is before 2000-01-02T00:00:00Z"},
		{"a self-signed certificate", "accept cert=selfsigned", "dial: x509: certificate signed by unknown authority"},
		{"a certificate of another authority", "accept cert=untrusted", "dial: x509: certificate signed by unknown authority"},
		{"a certificate of SHA-1", "accept cert=sha1", `dial: x509: certificate signed by unknown authority (possibly because of "x509: cannot verify signature: insecure algorithm ECDSA-SHA1" while trying to verify candidate authority certificate "Simulated site")`},
		{"a certificate for another name", "accept cert=wrongname", "dial: x509: certificate is valid for wrong.example.net, not fe01.contoso.com"},
		{"a certificate for chosen names", "accept cert=san:sip.contoso.com,pool.contoso.com", "dial: x509: certificate is valid for sip.contoso.com, pool.contoso.com, not fe01.contoso.com"},
		{"a certificate without subject alternative name", "accept cert=cnonly", "dial: x509: certificate relies on legacy Common Name field, use SANs instead"},
		{"a certificate that is not for servers", "accept cert=wrongeku", "dial: x509: certificate specifies an incompatible key usage"},
		{"a wildcard certificate", "status 404 cert=wildcard", "SIP/2.0 404 Not Found"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			text := "-- registrars --\n10.0.0.5:5061 tls fe01.contoso.com pool01.contoso.com " + tt.line
			inBubble(t, text, func(t *testing.T, s *Site, wire Wire) {
				began := time.Now()
				ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
				defer cancel()
				got, step := "", "dial: "
				p, err := dialPhone(ctx, s, wire.Dial, "10.0.0.5:5061", "fe01.contoso.com")
				if err == nil {
					step = "ask: "
					defer p.conn.Close()
					p.conn.SetDeadline(began.Add(10 * time.Second))
					got, err = p.ask("REGISTER")
				}
				if err != nil {
					got = step + cause(err)
				}
				if took := time.Since(began); took > 0 {
					got = fmt.Sprintf("+%v %s", took, got)
				}
				if diff := cmp.Diff(tt.want, got); diff != "" {
					t.Errorf("-want +got\n%s", diff)
				}
			})
		})
	}
}

// credentials answers a challenge by the arithmetic of RFC 7616.
func credentials(challenge, user, password, nc string) string {
	p := params(strings.TrimPrefix(challenge[strings.Index(challenge, "Digest "):], "Digest "))
	hash := func(text string) string {
		if p["algorithm"] == "MD5" {
			return fmt.Sprintf("%x", md5.Sum([]byte(text)))
		}
		return fmt.Sprintf("%x", sha256.Sum256([]byte(text)))
	}
	response := hash(hash(user+":"+p["realm"]+":"+password) + ":" + p["nonce"] + ":" + nc + ":c:auth:" + hash("REGISTER:sip:contoso.com"))
	return fmt.Sprintf(`Digest username="%s", realm="%s", nonce="%s", uri="sip:contoso.com", qop=auth, nc=%s, cnonce="c", algorithm=%s, response="%s"`,
		user, p["realm"], p["nonce"], nc, p["algorithm"], response)
}

func TestDigest(t *testing.T) {
	for _, tt := range []struct {
		name, line, password string
		counts               []string // nc of each further request, all with the newest challenge
		want                 string   // of the log
	}{
		{"right at once", "digest user=phone1 password=s3cret", "s3cret", []string{"00000001", "00000002"},
			"REGISTER: 401, REGISTER Digest: 200, REGISTER Digest: 200"},
		{"a wrong password is challenged again", "digest user=phone1 password=s3cret", "secret", []string{"00000001"},
			"REGISTER: 401, REGISTER Digest: 401"},
		{"MD5, by a proxy's challenge", "digest user=phone1 password=s3cret algorithm=MD5 proxy", "s3cret", []string{"00000001"},
			"REGISTER: 407, REGISTER Digest: 200"},
		{"a nonce called stale is replaced", "digest user=phone1 password=s3cret stale", "s3cret", []string{"00000001", "00000001"},
			"REGISTER: 401, REGISTER Digest: 401, REGISTER Digest: 200"},
		{"a count used again is stale", "digest user=phone1 password=s3cret", "s3cret", []string{"00000001", "00000001"},
			"REGISTER: 401, REGISTER Digest: 200, REGISTER Digest: 401"},
		{"a behaviour behind the digest", "status 403 user=phone1 password=s3cret", "s3cret", []string{"00000001"},
			"REGISTER: 401, REGISTER Digest: 403"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			inBubble(t, "-- registrars --\n10.0.0.5:5060 tcp "+tt.line, func(t *testing.T, s *Site, wire Wire) {
				p, err := dialPhone(t.Context(), s, wire.Dial, "10.0.0.5:5060", "")
				if err != nil {
					t.Fatal(err)
				}
				defer p.conn.Close()
				challenge, err := p.ask("REGISTER")
				for _, nc := range tt.counts {
					name := "Authorization: "
					if strings.Contains(challenge, "Proxy-Authenticate") {
						name = "Proxy-Authorization: "
					}
					var answer string
					answer, err = p.ask("REGISTER", name+credentials(challenge, "phone1", tt.password, nc))
					if strings.Contains(answer, "Digest ") {
						challenge = answer
					}
				}
				if err != nil {
					t.Fatal(err)
				}
				var got []string
				for _, e := range s.Log()[1:] {
					text := e.What
					if e.Auth != "" {
						text += " " + e.Auth
					}
					got = append(got, fmt.Sprintf("%s: %d", text, e.Code))
				}
				if diff := cmp.Diff(tt.want, strings.Join(got, ", ")); diff != "" {
					t.Errorf("-want +got\n%s", diff)
				}
			})
		})
	}
}

func TestBasicIsOfferedBesideDigest(t *testing.T) {
	inBubble(t, "-- registrars --\n10.0.0.5:5060 tcp digest user=u password=p algorithm=SHA-256,MD5 basic", func(t *testing.T, s *Site, wire Wire) {
		p, err := dialPhone(t.Context(), s, wire.Dial, "10.0.0.5:5060", "")
		if err != nil {
			t.Fatal(err)
		}
		defer p.conn.Close()
		got, _ := p.ask("REGISTER", "Authorization: Basic dTpw")
		lines := strings.Split(got, "\n")
		if len(lines) != 4 || !strings.HasSuffix(lines[1], "algorithm=SHA-256") || !strings.HasSuffix(lines[2], "algorithm=MD5") || lines[3] != `WWW-Authenticate: Basic realm="contoso.com"` {
			t.Errorf("challenge %q", got)
		}
		if e := s.Log()[1]; e.Auth != "Basic" || e.Code != 401 {
			t.Errorf("logged %+v", e)
		}
	})
}

func TestSenselessRequestsAreRefused(t *testing.T) {
	inBubble(t, "-- registrars --\n10.0.0.5:5060 tcp accept", func(t *testing.T, s *Site, wire Wire) {
		p, err := dialPhone(t.Context(), s, wire.Dial, "10.0.0.5:5060", "")
		if err != nil {
			t.Fatal(err)
		}
		defer p.conn.Close()
		p.ask("REGISTER")
		p.cseq--
		if got, _ := p.ask("REGISTER"); got != "SIP/2.0 400 Bad Request\nWarning: 399 sitetest \"bad CSeq\"" {
			t.Errorf("a CSeq used twice got %q", got)
		}
	})
}

// The whole life of a binding, with the site changing under it.
func TestTimelineAndLog(t *testing.T) {
	const text = `A Registrar comes and goes.
-- zone --
fe01 A 10.0.0.5
-- registrars --
10.0.0.5:5061 tls fe01.contoso.com accept
-- change --
+30s registrar 10.0.0.5:5061 refuse
+40s reset 10.0.0.5:5061
+20s zone fe01 A 10.0.0.6   # the order is that of time
+60s heal
`
	inBubble(t, text, func(t *testing.T, s *Site, wire Wire) {
		p, err := dialPhone(t.Context(), s, wire.Dial, "10.0.0.5:5061", "fe01.contoso.com")
		if err != nil {
			t.Fatal(err)
		}
		p.ask("REGISTER")
		io.WriteString(p.conn, "\r\n\r\n")
		if pong, err := p.in.ReadString('\n'); pong != "\r\n" || err != nil {
			t.Errorf("pong %q, %v", pong, err)
		}
		time.Sleep(35 * time.Second)
		if got, err := p.ask("REGISTER", "Expires: 0"); got != "SIP/2.0 200 OK\nExpires: 0" || err != nil {
			t.Errorf("unregister on a connection older than the refusal got %q, %v", got, err)
		}
		if _, err := wire.Dial(t.Context(), "tcp", "10.0.0.5:5061"); !errors.Is(err, syscall.ECONNREFUSED) {
			t.Errorf("dial got %v", err)
		}
		time.Sleep(10 * time.Second)
		if _, err := p.in.ReadByte(); !errors.Is(err, syscall.ECONNRESET) {
			t.Errorf("the cut connection reads %v", err)
		}
		time.Sleep(20 * time.Second)
		if c, err := wire.Dial(t.Context(), "tcp", "10.0.0.5:5061"); err != nil {
			t.Errorf("after heal dial got %v", err)
		} else {
			c.Close()
		}
		synctest.Wait()
		var got []string
		for _, e := range s.Log() {
			got = append(got, e.String())
		}
		want := []string{
			"+0s 10.0.0.5:5061 connect",
			"+0s 10.0.0.5:5061 tls fe01.contoso.com",
			"+0s 10.0.0.5:5061 REGISTER sip:phone1@contoso.com: 200",
			"+0s 10.0.0.5:5061 ping",
			"+20s site change zone fe01 A 10.0.0.6",
			"+30s site change registrar 10.0.0.5:5061 refuse",
			"+35s 10.0.0.5:5061 unregister sip:phone1@contoso.com: 200",
			"+40s site change reset 10.0.0.5:5061",
			"+40s 10.0.0.5:5061 closed read tcp 10.0.0.5:5061->10.0.0.21:50001: connection reset by peer",
			"+1m0s site change heal",
			"+1m5s 10.0.0.5:5061 connect",
			"+1m5s 10.0.0.5:5061 tls-failed handshake: EOF",
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("-want +got\n%s", diff)
		}
	})
}

func TestBlackHoleSwallowsWhatExists(t *testing.T) {
	inBubble(t, "-- registrars --\n10.0.0.5:5060 tcp accept", func(t *testing.T, s *Site, wire Wire) {
		p, err := dialPhone(t.Context(), s, wire.Dial, "10.0.0.5:5060", "")
		if err != nil {
			t.Fatal(err)
		}
		defer p.conn.Close()
		if err := s.Apply("registrar 10.0.0.5:5060 blackhole"); err != nil {
			t.Fatal(err)
		}
		p.conn.SetReadDeadline(time.Now().Add(time.Minute))
		if _, err := p.ask("OPTIONS"); !errors.Is(err, os.ErrDeadlineExceeded) {
			t.Errorf("got %v", err)
		}
	})
}

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

// informed asks DHCP and returns each answer within ten seconds as one line, and at most so many.
func informed(t *testing.T, wire Wire, class string, most int) (got []string) {
	t.Helper()
	began := time.Now()
	c, err := wire.Listen(t.Context(), "")
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	_, addr, hw := c.Interface()
	inform, err := dhcpv4.NewInform(hw, addr.AsSlice(), dhcpv4.WithOption(dhcpv4.OptClassIdentifier(class)),
		dhcpv4.WithRequestedOptions(dhcpv4.GenericOptionCode(120), dhcpv4.OptionVendorSpecificInformation))
	if err != nil {
		t.Fatal(err)
	}
	if _, err := c.WriteTo(inform.ToBytes(), &net.UDPAddr{IP: net.IPv4bcast, Port: 67}); err != nil {
		t.Fatal(err)
	}
	c.SetReadDeadline(began.Add(10 * time.Second))
	for len(got) < most {
		raw := make([]byte, 1500)
		n, from, err := c.ReadFrom(raw)
		if err != nil {
			return got
		}
		m, err := dhcpv4.FromBytes(raw[:n])
		if err != nil {
			t.Fatal(err)
		}
		got = append(got, fmt.Sprintf("+%v %s %s 120=%x 43=%x", time.Since(began), from, m.MessageType(),
			m.GetOneOption(dhcpv4.GenericOptionCode(120)), m.GetOneOption(dhcpv4.OptionVendorSpecificInformation)))
	}
	return got
}

func TestDHCPServers(t *testing.T) {
	const golden120 = "0006706f6f6c303107636f6e746f736f03636f6d0006706f6f6c303207636f6e746f736f03636f6d00"
	golden43 := "010c4d532d55432d436c69656e74" + "02056874747073" + "0312706f6f6c30312e636f6e746f736f2e636f6d" + "0403343433" +
		"0525" + hex.EncodeToString([]byte("/CertProv/CertProvisioningService.svc"))
	for _, tt := range []struct {
		name, text, class string
		want              []string
	}{
		{"two servers, the slower one first", "10.0.0.67 ack 120=pool01.contoso.com,pool02.contoso.com 43=https://pool01.contoso.com delay=5ms\n10.0.0.68 nak", "MS-UC-Client",
			[]string{"+0s 10.0.0.68:67 NAK 120= 43=", "+5ms 10.0.0.67:67 ACK 120=" + golden120 + " 43=" + golden43}},
		{"another vendor gets no option 43", "10.0.0.67 ack 120=ip:10.0.0.9,10.0.0.10 43=hex:0102", "ms-uc-client",
			[]string{"+0s 10.0.0.67:67 ACK 120=010a0000090a00000a 43="}},
		{"bytes as given", "10.0.0.67 ack 120=hex:00ff 43=hex:f104", "MS-UC-Client", []string{"+0s 10.0.0.67:67 ACK 120=00ff 43=f104"}},
		{"silence", "10.0.0.67 ack 120=pool01.contoso.com\nsilent", "MS-UC-Client", nil},
		{"nobody", "", "MS-UC-Client", nil},
	} {
		t.Run(tt.name, func(t *testing.T) {
			inBubble(t, "-- dhcp --\n"+tt.text, func(t *testing.T, s *Site, wire Wire) {
				if diff := cmp.Diff(tt.want, informed(t, wire, tt.class, 9)); diff != "" {
					t.Errorf("-want +got\n%s", diff)
				}
				if got := s.Log()[0].String(); got != "+0s dhcp INFORM "+tt.class {
					t.Errorf("logged %q", got)
				}
			})
		})
	}
}

func TestDHCPDenied(t *testing.T) {
	inBubble(t, "-- dhcp --\ndenied", func(t *testing.T, s *Site, wire Wire) {
		if _, err := wire.Listen(t.Context(), "eth0"); !errors.Is(err, fs.ErrPermission) {
			t.Errorf("got %v", err)
		}
	})
}

func TestDialInMemory(t *testing.T) {
	inBubble(t, "-- registrars --\n10.0.0.5:5061 tls fe01.contoso.com accept", func(t *testing.T, s *Site, wire Wire) {
		for address, want := range map[string]string{
			"10.0.0.5:5060": "dial tcp 10.0.0.5:5060: connect: connection refused",
			"10.0.0.9:5061": "dial tcp 10.0.0.9:5061: connect: no route to host",
			"fe01:5061":     `dial tcp: ParseAddr("fe01"): unable to parse IP`,
		} {
			if _, err := wire.Dial(t.Context(), "tcp", address); err == nil || err.Error() != want {
				t.Errorf("got %v, want %s", err, want)
			}
		}
		resolvers, err := wire.Resolvers()
		if diff := cmp.Diff([]string{"10.0.0.53:53"}, texts(resolvers)); diff != "" || err != nil {
			t.Errorf("%s %v", diff, err)
		}
		s.Close()
		if _, err := wire.Dial(t.Context(), "tcp", "10.0.0.5:5061"); !errors.Is(err, net.ErrClosed) {
			t.Errorf("a closed site gave %v", err)
		}
	})
}

func texts(addrs []netip.AddrPort) (all []string) {
	for _, a := range addrs {
		all = append(all, a.String())
	}
	return all
}

// What was sent before the end is read before the end.
func TestStreamsKeepWhatWasSent(t *testing.T) {
	a, b := newStreams(netip.MustParseAddrPort("10.0.0.21:1"), netip.MustParseAddrPort("10.0.0.5:2"), 0)
	io.WriteString(a, "abc")
	a.Close()
	short := make([]byte, 2)
	n, err := b.Read(short)
	if got := string(short[:n]); got != "ab" || err != nil {
		t.Errorf("read %q, %v", got, err)
	}
	if rest, err := io.ReadAll(b); string(rest) != "c" || err != nil {
		t.Errorf("read %q, %v", rest, err)
	}
	if _, err := a.Write(nil); !errors.Is(err, net.ErrClosed) {
		t.Errorf("write after close: %v", err)
	}
	if _, err := a.Read(short); !errors.Is(err, net.ErrClosed) {
		t.Errorf("read after close: %v", err)
	}
	if _, err := b.Write([]byte("x")); !errors.Is(err, syscall.EPIPE) {
		t.Errorf("write to a closed end: %v", err)
	}
}
