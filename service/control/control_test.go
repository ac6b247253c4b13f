package control

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"io"
	"log/slog"
	"net"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"homeward/provisioning"
)

var noon = time.Date(2026, 11, 20, 12, 0, 0, 0, time.UTC)

// site is a daemon with a short past.
type site struct {
	socket string
	mu     sync.Mutex
	record any
	news   chan Entry
}

func (s *site) source() Source {
	return Source{
		Status: func() provisioning.Status {
			return provisioning.Status{Version: 1, State: provisioning.Resting, SIPAddress: "sip:phone1@contoso.com", SIPDomain: "contoso.com"}
		},
		Record: func() (any, bool) { s.mu.Lock(); defer s.mu.Unlock(); return s.record, s.record != nil },
		Forget: func() error { s.mu.Lock(); defer s.mu.Unlock(); s.record = nil; return nil },
		History: func(failures bool) []Entry {
			if failures {
				return past[1:]
			}
			return past
		},
		Log: func() []byte { return []byte("one line\nanother\n") },
		Next: func(ctx context.Context, after uint64) ([]Entry, uint64, error) {
			if after == 0 {
				return slices.Clone(past), 1, nil
			}
			select {
			case e := <-s.news:
				return []Entry{e}, after + 1, nil
			case <-ctx.Done():
				return nil, after, context.Cause(ctx)
			}
		},
	}
}

var past = []Entry{
	{At: noon, Event: "state", State: "discovering"},
	{At: noon, Event: "attempt", State: "discovering", Step: "internal-tls", Host: "fe01.contoso.com", Port: 5061, Transport: "tls", Address: "10.0.0.5", Reason: "connect-refused"},
}

// serve starts a daemon that ends with the test.
func serve(t *testing.T) *site {
	t.Helper()
	s := &site{socket: socketIn(t), record: map[string]any{"generation": 12}, news: make(chan Entry)}
	run(t, s.socket, s.source())
	return s
}

func run(t *testing.T, socket string, source Source) {
	t.Helper()
	l, err := Listen(t.Context(), socket)
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	var server sync.WaitGroup
	server.Go(func() { NewServer(l, source, slog.New(slog.DiscardHandler)).Run(ctx) })
	t.Cleanup(func() { cancel(); server.Wait() })
}

// socketIn returns a short path: the name of a test is part of t.TempDir, and may be long.
func socketIn(t *testing.T) string {
	t.Helper()
	dir, err := os.MkdirTemp("", "hw")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(dir) })
	return filepath.Join(dir, "control.sock")
}

func TestQuestions(t *testing.T) {
	s := serve(t)
	c := NewClient(s.socket)
	status, err := c.Status(t.Context())
	if err != nil || status.SIPAddress != "sip:phone1@contoso.com" || status.State != provisioning.Resting {
		t.Errorf("status is %+v, err %v", status, err)
	}
	record, err := c.Record(t.Context())
	if err != nil || string(record) != `{"generation":12}` {
		t.Errorf("record is %s, err %v", record, err)
	}
	log, err := c.Log(t.Context())
	if err != nil || string(log) != "one line\nanother" {
		t.Errorf("log is %q, err %v", log, err)
	}
	for _, test := range []struct {
		failures bool
		want     []Entry
	}{{false, past}, {true, past[1:]}} {
		var got []Entry
		err := c.History(t.Context(), Excerpt{Failures: test.failures}, func(e Entry) error { got = append(got, e); return nil })
		if diff := cmp.Diff(test.want, got); diff != "" || err != nil {
			t.Errorf("failures %t: err %v, %s", test.failures, err, diff)
		}
	}
}

func TestFollow(t *testing.T) {
	s := serve(t)
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	var got []string
	err := NewClient(s.socket).History(ctx, Excerpt{Follow: true}, func(e Entry) error {
		got = append(got, e.Event)
		switch len(got) {
		case len(past):
			go func() { s.news <- Entry{At: noon, Event: "commit"} }()
		case len(past) + 1:
			cancel()
		}
		return nil
	})
	if diff := cmp.Diff([]string{"state", "attempt", "commit"}, got); diff != "" || err != nil {
		t.Errorf("err %v, %s", err, diff)
	}
}

// A follower learns that the daemon has ended.
func TestFollowEndsWithTheDaemon(t *testing.T) {
	s := &site{socket: socketIn(t), news: make(chan Entry)}
	l, err := Listen(t.Context(), s.socket)
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	var server sync.WaitGroup
	defer server.Wait()
	server.Go(func() { NewServer(l, s.source(), slog.New(slog.DiscardHandler)).Run(ctx) })
	err = NewClient(s.socket).History(t.Context(), Excerpt{Failures: true, Follow: true}, func(Entry) error { cancel(); return nil })
	if !errors.Is(err, ErrGone) {
		t.Errorf("got %v, want ErrGone", err)
	}
}

