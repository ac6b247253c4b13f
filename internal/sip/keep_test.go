package sip

import (
	"context"
	"errors"
	"io"
	"net"
	"regexp"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"
)

// keep registers, keeps the binding for at most d, and returns the transcript from the registration on. While it is kept,
// meanwhile runs beside the script.
func keep(t *testing.T, account Account, d time.Duration, script []step, meanwhile func(p *peer)) string {
	t.Helper()
	pings := 0
	transcript := bubble(t, true, account, script, func(s *Session, p *peer) {
		ctx, cancel := context.WithTimeoutCause(p.t.Context(), d, errors.New("the test is over"))
		defer cancel()
		if _, err := s.Register(ctx); err != nil {
			p.t.Fatal(err)
		}
		p.note("registered")
		done := make(chan struct{})
		go func() { defer close(done); meanwhile(p) }()
		err := s.Keep(ctx, Watch{Refreshed: func(b Binding) { p.note("refreshed for %s", b.Expires) }, Pinged: func() { pings++ }})
		synctest.Wait()
		p.note("%s", err)
		if binding := errors.Is(err, ErrBindingLost); binding == (ctx.Err() != nil) {
			p.t.Errorf("Keep ended with %v; ErrBindingLost: %v", err, binding)
		}
		s.Close()
		<-done
	})
	if seen := len(regexp.MustCompile(`(?m)^\+\S+ ping$`).FindAllString(transcript, -1)); pings != seen {
		t.Errorf("%d pings are told of, and %d were sent", pings, seen)
	}
	_, transcript, _ = strings.Cut(transcript, "+0s registered\n")
	return transcript
}

func idle(*peer) {}

