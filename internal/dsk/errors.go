package dsk

import (
	"errors"
	"net"
	"reflect"

	"homeward/internal/kinds"
	"homeward/internal/plain"
)

// Error says why a handshake has failed.
type Error struct {
	Kind  Kind
	Alert uint8 // of the Registrar (RFC 5246 section 7.2); 0: none, or one that cannot be read
	Err   error
}

// Kind says how a handshake has failed.
type Kind uint8

// The kinds.
const (
	Failed    Kind = iota // what the Registrar sends makes no handshake
	Alerted               // the Registrar has ended it with an alert, of none of these kinds
	NoSuite               // it takes none of the suites offered
	NoVersion             // no version of TLS in common
	Unknown               // it does not know, or does not take, the certificate
	Revoked               // it says that the certificate is revoked
	Expired               // it says that the certificate has expired
	Unproven              // Verify has refused the server: Err wraps its error
	TooMuch               // what the Registrar sends is too long
	lastKind  = TooMuch
)

// Kinds returns all kinds, for who has a word for each.
func Kinds() []Kind {
	return kinds.All(0, lastKind)
}

func (e *Error) Error() string { return plain.Words(e.Err) }

func (e *Error) Unwrap() error { return e.Err }

// kindOf are the alerts that have a kind (RFC 5246 section 7.2.2).
var kindOf = map[uint8]Kind{
	40: NoSuite, 71: NoSuite, 70: NoVersion, 42: Unknown, 43: Unknown, 46: Unknown, 48: Unknown, 49: Unknown, 44: Revoked, 45: Expired,
}

// failure gives the end of a handshake its kind.
func failure(err error) *Error {
	e := &Error{Err: err}
	var op *net.OpError
	var verification *verifyError
	switch {
	case errors.As(err, &verification):
		e.Kind, e.Err = Unproven, verification.err
	case errors.As(err, &op) && op.Op == "remote error": // crypto/tls gives it no exported type, but a number it is
		e.Kind = Alerted
		if alert := reflect.ValueOf(op.Err); alert.Kind() == reflect.Uint8 {
			e.Alert = uint8(alert.Uint())
		}
		if kind, known := kindOf[e.Alert]; known {
			e.Kind = kind
		}
	}
	return e
}

// verifyError marks what Verify has said.
type verifyError struct{ err error }

func (e *verifyError) Error() string { return e.err.Error() }
