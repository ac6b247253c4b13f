package sitetest

import (
	"bytes"
	"crypto/hmac"
	"crypto/md5"
	"crypto/sha1"
	"crypto/sha256"
	"crypto/sha512"
	"crypto/tls"
	"encoding/binary"
	"encoding/hex"
	"errors"
	"hash"
	"io"
	"net"
	"slices"
	"strings"
	"sync"
	"time"
)

// The server side of TLS-DSK (MS-SIPAE): a handshake of TLS inside of REGISTERs, whose keys sign from then on. It shares
// nothing with the client; the arithmetic is that of RFC 2246 and RFC 5246.

// dskSuites are the words of dsk-suites=.
var dskSuites = map[string][]uint16{
	"rsa":   {tls.TLS_RSA_WITH_AES_128_CBC_SHA, tls.TLS_RSA_WITH_AES_256_CBC_SHA},
	"ecdhe": {tls.TLS_ECDHE_RSA_WITH_AES_128_CBC_SHA, tls.TLS_ECDHE_RSA_WITH_AES_256_CBC_SHA, tls.TLS_ECDHE_ECDSA_WITH_AES_128_CBC_SHA, tls.TLS_ECDHE_ECDSA_WITH_AES_256_CBC_SHA},
	"gcm":   {tls.TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384, tls.TLS_RSA_WITH_AES_128_GCM_SHA256},
	"none":  {tls.TLS_ECDHE_ECDSA_WITH_CHACHA20_POLY1305_SHA256}, // which no client of SIP offers
}

// opensslWords are the words of dsk-openssl=, with what they say in a configuration of OpenSSL. crypto/tls agrees on the extended
// master secret (RFC 7627) with whoever offers it; Registrars on old versions of Windows do not know it.
var opensslWords = map[string]string{"ems": "ExtendedMasterSecret", "no-ems": "-ExtendedMasterSecret"}

// dskEnd is the server of one handshake on its way.
type dskEnd interface {
	take(flight []byte) []byte        // the flight that answers one
	isDone() bool                     // and it has succeeded
	keys(byPRF bool) (dskKeys, error) // what it leaves, once done
	peer() []byte                     // the device's certificate, once done
	version() uint16                  // of TLS
	close()
}

// dskHandshake is a handshake with crypto/tls.
type dskHandshake struct {
	conn    innerConn
	secrets bytes.Buffer // the key log
	done    chan struct{}
	err     error
	state   tls.ConnectionState
	hello   []byte // the first flight sent, up to the server's random
}

// startDSK begins to listen for a handshake.
func startDSK(config *tls.Config) *dskHandshake {
	h := &dskHandshake{done: make(chan struct{})}
	h.conn.wake = sync.NewCond(&h.conn.mu)
	config.KeyLogWriter = &h.secrets
	go func() {
		server := tls.Server(&h.conn, config)
		h.err = server.Handshake()
		h.state = server.ConnectionState()
		close(h.done)
		h.conn.Close()
	}()
	return h
}

// take feeds a flight and returns the one that answers it, in one record as far as it is in the clear: some clients read no
// more of a flight.
func (h *dskHandshake) take(flight []byte) []byte {
	said := oneRecord(h.conn.turn(flight))
	if len(h.hello) == 0 {
		h.hello = slices.Clone(said[:min(len(said), 43)])
	}
	return said
}

func (h *dskHandshake) peer() []byte { return h.state.PeerCertificates[0].Raw }

func (h *dskHandshake) version() uint16 { return h.state.Version }

// isDone says whether the handshake has succeeded.
func (h *dskHandshake) isDone() bool {
	select {
	case <-h.done:
		return h.err == nil
	default:
		return false
	}
}

func (h *dskHandshake) close() {
	h.conn.Close()
	<-h.done
}

