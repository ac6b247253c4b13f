package main

import (
	"bytes"
	"context"
	"crypto/tls"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"homeward/e2e/netns"
	"homeward/internal/brokertest"
	"homeward/internal/fleet"
)

// many is how many publishers TestLoad has. 100,000 take half an hour; FLEET_SCREENSHOTS is a directory for pictures of the page:
//
//	FLEET_DEVICES=100000 go test ./cmd/fleet -run TestLoad -timeout 1h -v
func many(t *testing.T) int {
	text := os.Getenv("FLEET_DEVICES")
	if text == "" {
		return 300
	}
	n, err := strconv.Atoi(text)
	if err != nil {
		t.Fatal(err)
	}
	return n
}

// together is how many of them are connected at the same time: the processes here have no more than 20,000 files each. The others
// connect, publish, and are cut off; the broker waits for them.
const together = 15000

const shipped = "../../packaging/fleet"

// enter is a network of its own, with a broker. ok is false outside.
func enter(t *testing.T) (b *brokertest.Broker, ok bool) {
	t.Helper()
	if !netns.Enter(t) {
		return nil, false
	}
	if err := netns.RaiseLoopback(); err != nil {
		t.Fatal(err)
	}
	b = brokertest.Start(t, shipped, "log_type error")
	certFile, keyFile := brokertest.Files(t, b.Dir, "reader", b.Certificate(t, brokertest.Reader))
	t.Setenv("FLEET_BROKER", "mqtts://"+b.Addr)
	t.Setenv("FLEET_CERT", certFile)
	t.Setenv("FLEET_KEY", keyFile)
	t.Setenv("FLEET_ROOTS", filepath.Join(b.Dir, "root.pem"))
	return b, true
}

// publisher is one device.
type publisher struct {
	*fleet.Publisher
	name  fleet.Name
	state atomic.Pointer[fleet.State]
	stop  func()
	conn  atomic.Pointer[net.Conn]
}

// source are the addresses that devices have: of each there are as many connections as there are ports.
func source(n int) net.Addr {
	return &net.TCPAddr{IP: net.IPv4(127, 1, byte(n/250%250), byte(1+n%250))}
}

func start(ctx context.Context, t testing.TB, b *brokertest.Broker, n int, name fleet.Name, state fleet.State) *publisher {
	certificate := b.Certificate(t, name.Device)
	p := &publisher{name: name}
	conf := fleet.Settings{
		Broker: b.Addr, Name: name, Roots: b.Pool(),
		Certificate: func() (tls.Certificate, error) { return certificate, nil },
		Dial: func(ctx context.Context, network, address string) (net.Conn, error) {
			d := net.Dialer{LocalAddr: source(n)}
			conn, err := d.DialContext(ctx, network, address)
			p.conn.Store(&conn)
			return conn, err
		},
	}
	p.state.Store(&state)
	p.Publisher = fleet.NewPublisher(conf, fleet.Presence{Version: "v1"}, func() fleet.State { return *p.state.Load() }, func(bool, error) {})
	// Nobody is offline who was only cut off. Mosquitto 2.0.11 looks for the place of a session from the first that ends on: the last comes first.
	p.Pace.WillDelay = 48*time.Hour - time.Duration(n)*time.Second
	if p.Pace.Spread = time.Second; os.Getenv("FLEET_DEVICES") != "" { // as on devices
		p.Pace.Spread = 30 * time.Second
	}
	ctx, cancel := context.WithCancel(ctx)
	var running sync.WaitGroup
	running.Go(func() { _ = p.Run(ctx, 0) })
	p.stop = func() { cancel(); running.Wait() }
	return p
}

// crowd is a simulated fleet.
type crowd struct {
	t         *testing.T
	b         *brokertest.Broker
	all       []*publisher
	published []chan struct{} // closed when a reader has the state
	number    map[fleet.Name]int
}

