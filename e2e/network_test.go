//go:build linux

package e2e

import (
	"encoding/json"
	"fmt"
	"os/exec"
	"slices"
	"strings"
	"testing"
	"time"
)

// times is the part of `homeward status --json` that says when.
type times struct {
	Registered  time.Time `json:"registered_at"`
	NextAttempt time.Time `json:"next_attempt_at"`
}

const deviceAddr = "10.0.0.21"

// newSiteWithDevice is a site with DNS and a Registrar, and a device that has a fixed address or none. Further lines of the
// configuration file may follow.
func newSiteWithDevice(t testing.TB, addr string, lines ...string) (*site, *registrar, *device) {
	t.Helper()
	s := newSite(t)
	startNamed(t, s.dns, zoneWith(at("internal-tls")))
	r := startKamailio(t, s, settings{})
	if addr != "" {
		s.device.address(t, "add", addr)
	}
	return s, r, newDevice(t, s, append(lines, `dhcp = "off"`)...)
}

// address adds or deletes an address of the machine.
func (h *host) address(t testing.TB, verb, addr string) {
	t.Helper()
	mustIP(t, "-n", h.name, "address", verb, addr+"/24", "dev", "eth0")
}

// TestMend74StatusNoCarrier: while the cable is out, status says so, whatever the daemon has met for that, and also before that has lost its
// registration.
func TestMend74StatusNoCarrier(t *testing.T) {
	s, _, d := newSiteWithDevice(t, deviceAddr)
	says := func(wanted bool, headline string) {
		t.Helper()
		eventually(t, "status says what the link lacks", func() error {
			text, _ := d.run(t, "status")
			if strings.Contains(text, "this device is not on the network: eth0 has no carrier (no cable, or nothing at its other end)") != wanted || !strings.Contains(text, headline) {
				return fmt.Errorf("status is\n%s", text)
			}
			return nil
		})
	}
	s.device.unplug(t)
	d.boot(t)
	d.await(t, "resting", func(s status) bool { return s.State == "resting" })
	says(true, "  because        connect-unreachable")
	s.device.plug(t)
	d.awaitRegistered(t)
	says(false, "registered since")
	s.device.unplug(t)
	says(true, "  but now        connect-unreachable")
	s.device.plug(t)
}

// TestNetworkEndsARest: a device rests, because it has no network or because the Registrar refuses the connection. An
// address comes, and it registers before the rest ends.
func TestNetworkEndsARest(t *testing.T) {
	for _, c := range []struct{ name, addr, rule string }{
		{"there was no network", "", ""},
		{"the Registrar was down", deviceAddr, at("internal-tls").match() + refuses},
	} {
		t.Run(c.name, func(t *testing.T) {
			s, _, d := newSiteWithDevice(t, c.addr)
			if c.rule != "" {
				s.registrar.fault(t, c.rule)
			}
			d.boot(t)
			d.await(t, "resting", func(s status) bool { return s.State == "resting" })
			var resting, now times
			out, _ := d.run(t, "status", "--json")
			if err := json.Unmarshal([]byte(out), &resting); err != nil || resting.NextAttempt.IsZero() {
				t.Fatalf("it does not say until when it rests: %v\n%s", err, out)
			}
			if c.rule != "" {
				s.registrar.heal(t)
			}
			s.device.address(t, "add", "10.0.0.22")
			d.awaitRegistered(t)
			d.json(t, &now, "status", "--json")
			if !now.Registered.Before(resting.NextAttempt) {
				t.Errorf("registered at %v, the rest would have ended at %v", now.Registered, resting.NextAttempt)
			}
			history, _ := d.run(t, "history")
			if want := "network: new: 10.0.0.22/24 on eth0"; !strings.Contains(history, want) {
				t.Errorf("the history lacks %q:\n%s", want, history)
			}
		})
	}
}

// TestAddressGoes: the address of the connection is replaced; the device registers from the new one at once.
func TestAddressGoes(t *testing.T) {
	s, r, d := newSiteWithDevice(t, deviceAddr)
	d.boot(t)
	d.awaitRegistered(t)
	s.device.address(t, "del", deviceAddr)
	s.device.address(t, "add", "10.0.0.22")
	eventually(t, "the Registrar knows the new address", func() error {
		if contacts := r.bindings(t); !slices.ContainsFunc(contacts, func(c string) bool { return strings.Contains(c, "@10.0.0.22:") }) {
			return fmt.Errorf("bindings %q", contacts)
		}
		return nil
	})
	d.awaitRegistered(t)
	history, _ := d.run(t, "history", "--failures")
	if !strings.Contains(history, "address-changed") {
		t.Errorf("the history does not say why:\n%s", history)
	}
}

// TestOtherAddressComes: a change that does not concern the connection in use leaves it as it is.
func TestOtherAddressComes(t *testing.T) {
	s, r, d := newSiteWithDevice(t, deviceAddr)
	d.boot(t)
	d.awaitRegistered(t)
	before := r.bindings(t)
	mustIP(t, "-n", s.device.name, "link", "add", "other0", "type", "veth", "peer", "name", "other1")
	mustIP(t, "-n", s.device.name, "address", "add", "192.168.7.1/24", "dev", "other0")
	mustIP(t, "-n", s.device.name, "link", "set", "other0", "up")
	mustIP(t, "-n", s.device.name, "link", "set", "other1", "up")
	eventually(t, "the device has made sure of its registration", func() error {
		history, _ := d.run(t, "history")
		if !strings.Contains(history, "network: new: 192.168.7.1/24 on other0") || !strings.Contains(history, "refresh") {
			return fmt.Errorf("history:\n%s", history)
		}
		return nil
	})
	if after := r.bindings(t); !slices.Equal(before, after) {
		t.Errorf("bindings before %q, after %q", before, after)
	}
}

// TestFlaps: a thousand times the link goes down and comes up. The Registrar hears of it a few times, and the device is
// registered in the end. Both kinds: a loose cable, and an interface that is switched off and on.
func TestFlaps(t *testing.T) {
	for name, flap := range map[string]func(*host) []string{
		"cable":     func(h *host) []string { return []string{"link", "set", "port-" + h.name} },
		"interface": func(h *host) []string { return []string{"-n", h.name, "link", "set", "eth0"} },
	} {
		t.Run(name, func(t *testing.T) {
			s, r, d := newSiteWithDevice(t, deviceAddr)
			d.boot(t)
			d.awaitRegistered(t)
			before, began := r.registers(t), time.Now()
			for range 1000 {
				for _, to := range []string{"down", "up"} {
					if err := exec.Command("ip", append(flap(s.device), to)...).Run(); err != nil {
						t.Fatal(err)
					}
				}
			}
			d.awaitRegistered(t)
			s.device.address(t, "add", "10.0.0.22") // the last change: it is told after all of the flaps
			eventually(t, "the flaps are over", func() error {
				history, _ := d.run(t, "history")
				if !strings.Contains(history, "10.0.0.22/24 on eth0") {
					return fmt.Errorf("history:\n%s", history)
				}
				return nil
			})
			d.awaitRegistered(t)
			// Three, and a challenge for each; and one more for each half a minute that a busy machine takes for the flaps.
			took := time.Since(began)
			if n := r.registers(t) - before; n > 6+2*int(took/(30*time.Second)) {
				t.Errorf("%d REGISTERs in %v", n, took)
			}
		})
	}
}
