package fleet

import (
	"context"
	"crypto/tls"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"homeward/e2e/netns"
	"homeward/internal/brokertest"
)

const shipped = "../../packaging/fleet"

// quick is a pace for tests: the numbers are shorter, what is done is the same.
var quick = Pace{
	KeepAlive: 4 * time.Second, WillDelay: time.Second, ackLimit: 3 * time.Second, coalesce: 100 * time.Millisecond,
	Spread: 200 * time.Millisecond, maxSpread: 2 * time.Second, heldFor: time.Second,
}

const limit = 60 * time.Second // of what must happen some time

// enter is a network of its own, with loopback.
func enter(t *testing.T) bool {
	t.Helper()
	if !netns.Enter(t) {
		return false
	}
	if err := netns.RaiseLoopback(); err != nil {
		t.Fatal(err)
	}
	return true
}

func settingsOf(t testing.TB, b *brokertest.Broker, device string) Settings {
	certificate := b.Certificate(t, device)
	return Settings{
		Broker: b.Addr, Name: Name{"site1", device}, Roots: b.Pool(),
		Certificate: func() (tls.Certificate, error) { return certificate, nil },
	}
}

// phone is a publisher with a state that the test sets.
type phone struct {
	*Publisher
	name  string
	state atomic.Value // string
	up    atomic.Bool
	why   atomic.Pointer[error]
	stop  func()
}

func startPhone(t testing.TB, conf Settings, state string) *phone {
	ctx, cancel := context.WithCancel(t.Context())
	p := &phone{name: conf.Device}
	p.state.Store(state)
	p.Publisher = NewPublisher(conf, Presence{Version: "v1"}, func() State { return State{State: p.state.Load().(string)} }, func(connected bool, err error) {
		p.up.Store(connected)
		if err != nil {
			p.why.Store(&err)
		}
	})
	p.Pace = quick
	var running sync.WaitGroup
	running.Go(func() { _ = p.Run(ctx, 0) })
	p.stop = func() { cancel(); running.Wait() }
	t.Cleanup(p.stop)
	return p
}

// reason is what it was told last of why it has no connection.
func (p *phone) reason() error {
	if why := p.why.Load(); why != nil {
		return *why
	}
	return nil
}

func (p *phone) enters(state string) {
	p.state.Store(state)
	p.Changed()
}

// retained is all that is on the broker: topic after topic.
func retained(t testing.TB, b *brokertest.Broker, kinds ...string) map[string]string {
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	got, complete := map[string]string{}, make(chan struct{})
	conf := settingsOf(t, b, brokertest.Reader)
	conf.Device = fmt.Sprintf("reader-%d", time.Now().UnixNano())
	var reading sync.WaitGroup
	reading.Go(func() {
		_ = Follow(ctx, conf, "", kinds, func() { close(complete) }, func(m Message) { got[m.Device+" "+m.Kind] = string(m.Text) })
	})
	select {
	case <-complete:
	case <-time.After(limit):
		t.Error("the broker does not give out what it keeps")
	}
	cancel()
	reading.Wait()
	return got
}

// standsAs waits until the broker has a device as online or not, and its state.
func standsAs(t testing.TB, b *brokertest.Broker, device string, online bool, state string) {
	t.Helper()
	brokertest.Eventually(t, fmt.Sprintf("%s is online=%v %s", device, online, state), limit, func() error {
		var p Presence
		var s State
		all := retained(t, b, PresenceTopic, StateTopic)
		err := errors.Join(json.Unmarshal([]byte(all[device+" presence"]), &p), json.Unmarshal([]byte(all[device+" state"]), &s))
		if err != nil || p.Online != online || s.State != state {
			return fmt.Errorf("%v: %w", all, err)
		}
		return nil
	})
}

// What a device publishes is what a reader gets, as it changes; at the end the device is offline by its own word.
func TestPublish(t *testing.T) {
	if !enter(t) {
		return
	}
	b := brokertest.Start(t, shipped)
	events := make(chan string, 10)
	ready := make(chan bool, 1)
	go func() {
		_ = Follow(t.Context(), settingsOf(t, b, brokertest.Reader), "site1", []string{EventTopic}, func() { ready <- true }, func(m Message) { events <- m.Name.String() + string(m.Text) })
	}()
	<-ready
	p := startPhone(t, settingsOf(t, b, "phone1"), "discovering")
	p.Add(Event{Event: "lost", Number: 7})
	if got, want := <-events, `site1/phone1{"at":"0001-01-01T00:00:00Z","event":"lost","number":7}`; got != want {
		t.Errorf("got %s, want %s", got, want)
	}
	standsAs(t, b, "phone1", true, "discovering")
	p.enters("registered")
	standsAs(t, b, "phone1", true, "registered")
	p.Add(Event{Event: "stop"})
	p.state.Store("resting")
	p.stop()
	if got := <-events; !strings.Contains(got, `"stop"`) {
		t.Errorf("got %s", got)
	}
	standsAs(t, b, "phone1", false, "resting")
}

