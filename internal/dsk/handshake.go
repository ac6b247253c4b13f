package dsk

import (
	"bytes"
	"crypto/tls"
	"crypto/x509"
	"encoding/hex"
	"errors"
	"fmt"
	"slices"
	"strings"
)

// Our choices.
const (
	maxReceived = 256 << 10 // of the Registrar's flights together: far above a long chain with a long list of authorities
	maxSteps    = 24        // a flight may come in pieces; nobody needs so many
)

// Settings is how a handshake is done.
type Settings struct {
	Certificate *tls.Certificate // of the device, with its key
	MinVersion  uint16           // lowest version of TLS offered; 0: 1.0, since nothing secret travels in it. 1.2 is the highest
	AllSuites   bool             // offers the suites without SHA-1 too

	// Verify judges the server's certificate and those it sends with it, of which there is at least one. Its error ends the
	// handshake.
	Verify func(chain []*x509.Certificate) error
}

// Handshake is a handshake on its way. One goroutine uses it; Close ends it.
type Handshake struct {
	pipe     *pipe
	conn     *tls.Conn
	secrets  func() []byte // what crypto/tls has told of them; a function, because fmt cannot look into it
	ended    chan struct{} // closed when err and state may be read
	err      error
	state    tls.ConnectionState
	received []byte // the start of what the Registrar has sent: ServerHello, with its random
	size     int    // of all it has sent
	steps    int
}

// Start begins a handshake, and returns its first flight.
func Start(s Settings) (*Handshake, []byte) {
	var secrets bytes.Buffer
	h := &Handshake{pipe: newPipe(), ended: make(chan struct{}), secrets: secrets.Bytes}
	h.conn = tls.Client(h.pipe, s.config(&secrets))
	go func() {
		h.err = h.conn.Handshake()
		h.state = h.conn.ConnectionState()
		close(h.ended)
		h.pipe.Close()
	}()
	return h, h.pipe.turn(nil)
}

// config is the client side of the handshake.
func (s Settings) config(secrets *bytes.Buffer) *tls.Config {
	suites := sha1Suites
	if s.AllSuites {
		suites = slices.Concat(sha1Suites, otherSuites)
	}
	return &tls.Config{
		MinVersion:   max(s.MinVersion, tls.VersionTLS10),
		MaxVersion:   tls.VersionTLS12, // the keys of 1.3 are others (RFC 9190)
		CipherSuites: suites,
		// The first flight stays small: no server of this family knows more.
		CurvePreferences:       []tls.CurveID{tls.CurveP256, tls.CurveP384},
		SessionTicketsDisabled: true,
		// No name is sent (the servers do not look for one), and Verify judges the chain.
		InsecureSkipVerify: true,
		VerifyConnection: func(state tls.ConnectionState) error {
			if s.Verify == nil || len(state.PeerCertificates) == 0 {
				return &verifyError{errors.New("nobody has judged the certificate of the server")}
			}
			if err := s.Verify(state.PeerCertificates); err != nil {
				return &verifyError{err}
			}
			return nil
		},
		// Whatever authorities the server lists: the certificate is of none of them, the servers themselves have issued it.
		GetClientCertificate: func(*tls.CertificateRequestInfo) (*tls.Certificate, error) { return s.Certificate, nil },
		// The only way to the master secret that does not depend on the extended one. It stays in memory, and Close clears it.
		KeyLogWriter: secrets,
	}
}

// Step takes in what the Registrar has sent, and returns what is to be sent: nothing, where the handshake is Done, or where more
// of the Registrar's flight is to be fetched. Every error is an *Error, and ends the handshake.
func (h *Handshake) Step(received []byte) (flight []byte, err error) {
	h.steps, h.size = h.steps+1, h.size+len(received)
	if h.size > maxReceived || h.steps > maxSteps {
		h.Close()
		return nil, &Error{Kind: TooMuch, Err: fmt.Errorf("%d bytes in %d steps", h.size, h.steps)}
	}
	if missing := helloSize - len(h.received); missing > 0 {
		h.received = append(h.received, received[:min(missing, len(received))]...)
	}
	flight = h.pipe.turn(received)
	if !h.Done() {
		return flight, nil
	}
	if h.err != nil {
		h.Close()
		return nil, failure(h.err) // our own alert is not for a REGISTER
	}
	return flight, nil
}

// Done says whether the handshake is over, be it well or not.
func (h *Handshake) Done() bool {
	select {
	case <-h.ended:
		return true
	default:
		return false
	}
}

// Close ends the handshake, wherever it is, and forgets its secrets.
func (h *Handshake) Close() {
	h.pipe.Close()
	<-h.ended
	clear(h.secrets())
}

// SignsSHA1 says whether it is known that messages are signed with HMAC-SHA1. The handshake must be Done.
func (h *Handshake) SignsSHA1() bool { return signsSHA1(h.state.Version, h.state.CipherSuite) }

// Security returns what signs from now on. The handshake must be Done, and not closed yet.
func (h *Handshake) Security(mac MAC) (*Security, error) {
	if !h.Done() || h.err != nil {
		return nil, &Error{Err: errors.New("the handshake has not succeeded")}
	}
	client, master, err := masterSecret(h.secrets())
	if err != nil {
		return nil, &Error{Err: err}
	}
	server, err := serverRandom(h.received)
	if err != nil {
		return nil, &Error{Err: err}
	}
	version, suite := h.state.Version, h.state.CipherSuite
	return newSecurity(keyBlock(version, suite, master, client, server), macHash(mac, version, suite)), nil
}

// masterSecret reads the key log of a handshake: "CLIENT_RANDOM", the client's random and the master secret, in hexadecimal
// digits (draft-ietf-tls-keylogfile section 2).
func masterSecret(log []byte) (clientRandom, master []byte, err error) {
	for line := range strings.Lines(string(log)) {
		fields := strings.Fields(line)
		if len(fields) != 3 || fields[0] != "CLIENT_RANDOM" {
			continue
		}
		client, errClient := hex.DecodeString(fields[1])
		secret, errSecret := hex.DecodeString(fields[2])
		if errClient == nil && errSecret == nil && len(client) == randomSize && len(secret) == masterSize {
			return client, secret, nil
		}
	}
	return nil, nil, errors.New("crypto/tls has told no master secret of this handshake")
}

// Specification constants (RFC 5246 sections 6.2.1, 7.4, 7.4.1.3): where the server's random is in what it sends first.
const (
	recordHandshake = 22
	serverHello     = 2
	typeAt          = 5                           // behind the header of a record
	serverRandomAt  = typeAt + 4 + 2              // behind the header of a handshake message, and the version
	helloSize       = serverRandomAt + randomSize // as much as is kept of it
)

// serverRandom reads the random out of the first flight. A record may be as short as its sender likes, but one that cuts the
// ServerHello before the end of the random is met nowhere, and not read here.
func serverRandom(flight []byte) ([]byte, error) {
	if len(flight) < helloSize || flight[0] != recordHandshake || flight[typeAt] != serverHello || int(flight[3])<<8+int(flight[4]) < helloSize-typeAt {
		return nil, errors.New("the first record of the server does not begin with its hello")
	}
	return flight[serverRandomAt:helloSize], nil
}
