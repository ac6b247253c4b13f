package trust

import (
	"context"
	"crypto/tls"
	"errors"
	"net"
	"strings"
)

// Specification constants: the content types of records, from the first to the last (RFC 8446 section 5.1, RFC 6520). That
// of a server's first record is alert or handshake. Any other is a fault, but TLS all the same.
const (
	recordChangeCipherSpec = 20
	recordHeartbeat        = 24
)

// Met is what a handshake has shown of the server, whether it came to an end or not.
type Met struct {
	Shown
	// AsksCertificate says that the server asks for a certificate of ours, as those for other servers do.
	AsksCertificate bool
}

// HandshakeError is the failure of a handshake with a server that speaks TLS: plain TCP to the same host is closed.
//
// The default is closed. A server that has sent one record of TLS has a certificate, and whatever ended the handshake
// after that has kept us from judging it: a certificate that cannot be parsed, an alert (nobody has signed it), a cut,
// a stall in the middle. Only what shows no TLS at all is another error, and leaves plain TCP to the policy: nothing
// was sent, as a server for plain SIP does which waits for the end of a line; or what was sent is no record of TLS. (One
// who can drop or answer our packets can have that, too, and might as well refuse the connection: against them stand
// the TLS floor and allow_tcp, not this rule.)
type HandshakeError struct{ Err error }

func (e *HandshakeError) Error() string { return e.Err.Error() }

func (e *HandshakeError) Unwrap() error { return e.Err }

// Handshake makes conn secure, as a client, until ctx ends. The certificate must prove host, however the address was
// found; host may be an address, which the certificate must then carry. The error is a *HandshakeError as soon as the
// server has begun to speak TLS, and holds a *CertificateError when the certificate is what failed. The caller closes
// conn after an error.
func Handshake(ctx context.Context, conn net.Conn, host string, s Settings) (*tls.Conn, Met, error) {
	met := Met{}
	heard := &heardConn{Conn: conn}
	secure := tls.Client(heard, config(host, s, &met))
	err := secure.HandshakeContext(ctx)
	switch {
	case err == nil:
		return secure, met, nil
	case recordChangeCipherSpec <= heard.first && heard.first <= recordHeartbeat:
		return nil, met, &HandshakeError{unreadable(host, err)}
	default:
		return nil, met, err
	}
}

// heardConn remembers the first byte that the other side has sent; 0, which begins no record, is none.
type heardConn struct {
	net.Conn
	first byte
}

func (c *heardConn) Read(b []byte) (int, error) {
	n, err := c.Conn.Read(b)
	if n > 0 && c.first == 0 {
		c.first = b[0]
	}
	return n, err
}

// unreadable gives a type to what crypto/tls finds wrong with a certificate before it lets us verify it: it has no type of
// its own. Only the words that people read depend on it.
func unreadable(host string, err error) error {
	var judged *CertificateError
	text := err.Error()
	if errors.As(err, &judged) || strings.HasPrefix(text, "remote error: ") || !strings.Contains(text, "certificate") {
		return err
	}
	for _, prefix := range []string{"tls: ", "failed to parse certificate from server: ", "x509: "} {
		text = strings.TrimPrefix(text, prefix)
	}
	return &CertificateError{Host: host, Problem: Unreadable, Err: errors.New(text)}
}
