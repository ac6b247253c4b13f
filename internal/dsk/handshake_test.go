package dsk

import (
	"bytes"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"errors"
	"fmt"
	"math/big"
	"strings"
	"testing"
	"testing/synctest"
	"time"
)

// issue makes a certificate that its own key has signed, as the servers issue them; extra makes it that much longer.
func issue(tb testing.TB, name string, ec bool, extra int) *tls.Certificate {
	tb.Helper()
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: name}, DNSNames: []string{name},
		NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(180 * 24 * time.Hour),
	}
	if extra > 0 {
		template.ExtraExtensions = []pkix.Extension{{Id: []int{1, 3, 6, 1, 4, 1, 99999, 1}, Value: make([]byte, extra)}}
	}
	var certificate *tls.Certificate
	if ec {
		key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
		if err != nil {
			tb.Fatal(err)
		}
		der, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
		if err != nil {
			tb.Fatal(err)
		}
		certificate = &tls.Certificate{Certificate: [][]byte{der}, PrivateKey: key}
	} else {
		key, err := rsa.GenerateKey(rand.Reader, 2048)
		if err != nil {
			tb.Fatal(err)
		}
		der, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
		if err != nil {
			tb.Fatal(err)
		}
		certificate = &tls.Certificate{Certificate: [][]byte{der}, PrivateKey: key}
	}
	var err error
	if certificate.Leaf, err = x509.ParseCertificate(certificate.Certificate[0]); err != nil {
		tb.Fatal(err)
	}
	return certificate
}

func anyone([]*x509.Certificate) error { return nil }

// server is the other end of a handshake: crypto/tls over a pipe of its own.
type server struct {
	pipe  *pipe
	conn  *tls.Conn
	ended chan struct{}
	err   error
	got   *x509.Certificate // of the device
}

func newServer(config *tls.Config) *server {
	s := &server{pipe: newPipe(), ended: make(chan struct{})}
	config.ClientAuth = tls.RequireAnyClientCert
	s.conn = tls.Server(s.pipe, config)
	go func() {
		if s.err = s.conn.Handshake(); s.err == nil {
			s.got = s.conn.ConnectionState().PeerCertificates[0]
		}
		close(s.ended)
		s.pipe.Close()
	}()
	return s
}

func (s *server) close() {
	s.pipe.Close()
	<-s.ended
}

// converse carries flights to and fro, what the server sends in pieces of at most size bytes, and returns how many steps
// that took.
func converse(h *Handshake, flight []byte, s *server, size int) (steps int, err error) {
	s.pipe.turn(nil)
	for !h.Done() && steps < 100 {
		received := s.pipe.turn(flight)
		for len(received) > size {
			if flight, err = h.Step(received[:size]); err != nil || len(flight) > 0 {
				return steps, fmt.Errorf("in the middle of a flight: %d bytes, %w", len(flight), err)
			}
			received = received[size:]
			steps++
		}
		if flight, err = h.Step(received); err != nil {
			return steps, err
		}
		steps++
	}
	return steps, nil
}