// oneRecord puts handshake messages that are in the clear into as few records as they fit in.
func oneRecord(records []byte) []byte {
	const most = 1 << 14 // RFC 5246 section 6.2.1
	var clear, version []byte
	for rest := records; len(rest) >= 5; {
		size := 5 + int(binary.BigEndian.Uint16(rest[3:]))
		if rest[0] != 22 || size > len(rest) {
			return records // alerts, and what is encrypted
		}
		version = rest[1:3]
		clear, rest = append(clear, rest[5:size]...), rest[size:]
	}
	var out []byte
	for piece := range slices.Chunk(clear, most) {
		out = append(append(append(out, 22), version...), byte(len(piece)>>8), byte(len(piece)))
		out = append(out, piece...)
	}
	return out
}

// innerConn is what the handshake runs over.
type innerConn struct {
	mu         sync.Mutex
	wake       *sync.Cond
	in, out    []byte
	waits, end bool
}

func (c *innerConn) turn(in []byte) []byte {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.in, c.waits = append(c.in, in...), false
	for c.wake.Broadcast(); !c.waits && !c.end; {
		c.wake.Wait()
	}
	out := c.out
	c.out = nil
	return out
}

func (c *innerConn) Read(b []byte) (int, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	for len(c.in) == 0 && !c.end {
		c.waits = true
		c.wake.Broadcast()
		c.wake.Wait()
	}
	if len(c.in) == 0 {
		return 0, io.EOF
	}
	n := copy(b, c.in)
	c.in = c.in[n:]
	return n, nil
}

func (c *innerConn) Write(b []byte) (int, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.out = append(c.out, b...)
	return len(b), nil
}

func (c *innerConn) Close() error {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.end = true
	c.wake.Broadcast()
	return nil
}

func (c *innerConn) LocalAddr() net.Addr              { return new(net.TCPAddr) }
func (c *innerConn) RemoteAddr() net.Addr             { return new(net.TCPAddr) }
func (c *innerConn) SetDeadline(time.Time) error      { return nil }
func (c *innerConn) SetReadDeadline(time.Time) error  { return nil }
func (c *innerConn) SetWriteDeadline(time.Time) error { return nil }

// dskKeys sign both ways.
type dskKeys struct {
	client, server []byte
	sum            func() hash.Hash
}

func (k dskKeys) mac(fromClient bool, text string) []byte {
	key := k.server
	if fromClient {
		key = k.client
	}
	h := hmac.New(k.sum, key)
	h.Write([]byte(text))
	return h.Sum(nil)
}

func (k dskKeys) verifies(text string, given []byte) bool {
	return hmac.Equal(k.mac(true, text), given)
}

// keys are what the handshake leaves: the second half of the key block of EAP-TLS.
func (h *dskHandshake) keys(byPRF bool) (dskKeys, error) {
	fields := strings.Fields(h.secrets.String())
	if len(fields) < 3 || len(h.hello) < 43 {
		return dskKeys{}, errors.New("no master secret")
	}
	random, err := hex.DecodeString(fields[1])
	master, errMaster := hex.DecodeString(fields[2])
	if err != nil || errMaster != nil {
		return dskKeys{}, errors.Join(err, errMaster)
	}
	sum := sha256.New
	if strings.HasSuffix(tls.CipherSuiteName(h.state.CipherSuite), "SHA384") {
		sum = sha512.New384
	}
	block := eapKeys(h.state.Version, sum, master, append(random, h.hello[11:43]...))
	k := dskKeys{client: block[64:96], server: block[96:], sum: sha1.New}
	if byPRF {
		k.sum = sum
	}
	return k, nil
}

// eapKeys are 128 bytes by the pseudorandom function of a version of TLS.
func eapKeys(version uint16, sum func() hash.Hash, master, randoms []byte) []byte {
	seed := append([]byte("client EAP encryption"), randoms...)
	stretch := func(sum func() hash.Hash, secret []byte) (out []byte) {
		of := func(text []byte) []byte {
			h := hmac.New(sum, secret)
			h.Write(text)
			return h.Sum(nil)
		}
		for a := of(seed); len(out) < 128; a = of(a) {
			out = append(out, of(append(slices.Clone(a), seed...))...)
		}
		return out[:128]
	}
	if version == tls.VersionTLS12 {
		return stretch(sum, master)
	}
	out := stretch(md5.New, master[:24])
	for i, b := range stretch(sha1.New, master[24:]) {
		out[i] ^= b
	}
	return out
}