// A daemon that ends before it answers has ended, too.
func TestFollowEndsBeforeTheAnswer(t *testing.T) {
	socket := socketIn(t)
	l, err := net.Listen("unix", socket)
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	go func() {
		for {
			conn, err := l.Accept()
			if err != nil {
				return
			}
			conn.Close()
		}
	}()
	if err := NewClient(socket).History(t.Context(), Excerpt{Follow: true}, func(Entry) error { return nil }); !errors.Is(err, ErrGone) {
		t.Errorf("got %v, want ErrGone", err)
	}
}

// What was told before the daemon ended reaches its followers.
func TestFollowersAreToldTheEnd(t *testing.T) {
	s := &site{socket: socketIn(t), news: make(chan Entry)}
	l, err := Listen(t.Context(), s.socket)
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	source, next := s.source(), s.source().Next
	source.Next = func(ctx context.Context, after uint64) ([]Entry, uint64, error) {
		entries, number, err := next(ctx, after)
		if err != nil && after == 1 {
			return []Entry{{At: noon, Event: "unregister"}}, 2, nil
		}
		return entries, number, err
	}
	var server sync.WaitGroup
	defer server.Wait()
	server.Go(func() { NewServer(l, source, slog.New(slog.DiscardHandler)).Run(ctx) })
	var got []string
	err = NewClient(s.socket).History(t.Context(), Excerpt{Follow: true}, func(e Entry) error {
		if got = append(got, e.Event); len(got) == len(past) {
			cancel()
		}
		return nil
	})
	if diff := cmp.Diff([]string{"state", "attempt", "unregister"}, got); diff != "" || !errors.Is(err, ErrGone) {
		t.Errorf("err %v, %s", err, diff)
	}
}

func TestErrors(t *testing.T) {
	s := serve(t)
	s.record = nil
	if _, err := NewClient(s.socket).Record(t.Context()); !errors.Is(err, ErrNoRecord) {
		t.Errorf("without a record: %v", err)
	}
	if _, err := NewClient(socketIn(t)).Status(t.Context()); !errors.Is(err, ErrNotRunning) {
		t.Errorf("without a socket: %v", err)
	}
	dead := socketIn(t)
	leaveSocket(t, dead)
	if _, err := NewClient(dead).Status(t.Context()); !errors.Is(err, ErrNotRunning) {
		t.Errorf("with a dead socket: %v", err)
	}
	long := "/run/" + strings.Repeat("x", maxPath)
	if _, err := NewClient(long).Status(t.Context()); err == nil || !strings.Contains(err.Error(), "shorter") {
		t.Errorf("with a path that is too long: %v", err)
	}
}

// say sends bytes and returns the whole answer.
func say(t *testing.T, s *site, text string) string {
	t.Helper()
	conn, err := net.Dial("unix", s.socket)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	conn.SetDeadline(time.Now().Add(30 * time.Second))
	go io.WriteString(conn, text) // the answer may come before all is said
	answer, _ := io.ReadAll(conn)
	return string(answer)
}

// K03 a line without end: cut at the cap. K05 NUL and bad UTF-8. K06 unknown path: error and list. And the rest
// of what a caller may say wrongly.
func TestBadRequests(t *testing.T) {
	s := serve(t)
	for _, test := range []struct {
		name, request, want string
	}{
		{"K03 a header without end", "GET /v1/status HTTP/1.1\r\nHost: homeward\r\nX: " + strings.Repeat("x", 1<<20), "431 Request Header Fields Too Large"},
		{"K03 a request line without end", strings.Repeat("G", 1<<20), "431 Request Header Fields Too Large"},
		{"K05 NUL and bad UTF-8", "GET /v1/\x00\xff HTTP/1.1\r\nHost: homeward\r\n\r\n", "400 Bad Request"},
		{"K06 an unknown path", "GET /v1/nonsense HTTP/1.1\r\nHost: homeward\r\n\r\n", `"paths":["GET /v1/status","GET /v1/cache","GET /v1/history","GET /v1/log","POST /v1/forget","POST /v1/enrol","POST /v1/report"]`},
		{"not HTTP", "hello\r\n\r\n", "400 Bad Request"},
		{"the wrong method", "DELETE /v1/status HTTP/1.1\r\nHost: homeward\r\n\r\n", "unknown path"},
		{"a GET cannot forget", "GET /v1/forget HTTP/1.1\r\nHost: homeward\r\n\r\n", "unknown path"},
		{"a body nobody asked for", "POST /v1/nonsense HTTP/1.1\r\nHost: homeward\r\nContent-Length: 1000000000\r\n\r\n" + strings.Repeat("x", 1<<20), "unknown path"},
		{"two requests in one", "GET /v1/status HTTP/1.1\r\nHost: a\r\n\r\nPOST /v1/forget HTTP/1.1\r\nHost: a\r\n\r\n", "Connection: close"},
	} {
		t.Run(test.name, func(t *testing.T) {
			if got := say(t, s, test.request); !strings.Contains(got, test.want) {
				t.Errorf("the answer is %.300q, want %q in it", got, test.want)
			}
		})
	}
	if _, err := NewClient(s.socket).Record(t.Context()); err != nil {
		t.Errorf("afterwards the record is gone: %v", err)
	}
}