// publish starts the publishers from one number to another, and returns when a reader has the state of each. Those that do not stay
// are cut off then.
func (c *crowd) publish(ctx context.Context, from, to int, stay bool, state func(int) fleet.State) {
	const atOnce = 200
	places := make(chan struct{}, atOnce)
	for n := from; n < to; n++ {
		places <- struct{}{}
		p := start(ctx, c.t, c.b, n, nameOf(n), state(n))
		c.all[n] = p
		go func() {
			<-c.published[n]
			if !stay {
				(*p.conn.Load()).Close()
				p.stop()
			}
			<-places
		}()
		if (n+1)%10000 == 0 {
			c.t.Logf("%d are published", n+1)
		}
	}
	for range atOnce {
		places <- struct{}{}
	}
}

// follow tells when states arrive, for as long as the broker is there.
func (c *crowd) follow(ctx context.Context) {
	conf, err := (&options{broker: os.Getenv("FLEET_BROKER"), cert: os.Getenv("FLEET_CERT"), key: os.Getenv("FLEET_KEY"), roots: os.Getenv("FLEET_ROOTS")}).settings()
	if err != nil {
		c.t.Fatal(err)
	}
	for n := range c.published {
		c.published[n] = make(chan struct{})
		c.number[nameOf(n)] = n
	}
	ready := make(chan struct{})
	once := make([]sync.Once, len(c.published))
	published := c.published
	go func() {
		_ = fleet.Follow(ctx, conf, "", []string{fleet.StateTopic}, func() { close(ready) }, func(m fleet.Message) {
			n := c.number[m.Name]
			once[n].Do(func() { close(published[n]) })
		})
	}()
	<-ready
}

// fleetOf runs the command, and returns what it printed.
func fleetOf(t testing.TB, want int, args ...string) string {
	t.Helper()
	var out, remarks bytes.Buffer
	if code := run(t.Context(), env{&out, &remarks}, args); code != want {
		t.Fatalf("fleet %v: exit code %d\n%s", args, code, &remarks)
	}
	return out.String()
}

// standingsOf is what fleet list says of each device. A broker to which thousands come back at once may be too busy for one more.
func standingsOf(t testing.TB) (map[string]string, error) {
	t.Helper()
	var out, remarks bytes.Buffer
	if code := run(t.Context(), env{&out, &remarks}, []string{"list", "--json"}); code != 0 {
		return nil, fmt.Errorf("fleet list: exit code %d: %s", code, &remarks)
	}
	got := map[string]string{}
	for line := range strings.Lines(out.String()) {
		var r row
		if err := json.Unmarshal([]byte(line), &r); err != nil {
			return nil, err
		}
		got[r.Site+"/"+r.Device] = r.Standing
	}
	return got, nil
}

// wrong says how many devices the broker does not have as they are, and whether it does not have so many in all.
func wrong(t testing.TB, all []*publisher, total int) error {
	t.Helper()
	got, err := standingsOf(t)
	if err != nil {
		return err
	}
	bad, first := 0, ""
	for _, p := range all {
		d := device{Name: p.name, presence: &fleet.Presence{Online: true}}
		text, err := json.Marshal(p.state.Load())
		if err != nil {
			t.Fatal(err)
		}
		d.take(fleet.StateTopic, text)
		if want := d.standing(time.Now()); got[p.name.String()] != want {
			if bad++; first == "" {
				first = fmt.Sprintf("%s is %q, want %s", p.name, got[p.name.String()], want)
			}
		}
	}
	if bad > 0 || len(got) != total {
		return fmt.Errorf("%d devices, want %d; %d are wrong: %s", len(got), total, bad, first)
	}
	return nil
}

// Many devices, through the code that runs on each: they are listed as they are, also after the broker has died with all that
// it kept, while they changed.
func TestLoad(t *testing.T) {
	b, ok := enter(t)
	if !ok {
		return
	}
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	n := many(t)
	stay := min(n, together)
	c := &crowd{t, b, make([]*publisher, n), make([]chan struct{}, n), map[fleet.Name]int{}}
	began := time.Now()
	c.follow(ctx)
	c.publish(ctx, stay, n, false, stateOf)
	c.publish(ctx, 0, stay, true, stateOf)
	t.Logf("%d devices have published after %v; %s", n, time.Since(began).Round(time.Millisecond), memory(b))
	brokertest.Eventually(t, "all are listed as they are", time.Minute, func() error { return wrong(t, c.all, n) })
	if dir := os.Getenv("FLEET_SCREENSHOTS"); dir != "" {
		picture(t, dir)
	}

	if n > together {
		c.endure()
	}

	b.Kill()
	b.Forget()
	changed := func(n int) fleet.State { return stateOf(n + 1) }
	for n, p := range c.all[:stay] {
		s := changed(n)
		p.state.Store(&s)
		p.Changed()
	}
	b.Restart()
	began = time.Now()
	c.follow(ctx)
	c.publish(ctx, stay, n, false, changed)
	for _, published := range c.published {
		<-published
	}
	t.Logf("all are back %v after the broker; %s", time.Since(began).Round(time.Millisecond), memory(b))
	brokertest.Eventually(t, "all are back as they are", time.Minute, func() error { return wrong(t, c.all, n) })
}

