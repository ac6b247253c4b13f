package trust

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"io"
	"net"
	"slices"
	"strings"
	"sync"
	"testing"
)

// TestMend03 says which ends of a handshake close plain TCP to the host: all but those that show no TLS.
func TestMend03(t *testing.T) {
	ours := newAuthority(t)
	good := ours.issue(t, func(*x509.Certificate) {})
	leaf := good.Certificate[0]
	sends := func(certificates ...[]byte) func(net.Conn) {
		return func(conn net.Conn) {
			cert := tls.Certificate{Certificate: certificates, PrivateKey: good.PrivateKey}
			_ = tls.Server(conn, &tls.Config{Certificates: []tls.Certificate{cert}}).Handshake()
		}
	}
	says := func(text string) func(net.Conn) {
		return func(conn net.Conn) {
			_, _ = conn.Read(make([]byte, 16<<10))
			_, _ = conn.Write([]byte(text))
		}
	}
	hangs := func(text string) func(net.Conn) {
		return func(conn net.Conn) {
			says(text)(conn)
			_, _ = io.Copy(io.Discard, conn)
		}
	}
	var stop context.CancelFunc
	for name, test := range map[string]struct {
		serve      func(net.Conn)
		closes     bool // TCP to the host
		unreadable bool
	}{
		"a certificate that is none":           {sends([]byte("certificate")), true, true},
		"a certificate that is cut":            {sends(leaf[:len(leaf)-9]), true, true},
		"more behind a certificate":            {sends(slices.Concat(leaf, []byte{0})), true, true},
		"an issuer that is none":               {sends(leaf, []byte{0x30, 0}), true, true},
		"no certificate":                       {sends([]byte{}), true, true},
		"an alert":                             {says("\x15\x03\x03\x00\x02\x02\x28"), true, false},
		"a handshake that is cut":              {says("\x16\x03\x03\x00\x40\x02"), true, false},
		"a handshake that is nonsense":         {says("\x16\x03\x03\x00\x05\x02\x00\x00\x01\x00"), true, false},
		"a handshake that stalls":              {hangs("\x16"), true, false},
		"a server that asks for a certificate": {demands(good), true, false},
		"data before the handshake":            {says("\x17\x03\x03\x00\x01x"), true, false},
		"a heartbeat before the handshake":     {says("\x18\x03\x03\x00\x01x"), true, false},
		"a record of a type that is not TLS's": {says("\x19\x03\x03\x00\x01x"), false, false},
		"a change of cipher before it":         {says("\x14\x03\x03\x00\x02\x01\x01"), true, false},
		"an answer in clear text":              {says("SIP/2.0 400 Bad Request\r\n\r\n"), false, false},
		"nothing, and the end":                 {says(""), false, false},
		"nothing":                              {func(c net.Conn) { stop(); hangs("")(c) }, false, false},
	} {
		t.Run(name, func(t *testing.T) {
			roots := x509.NewCertPool()
			roots.AddCert(ours.cert)
			var ctx context.Context
			ctx, stop = context.WithCancel(t.Context())
			defer stop()
			heard := func() {}
			if strings.HasSuffix(name, "stalls") {
				heard = stop
			}
			err := meet(ctx, t, "fe01.contoso.com", Settings{Roots: roots, MinVersion: tls.VersionTLS12}, heard, test.serve)
			var spoken *HandshakeError
			var certificate *CertificateError
			if !errors.As(err, &spoken) || spoken.Spoken() != test.closes {
				t.Errorf("closes plain TCP: %t, want %t (%v)", !test.closes, test.closes, err)
			}
			if unreadable := errors.As(err, &certificate) && certificate.Problem == Unreadable; unreadable != test.unreadable {
				t.Errorf("a certificate that cannot be read: %t, want %t (%v)", unreadable, test.unreadable, err)
			}
			if test.unreadable && (!strings.HasPrefix(err.Error(), "a certificate that fe01.contoso.com sent cannot be checked: ") || strings.Contains(err.Error(), "tls: ")) {
				t.Errorf("said as %v", err)
			}
		})
	}
}

// demands is a server that takes nobody without a certificate.
func demands(cert tls.Certificate) func(net.Conn) {
	return func(conn net.Conn) {
		config := &tls.Config{Certificates: []tls.Certificate{cert}, ClientAuth: tls.RequireAnyClientCert, MaxVersion: tls.VersionTLS12}
		_ = tls.Server(conn, config).Handshake()
	}
}

// meet lets a server have one connection: it serves, and waits for the client to hang up. It returns what the client
// says, which calls heard when it has heard something.
func meet(ctx context.Context, t *testing.T, host string, settings Settings, heard func(), serve func(net.Conn)) error {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer listener.Close()
	conn, err := net.Dial("tcp", listener.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	server, err := listener.Accept()
	if err != nil {
		t.Fatal(err)
	}
	var serving sync.WaitGroup
	defer serving.Wait()
	defer conn.Close()
	serving.Go(func() {
		defer server.Close()
		serve(server)
	})
	_, _, err = Handshake(ctx, &telling{conn, heard}, host, settings)
	return err
}

// telling is a connection that tells when something has been read.
type telling struct {
	net.Conn
	heard func()
}

func (c *telling) Read(b []byte) (int, error) {
	n, err := c.Conn.Read(b)
	if n > 0 {
		c.heard()
	}
	return n, err
}
