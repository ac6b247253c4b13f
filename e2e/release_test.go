//go:build linux

package e2e

import (
	"crypto/md5"
	"errors"
	"flag"
	"fmt"
	"math/rand/v2"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"
)

// besideTheTimes and besideTheSeed are how often homeward is killed, or has to go to another Registrar, beside a phone.
var (
	besideTheTimes = flag.Int("beside", 8, "how often TestBesideThePhone kills homeward or the Registrar in use")
	besideTheSeed  = flag.Uint64("beside-seed", 1, "what TestBesideThePhone draws from")
)

// phoneBinds has a phone of the account register by hand, for an hour.
func phoneBinds(t *testing.T, s *site, p place) {
	t.Helper()
	c := dialPlace(t, s, p)
	nonce := regexp.MustCompile(`nonce="([^"]+)"`).FindStringSubmatch(exchange(t, c, p, 1, 3600, ""))
	if nonce == nil {
		t.Fatal("the phone is not asked for credentials")
	}
	if got := exchange(t, c, p, 2, 3600, digest(md5.New, nonce[1], 1)); !strings.HasPrefix(got, "SIP/2.0 200 ") {
		t.Fatalf("the phone is answered %s", got)
	}
}

// onlyThePhone fails the test unless the Registrar has the binding of the phone, and no other one.
func onlyThePhone(t *testing.T, r *registrar, p place, when string) {
	t.Helper()
	if known := r.bindings(t); len(known) != 1 || known[0] != contactOf(p) {
		t.Fatalf("%s: %s has the bindings %q, and not that of the phone alone", when, p.host, known)
	}
}

// TestBesideThePhone: homeward has the account of a phone, at Registrars that keep one binding for it: one refuses another,
// the other puts it in the place of the phone's. Whatever is killed, and whenever, the phone keeps its binding, and homeward takes none.
func TestBesideThePhone(t *testing.T) {
	random := rand.New(rand.NewPCG(*besideTheSeed, 0))
	s := newSite(t)
	places := []place{at("internal-tls"), second}
	startDnsmasqDNS(t, s.dns, zoneWith(places...))
	running := make([]*registrar, len(places))
	begin := func(i int) {
		running[i] = startKamailio(t, s, settings{places: places[i : i+1], expires: time.Hour, maxContacts: 1 - i, replaces: i == 1})
		phoneBinds(t, s, places[i])
	}
	for i := range places {
		begin(i)
	}
	s.device.address(t, "add", deviceAddr)
	d := newDevice(t, s, `dhcp = "off"`, `binding = "release"`)
	d.boot(t)
	asked := 0 // for a binding, by homeward
	for n := range *besideTheTimes {
		when, registered := fmt.Sprintf("after %d times", n), d.awaitRegistered(t)
		for i, p := range places {
			onlyThePhone(t, running[i], p, when)
		}
		switch random.IntN(4) {
		case 0: // the Registrar in use is killed, and comes back when homeward is at the other one
			i := 0
			if registered.Registrar.Host == places[1].host {
				i = 1
			}
			running[i].kill()
			d.await(t, "registered with the other one", func(s status) bool {
				return s.State == "registered" && s.Registrar != nil && s.Registrar.Host == places[1-i].host
			})
			asked += strings.Count(running[i].output(t), "asked to bind by homeward")
			begin(i)
		case 1:
			d.stop(t)
			d.boot(t)
		case 2: // in the middle of a sign-in
			d.kill()
			d.boot(t)
			<-time.After(time.Duration(random.IntN(400)) * time.Millisecond)
			fallthrough
		default:
			d.kill()
			d.boot(t)
		}
	}
	d.awaitRegistered(t)
	for i, p := range places {
		onlyThePhone(t, running[i], p, "in the end")
		asked += strings.Count(running[i].output(t), "asked to bind by homeward")
	}
	if asked > 0 {
		t.Errorf("homeward has asked for a binding %d times", asked)
	}
}

// TestBesideARealPhone: a real phone follows homeward, which has its account, where an account may have one binding. It is the phone's,
// at the first Registrar and at the next one when that dies, and whichever of the two is started anew.
func TestBesideARealPhone(t *testing.T) {
	for i, p := range phones {
		t.Run(p.name, func(t *testing.T) {
			for _, name := range []string{p.program, "jq", "nc.openbsd"} {
				program(t, name)
			}
			s := newSite(t)
			startDnsmasqDNS(t, s.dns, zoneWith(at("internal-tls"), second))
			// One of the phones is with Registrars that refuse a second binding, the other with those that put it in the place of the first.
			kept := settings{maxContacts: 1 - i, replaces: i == 1}
			kept.places = []place{at("internal-tls")}
			dying := startKamailio(t, s, kept)
			kept.places = []place{second}
			other := startKamailio(t, s, kept)
			s.device.address(t, "add", deviceAddr)
			a := newAppliance(t, s, "")
			a.install(t, "etc/homeward/homeward.toml", read(t, a.root+"/etc/homeward/homeward.toml")+"dhcp = \"off\"\nbinding = \"release\"\n")
			p.install(t, a)
			a.boot(t)
			a.run(t, "systemctl", "enable", "--now", p.name, "homeward")
			binding := p.awaitBinding(t, dying, "")
			for _, unit := range []string{"homeward", p.name} {
				a.run(t, "systemctl", "restart", unit)
				eventually(t, "homeward is signed in without a binding", func() error {
					if out, _ := a.try("homeward", "status"); !strings.Contains(out, "none taken, watching "+at("internal-tls").host) {
						return errors.New(out)
					}
					return nil
				})
				if unit == "homeward" && !slices.Equal(dying.bindings(t), []string{binding}) {
					t.Errorf("the Registrar has the bindings %q, and not that of the phone alone", dying.bindings(t))
				}
			}
			dying.kill()
			p.awaitBinding(t, other, "")
			a.run(t, "homeward", "report", "failed")
			if n := len(other.bindings(t)); n != 1 {
				t.Errorf("the next Registrar has %d bindings", n)
			}
			for _, r := range []*registrar{dying, other} {
				if strings.Contains(r.output(t), "asked to bind by homeward") {
					t.Error("homeward has asked for a binding")
				}
			}
		})
	}
}