// loads are brokers at fault under load, each for troubleTime, and what ends it.
var loads = []struct {
	name      string
	make, fix func(b *brokertest.Broker)
}{
	{"killed", func(b *brokertest.Broker) { b.Stop(); b.Restart(); b.Kill() }, func(b *brokertest.Broker) { b.Restart() }},
	{"half-open", func(b *brokertest.Broker) { b.Freeze() }, func(b *brokertest.Broker) { b.Thaw() }},
	{"refusing", func(b *brokertest.Broker) { b.Stop(); b.Add("max_connections 0"); b.Restart() }, func(b *brokertest.Broker) { b.Stop(); b.Add("max_connections -1"); b.Restart() }},
	{"full", func(b *brokertest.Broker) {
		b.Stop()
		b.Add(fmt.Sprint("max_connections ", together/2))
		b.Restart()
	}, func(b *brokertest.Broker) { b.Stop(); b.Add("max_connections -1"); b.Restart() }},
}

// How long a broker is at fault under load, and how long until all is right: the bound of retries doubles with each failure.
const (
	troubleTime = 45 * time.Second
	rightTime   = 20 * time.Minute
)

// endure changes all that are connected while the broker is at fault, in each way; then they are listed as they are. Those that were
// cut off are still there, but offline: a Mosquitto that is stopped in order publishes the wills that wait.
func (c *crowd) endure() {
	for i, trouble := range loads {
		trouble.make(c.b)
		over := time.After(troubleTime)
		for n, p := range c.all[:together] {
			s := stateOf(n + i + 1)
			p.state.Store(&s)
			p.Changed()
			p.Add(fleet.Event{Event: "lost", Number: uint64(i)})
		}
		<-over
		trouble.fix(c.b)
		began := time.Now()
		brokertest.Eventually(c.t, trouble.name+": all are listed as they are", rightTime, func() error { return wrong(c.t, c.all[:together], len(c.all)) })
		c.t.Logf("%s: all are right %v after its end; %s", trouble.name, time.Since(began).Round(time.Second), memory(c.b))
	}
}

// picture shows the page, wide and narrow.
func picture(t *testing.T, dir string) {
	served, _ := begin(t, "serve", "--listen", "127.0.0.1:0")
	page := strings.TrimSpace(served.says(t, `http://\S+/`))
	brokertest.Eventually(t, "the page has all devices", time.Minute, func() error {
		if text := get(t, page+"api/overview"); !strings.Contains(text, `"connected":true`) {
			return errors.New(text[:min(len(text), 200)])
		}
		return nil
	})
	for name, size := range map[string]string{"wide": "1500,1700", "narrow": "390,2600"} {
		browse(t, page, "--screenshot="+filepath.Join(dir, name+".png"), "--window-size="+size)
	}
	began := time.Now()
	get(t, page+"api/devices?state=trouble")
	t.Logf("a search takes %v", time.Since(began))
}

// memory is what the broker and the publishers need.
func memory(b *brokertest.Broker) string {
	of := func(process string) string {
		text, _ := os.ReadFile("/proc/" + process + "/status")
		for line := range strings.Lines(string(text)) {
			if size, ok := strings.CutPrefix(line, "VmRSS:"); ok {
				return strings.TrimSpace(size)
			}
		}
		return "?"
	}
	return fmt.Sprintf("Mosquitto has %s, the publishers %s", of(fmt.Sprint(b.Process())), of("self"))
}
