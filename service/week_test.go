package service

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"homeward/cache"
	"homeward/internal/sitetest"
	"homeward/provisioning"
	"homeward/provisioning/agent"
	"homeward/provisioning/wire"
	"homeward/service/control"
)

// weekSite is a site with all there is to ask.
const weekSite = `
-- zone --
_sipinternaltls._tcp SRV 0 0 5061 fe01
_sip._tls SRV 0 0 5061 fe01
fe01 A 10.0.0.5 10.0.0.6
-- dhcp --
10.0.0.67 ack 120=fe01.contoso.com
-- registrars --
10.0.0.5:5061 tls fe01.contoso.com accept
10.0.0.6:5061 tls fe01.contoso.com accept
`

// aWeek is seven days; with -short, two.
func aWeek() time.Duration {
	if testing.Short() {
		return 2 * 24 * time.Hour
	}
	return 7 * 24 * time.Hour
}

// A week of trouble, as the agent really meets it, is one line and a count for each thing that happens, between a
// line that says when it began and one that says when it ended.
func TestAWeekOfTrouble(t *testing.T) {
	for _, test := range []struct {
		name    string
		trouble []string // what the site does for a week
		want    string   // the history from the beginning of the trouble to its end
	}{
		{"DNS, DHCP and the Registrars are gone", []string{"zone silent", "dhcp silent", "registrar 10.0.0.5:5061 blackhole", "registrar 10.0.0.6:5061 blackhole"}, `
lost fe01.contoso.com 10.0.0.5 sip-no-answer
state recalling
attempt internal-tls fe01.contoso.com 10.0.0.5 connect-timeout
attempt internal-tls fe01.contoso.com 10.0.0.6 connect-timeout
state discovering, for days
lookup internal-tls failed dns-timeout, for days
lookup dhcp-tls failed dhcp-silent, for days
skip internal-tcp tls-floor, for days
skip dhcp-tcp tls-floor, for days
lookup external-tls failed dns-timeout, for days
skip external-tcp tls-floor, for days
state outage, for days
skip last-good fe01.contoso.com same-as-failed
state resting, for days
wait connect-timeout
attempt last-good fe01.contoso.com 10.0.0.5 connect-timeout, for days
attempt last-good fe01.contoso.com 10.0.0.6 connect-timeout, for days
wait dns-timeout, for days
lookup internal-tls found
attempt internal-tls fe01.contoso.com 10.0.0.5
state registered
`},
		{"DNS and DHCP are gone, and then the Registrar restarts", []string{"zone silent", "dhcp silent", "registrar 10.0.0.5:5061 refuse", "reset 10.0.0.5:5061"}, `
lost fe01.contoso.com 10.0.0.5 connect-reset
state recalling
attempt internal-tls fe01.contoso.com 10.0.0.5 connect-refused
attempt internal-tls fe01.contoso.com 10.0.0.6
state registered
commit internal-tls fe01.contoso.com 10.0.0.6, for days
refresh internal-tls fe01.contoso.com 10.0.0.6, for days
`},
		{"the Registrars are there and serve nobody", []string{"registrar 10.0.0.5:5061 status 503", "registrar 10.0.0.6:5061 status 503"}, `
lost fe01.contoso.com 10.0.0.5 sip-unavailable
state recalling
attempt internal-tls fe01.contoso.com 10.0.0.5 sip-unavailable
attempt internal-tls fe01.contoso.com 10.0.0.6 sip-unavailable
state discovering, for days
lookup internal-tls found, for days
skip internal-tls fe01.contoso.com same-as-failed
lookup dhcp-tls found, for days
skip dhcp-tls fe01.contoso.com same-as-failed, for days
skip internal-tcp tls-floor, for days
skip dhcp-tcp tls-floor, for days
lookup external-tls found, for days
skip external-tls fe01.contoso.com same-as-failed, for days
skip external-tcp tls-floor, for days
state resting, for days
wait sip-unavailable, for days
attempt internal-tls fe01.contoso.com 10.0.0.5 sip-unavailable, for days
attempt internal-tls fe01.contoso.com 10.0.0.6 sip-unavailable, for days
attempt internal-tls fe01.contoso.com 10.0.0.5
state registered
`},
	} {
		t.Run(test.name, func(t *testing.T) {
			dir := t.TempDir()
			d := device{file: filepath.Join(dir, "history.jsonl"), dir: dir}
			synctest.Test(t, func(t *testing.T) {
				d.start(t)
				time.Sleep(time.Hour)
				d.apply(t, test.trouble...)
				time.Sleep(aWeek())
				d.apply(t, "heal")
				time.Sleep(time.Hour)
				d.end()
			})
			if diff := cmp.Diff(strings.TrimPrefix(test.want, "\n"), d.trouble()); diff != "" {
				t.Error(diff)
			}
			read, err := ReadHistory(d.file)
			if diff := cmp.Diff(d.story.History(false), read); diff != "" || err != nil {
				t.Errorf("the file: err %v, %s", err, diff)
			}
		})
	}
}

