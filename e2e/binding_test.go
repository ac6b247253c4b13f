//go:build linux

package e2e

import (
	"crypto/md5"
	"fmt"
	"regexp"
	"strings"
	"testing"
	"time"
)

// TestConnectionReset: the Registrar in use dies and resets its connections; the next one is used.
func TestConnectionReset(t *testing.T) {
	s := newSite(t)
	first := at("internal-tls")
	startDnsmasqDNS(t, s.dns, zoneWith(first, second))
	startKea(t, s.dhcp, full)
	dying := startKamailio(t, s, settings{places: []place{first}})
	other := startKamailio(t, s, settings{places: []place{second}})
	startDhclient(t, s.device)
	d := newDevice(t, s)
	d.boot(t)
	if got, want := d.awaitRegistered(t).Registrar.String(), first.String(); got != want {
		t.Fatalf("uses %s, want %s", got, want)
	}
	dying.kill()
	d.await(t, "registered with the next one", func(s status) bool {
		return s.State == "registered" && s.Registrar != nil && s.Registrar.String() == second.String()
	})
	if n := len(other.bindings(t)); n != 1 {
		t.Errorf("the next Registrar has %d bindings", n)
	}
}

// TestRefresh: a binding is renewed before it expires, with either algorithm of Digest.
func TestRefresh(t *testing.T) {
	for _, algorithm := range []string{"MD5", "SHA-256"} {
		t.Run(algorithm, func(t *testing.T) {
			s := newSite(t)
			startNamed(t, s.dns, zoneWith(at("internal-tls")))
			startDnsmasqDHCP(t, s.dhcp, options{})
			r := startKamailio(t, s, settings{algorithm: algorithm, expires: 5 * time.Second})
			startDhclient(t, s.device)
			d := newDevice(t, s)
			d.boot(t)
			d.awaitRegistered(t)
			before := r.registers(t)
			eventually(t, "the binding is renewed", func() error {
				if n := r.registers(t); n == before {
					return fmt.Errorf("%d REGISTER requests", n)
				}
				return nil
			})
			if n := len(r.bindings(t)); n != 1 {
				t.Errorf("the Registrar has %d bindings", n)
			}
			if got := d.status(t); got.State != "registered" || got.Degraded {
				t.Errorf("status %+v", got)
			}
		})
	}
}

// TestWrongPassword: two refusals, then the secret rests; the account is not locked out.
func TestWrongPassword(t *testing.T) {
	s := newSite(t)
	startNamed(t, s.dns, zoneWith(deviceOrder...))
	startDnsmasqDHCP(t, s.dhcp, full)
	r := startKamailio(t, s, settings{})
	startDhclient(t, s.device)
	d := newDevice(t, s)
	write(t, d.dir, "password", "wrong\n")
	d.boot(t)
	d.await(t, "resting its credentials", func(s status) bool { return s.State == "resting" && s.Reason == "credentials-resting" })
	if n := strings.Count(r.output(t), "refused credentials"); n != 2 {
		t.Errorf("the password was refused %d times, want 2", n)
	}
	if r.bindings(t) != nil {
		t.Error("registered with a wrong password")
	}
}

// TestMend22ForbiddenPassword: a Registrar that answers a wrong password with 403 sees it twice, and what to do names it.
func TestMend22ForbiddenPassword(t *testing.T) {
	s := newSite(t)
	startNamed(t, s.dns, zoneWith(deviceOrder...))
	startDnsmasqDHCP(t, s.dhcp, full)
	r := startKamailio(t, s, settings{forbids: true})
	startDhclient(t, s.device)
	d := newDevice(t, s)
	write(t, d.dir, "password", "wrong\n")
	d.boot(t)
	d.await(t, "resting its credentials", func(s status) bool { return s.State == "resting" && s.Reason == "credentials-resting" })
	if n := strings.Count(r.output(t), "refused credentials"); n != 2 {
		t.Errorf("the password was refused %d times, want 2", n)
	}
	out, _ := d.run(t, "history", "--json")
	for _, want := range []string{"sip-forbidden", "see whether the account is enabled for SIP, and check sip_address in ", " (user is not set) and password_file"} {
		if !strings.Contains(out, want) {
			t.Errorf("the history does not say %q:\n%s", want, out)
		}
	}
}

// TestMend22TooManyRegistrations: the account has as many contacts as the Registrar allows, and the device is told so.
func TestMend22TooManyRegistrations(t *testing.T) {
	s := newSite(t)
	here := at("internal-tls")
	startNamed(t, s.dns, zoneWith(here))
	startDnsmasqDHCP(t, s.dhcp, options{})
	startKamailio(t, s, settings{maxContacts: 1})
	startDhclient(t, s.device)
	c := dialPlace(t, s, here)
	nonce := regexp.MustCompile(`nonce="([^"]+)"`).FindStringSubmatch(exchange(t, c, here, 1, 600, ""))
	if got := exchange(t, c, here, 2, 600, digest(md5.New, nonce[1], 1)); !strings.HasPrefix(got, "SIP/2.0 200 ") {
		t.Fatalf("the other phone is answered %s", got)
	}
	d := newDevice(t, s)
	out, code := d.run(t, "check")
	for _, want := range []string{"refuses the sign-in: 503 Service Unavailable; Too many registered contacts", "has as many registrations as the Registrar allows", "user account"} {
		if code != 4 || !strings.Contains(out, want) {
			t.Errorf("homeward check does not say %q (exit code %d):\n%s", want, code, out)
		}
	}
}