func TestKeep(t *testing.T) {
	granted := func(headers ...string) step { return answer("200 OK", append(headers, ownContact+"3600")...) }
	// The moment of a refresh is drawn from the fixed source of the tests.
	for _, test := range []struct {
		name   string
		lasts  time.Duration
		script []step
		want   string
	}{
		{
			name:   "a silent connection is pinged soon, and then every 30 s",
			lasts:  70 * time.Second,
			script: []step{granted()},
			want: `
				+5s ping
				+35s ping
				+65s ping
				+70s the test is over`,
		},
		{
			name:   "Lync says how long it waits: ping at 80 % of that",
			lasts:  500 * time.Second,
			script: []step{granted("ms-keep-alive: UAS; tcp=no; hop-hop=yes; end-end=no; timeout=300")},
			want: `
				+5s ping
				+245s ping
				+485s ping
				+500s the test is over`,
		},
		{
			name:   "a Registrar that promises pongs and sends none is dead",
			lasts:  time.Hour,
			script: []step{granted("Flow-Timer: 60")},
			want: `
				+48s ping
				+58s binding lost: no answer from the Registrar to a keep-alive after 10s`,
		},
		{
			name:   "a flow timer of nothing does not make a flood",
			lasts:  12 * time.Second,
			script: []step{granted("Flow-Timer: 0")},
			want: `
				+5s ping
				+12s the test is over`,
		},
		{
			name:  "the binding is refreshed in time, with the same credentials and the next count",
			lasts: 20 * time.Second,
			script: []step{answer("401 Unauthorized", md5Challenge), answer("200 OK", "Expires: 20"),
				answer("200 OK", "Expires: 90000"), silence},
			want: `
				+5s ping
				+13.6s 3 REGISTER Authorization nonce="n1", algorithm=MD5, qop=auth, nc=00000002
				+13.6s refreshed for 24h0m0s
				+20s the test is over`,
		},
		{
			name:  "a new nonce at the refresh is answered: the old one was simply forgotten",
			lasts: 20 * time.Second,
			script: []step{answer("401 Unauthorized", md5Challenge), answer("200 OK", "Expires: 20"),
				answer("401 Unauthorized", strings.Replace(md5Challenge, "n1", "n2", 1)), answer("200 OK")},
			want: `
				+5s ping
				+13.6s 3 REGISTER Authorization nonce="n1", algorithm=MD5, qop=auth, nc=00000002
				+13.6s 4 REGISTER Authorization nonce="n2", algorithm=MD5, qop=auth, nc=00000001
				+13.6s refreshed for 10m0s
				+20s the test is over`,
		},
		{
			name:  "the next nonce is taken up when it is told",
			lasts: 20 * time.Second,
			script: []step{answer("401 Unauthorized", md5Challenge), answer("200 OK", "Expires: 20", `Authentication-Info: nextnonce="n9"`),
				answer("200 OK")},
			want: `
				+5s ping
				+13.6s 3 REGISTER Authorization nonce="n9", algorithm=MD5, qop=auth, nc=00000001
				+13.6s refreshed for 10m0s
				+20s the test is over`,
		},
		{
			name:   "a refusal at the refresh loses the binding",
			lasts:  time.Minute,
			script: []step{answer("200 OK", "Expires: 20"), answer("503 Service Unavailable", "Retry-After: 60")},
			want: `
				+5s ping
				+11.5s 2 REGISTER
				+11.5s binding lost: answered 503 Service Unavailable (Retry-After 60 s)`,
		},
		{
			name:   "a redirect at the refresh loses the binding",
			lasts:  time.Minute,
			script: []step{answer("200 OK", "Expires: 20"), answer("301 Moved", "Contact: <sip:pool02.contoso.com>")},
			want: `
				+5s ping
				+11.5s 2 REGISTER
				+11.5s binding lost: redirected to pool02.contoso.com:5061 (tls)`,
		},
		{
			name:  "a Registrar that still had the binding refreshes it",
			lasts: 20 * time.Second,
			script: []step{answer("200 OK", "Expires: 20", `presence-state: register-action="added"`),
				answer("200 OK", "Expires: 7200", `presence-state: register-action="refreshed"`)},
			want: `
				+5s ping
				+11.5s 2 REGISTER
				+11.5s refreshed for 2h0m0s
				+20s the test is over`,
		},
		{
			name:  "one that adds it anew at the refresh had lost it",
			lasts: time.Minute,
			script: []step{answer("200 OK", "Expires: 20", `presence-state: register-action="added"`),
				answer("200 OK", "Expires: 20", `Presence-State: register-action="Added";is-connected-to-primary="yes"`)},
			want: `
				+5s ping
				+11.5s 2 REGISTER
				+11.5s binding lost: the Registrar had forgotten it (register-action added)`,
		},
		{
			name:  "one that had to fix it too",
			lasts: time.Minute,
			script: []step{answer("200 OK", "Expires: 20"),
				answer("200 OK", "Expires: 20", `presence-state: register-action=fixed`)},
			want: `
				+5s ping
				+11.5s 2 REGISTER
				+11.5s binding lost: the Registrar had forgotten it (register-action fixed)`,
		},
		{
			name:   "silence at the refresh loses the binding after 4 s",
			lasts:  time.Minute,
			script: []step{answer("200 OK", "Expires: 20"), silence},
			want: `
				+5s ping
				+11.5s 2 REGISTER
				+15.5s binding lost: no answer from the Registrar to REGISTER after 4s`,
		},
	} {
		t.Run(test.name, func(t *testing.T) {
			got := keep(t, phone, test.lasts, test.script, idle)
			if diff := cmp.Diff(tidy(test.want), got); diff != "" {
				t.Error(diff)
			}
		})
	}
}

