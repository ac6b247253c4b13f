//go:build linux

package e2e

import (
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"
)

// The figures that a device feels, measured on the built binary against real servers and printed beside their limits.
// They are for people to read: nothing here fails because a machine is slow.

// BenchmarkFirstRegistration is from process start to 200 OK with Digest, at a round trip of 20 ms: names, TCP,
// TLS 1.3 and REGISTER shall take at most eight of them.
func BenchmarkFirstRegistration(b *testing.B) {
	s := newSite(b)
	startNamed(b, s.dns, zoneWith(at("internal-tls")))
	startKea(b, s.dhcp, full)
	startKamailio(b, s, settings{})
	lease := startDhclient(b, s.device)
	s.device.delay(b, 10*time.Millisecond)
	rtt := roundTrip(b, lease.addr)
	warm := newDevice(b, s) // so that no neighbour has to be found by ARP; those round trips are not ours
	warm.boot(b)
	warm.awaitRegistered(b)
	warm.stop(b)
	mean := bootRegistered(b, 160, func() *device { return newDevice(b, s) })
	b.ReportMetric(mean.Seconds()/rtt.Seconds(), "round-trips")
	b.ReportMetric(8, "round-trips-limit")
}

// BenchmarkBlackHole is the same without delay, when the first target of the SRV record is a black hole.
func BenchmarkBlackHole(b *testing.B) {
	s := newSite(b)
	startNamed(b, s.dns, zoneWith(at("internal-tls"), second))
	startKea(b, s.dhcp, full)
	startKamailio(b, s, settings{})
	startDhclient(b, s.device)
	s.registrar.fault(b, at("internal-tls").match()+blackHole)
	bootRegistered(b, 3500, func() *device { return newDevice(b, s) })
}

// BenchmarkSilentDNS is from process start to 200 OK when DNS and DHCP are silent and there is a last good record.
func BenchmarkSilentDNS(b *testing.B) {
	s := newSite(b)
	startNamed(b, s.dns, zoneWith(at("internal-tls")))
	startKea(b, s.dhcp, full)
	startKamailio(b, s, settings{})
	startDhclient(b, s.device)
	d := newDevice(b, s)
	d.boot(b)
	d.awaitRegistered(b)
	d.awaitCommitted(b)
	d.stop(b)
	s.dns.fault(b, silentDNS)
	s.dhcp.unplug(b)
	bootRegistered(b, 1900, func() *device { return d })
}

// BenchmarkConnectionReset is from the moment the Registrar in use resets its connections to the 200 OK of the next one.
func BenchmarkConnectionReset(b *testing.B) {
	s := newSite(b)
	startNamed(b, s.dns, zoneWith(at("internal-tls"), second))
	startKea(b, s.dhcp, full)
	startKamailio(b, s, settings{places: []place{second}})
	startDhclient(b, s.device)
	var sum time.Duration
	for b.Loop() {
		dying := startKamailio(b, s, settings{places: []place{at("internal-tls")}})
		d := newDevice(b, s)
		d.boot(b)
		d.awaitRegistered(b)
		reset := time.Now()
		dying.kill()
		sum += d.registeredAfter(b, reset).Sub(reset)
		d.stop(b)
	}
	report(b, sum, 500)
}

// BenchmarkIdle shows what a registered device costs while nothing happens: memory, and how often a minute it is
// woken. What wakes it is the keep-alive, every 30 s.
func BenchmarkIdle(b *testing.B) {
	s := newSite(b)
	startNamed(b, s.dns, zoneWith(at("internal-tls")))
	startKea(b, s.dhcp, full)
	startKamailio(b, s, settings{})
	startDhclient(b, s.device)
	d := newDevice(b, s)
	d.boot(b)
	d.awaitRegistered(b)
	for b.Loop() {
		<-time.After(10 * time.Second) // what follows a registration is over
		b.ReportMetric(float64(d.wakeUps(b, time.Minute)), "wake-ups/min")
	}
	b.ReportMetric(d.proc(b, "VmRSS", "status")/1000, "VmRSS-MB")
	b.ReportMetric(16, "VmRSS-MB-limit")
	b.ReportMetric(d.proc(b, "RssAnon", "status")/1000, "RssAnon-MB")
	b.ReportMetric(0, "ns/op")
}

