package srv

import (
	"context"
	"errors"
	"net"
	"net/netip"
	"testing"
	"testing/synctest"
	"time"

	"github.com/miekg/dns"
)

// serving leads to a name server, until the test ends. answers is what it sends to its n-th question, from 1 on, which came as asked.
func serving(t *testing.T, answers func(n int, q *dns.Msg, asked []byte) [][]byte) func(context.Context, string, string) (net.Conn, error) {
	client, server := net.Pipe()
	t.Cleanup(func() { server.Close() })
	go func() {
		for buf, n := make([]byte, 512), 1; ; n++ {
			size, err := server.Read(buf)
			if err != nil {
				return
			}
			var q dns.Msg
			if q.Unpack(buf[:size]) != nil {
				continue
			}
			for _, b := range answers(n, &q, buf[:size]) {
				if _, err := server.Write(b); err != nil {
					return
				}
			}
		}
	}()
	return func(context.Context, string, string) (net.Conn, error) { return client, nil }
}

// A server gets every question, and answers those it is told to.
func TestMeasure(t *testing.T) {
	for name, test := range map[string]struct {
		answers  func(n int) bool
		answered int
		lost     int
		gap      time.Duration
		open     bool
	}{
		"all":              {func(int) bool { return true }, measureCount, 0, 0, false},
		"one in ten":       {func(n int) bool { return n%10 != 0 }, measureCount * 9 / 10, 10, 0, false},
		"none":             {func(int) bool { return false }, 0, 100, 0, false},
		"the first three":  {func(n int) bool { return n > 3 }, measureCount - 3, 7, 3 * measureSpacing, false},
		"ten at a time":    {func(n int) bool { return n <= 12 || n > 22 }, measureCount - 10, 25, 10 * measureSpacing, false},
		"the last four":    {func(n int) bool { return n <= measureCount-4 }, measureCount - 4, 10, 4 * measureSpacing, true},
		"two, then others": {func(n int) bool { return n != 5 && n != 6 && n != 9 }, measureCount - 3, 7, 0, false},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				at := netip.MustParseAddrPort("10.0.0.53:53")
				q := Measure(t.Context(), serving(t, func(n int, q *dns.Msg, asked []byte) [][]byte {
					if !test.answers(n) {
						return nil
					}
					answer, _ := new(dns.Msg).SetRcode(q, dns.RcodeNameError).Pack()
					time.Sleep(30 * time.Millisecond)
					return [][]byte{answer, answer, asked, {1, 2, 3}} // twice: it counts once; and what is no answer
				}), at, "contoso.com")
				if q.Server != at || q.Asked != measureCount || q.Answered != test.answered || q.Lost() != test.lost || (q.Median >= 30*time.Millisecond) != (test.answered > 0) || q.Err != nil ||
					(q.Gap.Took-test.gap).Abs() > measureSpacing || q.Gap.Open != test.open || q.Gap.At.IsZero() != (test.gap == 0) {
					t.Errorf("got %+v", q)
				}
			})
		})
	}
}

// TestMend125AnswersThatAreNone: an answer that refuses is an answer, and is counted as what it is.
func TestMend125AnswersThatAreNone(t *testing.T) {
	for name, test := range map[string]struct {
		code func(n int) int
		want string
	}{
		"answers":        {func(int) int { return dns.RcodeSuccess }, ""},
		"no such name":   {func(int) int { return dns.RcodeNameError }, ""},
		"refuses":        {func(int) int { return dns.RcodeRefused }, "all with REFUSED"},
		"refuses a few":  {func(n int) int { return dns.RcodeRefused * min(1, n/38) }, "3 with REFUSED"},
		"of no name":     {func(int) int { return 12 }, "all with RCODE 12"},
		"in two ways":    {func(n int) int { return []int{dns.RcodeRefused, dns.RcodeServerFailure}[min(1, 1/n)] }, "39 with REFUSED, 1 with SERVFAIL"},
		"cannot look up": {func(int) int { return dns.RcodeServerFailure }, "all with SERVFAIL"},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				q := Measure(t.Context(), serving(t, func(n int, q *dns.Msg, _ []byte) [][]byte {
					answer, _ := new(dns.Msg).SetRcode(q, test.code(n)).Pack()
					return [][]byte{answer}
				}), netip.MustParseAddrPort("10.0.0.53:53"), "contoso.com")
				if got := q.Failing(); got != test.want || q.Answered != measureCount || q.Serves() != (q.Codes[0]+q.Codes[3] > 0) {
					t.Errorf("%d answered, %q, want %q", q.Answered, got, test.want)
				}
			})
		})
	}
}

