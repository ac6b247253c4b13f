package srv

import (
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"io"
	"net"
	"net/netip"
	"regexp"
	"slices"
	"testing"
	"time"

	"github.com/miekg/dns"
)

// canned gives the same bytes as answer to every query, with the query's ID, and then hangs up.
type canned struct {
	net.Conn
	answer  []byte
	network string
	ready   bytes.Buffer
}

func (c *canned) Write(query []byte) (int, error) {
	id, answer := query, bytes.Clone(c.answer)
	if c.network == "tcp" {
		id = query[2:]
	}
	if len(answer) >= 2 {
		copy(answer, id[:2])
	}
	if c.network == "tcp" {
		c.ready.Write(binary.BigEndian.AppendUint16(nil, uint16(len(answer))))
	}
	c.ready.Write(answer)
	return len(query), nil
}

func (c *canned) Read(b []byte) (int, error) {
	if c.ready.Len() == 0 {
		return 0, io.EOF
	}
	return c.ready.Read(b)
}

func (*canned) SetDeadline(time.Time) error { return nil }
func (*canned) Close() error                { return nil }

const ldhLabel = `[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?`

var ldhName = regexp.MustCompile(`^` + ldhLabel + `(\.` + ldhLabel + `)*$`)

// FuzzAnswer: whatever a server answers, nothing breaks, every error is an *Error, the caps hold, and what is found is fit to
// be used.
func FuzzAnswer(f *testing.F) {
	rows := append(slices.Clone(badInputs), row{name: "more than the cap", servers: []server{zone(manyTargets(40)...)}},
		row{name: "more than the cap", ask: "ADDR", servers: []server{zone(manyAddrs(40)...)}})
	for _, row := range rows {
		what, name := dns.TypeSRV, internalTLS
		if row.ask != "" {
			what, name = dns.TypeA, "fe.contoso.com"
		}
		q, err := newQuestion(dns.Fqdn(name), what, true)
		if err != nil {
			f.Fatal(err)
		}
		q.wire[0], q.wire[1] = 0, 0 // the seeds are the same every time
		var m dns.Msg
		if err := m.Unpack(q.wire); err != nil {
			f.Fatal(err)
		}
		for _, network := range []string{"udp", "tcp"} {
			if row.servers[0].answers == nil {
				continue
			}
			for _, answer := range row.servers[0].answers(query{network: network, nth: 1, raw: q.wire, msg: &m}) {
				if len(answer) <= 4096 { // mutating more is slow and finds nothing new
					f.Add(answer)
				}
				break // the first is the bad one
			}
		}
	}
	f.Fuzz(func(t *testing.T, answer []byte) {
		if len(answer) > 65535 {
			return
		}
		r := &Resolver{
			Servers: []netip.AddrPort{netip.MustParseAddrPort("10.0.0.53:53")},
			Usable:  usable,
			Dial: func(_ context.Context, network, _ string) (net.Conn, error) {
				return &canned{answer: answer, network: network}, nil
			},
		}
		ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
		defer cancel()
		targets, err := r.SRV(ctx, internalTLS)
		checkFound(t, len(targets), err)
		for _, x := range targets {
			if _, parseErr := netip.ParseAddr(x.Host); !ldhName.MatchString(x.Host) || len(x.Host) > 253 || parseErr == nil || x.Port == 0 {
				t.Errorf("target %q:%d", x.Host, x.Port)
			}
		}
		if !slices.IsSortedFunc(targets, func(a, b Target) int { return int(a.Priority) - int(b.Priority) }) {
			t.Errorf("priorities out of order: %v", targets)
		}
		addrs, _, err := r.Addrs(ctx, "fe.contoso.com")
		checkFound(t, len(addrs), err)
		for i, a := range addrs {
			if !a.IsGlobalUnicast() || a.Is4In6() || a.Is4() && i > 0 && !addrs[i-1].Is4() || slices.Contains(addrs[:i], a) {
				t.Errorf("address %d of %v", i, addrs)
			}
		}
	})
}

// checkFound states what holds for every look-up: between 1 and 16 results, or one typed error.
func checkFound(t *testing.T, n int, err error) {
	t.Helper()
	var e *Error
	if err != nil && (!errors.As(err, &e) || e.Kind < NoRecord || e.Kind > lastKind || n != 0) || err == nil && (n < 1 || n > 16) {
		t.Errorf("%d results, error %v", n, err)
	}
	if err != nil && regexp.MustCompile(`[\x00-\x1f\x7f]`).MatchString(err.Error()) {
		t.Errorf("control characters in %q", err.Error())
	}
}