// TestHandshake goes through versions, kinds of keys, and suites. The keys on both sides are the same wherever crypto/tls tells
// what they are on the server's: with the extended master secret.
func TestHandshake(t *testing.T) {
	phone, pool, ec := issue(t, "phone1@contoso.com", false, 0), issue(t, "fe01.contoso.com", false, 0), issue(t, "fe01.contoso.com", true, 0)
	long := issue(t, "fe01.contoso.com", false, 40<<10)
	for _, test := range []struct {
		name    string
		pool    *tls.Certificate
		version uint16
		suites  []uint16
		all     bool
		size    int // of the pieces in which the server's flights come
		steps   int
	}{
		{"TLS 1.0 and RSA", pool, tls.VersionTLS10, []uint16{tls.TLS_RSA_WITH_AES_128_CBC_SHA}, false, 1 << 20, 2},
		{"TLS 1.0 and ECDHE", pool, tls.VersionTLS10, []uint16{tls.TLS_ECDHE_RSA_WITH_AES_256_CBC_SHA}, false, 1 << 20, 2},
		{"TLS 1.1", pool, tls.VersionTLS11, []uint16{tls.TLS_ECDHE_RSA_WITH_AES_256_CBC_SHA}, false, 1 << 20, 2},
		{"TLS 1.2 and RSA", pool, tls.VersionTLS12, []uint16{tls.TLS_RSA_WITH_AES_256_CBC_SHA}, false, 1 << 20, 2},
		{"TLS 1.2 and an ECDSA key", ec, tls.VersionTLS12, []uint16{tls.TLS_ECDHE_ECDSA_WITH_AES_128_CBC_SHA}, false, 1 << 20, 2},
		{"TLS 1.0 and an ECDSA key", ec, tls.VersionTLS10, []uint16{tls.TLS_ECDHE_ECDSA_WITH_AES_256_CBC_SHA}, false, 1 << 20, 2},
		{"a suite that SHA-1 does not protect", pool, tls.VersionTLS12, []uint16{tls.TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384}, true, 1 << 20, 2},
		{"a flight of 40 KiB", long, tls.VersionTLS12, []uint16{tls.TLS_RSA_WITH_AES_128_CBC_SHA}, false, 1 << 20, 2},
		{"a flight in pieces", long, tls.VersionTLS12, []uint16{tls.TLS_RSA_WITH_AES_128_CBC_SHA}, false, 4000, 12},
	} {
		t.Run(test.name, func(t *testing.T) {
			s := newServer(&tls.Config{
				Certificates: []tls.Certificate{*test.pool}, MinVersion: test.version, MaxVersion: test.version, CipherSuites: test.suites,
				ClientCAs: x509.NewCertPool(), // a list of authorities, none of them ours
			})
			defer s.close()
			shown := ""
			h, flight := Start(Settings{Certificate: phone, AllSuites: test.all, Verify: func(chain []*x509.Certificate) error {
				shown = chain[0].Subject.CommonName
				return nil
			}})
			defer h.Close()
			steps, err := converse(h, flight, s, test.size)
			if <-s.ended; err != nil || s.err != nil {
				t.Fatalf("%v; the server: %v", err, s.err)
			}
			if steps != test.steps || shown != "fe01.contoso.com" || !s.got.Equal(phone.Leaf) {
				t.Errorf("%d steps; the server showed %q, and was shown %q", steps, shown, s.got.Subject)
			}
			state := s.conn.ConnectionState()
			block, err := state.ExportKeyingMaterial(label, nil, blockSize)
			if err != nil {
				t.Fatal(err)
			}
			for _, mac := range []MAC{SHA1, PRF} {
				security, err := h.Security(mac)
				if err != nil {
					t.Fatal(err)
				}
				if got, want := security.Sign("text"), newSecurity(block, macHash(mac, state.Version, state.CipherSuite)).Sign("text"); got != want {
					t.Errorf("way %d: signs %s, the server %s", mac, got, want)
				}
			}
		})
	}
}