// TestMend54RegistrationGone: an administrator removes the registration of the daemon; its connection stays, and check beside it says that no
// call arrives, and how to register anew.
func TestMend54RegistrationGone(t *testing.T) {
	s := newSite(t)
	startNamed(t, s.dns, zoneWith(at("internal-tls")))
	startDnsmasqDHCP(t, s.dhcp, options{})
	r := startKamailio(t, s, settings{})
	startDhclient(t, s.device)
	d := newDevice(t, s)
	d.boot(t)
	d.awaitRegistered(t)
	if got := d.check(t); got.Fault != "" {
		t.Fatalf("registered, and check says %q", got.Summary)
	}
	r.rpc(t, "ul.rm", "location", sipUser+"@"+sipDomain)
	if got := r.bindings(t); got != nil {
		t.Fatalf("bindings %q after they were removed", got)
	}
	got := d.check(t)
	told := strings.Join(got.Summary, " ")
	if got.Verdict != "degraded" || got.Fault != "sip.registration-gone" || !strings.Contains(told, "calls reach nobody until it renews its registration, within 10 min") {
		t.Errorf("%s, fault %q, says %q", got.Verdict, got.Fault, told)
	}
	if out, code := d.run(t, "report", "failed"); code != 0 {
		t.Fatalf("homeward report failed: exit code %d\n%s", code, out)
	}
	eventually(t, "the daemon has registered anew", func() error {
		if n := len(r.bindings(t)); n != 1 {
			return fmt.Errorf("%d bindings", n)
		}
		return nil
	})
	if got := d.check(t); got.Fault != "" {
		t.Errorf("registered anew, and check says %q", got.Summary)
	}
}

// TestLeaseIsLeftAlone: whatever DHCP does, the system's lease, its address and its client stay as they were, and
// the device registers by the other steps (row T10).
func TestLeaseIsLeftAlone(t *testing.T) {
	for _, c := range []struct {
		name    string
		dhcp    func(testing.TB, *host, options) *process // nil: silent
		verdict string
	}{
		{"Kea answers", startKea, "found"},
		{"dnsmasq answers", startDnsmasqDHCP, "found"},
		{"a server refuses", func(t testing.TB, h *host, _ options) *process { return startNAK(t, h) }, "failed dhcp-refused"},
		{"nobody answers", nil, "failed dhcp-silent"},
	} {
		t.Run(c.name, func(t *testing.T) {
			s := newSite(t)
			startDnsmasqDNS(t, s.dns, zoneWith(at("external-tls")))
			startKamailio(t, s, settings{})
			lessor := startKea(t, s.dhcp, options{})
			l := startDhclient(t, s.device)
			lease := read(t, l.file)
			lessor.stop(t)
			var server *process
			if c.dhcp != nil {
				server = c.dhcp(t, s.dhcp, full)
			}
			s.registrar.fault(t, at("dhcp-tls").match()+refuses, at("dhcp-tcp").match()+refuses)
			d := newDevice(t, s)
			d.boot(t)
			got := d.awaitRegistered(t)
			if got.Registrar.String() != at("external-tls").String() {
				t.Errorf("uses %s", got.Registrar)
			}
			if v := got.verdict("dhcp-tls"); v != c.verdict {
				t.Errorf("DHCP's verdict is %q, want %q", v, c.verdict)
			}
			if addr, err := l.address(t); err != nil || addr != l.addr {
				t.Errorf("the device has address %v, had %v (%v)", addr, l.addr, err)
			}
			if now := read(t, l.file); now != lease {
				t.Errorf("the lease was\n%sis\n%s", lease, now)
			}
			for _, message := range []string{"DHCPREQUEST", "DHCPRELEASE", "DHCPDECLINE", "DHCPDISCOVER"} {
				if server != nil && strings.Contains(server.output(t), message) {
					t.Errorf("the server has seen %s", message)
				}
			}
		})
	}
}

// TestTwoDHCPServers: one answer has no option 120, the other has a name; the name is used, whichever comes first
// (row T23).
func TestTwoDHCPServers(t *testing.T) {
	s := newSite(t)
	startNamed(t, s.dns, zoneWith(at("external-tls")))
	startKea(t, s.dhcp, options{})
	startKamailio(t, s, settings{})
	startDhclient(t, s.device)
	startDnsmasqDHCP(t, newHost(t, "dhcp2", "10.0.0.68"), full)
	d := newDevice(t, s)
	d.boot(t)
	if got, want := d.awaitRegistered(t).Registrar.String(), at("dhcp-tls").String(); got != want {
		t.Errorf("uses %s, want %s", got, want)
	}
}
