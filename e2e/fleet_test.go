//go:build linux

package e2e

import (
	"crypto/x509"
	"encoding/json"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"
)

const brokerAddr = "10.0.0.88"

// broker is a Mosquitto on a machine of the site, with the files of packaging/fleet, and who signs for it.
type broker struct {
	*process
	host *host
	ca   *authority
	dir  string
}

func newBroker(t testing.TB) *broker {
	t.Helper()
	program(t, "mosquitto")
	dir := t.TempDir()
	b := &broker{host: newHost(t, "broker", brokerAddr), ca: newAuthority(t, dir), dir: dir}
	b.certificate(t, dir, "broker")
	for from, to := range map[string]string{"mosquitto.conf": "mosquitto.conf", "mosquitto.acl": "acl"} {
		text := strings.ReplaceAll(read(t, "../packaging/fleet/"+from), "/etc/mosquitto/homeward/devices-root.pem", b.ca.file)
		text = strings.ReplaceAll(text, "/etc/mosquitto/homeward", dir)
		if to == "mosquitto.conf" {
			text += "\nuser root\n" // it would become a user who may not read what is here
		}
		write(t, dir, to, text)
	}
	b.start(t)
	return b
}

func (b *broker) start(t testing.TB) {
	t.Helper()
	b.process = start(t, b.host, "mosquitto", "-c", filepath.Join(b.dir, "mosquitto.conf"))
	eventually(t, "the broker listens", func() error {
		conn, err := net.Dial("tcp", brokerAddr+":8883")
		if err == nil {
			conn.Close()
		}
		return err
	})
}

// certificate signs one for a name.
func (b *broker) certificate(t testing.TB, dir, name string) (cert, key string) {
	t.Helper()
	leaf := leafFor(name)
	leaf.IPAddresses = []net.IP{net.ParseIP(brokerAddr)}
	leaf.ExtKeyUsage = append(leaf.ExtKeyUsage, x509.ExtKeyUsageClientAuth)
	return b.ca.issueLeaf(t, dir, leaf)
}

// publishes makes a device publish to the broker, by a name.
func (b *broker) publishes(t testing.TB, d *device, name string) {
	t.Helper()
	cert, key := b.certificate(t, d.dir, name)
	root := write(t, d.dir, "broker-root.pem", read(t, b.ca.file))
	write(t, d.dir, "homeward.toml", read(t, d.config)+fmt.Sprintf("fleet_broker = %q\nfleet_cert = %q\nfleet_key = %q\nfleet_roots = [%q]\n", "mqtts://"+brokerAddr, cert, key, root))
	give(t, cert, key, root, d.config)
}

// fleetList is how the devices stand, as the command says, once each is as wanted.
func (b *broker) fleetList(t testing.TB, binary string, want map[string]string) {
	t.Helper()
	cert, key := b.certificate(t, b.dir, "fleet-reader")
	var err error
	for end := time.Now().Add(2 * patience); time.Now().Before(end); <-time.After(pollEvery) { // a device takes up to half a minute to come back
		if err = b.stands(binary, cert, key, want); err == nil {
			return
		}
	}
	t.Errorf("fleet list: %v", err)
}

func (b *broker) stands(binary, cert, key string, want map[string]string) error {
	out, err := exec.Command(binary, "list", "--json", "--broker", "mqtts://"+brokerAddr, "--cert", cert, "--key", key, "--roots", b.ca.file).CombinedOutput()
	if err != nil {
		return fmt.Errorf("%w: %s", err, out)
	}
	got := map[string]string{}
	for line := range strings.Lines(string(out)) {
		var row struct{ Device, Standing string }
		if err := json.Unmarshal([]byte(line), &row); err != nil {
			return fmt.Errorf("%w: %s", err, line)
		}
		got[row.Device] = row.Standing
	}
	for name, standing := range want {
		if got[name] != standing {
			return fmt.Errorf("%s is %q, want %q; all: %v", name, got[name], standing, got)
		}
	}
	return nil
}

// TestFleet: daemons in the box of their unit publish how they stand. While the broker is dead, frozen, refusing or unreachable they
// sign in and stop as if there were none, and when it is back it has the newest of each.
func TestFleet(t *testing.T) {
	s, _, first := newSiteWithDevice(t, deviceAddr)
	b := newBroker(t)
	binary := filepath.Join(t.TempDir(), "fleet")
	if out, err := exec.Command("go", "build", "-o", binary, "../cmd/fleet").CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	devices := map[string]*device{"phone1": first}
	for _, name := range []string{"phone2", "phone3"} {
		devices[name] = newDevice(t, s, `dhcp = "off"`)
	}
	for name, d := range devices {
		b.publishes(t, d, name)
		d.boot(t)
	}
	for _, d := range devices {
		d.awaitRegistered(t)
		d.awaitCommitted(t)
	}
	b.fleetList(t, binary, map[string]string{"phone1": "registered", "phone2": "registered", "phone3": "registered"})

	again := func(name string) *device {
		d := devices[name]
		if code := d.stop(t); code != 0 {
			t.Errorf("%s: exit code %d", name, code)
		}
		return d
	}
	for what, trouble := range map[string]struct{ make, end func() }{
		"unreachable": {func() { b.host.fault(t, "tcp dport 8883 drop") }, func() { b.host.heal(t) }},
		"refusing":    {func() { b.host.fault(t, "tcp dport 8883 reject with tcp reset") }, func() { b.host.heal(t) }},
		"frozen":      {func() { freeze(t, b, syscall.SIGSTOP) }, func() { freeze(t, b, syscall.SIGCONT) }},
	} {
		trouble.make()
		began := time.Now()
		d := again("phone1")
		t.Logf("%s: the stop took %v", what, time.Since(began)) // at most 5 s by its unit, which awaits it
		d.boot(t)
		d.awaitRegistered(t)
		trouble.end()
	}

	b.kill()
	s.dns.fault(t, silentDNS)
	again("phone2").boot(t)
	devices["phone2"].awaitDegraded(t)
	forgetful := again("phone3")
	for _, file := range []string{"homeward.db", "last-good.json"} {
		os.Remove(filepath.Join(forgetful.dir, "state", file))
	}
	forgetful.boot(t)
	forgetful.await(t, "without a Registrar", func(s status) bool { return s.State == "resting" })
	b.start(t)
	b.fleetList(t, binary, map[string]string{"phone1": "registered", "phone2": "degraded", "phone3": "resting"})
	again("phone2")
	b.fleetList(t, binary, map[string]string{"phone2": "offline"})
}

// freeze sends a signal to Mosquitto, which `ip netns exec` has become.
func freeze(t testing.TB, b *broker, signal syscall.Signal) {
	t.Helper()
	if err := b.cmd.Process.Signal(signal); err != nil {
		t.Fatal(err)
	}
}