// The ACL lets a device write below its own name alone, and read nothing; who has no certificate of the authority is not let in,
// and a device does not speak to a broker that another authority has signed.
func TestWhoMayDoWhat(t *testing.T) {
	if !enter(t) {
		return
	}
	b := brokertest.Start(t, shipped)
	startPhone(t, settingsOf(t, b, "phone1"), "registered")
	standsAs(t, b, "phone1", true, "registered")

	thief := settingsOf(t, b, "phone2")
	thief.Device = "phone1" // by the certificate of phone2
	p := startPhone(t, thief, "stolen")
	brokertest.Eventually(t, "it is refused", limit, func() error {
		var refused *Refused
		if err := p.reason(); !errors.As(err, &refused) || refused.Code != 0x87 || refused.What != "homeward/v1/site1/phone1/presence" {
			return fmt.Errorf("got %w", err)
		}
		return nil
	})
	p.stop()
	standsAs(t, b, "phone1", true, "registered")

	ctx, cancel := context.WithTimeout(t.Context(), time.Second)
	defer cancel()
	_ = Follow(ctx, settingsOf(t, b, "phone3"), "", []string{PresenceTopic, StateTopic}, func() {}, func(m Message) {
		t.Errorf("a device reads %s of %s", m.Kind, m.Name)
	})

	for name, change := range map[string]func(*Settings){
		"no certificate": func(s *Settings) { s.Certificate = nil },
		"a certificate of another": func(s *Settings) {
			other := brokertest.Other(t).Certificate(t, "phone1")
			s.Certificate = func() (tls.Certificate, error) { return other, nil }
		},
		"a broker of another": func(s *Settings) { s.Roots = brokertest.Other(t).Pool() },
		"another host":        func(s *Settings) { s.Broker = "127.0.0.2:8883" },
	} {
		conf := settingsOf(t, b, "phone4")
		change(&conf)
		if err := Follow(t.Context(), conf, "", []string{StateTopic}, func() { t.Errorf("%s: let in", name) }, nil); err == nil {
			t.Errorf("%s: no error", name)
		}
	}
}

// wire is what stands between a device and the broker, and can be cut.
type wire struct {
	mu    sync.Mutex
	open  []net.Conn
	dead  atomic.Bool // nothing gets through, and nobody is told
	delay atomic.Int64
}

func (w *wire) dial(ctx context.Context, network, address string) (net.Conn, error) {
	outer, err := new(net.Dialer).DialContext(ctx, network, address)
	if err != nil {
		return nil, err
	}
	near, far := net.Pipe()
	w.mu.Lock()
	w.open = append(w.open, outer)
	w.mu.Unlock()
	pass := func(to, from net.Conn) {
		buffer := make([]byte, 512)
		for {
			n, err := from.Read(buffer)
			if err != nil {
				to.Close()
				return
			}
			<-time.After(time.Duration(w.delay.Load()))
			if !w.dead.Load() {
				_, _ = to.Write(buffer[:n])
			}
		}
	}
	go pass(far, outer)
	go pass(outer, far)
	return near, nil
}

// A device that lost its power is offline after one and a half keep-alives and the delay of the will; the broker keeps how it
// stood. One that is back within the delay was never away.
func TestLostPower(t *testing.T) {
	if !enter(t) {
		return
	}
	b := brokertest.Start(t, shipped)
	var away atomic.Int32
	ready := make(chan bool, 1)
	go func() {
		_ = Follow(t.Context(), settingsOf(t, b, brokertest.Reader), "", []string{PresenceTopic}, func() { ready <- true }, func(m Message) {
			if m.Device == "phone2" && strings.Contains(string(m.Text), `"online":false`) {
				away.Add(1)
			}
		})
	}()
	<-ready
	w := &wire{}
	conf := settingsOf(t, b, "phone1")
	conf.Dial = w.dial
	startPhone(t, conf, "outage")
	standsAs(t, b, "phone1", true, "outage")

	other := &wire{}
	conf = settingsOf(t, b, "phone2")
	conf.Dial = other.dial
	p2 := startPhone(t, conf, "registered")
	standsAs(t, b, "phone2", true, "registered")
	other.mu.Lock()
	other.open[0].Close()
	other.mu.Unlock()

	w.dead.Store(true)
	standsAs(t, b, "phone1", false, "outage")
	brokertest.Eventually(t, "phone2 is back", limit, func() error {
		if !p2.up.Load() {
			return errors.New("it is not")
		}
		return nil
	})
	if away.Load() != 0 {
		t.Error("a moment without a connection was told")
	}
}