// wakeUps counts for a while the tenths of a second in which a thread of the daemon ran.
func (d *device) wakeUps(t testing.TB, while time.Duration) (woken int) {
	t.Helper()
	tick := time.NewTicker(100 * time.Millisecond)
	defer tick.Stop()
	ran := d.proc(t, "voluntary_ctxt_switches", "task/*/status")
	for end := time.After(while); ; {
		select {
		case <-end:
			return woken
		case <-tick.C:
			if now := d.proc(t, "voluntary_ctxt_switches", "task/*/status"); now != ran {
				woken, ran = woken+1, now
			}
		}
	}
}

// roundTrip measures the round trip to an address on the segment, by the ICMP answer to a closed UDP port.
func roundTrip(b *testing.B, addr netip.Addr) time.Duration {
	b.Helper()
	c, err := net.DialUDP("udp", nil, net.UDPAddrFromAddrPort(netip.AddrPortFrom(addr, 9)))
	if err != nil {
		b.Fatal(err)
	}
	defer c.Close()
	c.SetDeadline(time.Now().Add(patience))
	var sent time.Time
	for range 2 { // the first one also finds the neighbour
		sent = time.Now()
		c.Write([]byte{0})
		if _, err := c.Read(make([]byte, 1)); !errors.Is(err, syscall.ECONNREFUSED) {
			b.Fatalf("round trip to %v: %v", addr, err)
		}
	}
	return time.Since(sent)
}

// bootRegistered boots devices one after the other, and reports and returns the mean time from process start to 200 OK.
func bootRegistered(b *testing.B, limit float64, next func() *device) time.Duration {
	b.Helper()
	var sum time.Duration
	for b.Loop() {
		d := next()
		started := time.Now()
		d.boot(b)
		sum += d.registeredAfter(b, started).Sub(started)
		d.stop(b)
	}
	report(b, sum, limit)
	return sum / time.Duration(b.N)
}

// report prints a mean time beside its limit, both in milliseconds.
func report(b *testing.B, sum time.Duration, limit float64) {
	b.ReportMetric(sum.Seconds()*1000/float64(b.N), "ms")
	b.ReportMetric(limit, "ms-limit")
	b.ReportMetric(0, "ns/op") // that of building sites, of no interest
}

// registeredAfter waits until the daemon has registered after a moment, and returns when, by its own log.
func (d *device) registeredAfter(t testing.TB, moment time.Time) (at time.Time) {
	t.Helper()
	eventually(t, "homeward is registered", func() error {
		for text := range strings.Lines(d.output(t)) {
			var line struct {
				Time       time.Time
				Msg, State string
			}
			if json.Unmarshal([]byte(text), &line) == nil && line.Msg == "state changed" && line.State == "registered" && line.Time.After(moment) {
				at = line.Time
				return nil
			}
		}
		return cmp.Or(d.running(), errors.New("its log does not say so"))
	})
	return at
}

// proc adds up a number of /proc: of the process, or of its threads. Sizes are in kB.
func (d *device) proc(t testing.TB, field, files string) (sum float64) {
	t.Helper()
	paths, err := filepath.Glob(fmt.Sprintf("/proc/%d/%s", d.cmd.Process.Pid, files))
	if err != nil || len(paths) == 0 {
		t.Fatalf("no %s of homeward", files)
	}
	for _, path := range paths {
		for line := range strings.Lines(read(t, path)) {
			var n float64
			if _, err := fmt.Sscanf(line, field+": %f", &n); err == nil {
				sum += n
			}
		}
	}
	return sum
}
