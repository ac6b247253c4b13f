//go:build linux

package e2e

import (
	"encoding/json"
	"regexp"
	"slices"
	"strings"
	"syscall"
	"testing"
)

// fault is one thing that is wrong with a site, made by real servers.
type fault struct {
	name   string
	given  []given
	reason string // "": nothing is wrong
	want   string // the summary of `homeward check`, a sentence a line, and below it what else may help
}

// TestCheck…: each fault is found, and put into words (TechNet dd637123; what people in the field run into). All rows of a
// test share one segment and one set of Registrars; DNS, DHCP and the device's state are a row's own.

func TestCheckHealthy(t *testing.T)     { checkEach(t, healthy) }
func TestCheckDNS(t *testing.T)         { checkEach(t, dnsFaults) }
func TestCheckDHCP(t *testing.T)        { checkEach(t, dhcpFaults) }
func TestCheckConnection(t *testing.T)  { checkEach(t, connectionFaults) }
func TestCheckTLS(t *testing.T)         { checkEach(t, tlsFaults) }
func TestCheckSIP(t *testing.T)         { checkEach(t, sipFaults) }
func TestCheckFrontEnd(t *testing.T)    { checkEach(t, frontFaults) }
func TestCheckCertificate(t *testing.T) { checkEach(t, certificateFaults) }
func TestCheckProxy(t *testing.T)       { checkEach(t, proxyFaults) }
func TestCheckDevice(t *testing.T)      { checkEach(t, deviceFaults) }

func checkEach(t *testing.T, faults []fault) {
	common := newScene(t)
	for _, f := range faults {
		t.Run(f.name, func(t *testing.T) {
			d := f.arrange(t, common)
			r := d.check(t)
			t.Logf("check took %d ms", r.TookMS)
			if got := "\n" + r.said(); !reads(got, f.want) {
				t.Errorf("check says%s\nwant%s", got, f.want)
			}
			if r.Reason != f.reason {
				t.Errorf("the reason is %q, want %q", r.Reason, f.reason)
			}
			if r.Reason != "" && !r.shows(r.Reason) {
				t.Errorf("no check shows the reason %q: %+v", r.Reason, r.Checks)
			}
		})
	}
}

// Of two front ends behind one name, one presents the certificate of another host: which one is said in the first sentence, whether the
// device comes to it first or not.
func TestMend86OneOfTwoFrontEnds(t *testing.T) {
	common := newScene(t)
	good := pool01.movedTo(edge05.addr)
	startKamailio(t, common.site, settings{places: []place{good}})
	d := fault{given: with(pool01Has(namesAnother), record("pool01 A "+good.addr))}.arrange(t, common)
	r := d.check(t)
	t.Logf("check says\n%s", r.said())
	const which = "The certificate of pool01.contoso.com:5061 (10.0.0.20) is not for pool01.contoso.com, but for lync01.contoso.com (issued by CN=e2e root). "
	const first, next = "At 10.0.0.15, pool01.contoso.com presents a certificate that this device accepts.", "The device signs in through another address of pool01.contoso.com."
	if said := r.Summary[0]; said != which+first && said != which+first+" "+next {
		t.Errorf("check says\n%s", said)
	}
}

// newScene is the segment and the set of Registrars that rows share.
func newScene(t testing.TB) scene {
	t.Helper()
	s := newSite(t)
	for _, p := range []place{sipHost, clearPort, pool01} {
		mustIP(t, "-n", s.registrar.name, "address", "add", p.addr+"/24", "dev", "eth0")
	}
	plugIn(t, s)
	return scene{
		site: s, dns2: newHost(t, "dns2", "10.0.0.54"), dhcp2: newHost(t, "dhcp2", "10.0.0.68"),
		registrars: startKamailio(t, s, settings{places: append(places(), sipHost, clearPort)}),
	}
}

// arrange makes the site as the fault has it, and returns its device.
func (f fault) arrange(t testing.TB, c scene) *device {
	t.Helper()
	c.zone, c.nameServer = zoneWith(), startNamed
	t.Cleanup(func() { c.dns.heal(t); c.registrar.heal(t) })
	for _, g := range f.given {
		g(t, &c)
	}
	c.named = c.nameServer(t, c.dns, c.zone)
	if c.dhcpServer == nil {
		c.config = append(c.config, `dhcp = "off"`)
	} else {
		c.dhcpServer(t, c.dhcp)
	}
	d := newDevice(t, c.site, c.config...)
	for _, change := range c.device {
		change(t, d)
	}
	if len(c.later) > 0 {
		d.boot(t)
		d.awaitRegistered(t)
		d.awaitCommitted(t)
		d.stop(t)
	}
	for _, g := range c.later {
		g(t, &c)
	}
	return d
}

// stamps are moments and spans, fingerprints, files (with their lines), identifiers of keys, and whom the faster of two DHCP servers names: no row can know them.
var stamps = regexp.MustCompile(`\S+ over TLS \(dhcp-tls\), but the DHCP servers|\d{4}-\d\d-\d\d \d\d:\d\d UTC|(\d+h)?\d+m\d+s|sha256:[0-9a-f]{64}|\b[0-9a-f]{40}\b|/tmp/\S+\.(pem|crt|toml(:\d+)?)|\b\d{4}-\d\d-\d\d\b`)

// ofClock is what depends on whether the clock of this machine is synchronized.
var ofClock = regexp.MustCompile(`(?i)check the clock of this device first; (if it is right, |then )?| \((that|the clock) of this device is synchronized\)|\nThe problem is with the Registrar\.`)

// stampless is a text without its stamps, and, where the clock of this machine is synchronized, without what is said of it.
func stampless(text string) string {
	text = stamps.ReplaceAllString(text, "…")
	if state, err := syscall.Adjtimex(new(syscall.Timex)); err == nil && state != 5 { // TIME_ERROR
		text = strings.ToLower(ofClock.ReplaceAllString(text, ""))
	}
	return text
}

// reads says whether a text is the one that is wanted.
func reads(got, want string) bool { return stampless(got) == stampless(want) }

// report is the part of `homeward check --json` that the tests look at.
type report struct {
	Verdict, Reason, Fault string
	Summary                []string
	Otherwise              []string
	TookMS                 int64 `json:"took_ms"`
	Checks                 []struct {
		ID, Result, Reason, Detail string
		TookMS                     int64 `json:"took_ms"`
	}
}

// said is the summary, a sentence a line, and below it what else may help.
func (r report) said() string {
	lines := slices.Clone(r.Summary)
	for _, cure := range r.Otherwise {
		lines = append(lines, "- "+cure)
	}
	return strings.Join(lines, "\n")
}

// shows says whether the tree shows where the reason comes from.
func (r report) shows(reason string) bool {
	for _, c := range r.Checks {
		if c.Reason == reason && c.Result != "ok" {
			return true
		}
	}
	return false
}

// check runs `homeward check`, which ends with 4 when the device cannot sign in.
func (d *device) check(t testing.TB) report {
	t.Helper()
	out, code := d.run(t, "check", "--json")
	var r report
	if err := json.Unmarshal([]byte(out), &r); err != nil {
		t.Fatalf("check --json: exit code %d: %v\n%s", code, err, out)
	}
	if failed := r.Verdict == "failed"; failed && code != 4 || !failed && code != 0 {
		t.Errorf("check is %s, and ends with %d", r.Verdict, code)
	}
	return r
}
