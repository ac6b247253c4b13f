//go:build linux

package e2e

import (
	"fmt"
	"os"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"homeward/e2e/needs"
)

// TestPowerCut: a daemon that was killed registers again at once, as the boot is the same. After a power cut it waits for its
// turn, says so, and registers then. The boot is made to look young by a time namespace, and another by its name in restart.json.
func TestPowerCut(t *testing.T) {
	if os.Geteuid() != 0 {
		needs.Missing(t, "root", "")
	}
	program(t, "unshare")
	s := newSite(t)
	startNamed(t, s.dns, zoneWith(at("internal-tls")))
	startKea(t, s.dhcp, full)
	startKamailio(t, s, settings{})
	startDhclient(t, s.device)
	d := newDevice(t, s, `storm_window = "5s"`)
	waits := func() bool {
		out, _ := d.run(t, "history", "--json")
		return strings.Contains(out, `"reason":"storm-window"`)
	}
	d.boot(t)
	d.awaitRegistered(t)
	d.awaitCommitted(t)
	d.kill()
	d.boot(t)
	d.awaitRegistered(t)
	if waits() {
		t.Error("it waits after it was killed")
	}
	d.kill()

	file := d.dir + "/state/restart.json"
	boot := regexp.MustCompile(`"boot_id":"[^"]+"`)
	if text := read(t, file); !boot.MatchString(text) {
		t.Fatalf("restart.json: %s", text)
	} else if err := os.WriteFile(file, []byte(boot.ReplaceAllString(text, `"boot_id":"another"`)), 0o640); err != nil { // it stays the daemon's
		t.Fatal(err)
	}
	up, err := strconv.ParseFloat(strings.Fields(read(t, "/proc/uptime"))[0], 64)
	if err != nil {
		t.Fatal(err)
	}
	s.dns.count(t, "udp dport 53")
	s.dhcp.count(t, "udp dport 67")
	s.registrar.count(t, "tcp flags & (syn | ack) == syn")
	d.boot(t, "unshare", "--time", "--fork", "--boottime", fmt.Sprint(60-int(up)))
	turn := d.await(t, "waiting, or has waited", func(s status) bool { return !s.NextAttempt.IsZero() || s.State == "registered" }).NextAttempt
	asked := slices.Concat(s.dns.counted(t), s.dhcp.counted(t), s.registrar.counted(t))
	if time.Now().Before(turn) && !slices.Equal(asked, []int{0, 0, 0}) { // else its turn came too soon to look
		t.Errorf("packets to DNS, DHCP and the Registrar before its turn: %d", asked)
	}
	d.awaitRegistered(t)
	if !waits() {
		out, _ := d.run(t, "history", "-n", "20")
		t.Errorf("it does not wait after a power cut:\n%s", out)
	}
}
