//go:build linux

package e2e

import (
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"
)

// How many daemons BenchmarkFleet has; each takes 15 MB: go test ./e2e -run '^$' -bench Fleet -timeout 2h -args -daemons 200
var crowdDaemons = flag.Int("daemons", 20, "BenchmarkFleet: how many daemons")

// Our choices.
const (
	crowdAlone   = 10               // daemons without a broker, to compare with
	crowdLimit   = 5 * time.Minute  // for all of them to sign in, on a machine that is busy with them
	crowdSettles = time.Minute      // until the memory of a daemon is what it stays
	crowdReturn  = 15 * time.Minute // for all to come back to the broker: the bound of retries doubles with each failure
	crowdLook    = 20 * time.Millisecond
)

// crowd are daemons on one machine, each with an account of its own.
type crowd struct {
	*testing.B
	*site
	broker  *broker
	devices map[string]*device // by their names on the broker; "": they have none
	reader  [3]string          // fleet, certificate, key
}

// BenchmarkFleet is what becomes of many daemons, and of what the broker has of them, while the broker is at fault in each way. All
// are started anew during each fault; then, and ever after, the broker has the newest state of each. It prints how long they took.
func BenchmarkFleet(b *testing.B) {
	s, _, first := newSiteWithDevice(b, deviceAddr)
	c := &crowd{B: b, site: s, broker: newBroker(b), devices: map[string]*device{}}
	c.reader[0] = filepath.Join(b.TempDir(), "fleet")
	if out, err := exec.Command("go", "build", "-o", c.reader[0], "../cmd/fleet").CombinedOutput(); err != nil {
		b.Fatalf("%v\n%s", err, out)
	}
	c.reader[1], c.reader[2] = c.broker.certificate(b, c.broker.dir, "fleet-reader")
	for n := range *crowdDaemons {
		d := first
		if n > 0 {
			d = newDevice(b, s, `dhcp = "off"`)
		}
		name := fmt.Sprintf("phone%03d", n)
		c.broker.publishes(b, d, name)
		write(b, d.dir, "homeward.toml", strings.ReplaceAll(read(b, d.config), "sip:"+sipUser+"@", "sip:"+name+"@"))
		c.devices[name] = d
	}
	c.signIn("the broker is well", false)
	c.awaitAll("registered")
	c.compareMemory()
	c.signIn("the broker is well", true) // to compare with: what follows starts them anew, too
	c.awaitAll("registered")
	s.dns.fault(b, silentDNS)
	c.signIn("the broker is well, DNS silent", true)
	c.awaitAll("degraded")
	s.dns.heal(b)
	for i, fault := range crowdFaults {
		state, when := "registered", "the broker is "+fault.name
		if i%2 == 1 {
			state, when = "degraded", when+", DNS silent"
			s.dns.fault(b, silentDNS)
		} else {
			s.dns.heal(b)
		}
		end := fault.make(c)
		c.signIn(when, true)
		end()
		c.awaitAll(state)
	}
	b.ReportMetric(0, "ns/op") // it is no matter of one figure
}

// crowdFaults are what a broker can have; make returns what ends it.
var crowdFaults = []struct {
	name string
	make func(c *crowd) (end func())
}{
	{"dead", func(c *crowd) func() { c.broker.kill(); return func() { c.broker.start(c) } }},
	{"half-open", func(c *crowd) func() {
		c.broker.host.fault(c, "tcp dport 8883 drop")
		return func() { c.broker.host.heal(c) }
	}},
	{"refusing", func(c *crowd) func() {
		c.broker.host.fault(c, "tcp dport 8883 reject with tcp reset")
		return func() { c.broker.host.heal(c) }
	}},
	{"frozen", func(c *crowd) func() {
		freeze(c, c.broker, syscall.SIGSTOP)
		return func() { freeze(c, c.broker, syscall.SIGCONT) }
	}},
	{"slow", func(c *crowd) func() { // it has a twentieth of the time
		over, done := make(chan struct{}), make(chan struct{})
		go func() {
			defer close(done)
			for {
				freeze(c, c.broker, syscall.SIGSTOP)
				select {
				case <-time.After(950 * time.Millisecond):
				case <-over:
				}
				freeze(c, c.broker, syscall.SIGCONT)
				select {
				case <-time.After(50 * time.Millisecond):
				case <-over:
					return
				}
			}
		}()
		return func() { close(over); <-done }
	}},
	{"full", func(c *crowd) func() { // for half of them
		conf := filepath.Join(c.broker.dir, "mosquitto.conf")
		text := read(c, conf)
		restart := func(text string) {
			c.broker.kill()
			write(c, c.broker.dir, "mosquitto.conf", text)
			c.broker.start(c)
		}
		restart(text + fmt.Sprintf("max_connections %d\n", len(c.devices)/2))
		return func() { restart(text) }
	}},
}

