package trust

import (
	"context"
	"crypto/tls"
	"encoding/binary"
	"errors"
	"io"
	"net"
	"reflect"
	"strings"
	"syscall"
)

// Specification constants: the content types of records, from the first to the last (RFC 8446 section 5.1, RFC 6520). That
// of a server's first record is alert or handshake. Any other is a fault, but TLS all the same.
const (
	recordChangeCipherSpec = 20
	recordAlert            = 21
	recordHeartbeat        = 24

	recordHeader = 5 // bytes: type, version, length
)

// maxFirst bounds what is kept of what a server has sent first. (Our choice.)
const maxFirst = 32

// Handshake makes conn secure, as a client, until ctx ends. The certificate must prove host, however the address was
// found; host may be an address, which the certificate must then carry. Every error is a *HandshakeError, and holds a
// *CertificateError when the certificate is what failed. The caller closes conn after an error.
func Handshake(ctx context.Context, conn net.Conn, host string, s Settings) (*tls.Conn, Met, error) {
	met := Met{}
	heard := &heardConn{Conn: conn}
	settings := config(host, addrOf(conn), s, &met)
	secure := tls.Client(heard, settings)
	if err := secure.HandshakeContext(ctx); err != nil {
		if met.Offered { // whatever it was, the next handshake is a whole one
			settings.ClientSessionCache.Put("", nil)
		}
		return nil, met, ended(host, heard, met, err)
	}
	return secure, met, nil
}

// addrOf is where a connection leads to.
func addrOf(conn net.Conn) string {
	if addr := conn.RemoteAddr(); addr != nil {
		return addr.String()
	}
	return ""
}

// ended gives the end of a handshake its kind.
func ended(host string, heard *heardConn, met Met, err error) *HandshakeError {
	e := &HandshakeError{First: heard.first, Err: err}
	switch {
	case len(heard.first) == 0 && isTimeout(err):
		e.Kind = Silent
		return e
	case len(heard.first) == 0:
		e.Kind = HungUp
		return e
	case heard.first[0] < recordChangeCipherSpec || heard.first[0] > recordHeartbeat:
		e.Kind = NotTLS
		return e
	}
	e.Err = unreadable(host, err)
	received := Turned(&met, err)
	switch {
	case errors.As(e.Err, new(*CertificateError)):
		e.Kind = BadCertificate
	case received != nil:
		e.Kind, e.Alert, e.Received = received.Kind, received.Alert, true
	case heard.alert == alertProtocolVersion && !errors.As(err, new(tls.RecordHeaderError)): // which says so of a record alone
		e.Kind, e.Alert = NoVersion, heard.alert
	case isTimeout(err):
		e.Kind = Stalled
	case errors.Is(err, io.EOF), errors.Is(err, io.ErrUnexpectedEOF), errors.Is(err, io.ErrClosedPipe), errors.Is(err, syscall.ECONNRESET), errors.Is(err, syscall.EPIPE):
		e.Kind = Cut
	default:
		e.Alert = heard.alert
	}
	return e
}

func isTimeout(err error) bool {
	var timeout net.Error
	return errors.Is(err, context.DeadlineExceeded) || errors.Is(err, context.Canceled) || errors.As(err, &timeout) && timeout.Timeout()
}

// The alerts that have a kind of their own (RFC 8446 section 6.2, RFC 5246 section 7.4.6).
const (
	alertHandshakeFailure    = 40
	alertBadCertificate      = 42
	alertProtocolVersion     = 70
	alertNoRenegotiation     = 100
	alertCertificateRequired = 116
)

// Turned returns the end of a handshake that an alert of the server is, whenever it comes: with TLS 1.3, a server says only
// after our part of it that it takes nobody without a certificate (RFC 8446 section 4.4.2.4). Nil: the error is no alert.
func Turned(met *Met, err error) *HandshakeError {
	alert, is := alertOf(err)
	if !is {
		return nil
	}
	e := &HandshakeError{Kind: AlertReceived, Alert: alert, Received: true, Err: err}
	switch {
	case alert == alertCertificateRequired, met.AsksCertificate && (alert == alertHandshakeFailure || alert == alertBadCertificate):
		e.Kind = WantsCertificate
	case alert == alertProtocolVersion:
		e.Kind = NoVersion
	case alert == alertHandshakeFailure:
		e.Kind = NoCipher
	}
	return e
}

// AsksAnew says whether a connection has ended because the server asks for another handshake (RFC 5246 section 7.4.1.1): we begin none.
func AsksAnew(err error) bool {
	alert, is := alertFrom("local error", err)
	return is && alert == alertNoRenegotiation
}

// alertOf returns the number of an alert of the other side.
func alertOf(err error) (uint8, bool) { return alertFrom("remote error", err) }

// alertFrom returns the number of an alert of one side. crypto/tls gives it no exported type, but a number it is.
func alertFrom(side string, err error) (uint8, bool) {
	var op *net.OpError
	if !errors.As(err, &op) || op.Op != side {
		return 0, false
	}
	alert := reflect.ValueOf(op.Err)
	if alert.Kind() != reflect.Uint8 {
		return 0, true
	}
	return uint8(alert.Uint()), true
}

// heardConn remembers what the other side has sent first, and the alert that we have sent in clear text, which is what
// crypto/tls says of its own verdicts besides words.
type heardConn struct {
	net.Conn
	first []byte
	alert uint8
}

// NetConn is the connection below, as that of tls.Conn is.
func (c *heardConn) NetConn() net.Conn { return c.Conn }

func (c *heardConn) Read(b []byte) (int, error) {
	n, err := c.Conn.Read(b)
	if len(c.first) == 0 {
		c.first = append(c.first, b[:min(n, maxFirst)]...)
	}
	return n, err
}

func (c *heardConn) Write(b []byte) (int, error) {
	for rest := b; len(rest) >= recordHeader; {
		size := recordHeader + int(binary.BigEndian.Uint16(rest[3:]))
		if rest[0] == recordAlert && size == recordHeader+2 && len(rest) >= size {
			c.alert = rest[size-1]
		}
		rest = rest[min(size, len(rest)):]
	}
	return c.Conn.Write(b)
}

// unreadable gives a type to what crypto/tls finds wrong with a certificate before it lets us verify it: it has no type of
// its own, and no number that can be read with TLS 1.3. This is the one place where its words count; what is closed does
// not depend on it.
func unreadable(host string, err error) error {
	_, received := alertOf(err)
	text := err.Error()
	if errors.As(err, new(*CertificateError)) || received || !strings.Contains(text, "certificate") {
		return err
	}
	for _, prefix := range []string{"tls: ", "failed to parse certificate from server: ", "x509: "} {
		text = strings.TrimPrefix(text, prefix)
	}
	return &CertificateError{Host: host, Problem: Unreadable, Err: errors.New(text)}
}
