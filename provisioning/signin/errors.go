package signin

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/netip"
	"os"
	"strings"
	"syscall"

	"homeward/internal/plain"
	"homeward/internal/sip"
)

// addressChangedError means that the way to the Registrar does not begin where the connection does any more.
type addressChangedError struct{ was, is netip.Addr }

func (e *addressChangedError) Error() string {
	return fmt.Sprintf("the device reaches the Registrar from %s now, the connection is from %s", e.is, e.was)
}

func isTimeout(err error) bool {
	return errors.Is(err, context.DeadlineExceeded) || errors.Is(err, os.ErrDeadlineExceeded) || errors.Is(err, syscall.ETIMEDOUT)
}

// PathDied says whether a registration has ended since the system has probed its connection for a while, and nothing came back:
// not even the other side's system answers.
func PathDied(err error) bool { return errors.Is(err, syscall.ETIMEDOUT) }

func isReset(err error) bool {
	return errors.Is(err, syscall.ECONNRESET) || errors.Is(err, syscall.EPIPE) || errors.Is(err, io.EOF) ||
		errors.Is(err, io.ErrUnexpectedEOF) || errors.Is(err, io.ErrClosedPipe)
}

// isHungUp says whether the other side has ended the connection, and said no more.
func isHungUp(err error) bool {
	var broken *sip.ConnectionError
	return isReset(err) || errors.As(err, &broken) && (broken.Kind == sip.HungUp || broken.Kind == sip.HungUpWithin)
}

// HungUp says whether the other side has ended the connection of a registration, and said no more: not even that the registration is
// gone.
func HungUp(err error) bool {
	return isHungUp(err) && !errors.As(err, new(*sip.DeregisteredError)) && !PathDied(err)
}

// answeredBefore is what had been answered on the connection; nil: nothing, or it is not known.
func answeredBefore(err error) *sip.Answered {
	var broken *sip.ConnectionError
	var silence *sip.SilenceError
	switch {
	case errors.As(err, &broken):
		return broken.Answered
	case errors.As(err, &silence):
		return silence.Answered
	default:
		return nil
	}
}

// hasDomain says whether a login name names its domain: `CONTOSO\phone1`.
func hasDomain(user string) bool { return strings.Contains(user, `\`) }

// withheldError means that a server asks for the password, and is trusted on first use alone.
type withheldError struct {
	anchor string
	err    error
}

func (e *withheldError) Error() string { return "the password is not sent: " + plain.Words(e.err) }

func (e *withheldError) Unwrap() error { return e.err }