func TestKeepServes(t *testing.T) {
	const head = "Via: SIP/2.0/TLS 10.0.0.5:5061;branch=z9hG4bK7\r\nFrom: <sip:contoso.com>;tag=1\r\nTo: <sip:phone1@contoso.com>\r\nCall-ID: c\r\n"
	request := func(method, rest string) string {
		return method + " sip:phone1@10.0.0.21 SIP/2.0\r\n" + head + "CSeq: 4 " + method + "\r\n" + rest + "\r\n"
	}
	for _, test := range []struct {
		name string
		sent []string
		want string
	}{
		{
			name: "S70 requests nobody asked for are answered, and leave no trace",
			sent: []string{request("OPTIONS", ""), request("NOTIFY", "Event: message-summary\r\n"), request("INVITE", ""), request("ACK", ""),
				request("CANCEL", ""), request("BYE", ""), request("MESSAGE", "Content-Length: 0\r\n"), request("BENOTIFY", ""), request("FROBNICATE", "")},
			want: `
				+0s answered 200
				+0s answered 200
				+0s answered 501
				+0s answered 481
				+0s answered 481
				+0s answered 405
				+0s answered 501
				+5s ping
				+20s the test is over`,
		},
		{
			name: "S71 an offer to compress is declined",
			sent: []string{request("NEGOTIATE", "Compression: LZ77-8K\r\n")},
			want: `
				+0s answered 501
				+5s ping
				+20s the test is over`,
		},
		{
			name: "S62 answers nobody waits for are dropped",
			sent: []string{"SIP/2.0 403 Forbidden\r\n" + head + "CSeq: 1 REGISTER\r\n\r\n"},
			want: `+5s ping
				+20s the test is over`,
		},
		{
			name: "a ping is answered with a pong, also byte by byte",
			sent: []string{"\r\n\r\n", "wait", "\r", "\n", "\r", "\n"},
			want: `
				+0s pong
				+2s pong
				+5s ping
				+20s the test is over`,
		},
		{
			name: "S69 a flood of pings is answered once a second",
			sent: append(strings.Split(strings.Repeat("\r\n\r\n|", 1000), "|"), "wait", strings.Repeat("\r\n", 10_000)),
			want: `
				+0s pong
				+2s pong
				+5s ping
				+20s the test is over`,
		},
		{
			name: "a Registrar that has ended our binding is believed",
			sent: []string{request("NOTIFY", "Event: registration\r\nContent-Type: text/registration-event; charset=utf-8\r\nContent-Length: 27\r\n") + "deregistered;event=rejected"},
			want: `
				+0s answered 200
				+0s binding lost: the Registrar sent "deregistered;event=rejected"`,
		},
		{
			name: "the same without wanting an answer",
			sent: []string{request("BENOTIFY", "c: Text/Registration-Event\r\nl: 31\r\n") + "deregistered;event=unregistered"},
			want: `+0s binding lost: the Registrar sent "deregistered;event=unregistered"`,
		},
		{
			name: "one that sends us elsewhere says where, and why",
			sent: []string{request("BENOTIFY", "Content-Type: text/registration-event\r\nP-Preferred-Registrar: <sip:>, <sip:Pool02.contoso.com.:5061;transport=tls>\r\n"+
				"ms-diagnostics-public: 4166;reason=\"Registrar has changed\"\r\nl: 50\r\n") + "\r\n deregistered ; event=preferred-registrar-change \r\n"},
			want: `+0s binding lost: the Registrar sent "deregistered;event=preferred-registrar-change" and prefers pool02.contoso.com; ms-diagnostics 4166: Registrar has changed`,
		},
		{
			name: "a bare host name is a place too",
			sent: []string{request("BENOTIFY", "Content-Type: text/registration-event\r\nP-Preferred-Registrar: pool02.contoso.com:5061\r\nl: 12\r\n") + "deregistered"},
			want: `+0s binding lost: the Registrar sent "deregistered;event=" and prefers pool02.contoso.com`,
		},
		{
			name: "other news of the registration are no farewell",
			sent: []string{request("BENOTIFY", "Content-Type: text/registration-event\r\nl: 43\r\n") + "registered;event=userservices-unavailable\r\n"},
			want: `+5s ping
				+20s the test is over`,
		},
		{
			name: "S52 a message that takes longer than 32 s ends the conversation",
			sent: []string{"NOTIFY sip:phone1@10.0.0.21 SIP/2.0\r\nVia"},
			want: `
				+5s ping
				+32s binding lost: a message that was not complete after 32s`,
		},
		{
			name: "a connection the Registrar closes loses the binding",
			sent: []string{"close"},
			want: `+0s binding lost: the other side has hung up`,
		},
		{
			name: "noise in place of a message loses the binding",
			sent: []string{"\xff\xfe\x00"},
			want: `+0s binding lost: not SIP but "` + "\ufffd" + `"`,
		},
	} {
		t.Run(test.name, func(t *testing.T) {
			lasts := 20 * time.Second
			if strings.HasPrefix(test.name, "S52") {
				lasts = time.Minute
			}
			got := keep(t, phone, lasts, []step{answer("200 OK")}, func(p *peer) {
				for _, text := range test.sent {
					switch text {
					case "wait":
						time.Sleep(2 * time.Second)
					case "close":
						p.conn.Close()
					default:
						p.send(text)
					}
				}
			})
			if diff := cmp.Diff(tidy(test.want), got); diff != "" {
				t.Error(diff)
			}
		})
	}
}

// A peer that has answered one ping is expected to answer the next; one that never has, is not.
func TestKeepLearnsPongs(t *testing.T) {
	got := keep(t, phone, time.Hour, []step{answer("200 OK")}, func(p *peer) {
		time.Sleep(6 * time.Second)
		p.send("\r\n")
	})
	want := tidy(`
		+5s ping
		+35s ping
		+45s binding lost: no answer from the Registrar to a keep-alive after 10s`)
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
}