// A Registrar that accepts and throws out, over and over, fills no history: what was there before is there still.
func TestAWeekOfARegistrarThatDoesNotHold(t *testing.T) {
	dir := t.TempDir()
	d := device{file: filepath.Join(dir, "history.jsonl"), dir: dir}
	synctest.Test(t, func(t *testing.T) {
		d.start(t)
		time.Sleep(time.Hour)
		d.apply(t, "registrar 10.0.0.5:5061 accept idle=20s", "registrar 10.0.0.6:5061 accept idle=20s")
		time.Sleep(aWeek())
		d.end()
	})
	entries := d.story.History(false)
	if len(entries) > 100 || entries[0].Event != control.Started {
		t.Errorf("%d entries, the first is %+v", len(entries), entries[0])
	}
	lost := 0
	for _, e := range d.story.History(true) {
		if e.Event == "lost" {
			lost += max(e.Count, 1)
		}
	}
	if lost < 100 {
		t.Errorf("%d losses are told or counted", lost)
	}
}

// kill -9 in the middle of an outage leaves what was known when it began.
func TestAKilledDaemonLeavesItsHistory(t *testing.T) {
	dir := t.TempDir()
	d := device{file: filepath.Join(dir, "history.jsonl"), dir: dir}
	var left []byte
	synctest.Test(t, func(t *testing.T) {
		d.start(t)
		time.Sleep(time.Hour)
		d.apply(t, "zone silent", "dhcp silent", "registrar 10.0.0.5:5061 blackhole", "registrar 10.0.0.6:5061 blackhole")
		time.Sleep(24 * time.Hour)
		synctest.Wait()
		left, _ = os.ReadFile(d.file)
		d.end()
	})
	if err := os.WriteFile(d.file, left, 0o600); err != nil {
		t.Fatal(err)
	}
	d = device{file: d.file, dir: dir}
	synctest.Test(t, func(t *testing.T) {
		time.Sleep(48 * time.Hour) // the clock of the bubble starts anew
		d.start(t)
		time.Sleep(time.Second)
		d.end()
	})
	var got []string
	for _, e := range d.story.History(false) {
		switch e.Event {
		case control.Started, control.Stopped:
			got = append(got, strings.TrimSpace(e.Event+" "+e.Detail))
		case "lost":
			got = append(got, "lost "+string(e.Reason))
		case "state":
			got = append(got, e.State)
		}
	}
	want := []string{
		"start", "recalling", "discovering", "registered", "lost sip-no-answer", "recalling", "discovering", "outage", "resting",
		"start the run before it did not stop cleanly: the power was cut, or the process was killed", "recalling", "discovering", "registered", "stop the test is over",
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
}

// device is an agent, its story and its site, in fake time.
type device struct {
	dir, file string
	site      *sitetest.Site
	story     *Story
	stop      context.CancelCauseFunc
	done      chan struct{}
}

func (d *device) start(t *testing.T) {
	t.Helper()
	site, err := sitetest.Parse("week", []byte(weekSite))
	if err != nil {
		t.Fatal(err)
	}
	simulated, err := site.Start()
	if err != nil {
		t.Fatal(err)
	}
	policy := provisioning.Policy{
		SIPAddress: provisioning.SIPAddress{User: "phone1", Domain: "contoso.com"}, AllowTCP: true, TLSFloor: true, AskDHCP: true,
		TLSMin: tls.VersionTLS12, Roots: x509.NewCertPool(), Version: "test",
	}
	policy.Roots.AppendCertsFromPEM(site.Roots())
	store := cache.Open(d.dir)
	d.site, d.story, d.done = site, NewStory(slog.New(slog.DiscardHandler), d.file), make(chan struct{})
	device := agent.New(policy, wire.Wire(simulated), store, d.story.Tell)
	ctx, stop := context.WithCancelCause(t.Context())
	d.stop = stop
	go func() {
		defer close(d.done)
		_ = Run(ctx, d.story.Life("1.2.3", Task{"agent", device.Run}), Task{"history", d.story.Run})
		store.Close()
	}()
}

func (d *device) apply(t *testing.T, changes ...string) {
	t.Helper()
	for _, change := range changes {
		if err := d.site.Apply(change); err != nil {
			t.Fatal(err)
		}
	}
}

func (d *device) end() {
	d.stop(errors.New("the test is over"))
	<-d.done
	d.site.Close()
}

// trouble is the history from the loss of the registration to the next one that holds, without times.
func (d *device) trouble() string {
	var b strings.Builder
	for _, e := range d.story.History(false) {
		if b.Len() == 0 && e.Event != "lost" {
			continue
		}
		if e.Event == "commit" && b.Len() > 0 && e.Count < 2 || e.Event == "unregister" {
			break
		}
		words := []string{e.Event, e.Step, e.Host, e.Address, e.Verdict, string(e.Reason)}
		switch e.Event {
		case "state":
			words = []string{e.Event, e.State}
		case "lost":
			words[1] = ""
		}
		b.WriteString(strings.Join(strings.Fields(strings.Join(words, " ")), " "))
		if e.LastAt.Sub(e.At) > 24*time.Hour {
			b.WriteString(", for days")
		} else if e.Count > 1 {
			fmt.Fprintf(&b, ", %d times", e.Count)
		}
		b.WriteString("\n")
	}
	return b.String()
}
