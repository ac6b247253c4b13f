package sip

import (
	"bytes"
	"crypto/hmac"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha1"
	"crypto/sha256"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/base64"
	"encoding/hex"
	"fmt"
	"hash"
	"io"
	"math/big"
	"net"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing/synctest"
	"time"
)

// ended is when the certificate of the tests does: 180 days after the beginning of a bubble.
var ended = time.Date(2000, time.June, 29, 0, 0, 0, 0, time.UTC)

// certificateOf makes a certificate that its own key has signed, and that is valid in a bubble.
func certificateOf(name string) func() *tls.Certificate {
	return sync.OnceValue(func() *tls.Certificate {
		key, err := rsa.GenerateKey(rand.Reader, 2048)
		if err != nil {
			panic(err)
		}
		template := &x509.Certificate{SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: name}, DNSNames: []string{name}, NotBefore: ended.AddDate(-1, 0, 0), NotAfter: ended}
		der, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
		if err != nil {
			panic(err)
		}
		leaf, err := x509.ParseCertificate(der)
		if err != nil {
			panic(err)
		}
		return &tls.Certificate{Certificate: [][]byte{der}, PrivateKey: key, Leaf: leaf}
	})
}

var phoneCertificate, poolCertificate = certificateOf("phone1@contoso.com"), certificateOf(strings.ToLower(poolTarget))

// certified is the phone with a certificate.
func certified(change func(*Account)) Account {
	return with(func(a *Account) {
		a.Identity = &Identity{Certificate: phoneCertificate, Admits: func(string, []*x509.Certificate) error { return nil }}
		if change != nil {
			change(a)
		}
	})
}

// certPool is a Registrar of Lync that signs devices in with certificates, and with NTLM if it is told to.
type certPool struct {
	pool                   // signs, and asks for NTLM
	config     *tls.Config // of the handshake inside; nil: as it comes
	ntlm       bool        // offers NTLM, too
	refuses    bool        // every certificate, after a complete handshake
	alert      byte        // in answer to the second flight
	bare       bool        // answers a ClientHello with its offer
	byPRF      bool        // signs with the hash of the pseudorandom function
	date       string      // what its clock says
	pieces     int         // the size in which it sends its flights; 0: whole
	conn       *flightConn // of the handshake
	server     *tls.Conn
	rest       []byte // of the flight that is sent in pieces
	handshakes int
	keys       []byte // 128 octets; nil: nobody has signed in
}

// flightConn is the server's end of the handshake.
type flightConn struct {
	net.Conn // nil: nothing else is called
	in       chan []byte
	left     []byte
	mu       sync.Mutex
	out      bytes.Buffer
	done     atomic.Bool // the handshake has succeeded
}

func (c *flightConn) Read(b []byte) (int, error) {
	for len(c.left) == 0 {
		more, ok := <-c.in
		if !ok {
			return 0, io.EOF
		}
		c.left = more
	}
	n := copy(b, c.left)
	c.left = c.left[n:]
	return n, nil
}

func (c *flightConn) Write(b []byte) (int, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.out.Write(b)
}

func (c *flightConn) Close() error                { return nil }
func (c *flightConn) SetDeadline(time.Time) error { return nil }

// take hands a flight over, and returns what the server says then.
func (c *flightConn) take(flight []byte) []byte {
	c.in <- flight
	synctest.Wait()
	c.mu.Lock()
	defer c.mu.Unlock()
	said := bytes.Clone(c.out.Bytes())
	c.out.Reset()
	return said
}

func (l *certPool) hangUp() {
	if l.conn != nil {
		close(l.conn.in)
		l.conn = nil
	}
}

// serve signs the device in, and then lets the steps answer, as pool does.
func (l *certPool) serve(steps ...step) step {
	l.version = 4
	byNTLM := l.pool.serve(answer("200 OK", "Expires: 7200"))
	i := 0
	return func(p *peer, r *sipgoRequest) {
		given := value(p.raw, "Authorization")
		scheme, _, _ := strings.Cut(given, " ")
		switch {
		case scheme == "NTLM":
			byNTLM(p, r)
			return
		case scheme != "TLS-DSK":
			l.hangUp()
			l.offer(p, r)
			return
		case strings.Contains(given, "gssapi-data="):
			l.handshake(p, r, given)
			return
		case l.keys == nil || l.refuses:
			l.offer(p, r)
			return
		}
		if want := l.sign("client", l.certText(p.raw, param(given, "crand"), param(given, "cnum"))); !strings.EqualFold(param(given, "response"), want) {
			if l.byPRF {
				l.offer(p, r)
				return
			}
			p.t.Errorf("wrongly signed; want response=%s in\n%s", want, p.raw)
		}
		p.sealWith(l.sealCert)
		p.proof = func(raw string) {
			given := value(raw, "Authorization")
			if want := l.sign("client", l.certText(raw, param(given, "crand"), param(given, "cnum"))); param(given, "response") != want {
				p.t.Errorf("an answer is wrongly signed: %s", raw)
			}
		}
		steps[min(i, len(steps)-1)](p, r)
		i++
	}
}