// An answered ping is done with: the next one comes when its time has come, not when patience would have ended.
func TestKeepAnsweredPings(t *testing.T) {
	got := keep(t, phone, 110*time.Second, []step{answer("200 OK")}, func(p *peer) {
		for _, pause := range []time.Duration{5, 30, 30, 30} {
			time.Sleep(pause*time.Second + time.Millisecond)
			p.send("\r\n")
		}
	})
	want := tidy(`
		+5s ping
		+35s ping
		+65s ping
		+95s ping
		+110s the test is over`)
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
}

// The refresh comes at a moment between 50 and 90 % of the lifetime, and not always the same.
func TestRefreshMoment(t *testing.T) {
	earliest, latest := time.Hour, time.Duration(0)
	for range 1000 {
		var f flow
		before := time.Now()
		f.granted(&message{}, 1000*time.Second)
		after := f.refreshAt.Sub(before)
		earliest, latest = min(earliest, after), max(latest, after)
	}
	if earliest < 500*time.Second || earliest > 520*time.Second || latest > 901*time.Second || latest < 880*time.Second {
		t.Errorf("1000 refreshes of 1000 s came between %s and %s", earliest, latest)
	}
}

func TestUnregister(t *testing.T) {
	for _, test := range []struct {
		name   string
		script []step
		want   string
	}{
		{
			name:   "the binding is taken back with the credentials at hand",
			script: []step{answer("401 Unauthorized", md5Challenge), answer("200 OK")},
			want: `
				+0s 1 REGISTER
				+0s 2 REGISTER Authorization nonce="n1", algorithm=MD5, qop=auth, nc=00000001
				+0s 3 REGISTER expires=0 Authorization nonce="n1", algorithm=MD5, qop=auth, nc=00000002
				+0s unregistered: <nil>`,
		},
		{
			name:   "a Registrar that does not answer is not waited for longer than asked",
			script: []step{answer("200 OK"), silence},
			want: `
				+0s 1 REGISTER
				+0s 2 REGISTER expires=0
				+2s unregistered: no answer from the Registrar to REGISTER after 2s`,
		},
		{
			name:   "what was refused is not taken back",
			script: []step{answer("404 Not Found")},
			want: `
				+0s 1 REGISTER
				+0s unregistered: <nil>`,
		},
	} {
		t.Run(test.name, func(t *testing.T) {
			got := bubble(t, true, phone, test.script, func(s *Session, p *peer) {
				s.Register(p.t.Context())
				ctx, cancel := context.WithTimeout(p.t.Context(), 2*time.Second)
				defer cancel()
				err := s.Unregister(ctx)
				synctest.Wait()
				p.note("unregistered: %v", err)
			})
			if diff := cmp.Diff(tidy(test.want), got); diff != "" {
				t.Error(diff)
			}
		})
	}
}

// Close may come from anywhere and at any time: nothing is left behind, and whoever waits is told.
func TestCloseAnyTime(t *testing.T) {
	t.Run("before anything was sent", func(t *testing.T) {
		bubble(t, true, phone, nil, func(s *Session, p *peer) {
			s.Close()
			if _, err := s.Register(p.t.Context()); err == nil {
				t.Error("a closed Session registered")
			}
		})
	})
	t.Run("while an answer is awaited", func(t *testing.T) {
		bubble(t, true, phone, []step{func(p *peer, _ *sipgoRequest) {}}, func(s *Session, p *peer) {
			go func() { time.Sleep(time.Second); s.Close() }()
			_, err := s.Register(p.t.Context())
			if !errors.Is(err, io.ErrClosedPipe) {
				t.Errorf("got %v", err)
			}
		})
	})
	t.Run("while the binding is kept", func(t *testing.T) {
		got := keep(t, phone, time.Minute, []step{answer("200 OK")}, func(p *peer) { p.conn.Close() })
		if want := "+0s binding lost: the other side has hung up"; got != want {
			t.Errorf("got %s, want %s", got, want)
		}
	})
}

// Register ends with its context, whatever the Registrar does.
func TestRegisterEndsWithContext(t *testing.T) {
	cause := errors.New("the network has changed")
	bubble(t, true, phone, []step{silence}, func(s *Session, p *peer) {
		ctx, cancel := context.WithCancelCause(p.t.Context())
		go func() { time.Sleep(time.Second); cancel(cause) }()
		began := time.Now()
		_, err := s.Register(ctx)
		if !errors.Is(err, cause) || time.Since(began) != time.Second {
			t.Errorf("got %v after %s", err, time.Since(began))
		}
	})
}

