//go:build linux

package e2e

import (
	"crypto/md5"
	"flag"
	"fmt"
	"math/rand/v2"
	"regexp"
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
