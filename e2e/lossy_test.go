//go:build linux

package e2e

import (
	"strings"
	"testing"
	"time"
)

// registeredOverPath is a device that is registered, and the path to all that it has asked.
func registeredOverPath(t *testing.T) (*path, *device) {
	t.Helper()
	s := newSite(t)
	p := newPath(t, s.device)
	startNamed(t, s.dns, zoneWith(fe01, second))
	startKamailio(t, s, settings{})
	plugIn(t, s)
	d := newDevice(t, s, `dhcp = "off"`)
	d.boot(t)
	d.awaitRegistered(t)
	return p, d
}

// TestLossyPathHolds: the kernel, which gives a connection up after 8 s of silence, does not do so on a path that is slow and
// loses a packet in ten each way. Six probes in a row would have to be lost (ADR 44): here that happens once in 3000 runs.
func TestLossyPathHolds(t *testing.T) {
	p, d := registeredOverPath(t)
	p.trip.Store(int64(300 * time.Millisecond))
	p.lossy.Store(100)
	held := time.NewTimer(20 * time.Second)
	defer held.Stop()
	<-held.C
	if log := d.output(t); strings.Contains(log, "registration lost") {
		t.Errorf("the registration is lost:\n%s", log)
	}
}

// TestBlackHoleIsNoticed: a Registrar whose packets are all lost is left for the next one, and is not tried alone before.
func TestBlackHoleIsNoticed(t *testing.T) {
	p, d := registeredOverPath(t)
	p.swallow(fe01.addr)
	d.await(t, "registered with the next", func(now status) bool { return now.Registrar.String() == second.String() && now.State == "registered" })
	_, log, _ := strings.Cut(d.output(t), `"msg":"registration lost"`)
	if !strings.Contains(log, `"reason":"sip-no-answer"`) || strings.Contains(log, `"state":"recalling"`) {
		t.Errorf("after it was lost:\n%s", log)
	}
}

// TestMend262SlowNetwork: where every packet is late, a check beside the daemon says that the network is slow, and of no limit of connections.
func TestMend262SlowNetwork(t *testing.T) {
	p, d := registeredOverPath(t)
	p.trip.Store(int64(3 * time.Second))
	report := d.check(t)
	t.Log(report.said())
	if report.Fault != "connect.too-late" {
		t.Errorf("got %s: %s\n%s\n%+v", report.Verdict, report.Fault, report.said(), report.Checks)
	}
}
