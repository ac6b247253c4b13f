//go:build linux

package e2e

import (
	"fmt"
	"os"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// TestOutage: after one sign-in DNS and DHCP die, and the device restarts. It registers through last good, says so,
// and returns to the normal way when the site is healed (rows T8, T9, T11, T13).
func TestOutage(t *testing.T) {
	empty := func(t testing.TB, h *host) *process { return startNamed(t, h, zoneWith()) }
	for _, c := range []struct {
		name     string
		pair     int                              // the servers of the site, see pairs
		step     string                           // the way it registers while all is well
		rule     string                           // what happens to DNS: a packet filter rule, or
		instead  func(testing.TB, *host) *process // another server in its place
		dhcp     bool                             // DHCP goes on answering
		powerCut bool                             // the daemon is killed instead of stopped
		reason   string
	}{
		{name: "DNS and DHCP are silent", pair: 0, step: "internal-tls", rule: silentDNS, reason: "dns-timeout"},
		{name: "DNS and DHCP are silent after a power cut", pair: 1, step: "internal-tls", rule: silentDNS, powerCut: true, reason: "dns-timeout"},
		{name: "nothing listens at the DNS server", pair: 1, step: "internal-tls", rule: closedDNS, reason: "dns-timeout"},
		{name: "DNS refuses", pair: 1, step: "internal-tls", instead: startRefusingDNS, reason: "dns-refused"},
		{name: "DNS has no record and DHCP has no option 120", pair: 1, step: "internal-tls", instead: empty, dhcp: true, reason: "dns-no-record"},
		{name: "DHCP tells a name that nobody resolves", pair: 0, step: "dhcp-tls", rule: silentDNS, dhcp: true, reason: "dns-timeout"},
		{name: "an external sign-in is kept too", pair: 0, step: "external-tls", rule: silentDNS, reason: "dns-timeout"},
	} {
		t.Run(c.name, func(t *testing.T) {
			s := newSite(t)
			place := at(c.step)
			server := pairs[c.pair].dns(t, s.dns, zoneWith(place))
			told := options{}
			if place.srv == "" {
				told = full
			}
			pairs[c.pair].dhcp(t, s.dhcp, told)
			r := startKamailio(t, s, settings{})
			startDhclient(t, s.device)
			d := newDevice(t, s)
			d.boot(t)
			before := d.awaitRegistered(t)
			d.awaitFile(t, false, place)
			if c.powerCut {
				d.awaitCommitted(t)
				d.kill()
			} else {
				d.shutDown(t, r)
			}

			if c.instead != nil {
				server.stop(t)
				server = c.instead(t, s.dns)
			} else {
				s.dns.fault(t, c.rule)
			}
			if !c.dhcp {
				s.dhcp.unplug(t)
			}
			d.boot(t)
			during := d.awaitDegraded(t)
			lastGood := place
			lastGood.step = "last-good"
			if got, want := during.Registrar.String(), lastGood.String(); got != want {
				t.Errorf("during the outage it uses %s, want %s", got, want)
			}
			if during.Reason != c.reason {
				t.Errorf("degraded because of %q, want %q", during.Reason, c.reason)
			}
			d.awaitFile(t, true, lastGood)

			if c.instead != nil {
				server.stop(t)
				pairs[c.pair].dns(t, s.dns, zoneWith(place))
			} else {
				s.dns.heal(t)
			}
			s.dhcp.plug(t)
			after := d.awaitRegistered(t)
			if diff := cmp.Diff(before.Registrar, after.Registrar); diff != "" {
				t.Errorf("the way back: -before +after\n%s", diff)
			}
			d.awaitFile(t, false, place)
			if !c.powerCut { // A power cut leaves a binding that only time removes.
				d.shutDown(t, r)
			}
		})
	}
}

// TestOutageWithoutLastGood: a device that never registered has nothing to fall back on; it waits, and registers as
// soon as the site answers.
func TestOutageWithoutLastGood(t *testing.T) {
	s := newSite(t)
	startNamed(t, s.dns, zoneWith(at("internal-tls")))
	startKea(t, s.dhcp, full)
	startKamailio(t, s, settings{})
	startDhclient(t, s.device)
	s.dns.fault(t, silentDNS)
	s.dhcp.unplug(t)
	d := newDevice(t, s)
	d.boot(t)
	d.await(t, "resting", func(s status) bool { return s.State == "resting" })
	if _, code := d.run(t, "status"); code != 4 {
		t.Errorf("status ends with %d, want 4", code)
	}
	s.dns.heal(t)
	s.dhcp.plug(t)
	if got, want := d.awaitRegistered(t).Registrar.String(), at("internal-tls").String(); got != want {
		t.Errorf("uses %s, want %s", got, want)
	}
}

// shutDown stops the daemon; the Registrar forgets the device.
func (d *device) shutDown(t testing.TB, r *registrar) {
	t.Helper()
	if code := d.stop(t); code != 0 {
		t.Errorf("SIGTERM ends the daemon with %d", code)
	}
	if left := r.bindings(t); left != nil {
		t.Errorf("after SIGTERM the Registrar still has %q", left)
	}
}

// awaitFile waits until registrar.json, which the phone's SIP stack reads, names the place.
func (d *device) awaitFile(t testing.TB, degraded bool, p place) {
	t.Helper()
	eventually(t, fmt.Sprintf("registrar.json names %v, degraded %v", p, degraded), func() error {
		if file := d.registrarFile(t); file.Degraded != degraded || file.Registrar.String() != p.String() {
			return fmt.Errorf("%v, degraded %v", file.Registrar, file.Degraded)
		}
		return nil
	})
}

// awaitCommitted waits until last good is on disk.
func (d *device) awaitCommitted(t testing.TB) {
	t.Helper()
	eventually(t, "last good is on disk", func() error {
		_, err := os.Stat(d.dir + "/state/last-good.json")
		return err
	})
}
