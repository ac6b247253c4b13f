//go:build linux

package e2e

import (
	"encoding/json"
	"fmt"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"
)

// captureTrip is a round trip at which a healthy network still gives no reason for a second connection. A sign-in is five of them, cold; one that
// takes captureSlow was held up by this machine, which is as good a reason as a network that is not healthy: it is made again, captureTries times at most.
const (
	captureTrip  = 100 * time.Millisecond
	captureSlow  = 7 * captureTrip
	captureTries = 10
)

// TestCapture counts at the Registrars what a device opens to each of six steps, cold and warm, and what it says to whom: on a
// healthy network one connection, to the best; else no REGISTER to any but the one that takes it.
func TestCapture(t *testing.T) {
	for _, c := range []struct {
		name  string
		fault string // of the best
		takes place
		alone bool // no other is connected to
	}{
		{"healthy", "", deviceOrder[0], true},
		{"the best refuses", refuses, deviceOrder[1], false},
		{"the best is a black hole", blackHole, deviceOrder[1], false},
	} {
		t.Run(c.name, func(t *testing.T) {
			s := newSite(t)
			startNamed(t, s.dns, zoneWith(deviceOrder...))
			startKea(t, s.dhcp, full)
			server := startKamailio(t, s, settings{})
			newPath(t, s.device).trip.Store(int64(captureTrip))
			plugIn(t, s)
			if c.fault != "" {
				s.registrar.fault(t, deviceOrder[0].match()+c.fault)
			}
			d := newDevice(t, s)
			for _, start := range []string{"cold", "warm"} {
				said, opened := len(server.output(t)), connects(t, s, d)
				for try := 1; c.alone && opened == nil && try < captureTries; try++ {
					if d.stop(t); start == "cold" {
						d = newDevice(t, s)
					}
					said, opened = len(server.output(t)), connects(t, s, d)
				}
				if c.alone && !slices.Equal(opened, []int{1, 0, 0, 0, 0, 0}) {
					t.Errorf("%s: connections to the six steps: %d", start, opened)
				}
				asked := slices.Compact(regexp.MustCompile(`request REGISTER by \w+ on \S+`).FindAllString(server.output(t)[said:], -1))
				want := fmt.Sprintf("request REGISTER by %s on %s:%d", c.takes.transport, c.takes.addr, c.takes.port)
				if got := strings.Join(asked, ", "); got != want {
					t.Errorf("%s: Kamailio: %s; want %s", start, got, want)
				}
				d.stop(t)
			}
		})
	}
}

// connects starts a device until it is registered, and returns how many connections it has opened to each of the six steps; nil: to more than one,
// and this machine has held it up.
func connects(t *testing.T, s *site, d *device) (opened []int) {
	t.Helper()
	s.registrar.count(t, opens(deviceOrder)...)
	began := time.Now()
	d.boot(t)
	d.awaitRegistered(t)
	slow := time.Since(began) > captureSlow
	if opened = s.registrar.counted(t); slow && opened[1] > 0 {
		return nil
	}
	return opened
}

// opens are packet filter expressions for the SYNs to places, those that are sent again included.
func opens(places []place) (matches []string) {
	for _, p := range places {
		matches = append(matches, p.match()+" tcp flags & (syn | ack) == syn")
	}
	return matches
}

// count counts from now on the packets that arrive at the machine and match, such as "udp dport 53", before any fault.
func (h *host) count(t testing.TB, matches ...string) {
	t.Helper()
	h.run(t, "nft", "add table inet count; delete table inet count; add table inet count; add chain inet count input { type filter hook input priority -1; }")
	for _, match := range matches {
		h.run(t, "nft", "add rule inet count input "+match+" counter")
	}
}

// counted returns the counts.
func (h *host) counted(t testing.TB) (counts []int) {
	t.Helper()
	var table struct {
		NFTables []struct {
			Rule *struct {
				Expr []struct{ Counter *struct{ Packets int } }
			}
		}
	}
	if err := json.Unmarshal([]byte(h.run(t, "nft", "-j", "list", "table", "inet", "count")), &table); err != nil {
		t.Fatal(err)
	}
	for _, item := range table.NFTables {
		if item.Rule == nil {
			continue
		}
		for _, e := range item.Rule.Expr {
			if e.Counter != nil {
				counts = append(counts, e.Counter.Packets)
			}
		}
	}
	return counts
}
