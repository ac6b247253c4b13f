package signin

import (
	"context"
	"errors"
	"net"
	"net/netip"
	"testing"
	"time"

	"homeward/internal/sip"
	"homeward/provisioning"
	"homeward/provisioning/wire"
)

// knocker is a walk on which nothing has been tried.
func knocker(dial func(context.Context, string, string) (net.Conn, error)) *Walk {
	owner := Owner{Ground: func() *provisioning.Ground { return &provisioning.Ground{} }, ClockFloor: func() time.Time { return time.Time{} }}
	return New(provisioning.Policy{}, wire.Wire{Dial: dial}, "", nil, owner).NewWalk(nil)
}

// A device knocks only where no connection came about, and stops when it is not for a Registrar to end the rest.
func TestWhereADeviceKnocks(t *testing.T) {
	timeout := &attemptError{stage: connecting, err: context.DeadlineExceeded}
	for name, c := range map[string]struct {
		err    error
		before func(*Walk)
		want   bool
	}{
		"no connection":          {timeout, nil, true},
		"TLS stalled":            {&attemptError{stage: handshaking, err: context.DeadlineExceeded}, nil, false},
		"the Registrar was mute": {&attemptError{stage: registering, err: context.DeadlineExceeded}, nil, false},
		"unavailable":            {&attemptError{stage: registering, err: &sip.StatusError{Code: 503}}, nil, false},
		"all drop the device": {timeout, func(w *Walk) {
			for range 10 {
				w.signer.restraint.tries.Spend()
			}
		}, false},
		"the password rests": {timeout, func(w *Walk) {
			for range refusalsAllowed {
				w.signer.restraint.refusals.add(1)
			}
		}, false},
	} {
		t.Run(name, func(t *testing.T) {
			w := knocker(nil)
			to := fe01
			to.Addrs = []netip.Addr{addr}
			w.consider(&to, c.err)
			if c.before != nil {
				c.before(w)
			}
			if _, got := w.Doors.After(); got != c.want {
				t.Errorf("it knocks: %t", got)
			}
		})
	}
}

// A knock is one connection, which is closed without a byte; refused, it says so.
func TestKnock(t *testing.T) {
	for _, refused := range []error{nil, errors.New("refused")} {
		here, there := net.Pipe()
		w := knocker(func(context.Context, string, string) (net.Conn, error) { return here, refused })
		to := fe01
		to.Addrs = []netip.Addr{addr}
		w.consider(&to, &attemptError{stage: connecting, err: context.DeadlineExceeded})
		if got, want := w.Doors.Knock(t.Context()), refused == nil; got != want {
			t.Errorf("refused: %v, somebody answers: %t", refused, got)
		}
		if refused == nil {
			if n, err := there.Read(make([]byte, 1)); n != 0 || err == nil {
				t.Errorf("the Registrar was sent %d bytes, %v", n, err)
			}
		}
	}
}