// Refresh makes Keep renew the binding long before it is due.
func TestRefreshOnDemand(t *testing.T) {
	bubble(t, true, phone, []step{answer("200 OK", ownContact+"3600"), answer("200 OK", ownContact+"3600")}, func(s *Session, p *peer) {
		if _, err := s.Register(p.t.Context()); err != nil {
			p.t.Fatal(err)
		}
		ctx, cancel := context.WithCancel(p.t.Context())
		began := time.Now()
		go func() { time.Sleep(time.Second); s.Refresh(ctx) }()
		_ = s.Keep(ctx, Watch{Refreshed: func(Binding) {
			if got := time.Since(began); got != time.Second {
				t.Errorf("refreshed after %s", got)
			}
			began = time.Time{}
			cancel()
		}})
		if !began.IsZero() {
			t.Error("not refreshed")
		}
	})
}

// probed is a connection that is probed by the system.
type probed struct {
	net.Conn
	unanswered func() time.Duration
}

func (p probed) Unanswered() time.Duration { return p.unanswered() }

// A ping is put off while the system probes the connection in vain, but not for ever.
func TestKeepHoldsPings(t *testing.T) {
	for name, c := range map[string]struct {
		vain func(since time.Duration) time.Duration
		want string
	}{
		"every probe is answered": {func(time.Duration) time.Duration { return 2 * time.Second }, "+5s ping\n+35s ping"},
		"one answer was late":     {func(since time.Duration) time.Duration { return max(0, 9*time.Second-since) }, "+8s ping\n+38s ping"},
		"there are no probes":     {func(since time.Duration) time.Duration { return since }, "+11s ping\n+47s ping"},
	} {
		t.Run(name, func(t *testing.T) {
			got := bubble(t, true, phone, []step{answer("200 OK")}, func(s *Session, p *peer) {
				began := time.Now()
				s.talk.conn.conn = probed{s.talk.conn.conn, func() time.Duration { return c.vain(time.Since(began)) }}
				ctx, cancel := context.WithTimeout(p.t.Context(), 61*time.Second)
				defer cancel()
				if _, err := s.Register(ctx); err != nil {
					p.t.Fatal(err)
				}
				p.note("registered")
				_ = s.Keep(ctx, Watch{})
			})
			if _, pings, _ := strings.Cut(got, "registered\n"); pings != tidy(c.want) {
				t.Errorf("got\n%s", pings)
			}
		})
	}
}

// How long a connection was without traffic when it ended, and what it has survived before.
func TestPauses(t *testing.T) {
	for _, test := range []struct {
		name           string
		meanwhile      func(p *peer)
		idle, survived time.Duration
	}{
		// There is a ping after 5 s.
		{"closed when it is idle", func(p *peer) { time.Sleep(20 * time.Second); p.conn.Close() }, 15 * time.Second, 0},
		{"closed after a message", func(p *peer) {
			time.Sleep(17 * time.Second)
			p.send("\r\n\r\n")
			time.Sleep(5 * time.Second)
			p.conn.Close()
		}, 5 * time.Second, 12 * time.Second},
		{"closed at a ping", func(p *peer) { time.Sleep(36 * time.Second); p.conn.Close() }, 30 * time.Second, 0},
		{"closed after a ping that was answered", func(p *peer) {
			time.Sleep(36 * time.Second)
			p.send("\r\n")
			time.Sleep(10 * time.Second)
			p.conn.Close()
		}, 10 * time.Second, 30 * time.Second},
	} {
		t.Run(test.name, func(t *testing.T) {
			bubble(t, true, phone, []step{answer("200 OK")}, func(s *Session, p *peer) {
				if _, err := s.Register(p.t.Context()); err != nil {
					p.t.Fatal(err)
				}
				done := make(chan struct{})
				go func() { defer close(done); test.meanwhile(p) }()
				_ = s.Keep(p.t.Context(), Watch{})
				if idle, survived := s.Pauses(); idle != test.idle || survived != test.survived {
					p.t.Errorf("without traffic for %s, survived %s; want %s and %s", idle, survived, test.idle, test.survived)
				}
				s.Close()
				<-done
			})
		})
	}
}