func TestHandshakeFails(t *testing.T) {
	phone, pool := issue(t, "phone1@contoso.com", false, 0), issue(t, "fe01.contoso.com", false, 0)
	alert := func(code byte) []byte { return []byte{21, 3, 1, 0, 2, 2, code} }
	refused := errors.New("not the one")
	for _, test := range []struct {
		name     string
		settings Settings
		server   *tls.Config // nil: received
		received []byte
		want     Error
	}{
		{"no suite in common", Settings{Verify: anyone}, &tls.Config{CipherSuites: []uint16{tls.TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256}}, nil, Error{Kind: NoSuite, Alert: 40}},
		{"insufficient security", Settings{Verify: anyone}, nil, alert(71), Error{Kind: NoSuite, Alert: 71}},
		{"no version in common", Settings{Verify: anyone}, &tls.Config{MinVersion: tls.VersionTLS13}, nil, Error{Kind: NoVersion, Alert: 70}},
		{"a version that is not allowed here", Settings{Verify: anyone, MinVersion: tls.VersionTLS12}, &tls.Config{MaxVersion: tls.VersionTLS11, MinVersion: tls.VersionTLS10}, nil, Error{Kind: NoVersion, Alert: 70}},
		{"bad certificate", Settings{Verify: anyone}, nil, alert(42), Error{Kind: Unknown, Alert: 42}},
		{"unknown authority", Settings{Verify: anyone}, nil, alert(48), Error{Kind: Unknown, Alert: 48}},
		{"access denied", Settings{Verify: anyone}, nil, alert(49), Error{Kind: Unknown, Alert: 49}},
		{"revoked", Settings{Verify: anyone}, nil, alert(44), Error{Kind: Revoked, Alert: 44}},
		{"expired", Settings{Verify: anyone}, nil, alert(45), Error{Kind: Expired, Alert: 45}},
		{"another alert", Settings{Verify: anyone}, nil, alert(80), Error{Kind: Alerted, Alert: 80}},
		{"a server that is not believed", Settings{Verify: func([]*x509.Certificate) error { return refused }}, &tls.Config{}, nil, Error{Kind: Unproven}},
		{"nobody to judge the server", Settings{}, &tls.Config{}, nil, Error{Kind: Unproven}},
		{"no TLS", Settings{Verify: anyone}, nil, []byte("HTTP/1.1 400 Bad Request\r\n\r\n"), Error{}},
		{"too much", Settings{Verify: anyone}, nil, make([]byte, maxReceived+1), Error{Kind: TooMuch}},
	} {
		t.Run(test.name, func(t *testing.T) {
			test.settings.Certificate = phone
			h, flight := Start(test.settings)
			defer h.Close()
			var err error
			if test.server == nil {
				flight, err = h.Step(test.received)
			} else {
				test.server.Certificates = []tls.Certificate{*pool}
				s := newServer(test.server)
				defer s.close()
				_, err = converse(h, flight, s, 1<<20)
				flight = nil
			}
			var got *Error
			if !errors.As(err, &got) || got.Kind != test.want.Kind || got.Alert != test.want.Alert || len(flight) > 0 {
				t.Errorf("got %#v, and %d bytes to send", err, len(flight))
			}
			if test.name == "a server that is not believed" && !errors.Is(err, refused) {
				t.Errorf("the reason is lost: %v", err)
			}
			if s, err := h.Security(SHA1); s != nil || err == nil {
				t.Error("signs all the same")
			}
		})
	}
}

// TestMeagrePieces: a server that sends byte after byte is given up.
func TestMeagrePieces(t *testing.T) {
	h, _ := Start(Settings{Certificate: issue(t, "phone1@contoso.com", true, 0), Verify: anyone})
	defer h.Close()
	for i := range maxSteps + 1 {
		_, err := h.Step([]byte{22, 3, 1, 0x3f, 0xff, 2, 0, 0x3f}[min(i, 7) : min(i, 7)+1])
		var e *Error
		switch {
		case i < maxSteps && err != nil:
			t.Fatalf("step %d: %v", i, err)
		case i == maxSteps && (!errors.As(err, &e) || e.Kind != TooMuch):
			t.Fatalf("goes on: %v", err)
		}
	}
}

// TestCloseEndsEverything: a handshake that goes nowhere leaves nothing behind, and no secret.
func TestCloseEndsEverything(t *testing.T) {
	phone, pool := issue(t, "phone1@contoso.com", true, 0), issue(t, "fe01.contoso.com", true, 0)
	synctest.Test(t, func(t *testing.T) { // which fails where a goroutine is left
		h, _ := Start(Settings{Certificate: phone, Verify: anyone})
		h.Close()
		h.Close()
		if _, err := h.Step(nil); err == nil {
			t.Error("goes on after Close")
		}

		s := newServer(&tls.Config{Certificates: []tls.Certificate{*pool}, Time: func() time.Time { return phone.Leaf.NotBefore }})
		defer s.close()
		h, flight := Start(Settings{Certificate: phone, Verify: anyone})
		if _, err := converse(h, flight, s, 1<<20); err != nil {
			t.Fatal(err)
		}
		if !bytes.HasPrefix(h.secrets(), []byte("CLIENT_RANDOM ")) {
			t.Errorf("key log %q", h.secrets())
		}
		h.Close()
		if len(bytes.Trim(h.secrets(), "\x00")) > 0 {
			t.Error("the secrets are still there")
		}
	})
}

