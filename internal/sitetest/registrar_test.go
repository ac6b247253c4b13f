package sitetest

import (
	"bufio"
	"context"
	"crypto/md5"
	"crypto/sha256"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

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
		{"its network is unreachable", "unreachable net", "dial: network is unreachable"},
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