// TestBesideAPhoneThatIsCalled: what a caller hears is the phone's word alone, since homeward has no binding.
func TestBesideAPhoneThatIsCalled(t *testing.T) {
	s := newSite(t)
	here := at("internal-tls")
	startDnsmasqDNS(t, s.dns, zoneWith(here))
	r := startKamailio(t, s, settings{maxContacts: 1})
	s.device.address(t, "add", deviceAddr)
	startBaresip(t, s, here)
	eventually(t, "the phone has a binding", func() error {
		if n := len(r.contacts(t)); n != 1 {
			return fmt.Errorf("there are %d bindings", n)
		}
		return nil
	})
	d := newDevice(t, s, `dhcp = "off"`, `binding = "release"`)
	if out, code := d.run(t, "check"); code != 0 {
		t.Errorf("a check ends with %d:\n%s", code, out)
	}
	d.boot(t)
	d.awaitRegistered(t)
	answers := call(t, s, here, func() { rejectCall(t, s) })
	if last := answers[len(answers)-1]; !strings.HasPrefix(last, "486 ") {
		t.Errorf("the caller hears %q, and not that the phone is busy", answers)
	}
	if strings.Contains(r.output(t), "call answered 501") {
		t.Error("homeward was called, too")
	}
	if strings.Contains(r.output(t), "asked to bind by homeward") {
		t.Error("homeward, or its check, has asked for a binding")
	}
}

// TestBesideTheDaemon: the account may have one binding, which the daemon holds. A check and a drill leave it: at a Registrar that
// refuses another, and at one that puts it in the place of the first.
func TestBesideTheDaemon(t *testing.T) {
	for name, kept := range map[string]settings{"another is refused": {maxContacts: 1}, "another replaces it": {replaces: true}} {
		t.Run(name, func(t *testing.T) {
			s := newSite(t)
			here := at("internal-tls")
			startDnsmasqDNS(t, s.dns, zoneWith(here))
			r := startKamailio(t, s, kept)
			s.device.address(t, "add", deviceAddr)
			d := newDevice(t, s, `dhcp = "off"`)
			d.boot(t)
			d.awaitRegistered(t)
			held := r.bindings(t)
			if len(held) != 1 {
				t.Fatalf("the daemon has the bindings %q", held)
			}
			for _, args := range [][]string{{"check"}, {"drill", "dhcp"}} {
				if out, code := d.run(t, args...); code != 0 || !strings.HasPrefix(out, "ok\n") {
					t.Errorf("%s ends with %d:\n%s", args[0], code, out)
				}
				if now := r.bindings(t); !slices.Equal(now, held) {
					t.Errorf("%s: the daemon had the binding %q, and now there is %q", args[0], held, now)
				}
			}
		})
	}
}

// TestSecondConnection: the daemon is registered, and the check beside it gets no connection: the packet filter allows each device one, or
// the Registrar hangs. The device is registered, so it is told neither that it is not, nor that the port is closed.
func TestSecondConnection(t *testing.T) {
	for name, c := range map[string]struct {
		fails func(t *testing.T, s *site, r *registrar)
		wants []string
	}{
		"one connection is allowed": {func(t *testing.T, s *site, _ *registrar) {
			s.registrar.fault(t, "tcp dport 5061 ct state new drop")
		}, []string{"a second one from this device to", "is not answered: either the number of connections is limited", "Look for a limit of connections"}},
		"the Registrar hangs": {func(_ *testing.T, _ *site, r *registrar) { r.hang() },
			[]string{"the TLS handshake is not answered: most likely the service", "has hung since the daemon registered", "The problem is with the Registrar."}},
	} {
		t.Run(name, func(t *testing.T) {
			s := newSite(t)
			here := at("internal-tls")
			startDnsmasqDNS(t, s.dns, zoneWith(here))
			r := startKamailio(t, s, settings{})
			s.device.address(t, "add", deviceAddr)
			d := newDevice(t, s, `dhcp = "off"`)
			d.boot(t)
			d.awaitRegistered(t)
			c.fails(t, s, r)
			out, code := d.run(t, "check")
			for _, want := range append(c.wants, "degraded\nThe daemon is registered as ") {
				if code != 0 || !strings.Contains(out, want) {
					t.Errorf("homeward check does not say %q (exit code %d):\n%s", want, code, out)
				}
			}
		})
	}
}