// TestClientHello: what is offered, as it stands on the wire: nothing above TLS 1.2, and no name.
func TestClientHello(t *testing.T) {
	for all, want := range map[bool][]uint16{false: sha1Suites, true: append(sha1Suites[:len(sha1Suites):len(sha1Suites)], otherSuites...)} {
		h, flight := Start(Settings{Certificate: issue(t, "phone1@contoso.com", true, 0), AllSuites: all, Verify: anyone})
		h.Close()
		var offered *tls.ClientHelloInfo
		s := newServer(&tls.Config{GetConfigForClient: func(hello *tls.ClientHelloInfo) (*tls.Config, error) {
			offered = hello
			return nil, errors.New("enough")
		}})
		s.pipe.turn(flight)
		s.close()
		if offered == nil || offered.ServerName != "" || fmt.Sprint(offered.SupportedVersions) != "[771 770 769]" || len(flight) > 256 {
			t.Fatalf("offered %+v in %d bytes", offered, len(flight))
		}
		suites := map[uint16]bool{}
		for _, suite := range offered.CipherSuites {
			suites[suite] = true
		}
		for _, suite := range want {
			if !suites[suite] {
				t.Errorf("%s is not offered: this version of Go has dropped it", tls.CipherSuiteName(suite))
			}
			delete(suites, suite)
		}
		delete(suites, 0x5600) // TLS_FALLBACK_SCSV
		delete(suites, 0x00ff) // TLS_EMPTY_RENEGOTIATION_INFO_SCSV
		if len(suites) > 0 {
			t.Errorf("offered besides: %v", suites)
		}
	}
}

func TestKinds(t *testing.T) {
	seen := map[Kind]bool{Failed: true, Alerted: true, Unproven: true, TooMuch: true}
	for _, kind := range kindOf {
		seen[kind] = true
	}
	for _, kind := range Kinds() {
		if !seen[kind] {
			t.Errorf("nothing causes kind %d", kind)
		}
	}
	if e := (&Error{Err: errors.New("x")}); e.Error() != "x" || strings.Contains(e.Error(), "tls:") {
		t.Error(e)
	}
}

// FuzzFlights: whatever a Registrar sends, and in whatever pieces, the handshake ends with an *Error or waits for more, and it
// never ends well: who has not the keys of this very handshake cannot finish it.
func FuzzFlights(f *testing.F) {
	phone, pool := issue(f, "phone1@contoso.com", true, 0), issue(f, "fe01.contoso.com", true, 0)
	s := newServer(&tls.Config{Certificates: []tls.Certificate{*pool}})
	h, flight := Start(Settings{Certificate: phone, Verify: anyone})
	first := s.pipe.turn(flight)
	s.close()
	h.Close()
	f.Add(first, uint16(60000))
	f.Add(first, uint16(100))
	f.Add([]byte{21, 3, 1, 0, 2, 2, 40}, uint16(3))
	f.Add([]byte("HTTP/1.1 200 OK\r\n\r\n"), uint16(7))
	f.Add(bytes.Repeat([]byte{22, 3, 3, 0x40, 0}, 4000), uint16(16000))
	f.Fuzz(func(t *testing.T, sent []byte, size uint16) {
		h, flight := Start(Settings{Certificate: phone, Verify: anyone})
		defer h.Close()
		if len(flight) == 0 {
			t.Fatal("no first flight")
		}
		for len(sent) > 0 {
			n := min(len(sent), int(size)+1)
			_, err := h.Step(sent[:n])
			var e *Error
			if err != nil && !errors.As(err, &e) {
				t.Fatalf("%T", err)
			}
			if sent = sent[n:]; err != nil {
				break
			}
		}
		if _, err := h.Security(SHA1); err == nil {
			t.Fatal("signs after a handshake with nobody")
		}
	})
}