// troubles are brokers at fault, and what ends it.
var troubles = []struct {
	name string
	make func(t *testing.T, b *brokertest.Broker, w *wire)
	fix  func(b *brokertest.Broker, w *wire)
	seen bool // the device finds out
}{
	{"killed, and what it kept is gone", func(_ *testing.T, b *brokertest.Broker, _ *wire) { b.Kill(); b.Forget() }, func(b *brokertest.Broker, _ *wire) { b.Restart() }, true},
	{"stopped", func(_ *testing.T, b *brokertest.Broker, _ *wire) { b.Stop() }, func(b *brokertest.Broker, _ *wire) { b.Restart() }, true},
	{"frozen", func(_ *testing.T, b *brokertest.Broker, _ *wire) { b.Freeze() }, func(b *brokertest.Broker, _ *wire) { b.Thaw() }, true},
	{"half-open", func(_ *testing.T, _ *brokertest.Broker, w *wire) { w.dead.Store(true) }, func(_ *brokertest.Broker, w *wire) { w.dead.Store(false) }, true},
	{"slow", func(_ *testing.T, _ *brokertest.Broker, w *wire) { w.delay.Store(int64(50 * time.Millisecond)) }, func(_ *brokertest.Broker, w *wire) { w.delay.Store(0) }, false},
	{"refusing", func(_ *testing.T, b *brokertest.Broker, w *wire) {
		b.Stop()
		b.Add("max_connections 0")
		b.Restart()
	}, func(b *brokertest.Broker, _ *wire) { b.Stop(); b.Add("max_connections -1"); b.Restart() }, true},
	{"taking no message", func(_ *testing.T, b *brokertest.Broker, w *wire) {
		b.Stop()
		b.Add("message_size_limit 1")
		b.Restart()
	}, func(b *brokertest.Broker, _ *wire) { b.Stop(); b.Add("message_size_limit 0"); b.Restart() }, true},
}

// Whatever becomes of the broker, nobody waits for it, what is kept has its bound, what is lost is counted, and when the broker is
// back it has the newest state and the newest events.
func TestTroubles(t *testing.T) {
	if !enter(t) {
		return
	}
	for _, trouble := range troubles {
		t.Run(trouble.name, func(t *testing.T) {
			b, w := brokertest.Start(t, shipped), &wire{}
			defer b.Kill()
			conf := settingsOf(t, b, "phone1")
			conf.Dial = w.dial
			p := startPhone(t, conf, "discovering")
			standsAs(t, b, "phone1", true, "discovering")
			trouble.make(t, b, w)
			const added = 3 * maxEvents
			for n := range added {
				p.enters("discovering")
				p.Add(Event{Event: "lost", Number: uint64(n + 1)})
			}
			p.enters("outage")
			if len(p.outbox.events) > maxEvents || p.outbox.size > maxBytes {
				t.Errorf("it keeps %d events, %d bytes", len(p.outbox.events), p.outbox.size)
			}
			if trouble.seen {
				brokertest.Eventually(t, "the connection is given up", limit, func() error {
					if p.up.Load() {
						return errors.New("it is not")
					}
					return nil
				})
			}
			t.Log(p.reason())
			trouble.fix(b, w)
			standsAs(t, b, "phone1", true, "outage")
			brokertest.Eventually(t, "the outbox is empty", limit, func() error {
				if _, _, more := p.outbox.next(); more {
					return errors.New("it is not")
				}
				return nil
			})
			if lost := p.outbox.lost(); lost == 0 || lost > added-maxEvents {
				t.Errorf("%d events are counted as dropped", lost)
			}
		})
	}
}

// A broker that says that a packet of 200 MB is coming gets no room for it.
func TestHostileLength(t *testing.T) {
	if !enter(t) {
		return
	}
	a := brokertest.Other(t)
	server := a.Certificate(t, "broker", "127.0.0.1")
	l, err := tls.Listen("tcp", "127.0.0.1:8883", &tls.Config{Certificates: []tls.Certificate{server}})
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
			_, _ = conn.Write([]byte{0x20, 0xff, 0xff, 0xff, 0x5f})
			_, _ = io.Copy(io.Discard, conn)
			conn.Close()
		}
	}()
	certificate := a.Certificate(t, "phone1")
	conf := Settings{Broker: "127.0.0.1:8883", Name: Name{"site1", "phone1"}, Roots: a.Pool(), Certificate: func() (tls.Certificate, error) { return certificate, nil }}
	p := startPhone(t, conf, "registered")
	brokertest.Eventually(t, "it is left", limit, func() error {
		if err := p.reason(); err == nil || !strings.Contains(err.Error(), "a packet of more than 4096 bytes") {
			return fmt.Errorf("got %w", err)
		}
		return nil
	})
}