// K01 ten thousand connections, one after the other: each gives its place back.
func TestManyConnections(t *testing.T) {
	s := serve(t)
	for range 10_000 {
		conn, err := net.DialTimeout("unix", s.socket, time.Second)
		if err != nil {
			t.Fatal(err)
		}
		defer conn.Close()
		conn.Write([]byte("GET /v1/status HTTP/1.1\r\nHost: homeward\r\n\r\n"))
		if _, err := io.ReadAll(conn); err != nil {
			t.Fatal(err)
		}
		conn.Close()
	}
	if _, err := NewClient(s.socket).Status(t.Context()); err != nil {
		t.Error(err)
	}
}

// K02 a caller that says nothing and K13 one that never reads are gone after a while; K08 one that hangs up
// costs nothing.
func TestPatienceEnds(t *testing.T) {
	if testing.Short() {
		t.Skip("takes 5 s: left out by -short")
	}
	s := serve(t)
	silent, err := net.Dial("unix", s.socket)
	if err != nil {
		t.Fatal(err)
	}
	defer silent.Close()
	silent.SetDeadline(time.Now().Add(30 * time.Second))
	if _, err := bufio.NewReader(silent).ReadByte(); !errors.Is(err, io.EOF) {
		t.Errorf("a caller that says nothing: %v, want the end", err)
	}

	deaf, err := net.Dial("unix", s.socket)
	if err != nil {
		t.Fatal(err)
	}
	defer deaf.Close()
	io.WriteString(deaf, "GET /v1/history?follow HTTP/1.1\r\nHost: homeward\r\n\r\n")
	big := Entry{At: noon, Event: "lookup", Detail: strings.Repeat("x", 64<<10)}
	for sent := 0; ; sent++ {
		select {
		case s.news <- big:
			if sent > 1000 {
				t.Fatal("a caller that never reads is still served")
			}
			continue
		case <-time.After(writeLimit + time.Second):
		}
		break
	}
	if _, err := NewClient(s.socket).Status(t.Context()); err != nil {
		t.Error(err)
	}
}

// K07, K09 who may write is what the kernel says, whatever the caller says.
func TestForget(t *testing.T) {
	for _, test := range []struct {
		name string
		who  caller
		want int
	}{
		{"root", caller{uid: 0}, 200},
		{"the daemon's own user", caller{uid: os.Geteuid()}, 200},
		{"somebody else", caller{uid: 54321}, 403},
		{"nobody knows who", caller{err: errors.New("this system does not say who is calling")}, 403},
	} {
		t.Run(test.name, func(t *testing.T) {
			s := &site{record: "something"}
			server := NewServer(nil, s.source(), slog.New(slog.DiscardHandler))
			code, body := server.ask(t, "POST", "/v1/forget", test.who)
			if code != test.want {
				t.Errorf("got %d %s, want %d", code, body, test.want)
			}
			if forgotten := s.record == nil; forgotten != (test.want == 200) {
				t.Errorf("forgotten: %t", forgotten)
			}
			var p problem
			if err := json.Unmarshal([]byte(body), &p); err != nil || (p.Error != "") != (test.want != 200) {
				t.Errorf("the answer is %s", body)
			}
		})
	}
}

func TestForgetOverTheSocket(t *testing.T) {
	s := serve(t)
	c := NewClient(s.socket)
	if err := c.Forget(t.Context()); err != nil {
		t.Fatal(err)
	}
	if _, err := c.Record(t.Context()); !errors.Is(err, ErrNoRecord) {
		t.Errorf("after forget: %v", err)
	}
}

// A daemon that accepts and says nothing is a failure in words, however the wait ends.
func TestSilentDaemon(t *testing.T) {
	socket := socketIn(t)
	l, err := net.Listen("unix", socket)
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	ctx, hangUp := context.WithCancel(t.Context())
	go func() {
		conn, err := l.Accept()
		if err != nil {
			return
		}
		defer conn.Close()
		conn.Read(make([]byte, 1))
		hangUp()
		conn.Read(make([]byte, 4096))
	}()
	if _, err := NewClient(socket).Status(ctx); err == nil || !strings.Contains(err.Error(), "ask the daemon") {
		t.Errorf("got %v", err)
	}
}

// A daemon that hangs is told from one that is not there, and from one that was not asked.
func TestHangingDaemon(t *testing.T) {
	socket := socketIn(t)
	l, err := net.Listen("unix", socket) // takes the call, and says nothing
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	brief, done := context.WithTimeout(t.Context(), 50*time.Millisecond)
	defer done()
	var told *Refusal
	_, err = NewClient(socket).Status(brief)
	if !errors.As(err, &told) || told.Hint == "" || !strings.Contains(told.Text, "does not answer on "+socket) || !errors.Is(err, os.ErrDeadlineExceeded) {
		t.Errorf("it hangs: got %v", err)
	}
	if _, err = NewClient(socket).Status(brief); err == nil || errors.Is(err, ErrNotRunning) || errors.Is(err, os.ErrDeadlineExceeded) {
		t.Errorf("it was not asked, as the time was over: got %v", err)
	}
}