// signIn starts all daemons, after the end of those that run, and prints how long they take to register.
func (c *crowd) signIn(when string, again bool) {
	c.Helper()
	ended := c.each(func(d *device) {
		if again {
			_ = d.cmd.Process.Signal(syscall.SIGTERM)
		}
	}, func(d *device) bool { return !again || d.running() != nil })
	began := map[*device]time.Time{}
	up := c.each(func(d *device) {
		os.Remove(d.dir + "/run/registrar.json") // it may not be there
		began[d] = time.Now()
		d.process = start(c, d.host, d.argv("run")...)
	}, func(d *device) bool {
		var s status
		text, err := os.ReadFile(d.dir + "/run/registrar.json")
		return err == nil && json.Unmarshal(text, &s) == nil && s.State == "registered"
	})
	var took, stops []time.Duration
	for _, d := range c.devices {
		took = append(took, up[d].Sub(began[d]))
		stops = append(stops, ended[d].Sub(ended[nil]))
	}
	fmt.Printf("%-36s  %d sign in, each within %s; they had ended within %s\n", when, len(took), spreadOf(took), spreadOf(stops))
}

// each does something with each device, and returns when it was over with each; under nil, when that began.
func (c *crowd) each(do func(*device), over func(*device) bool) map[*device]time.Time {
	c.Helper()
	at := map[*device]time.Time{nil: time.Now()}
	look := func() {
		for _, d := range c.devices {
			if at[d].IsZero() && over(d) {
				at[d] = time.Now()
			}
		}
	}
	for _, d := range c.devices {
		do(d)
		look()
	}
	tick := time.NewTicker(crowdLook)
	defer tick.Stop()
	for end := time.After(crowdLimit); len(at) <= len(c.devices); look() {
		select {
		case <-tick.C:
		case <-end:
			c.Fatalf("%d of %d are not over it after %v", len(c.devices)+1-len(at), len(c.devices), crowdLimit)
		}
	}
	return at
}

func spreadOf(all []time.Duration) string {
	slices.Sort(all)
	return fmt.Sprintf("%v (half), %v (all)", all[len(all)/2].Round(time.Millisecond), all[len(all)-1].Round(time.Millisecond))
}

// awaitAll waits until the broker has all as they are, and prints how long it takes.
func (c *crowd) awaitAll(state string) {
	c.Helper()
	want := map[string]string{}
	for name := range c.devices {
		want[name] = state
	}
	began, err := time.Now(), errors.New("not looked")
	for end := began.Add(crowdReturn); err != nil && time.Now().Before(end); <-time.After(time.Second) {
		err = c.broker.stands(c.reader[0], c.reader[1], c.reader[2], want)
	}
	if err != nil {
		c.Fatalf("after %v: %v", crowdReturn, err)
	}
	fmt.Printf("    all are %s in fleet list %v after that\n", state, time.Since(began).Round(time.Second))
}

// compareMemory prints what daemons have of their own, with a broker and without.
func (c *crowd) compareMemory() {
	c.Helper()
	alone := crowd{B: c.B, site: c.site, devices: map[string]*device{}}
	for n := range crowdAlone {
		d := newDevice(c, c.site, `dhcp = "off"`)
		write(c, d.dir, "homeward.toml", strings.ReplaceAll(read(c, d.config), "sip:"+sipUser+"@", fmt.Sprintf("sip:alone%d@", n)))
		alone.devices[strconv.Itoa(n)] = d
	}
	alone.signIn("without fleet_broker", false)
	<-time.After(crowdSettles)
	with, without := c.memory(), alone.memory()
	fmt.Printf("memory of its own (RssAnon): %d KiB with fleet_broker, %d KiB without (medians)\n", with[len(with)/2], without[len(without)/2])
	for _, d := range alone.devices {
		d.kill()
	}
}

// memory is the RssAnon of all daemons in KiB, in order.
func (c *crowd) memory() (all []int) {
	for _, d := range c.devices {
		for line := range strings.Lines(read(c, fmt.Sprintf("/proc/%d/status", d.cmd.Process.Pid))) {
			if size, ok := strings.CutPrefix(line, "RssAnon:"); ok {
				n, err := strconv.Atoi(strings.Fields(size)[0])
				if err != nil {
					c.Fatal(err)
				}
				all = append(all, n)
			}
		}
	}
	slices.Sort(all)
	return all
}