// offer sends what may be answered.
func (l *certPool) offer(p *peer, r *sipgoRequest) {
	head := `WWW-Authenticate: TLS-DSK realm="` + poolRealm + `", targetname="` + poolTarget + `", version=4, sts-uri="https://pool01.contoso.com/CertProv/CertProvisioningService.svc"`
	if l.ntlm {
		head += "\r\n" + fmt.Sprintf(`WWW-Authenticate: NTLM realm="%s", targetname="%s", version=4`, poolRealm, poolTarget)
	}
	l.send(p, r, head)
}

// send sends a challenge.
func (l *certPool) send(p *peer, r *sipgoRequest, head string) {
	if l.date != "" {
		head += "\r\nDate: " + l.date
	}
	p.conn.Write([]byte(response(r, "401 Unauthorized", head)))
}

// handshake answers a flight with the next.
func (l *certPool) handshake(p *peer, r *sipgoRequest, given string) {
	flight, err := base64.StdEncoding.DecodeString(param(given, "gssapi-data"))
	if err != nil {
		p.t.Error(err)
	}
	if !strings.Contains(given, "opaque=") {
		if l.hangUp(); l.bare {
			l.offer(p, r)
			return
		}
		if l.handshakes++; l.handshakes == 1 {
			p.t.Cleanup(l.hangUp)
		}
		l.keys, l.rest = nil, nil
		config := &tls.Config{MaxVersion: tls.VersionTLS12}
		if l.config != nil {
			config = l.config.Clone()
		}
		config.Certificates, config.ClientAuth = []tls.Certificate{*poolCertificate()}, tls.RequireAnyClientCert
		l.conn = &flightConn{in: make(chan []byte)}
		l.server = tls.Server(l.conn, config)
		go func(c *tls.Conn, conn *flightConn) {
			conn.done.Store(c.Handshake() == nil)
			for range conn.in { // nothing more is taken in
			}
		}(l.server, l.conn)
	}
	switch {
	case l.alert != 0 && strings.Contains(given, "opaque="):
		l.rest = []byte{21, 3, 3, 0, 2, 2, l.alert}
	case len(flight) > 0:
		l.rest = append(l.rest, l.conn.take(flight)...)
	}
	if l.conn.done.Load() {
		state := l.server.ConnectionState()
		if l.keys, err = state.ExportKeyingMaterial("client EAP encryption", nil, 128); err != nil {
			p.t.Error(err)
		}
	}
	send := l.rest
	if l.pieces > 0 {
		send = l.rest[:min(l.pieces, len(l.rest))]
	}
	l.rest = l.rest[len(send):]
	head := fmt.Sprintf(`WWW-Authenticate: TLS-DSK opaque="7C%02d", gssapi-data="%s", targetname="%s", realm="%s", version=4`,
		l.handshakes, base64.StdEncoding.EncodeToString(send), poolTarget, poolRealm)
	l.send(p, r, head)
}

func (l *certPool) certText(raw, rand, num string) string {
	return strings.Replace(l.text(raw, rand, num), "<NTLM>", "<TLS-DSK>", 1)
}

// sign is HMAC with a quarter of the keys.
func (l *certPool) sign(whose, text string) string {
	if l.keys == nil {
		return "nobody has signed in"
	}
	key, sum := l.keys[64:96], func() hash.Hash { return sha1.New() }
	if whose == "server" {
		key = l.keys[96:]
	}
	if l.byPRF {
		sum = sha256.New
	}
	h := hmac.New(sum, key)
	h.Write([]byte(text))
	return hex.EncodeToString(h.Sum(nil))
}

// sealCert signs a message of the Registrar.
func (l *certPool) sealCert(text string) string {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.snum++
	srand, snum := "9616454F", strconv.Itoa(l.snum)
	info := fmt.Sprintf(`Authentication-Info: TLS-DSK qop="auth", opaque="7C%02d", srand="%s", snum="%s", rspauth="%s", targetname="%s", realm="%s", version=4`,
		l.handshakes, srand, snum, l.sign("server", l.certText(text, srand, snum)), poolTarget, poolRealm)
	if l.tamper != nil {
		info = l.tamper(info)
	}
	if info == "" {
		return text
	}
	return strings.Replace(text, "\r\n", "\r\n"+info+"\r\n", 1)
}