// TestMend163LateIsNotLost: an answer that comes late is one, though it may come after those that are lost; and it is waited for no longer than 5 s.
func TestMend163LateIsNotLost(t *testing.T) {
	for name, test := range map[string]struct {
		after    func(n int) time.Duration // 0: never
		answered int
		took     time.Duration
	}{
		"a few are late":    {func(n int) time.Duration { return time.Millisecond + time.Duration(n%4/3)*2*time.Second }, measureCount, 2760 * time.Millisecond},
		"lost, and late":    {func(n int) time.Duration { return time.Duration(n%4/3) * 2 * time.Second }, measureCount / 4, 4280 * time.Millisecond},
		"lost, and at once": {func(n int) time.Duration { return time.Duration(n%4/3) * time.Millisecond }, measureCount / 4, 2300 * time.Millisecond},
		"later and later":   {func(n int) time.Duration { return time.Duration(n) * time.Second / 4 }, 21, 5800 * time.Millisecond},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				client, server := net.Pipe()
				defer server.Close()
				go func() {
					for buf, n := make([]byte, 512), 1; ; n++ {
						size, err := server.Read(buf)
						if err != nil {
							return
						}
						answer := append([]byte(nil), buf[:size]...)
						answer[2] |= 0x80
						if d := test.after(n); d > 0 {
							time.AfterFunc(d, func() { _, _ = server.Write(answer) }) // it may be closed by then
						}
					}
				}()
				q := Measure(t.Context(), func(context.Context, string, string) (net.Conn, error) { return client, nil }, netip.MustParseAddrPort("10.0.0.53:53"), "contoso.com")
				if q.Answered != test.answered || (q.Took-test.took).Abs() > 30*time.Millisecond {
					t.Errorf("%d answered after %v, want %d after %v", q.Answered, q.Took, test.answered, test.took)
				}
			})
		})
	}
}

func TestMeasureOfNobody(t *testing.T) {
	at := netip.MustParseAddrPort("10.0.0.53:53")
	noWay := errors.New("no way")
	q := Measure(t.Context(), func(context.Context, string, string) (net.Conn, error) { return nil, noWay }, at, "contoso.com")
	if !errors.Is(q.Err, noWay) || q.Asked != 0 || q.Lost() != 0 {
		t.Errorf("got %+v", q)
	}
	ctx, cancel := context.WithCancel(t.Context())
	client, server := net.Pipe()
	defer server.Close()
	cancel()
	q = Measure(ctx, func(context.Context, string, string) (net.Conn, error) { return client, nil }, at, "contoso.com")
	if q.Answered != 0 {
		t.Errorf("got %+v", q)
	}
}

// Two questions of one id would share an answer, and one of them be counted as lost.
func TestMeasuredQuestionsHaveIDsOfTheirOwn(t *testing.T) {
	m := meter{open: map[uint16]sent{}}
	if !m.begin(7) || m.begin(7) || !m.begin(8) {
		t.Errorf("open: %v", m.open)
	}
}

// TestMend262Trip: how long an answer takes is measured to the question that it answers, and a server that need not ask others is not had to.
func TestMend262Trip(t *testing.T) {
	for name, test := range map[string]struct {
		name  string
		takes time.Duration
		want  time.Duration
	}{
		"late":               {"", 3 * time.Second, 3 * time.Second},
		"of the name":        {"contoso.com", 3 * time.Second, 3 * time.Second},
		"too late":           {"", 5 * time.Second, 0},
		"at once":            {"", time.Millisecond, time.Millisecond},
		"too late, the name": {"contoso.com", 5 * time.Second, 0},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				at := netip.MustParseAddrPort("10.0.0.53:53")
				got := Trip(t.Context(), serving(t, func(n int, q *dns.Msg, _ []byte) [][]byte {
					if q.RecursionDesired != (test.name != "") {
						t.Errorf("recursion is desired: %v", q.RecursionDesired)
					}
					if n < measureOwn { // lost
						return nil
					}
					time.Sleep(test.takes)
					answer, _ := new(dns.Msg).SetRcode(q, dns.RcodeSuccess).Pack()
					return [][]byte{answer}
				}), at, test.name)
				if got != test.want {
					t.Errorf("took %v, want %v", got, test.want)
				}
				time.Sleep(test.takes) // until the server is done, too
			})
		})
	}
	t.Run("nothing listens", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			began := time.Now()
			client, server := net.Pipe()
			server.Close()
			dial := func(context.Context, string, string) (net.Conn, error) { return client, nil }
			if got := Trip(t.Context(), dial, netip.MustParseAddrPort("10.0.0.53:53"), ""); got != 0 || time.Since(began) != 0 {
				t.Errorf("took %v, waited %v", got, time.Since(began))
			}
		})
	})
}
