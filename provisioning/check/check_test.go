package check

import (
	"bytes"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"maps"
	"net/netip"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/rogpeppe/go-internal/diff"
	"golang.org/x/tools/txtar"

	"homeward/cache"
	"homeward/internal/config"
	"homeward/internal/golden"
	"homeward/internal/sitetest"
	"homeward/provisioning"
)

// reportSections are those of a file that do not belong to the site.
var reportSections = []string{"homeward.toml", "password", "certificate", "device", "report", "tree", "seen", "connected"}

// TestReports runs every testdata/*.txtar: a site, a device, and the report that a check of it comes to. The format is in
// docs/simulated-site.md. One that fails prints what the servers saw and answered.
func TestReports(t *testing.T) {
	files, err := filepath.Glob("testdata/*.txtar")
	if err != nil || len(files) == 0 {
		t.Fatalf("no reports: %v", err)
	}
	for _, file := range files {
		t.Run(strings.TrimSuffix(filepath.Base(file), ".txtar"), func(t *testing.T) {
			archive, err := txtar.ParseFile(file)
			if err != nil {
				t.Fatal(err)
			}
			compare(t, archive, file)
			if golden.Update() {
				golden.Write(t, file, txtar.Format(archive))
			}
		})
	}
}

// compare compares a report with what the file expects, or with -update fills that in.
func compare(t *testing.T, archive *txtar.Archive, file string) {
	t.Helper()
	got := map[string]string{}
	var site *sitetest.Site
	synctest.Test(t, func(t *testing.T) { site = play(t, archive, file, got) })
	if !slices.ContainsFunc(archive.Files, func(f txtar.File) bool { return f.Name == "report" }) {
		t.Fatal("no section report: nothing would be compared")
	}
	if strings.Contains(got["report"], "(not known)") {
		t.Errorf("a fact is missing:\n%s", got["report"])
	}
	for i, section := range archive.Files {
		text, expected := got[section.Name]
		if golden.Update() && expected {
			archive.Files[i].Data = []byte(text)
		} else if diff := diff.Diff("want "+section.Name, section.Data, "got "+section.Name, []byte(text)); expected && diff != nil {
			t.Errorf("%s", diff)
		}
	}
	if t.Failed() {
		t.Logf("what happened, in the time of the site:\n%s", sitetest.Timeline(site.Log()))
	}
}

const pageFile = "../../docs/simulated-site.md"

// The page lists what the sites of check know, and nothing else, and its example is one.
func TestPageOfReports(t *testing.T) {
	page, err := os.ReadFile(pageFile)
	if err != nil {
		t.Fatal(err)
	}
	for below, known := range map[string][]string{
		"Sections of a report":        reportSections,
		"Lines of device in a report": slices.Collect(maps.Keys(deviceLines)),
	} {
		if diff := cmp.Diff(slices.Sorted(slices.Values(known)), slices.Sorted(slices.Values(sitetest.Listed(page, below)))); diff != "" {
			t.Errorf("%s (-known +page):\n%s", below, diff)
		}
	}
	compared := 0
	for _, text := range sitetest.Examples(page) {
		archive := txtar.Parse([]byte(text))
		if slices.ContainsFunc(archive.Files, func(f txtar.File) bool { return f.Name == "report" }) {
			compare(t, archive, pageFile)
			page = bytes.Replace(page, []byte(text), txtar.Format(archive), 1)
			compared++
		}
	}
	if compared == 0 {
		t.Error("no report in the page")
	}
	if golden.Update() {
		golden.Write(t, pageFile, page)
	}
}

// play runs a check against the site of a file: got are the report, its tree, what the Registrars saw, and which of them.
func play(t *testing.T, archive *txtar.Archive, file string, got map[string]string) *sitetest.Site {
	t.Helper()
	site, o := deviceAt(t, archive, file)
	r := Run(t.Context(), o)
	site.Close()
	treeAgrees(t, r.Checks)
	var b strings.Builder
	fmt.Fprintf(&b, "%s after %s, side %q", r.Verdict, time.Duration(r.TookMS)*time.Millisecond, r.Side)
	if r.Fault != "" {
		fmt.Fprintf(&b, ", fault %s", r.Fault)
	}
	for _, also := range r.Also {
		fmt.Fprintf(&b, ", also %s", also)
	}
	fmt.Fprintf(&b, "\n%s\n", fingerprints.ReplaceAllString(strings.Join(r.Summary, "\n"), "${1}…"))
	for _, cure := range r.Otherwise {
		fmt.Fprintf(&b, "- %s\n", fingerprints.ReplaceAllString(cure, "${1}…"))
	}
	if len(r.Besides) > 0 {
		fmt.Fprintf(&b, "besides: %s\n", strings.Join(r.Besides, ", "))
	}
	for i := range r.Checks { // keys are made anew for each site
		c := &r.Checks[i]
		c.What, c.Hint = fingerprints.ReplaceAllString(c.What, "${1}…"), fingerprints.ReplaceAllString(c.Hint, "${1}…")
	}
	for _, c := range r.Checks {
		if c.Result == Warn || c.Result == Bad || c.Needs != "" && c.Under == "" {
			fmt.Fprintln(&b, line(c))
		}
	}
	var tree strings.Builder
	for _, c := range r.Checks {
		fmt.Fprintln(&tree, strings.TrimSuffix(line(c)+": "+c.Detail, ": "))
		if c.Hint != "" {
			fmt.Fprintln(&tree, "\t"+c.Hint)
		}
	}
	var requests strings.Builder
	servers := map[string]bool{}
	for _, e := range site.Log() {
		if slices.Contains([]string{"REGISTER", "bind", "unregister", "SUBSCRIBE", "SERVICE", "allocate"}, e.What) {
			fmt.Fprintf(&requests, "%s %s %s %d\n", e.Server, e.What, e.Auth, e.Code)
		}
		if e.What == "connect" {
			servers[e.Server+"\n"] = true
		}
	}
	got["report"], got["tree"], got["seen"] = b.String(), tree.String(), requests.String()
	got["connected"] = strings.Join(slices.Sorted(maps.Keys(servers)), "")
	return site
}

// fingerprints are those of certificates, and the identifiers of their keys.
var fingerprints = regexp.MustCompile(`(sha256:)[0-9a-f]{64}|\b[0-9a-f]{40}\b`)

// treeAgrees: no source and no Registrar stands better than what is below it, and says of it what that says.
func treeAgrees(t *testing.T, checks []Check) {
	t.Helper()
	worse := map[Result]int{Good: 0, Warn: 1, Bad: 2}
	for _, top := range checks {
		for _, below := range checks {
			switch {
			case top.ID == below.Under && top.Under == "" && top.ID != "sign-in" && top.Result != Skipped && worse[below.Result] > worse[top.Result]:
				t.Errorf("%s is %s, and below it %s is %s", top.ID, top.Result, below.ID, below.Result)
			case top.From == below.ID && (top.Reason != below.Reason || top.What != below.What || top.Hint != below.Hint):
				t.Errorf("%s says %s, %q; below it %s says %s, %q", top.ID, top.Reason, top.What, below.ID, below.Reason, below.What)
			}
		}
		if top.Needs != "" && top.TookMS != 0 {
			t.Errorf("%s was not tested, and took %d ms", top.ID, top.TookMS)
		}
	}
}

// line is how one node stands, and why.
func line(c Check) string {
	return strings.Join(strings.Fields(fmt.Sprintf("%s %s %s %s", c.Result, c.ID, or(c.Fault, string(c.Reason)), c.Needs)), " ")
}

// or is the first of two texts, if there is one.
func or(first, second string) string {
	if first == "" {
		return second
	}
	return first
}

// optionsOf are the configuration of the device and what it has besides, by the sections of a file.
func optionsOf(t *testing.T, archive *txtar.Archive, site *sitetest.Site, file string) (o Options) {
	t.Helper()
	document := site.Document("homeward.toml")
	if !strings.Contains(string(document), "sip_address") {
		document = append(document, "sip_address = \"sip:phone1@contoso.com\"\n"...)
	}
	settings, err := config.Parse("homeward.toml", document)
	if err != nil {
		t.Fatal(err)
	}
	conf, err := settings.Check(config.AllBut("password_file")...)
	if err != nil {
		t.Fatal(err)
	}
	err = site.Section("device", func(words []string) error {
		set := deviceLines[words[0]]
		if set == nil {
			return sitetest.Unknown("line", words[0], slices.Collect(maps.Keys(deviceLines)))
		}
		return set(&o, conf, words[1:])
	})
	if err != nil {
		t.Fatal(err)
	}
	o.Policy = conf.Policy
	for _, section := range archive.Files {
		if section.Name == "password" {
			o.Policy.Password = provisioning.Secret(strings.TrimSuffix(string(section.Data), "\n"))
		}
	}
	o.Policy.Version = "test"
	err = site.Section("certificate", func(words []string) error {
		certificate, err := site.Certificate(words)
		o.Policy.Identity = func() (*tls.Certificate, error) { return certificate, nil }
		if err == nil {
			o.Identity = provisioning.Identity{Subject: certificate.Leaf.Subject.String(), NotBefore: certificate.Leaf.NotBefore, NotAfter: certificate.Leaf.NotAfter}
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return o
}

// linkLacks are the words of a line "link-lacks".
var linkLacks = map[string]func(*Link){
	"interface":     func(l *Link) { l.Lack, l.Interfaces = NoInterface, []string{"lo", "eth0"} },
	"default-route": func(l *Link) { l.Lack = NoDefaultRoute },
	"addresses":     func(l *Link) { l.Lack = NothingHasAddress },
	"reading":       func(l *Link) { l.Lack, l.Problem = Unreadable, "operation not permitted" },
	"power":         func(l *Link) { l.Down = true },
	"carrier":       func(l *Link) { l.NoCarrier = true },
}

// untriedWords are the words of a line "untried".
var untriedWords = map[string]provisioning.Trouble{
	"running": provisioning.FaultOnlyDaemon.Met(nil),
	"refused": provisioning.FaultOnlyDaemon.Because(provisioning.CertificateRefused.Met(""), provisioning.Facts{
		"until": "00:10:00 UTC", "problem": "pool01.contoso.com does not accept the certificate of this device", "advice": "set password_file",
	}),
	"unknown": provisioning.FaultDaemonUnknown.Met(provisioning.Facts{"problem": "permission denied"}),
	"expired": provisioning.FaultIdentityExpired.Met(provisioning.Facts{"subject": "CN=phone1@contoso.com", "ends": time.Date(1999, 12, 24, 0, 0, 0, 0, time.UTC)}),
}

// storeFaults are those of a line "store".
var storeFaults = map[string]provisioning.Fault{string(provisioning.FaultStateForeign): provisioning.FaultStateForeign, string(provisioning.FaultReadOnly): provisioning.FaultReadOnly, string(provisioning.FaultNoSpace): provisioning.FaultNoSpace}

// deviceLines are what the device has besides its configuration. docs/simulated-site.md describes them.
var deviceLines = map[string]func(o *Options, conf *config.Config, words []string) error{
	"target": func(o *Options, conf *config.Config, words []string) error {
		o.ByPassed = true
		return conf.AddServer(strings.Join(words, " "), false)
	},
	"resting": func(o *Options, _ *config.Config, words []string) error {
		o.Daemon = Daemon{State: provisioning.Resting, Reason: provisioning.CredentialsResting}
		if len(words) > 0 {
			o.Daemon.NextAttempt = time.Now().Add(30 * time.Minute)
			w := (&provisioning.Event{Trouble: provisioning.FaultPasswordRests.Because(provisioning.SIPCredentials.Met("").InWords(strings.Join(words, " "), provisioning.SIPCredentials.Hint()), provisioning.Facts{
				"at": time.Now().Add(-time.Minute).UTC().Format("2006-01-02 15:04:05 UTC"), "until": o.Daemon.NextAttempt.UTC().Format("15:04:05 UTC"),
			})}).Why()
			o.Daemon.Fault, o.Daemon.What, o.Daemon.Hint = w.Fault, w.What, w.Hint
			o.Daemon.Cycle = &provisioning.Cycle{Attempts: []provisioning.Attempt{{Host: "fe01.contoso.com", Result: "skipped", Reason: provisioning.CredentialsResting}}}
		}
		return nil
	},
	"store": func(o *Options, _ *config.Config, words []string) error {
		reason := provisioning.Reason(words[0])
		if len(words) > 1 { // the words of a fault, as the daemon tells them
			facts := provisioning.Facts{"dir": "/var/lib/homeward", "quoted": "/var/lib/homeward", "owner": "root", "user": "homeward", "kept": strings.Join(words[2:], " "), "room": "no space", "lost": "last good", "none": true}
			w := provisioning.WhyOf(reason, "", storeFaults[words[1]].Met(facts))
			o.Store = append(o.Store, provisioning.StoreState{Reason: reason, Fault: w.Fault, What: w.What, Hint: w.Hint})
			return nil
		}
		o.Store = append(o.Store, provisioning.StoreState{Reason: reason, Detail: "/var/lib/homeward/homeward.db: " + reason.Title()})
		return nil
	},
	"daemon": func(o *Options, conf *config.Config, words []string) error {
		switch words[0] {
		case "stopped":
			o.Daemon = Daemon{NotRunning: true}
		case "hangs":
			o.Daemon = Daemon{Hangs: true}
		case "registered":
			o.Daemon = Daemon{State: provisioning.Registered, Since: time.Now().Add(-time.Hour)}
		case "discovering":
			o.Daemon = Daemon{State: provisioning.Discovering, Reason: provisioning.Reason(strings.Join(words[1:], "")), Since: time.Now().Add(-time.Hour)}
		default:
			reason, fault, _ := strings.Cut(words[0], "=")
			o.Daemon = Daemon{
				State: provisioning.Resting, Reason: provisioning.Reason(reason), Fault: fault, What: strings.Join(words[1:], " "), NextAttempt: time.Now().Add(20 * time.Second),
			}
		}
		o.Daemon.SIPAddress = conf.Policy.SIPAddress.String()
		return nil
	},
	"daemon-side": func(o *Options, _ *config.Config, words []string) error {
		o.Daemon.Side = provisioning.Side(words[0])
		return nil
	},
	"daemon-as": func(o *Options, _ *config.Config, words []string) error {
		o.Daemon.SIPAddress = words[0]
		return nil
	},
	"daemon-flaps": func(o *Options, _ *config.Config, words []string) error {
		lost := provisioning.FaultLinkLost.Met(provisioning.Facts{"interface": "eth0", "count": strings.Join(words, " "), "last": "18:57:16 UTC"})
		o.Daemon.LinkLost = provisioning.Pace{What: lost.What(), Hint: lost.Hint()}
		return nil
	},
	"daemon-late": func(o *Options, _ *config.Config, words []string) error {
		late := provisioning.FaultAnswersLate.Met(provisioning.Facts{"at": words[0], "connecting": 3, "securing": 2400, "grows": true, "waited": 4})
		o.Daemon.Late = provisioning.Pace{Fault: string(late.Fault), What: late.What(), Hint: late.Hint()}
		return nil
	},
	"link-lost": func(o *Options, _ *config.Config, _ []string) error {
		asked := uint32(0)
		o.Wire.CarrierLosses = func(string) uint32 {
			asked++
			return asked
		}
		return nil
	},
	"clock-kept": func(o *Options, _ *config.Config, _ []string) error {
		o.Wire.ClockKept = func() bool { return true }
		return nil
	},
	"daemon-metrics": func(o *Options, _ *config.Config, words []string) error {
		t := provisioning.FaultNoMetrics.Met(provisioning.Facts{"at": words[0], "taken": true})
		o.Daemon.Metrics = &provisioning.StoreState{Fault: string(t.Fault), What: t.What(), Hint: t.Hint()}
		return nil
	},
	"daemon-newer": func(o *Options, _ *config.Config, words []string) error {
		o.Daemon.Newer = words[0]
		return nil
	},
	"daemon-then": func(o *Options, _ *config.Config, words []string) error {
		now := o.Daemon
		now.State, now.Reason, now.NextAttempt = provisioning.Resting, provisioning.Reason(words[0]), time.Now().Add(20*time.Second)
		o.Again = func() *Daemon { return &now }
		return nil
	},
	"daemon-met": func(o *Options, _ *config.Config, words []string) error {
		if len(words) < 3 {
			return errors.New("want daemon-met HOST REASON WORDS …")
		}
		if o.Daemon.Cycle == nil {
			o.Daemon.Cycle = new(provisioning.Cycle)
		}
		o.Daemon.Cycle.Attempts = append(o.Daemon.Cycle.Attempts, provisioning.Attempt{Host: words[0], Port: 5061, Result: "failed", Reason: provisioning.Reason(words[1]), What: strings.Join(words[2:], " ")})
		return nil
	},
	"daemon-back": func(o *Options, _ *config.Config, _ []string) error {
		o.Again = func() *Daemon { return &Daemon{State: provisioning.Registered, Since: time.Now()} }
		return nil
	},
	"daemon-sooner": func(o *Options, _ *config.Config, words []string) error {
		in, err := time.ParseDuration(words[0])
		if err != nil {
			return err
		}
		o.Daemon.NextAttempt = time.Now().Add(10 * time.Minute)
		if len(words) < 3 {
			o.Daemon.NextLookup = time.Now().Add(in)
			return nil
		}
		o.Daemon.NextKnock = time.Now().Add(in)
		tried := provisioning.Attempt{Host: words[1], Port: 5061, Transport: provisioning.TLS, Result: "failed", Reason: o.Daemon.Reason}
		o.Daemon.Cycle = &provisioning.Cycle{Attempts: []provisioning.Attempt{tried}}
		o.Daemon.Cycle.Attempts[0].Address, err = netip.ParseAddr(words[2])
		return err
	},
	"password-file": func(o *Options, _ *config.Config, words []string) error {
		o.NoPassword = provisioning.FaultPasswordFile.Met(provisioning.Facts{"problem": strings.Join(words, " "), "from": "homeward.toml:3", "advice": "write the password to " + words[0] + " again"})
		return nil
	},
	"daemon-certified": func(o *Options, _ *config.Config, words []string) error {
		if len(words) < 2 {
			return errors.New("want daemon-certified HOST ADDRESS [ROLE]")
		}
		addr, err := netip.ParseAddr(words[1])
		step := provisioning.InternalTLS
		o.Daemon = Daemon{State: provisioning.Registered, At: &provisioning.Status{
			Registrar: &provisioning.Registrar{
				Endpoint: provisioning.Endpoint{Host: words[0], Port: 5061, Transport: provisioning.TLS}, Address: addr, Step: &step, Role: strings.Join(words[2:], " "),
			},
			Scheme: provisioning.ByCertificate, ExpiresAt: time.Now().Add(10 * time.Minute),
		}}
		return err
	},
	"daemon-at": func(o *Options, conf *config.Config, words []string) error {
		if len(words) < 2 {
			return errors.New("want daemon-at HOST ADDRESS [lost|renewed|unlisted]")
		}
		addr, err := netip.ParseAddr(words[1])
		step, since := provisioning.InternalTLS, time.Now().Add(-time.Hour)
		o.Daemon = Daemon{State: provisioning.Registered, Since: since, At: &provisioning.Status{
			Registrar: &provisioning.Registrar{
				Endpoint: provisioning.Endpoint{Host: words[0], Port: 5061, Transport: provisioning.TLS}, Address: addr, Step: &step,
			},
			SIPAddress: conf.Policy.SIPAddress.String(), Scheme: "digest", RegisteredAt: since, ExpiresAt: time.Now().Add(5 * time.Minute),
		}}
		stands := o.Daemon
		switch strings.Join(words[2:], " ") {
		case "lost":
			stands = Daemon{State: provisioning.Recalling, Since: time.Now()}
		case "renewed":
			renewed := *o.Daemon.At
			renewed.ExpiresAt = renewed.ExpiresAt.Add(time.Minute)
			stands.At = &renewed
		case "unlisted":
			o.Daemon.At.Pace = []provisioning.Pace{{Fault: string(provisioning.FaultUnlisted)}}
		}
		o.Again = func() *Daemon { return &stands }
		return err
	},
	"daemon-missed": func(o *Options, conf *config.Config, words []string) error {
		if len(words) < 3 || o.Daemon.At == nil {
			return errors.New("want daemon-missed HOST ADDRESS REASON [D [answered]], after daemon-at or daemon-certified")
		}
		addr, err := netip.ParseAddr(words[1])
		at, step := provisioning.Endpoint{Host: words[0], Port: 5061, Transport: provisioning.TLS}, provisioning.ExternalTLS
		s := o.Daemon.At
		o.Daemon.SIPAddress, s.Registrar.Step = conf.Policy.SIPAddress.String(), &step
		s.Fallback = &provisioning.Fallback{At: o.Daemon.Since, Attempt: provisioning.Attempt{Host: at.Host, Port: at.Port, Address: addr, Result: "failed", Reason: provisioning.Reason(words[2])}}
		if len(words) > 3 && err == nil {
			var in time.Duration
			in, err = time.ParseDuration(words[3])
			s.Better = &provisioning.Better{Endpoint: at, NextAt: time.Now().Add(in), Answered: len(words) > 4}
		}
		s.Watch = &provisioning.Watch{} // else the Registrar would have to list a binding
		stays(o)
		return err
	},
	"daemon-outside": func(o *Options, conf *config.Config, words []string) (err error) {
		if o.Daemon.At == nil {
			return errors.New("want daemon-outside [D], after daemon-at")
		}
		if len(words) > 0 {
			var in time.Duration
			in, err = time.ParseDuration(words[0])
			o.Daemon.At.NextLookup = time.Now().Add(in)
		}
		step := provisioning.ExternalTLS
		o.Daemon.SIPAddress, o.Daemon.At.Registrar.Step, o.Daemon.At.Watch = conf.Policy.SIPAddress.String(), &step, &provisioning.Watch{}
		stays(o)
		return err
	},
	"daemon-degraded": func(o *Options, conf *config.Config, words []string) error {
		if len(words) < 2 || o.Daemon.At == nil {
			return errors.New("want daemon-degraded REASON D, after daemon-at")
		}
		in, err := time.ParseDuration(words[1])
		step := provisioning.LastGood
		o.Daemon.SIPAddress, o.Daemon.Degraded, o.Daemon.Reason = conf.Policy.SIPAddress.String(), true, provisioning.Reason(words[0])
		o.Daemon.At.Registrar.Step, o.Daemon.At.NextLookup, o.Daemon.At.Watch = &step, time.Now().Add(in), &provisioning.Watch{}
		shut := provisioning.Attempt{Step: provisioning.DHCPTLS, Result: "skipped", Reason: conf.Policy.Shut(provisioning.DHCPTLS, true)}
		o.Daemon.Cycle = &provisioning.Cycle{Attempts: []provisioning.Attempt{shut}}
		stays(o)
		return err
	},
	"lost": func(o *Options, _ *config.Config, words []string) error {
		if len(words) < 2 {
			return errors.New("want lost HOST COUNT [REASON …] [idle=D] [life=D] [stable=D] [silences=N]")
		}
		l := provisioning.Losses{Endpoint: provisioning.Endpoint{Host: words[0], Port: 5061, Transport: provisioning.TLS}, LastAt: time.Now()}
		var err error
		if l.LastHour, err = strconv.Atoi(words[1]); err != nil {
			return err
		}
		l.LastDay = l.LastHour + 1
		for _, word := range words[2:] {
			name, value, timed := strings.Cut(word, "=")
			if name == "silences" {
				if l.Silences, err = strconv.Atoi(value); err != nil {
					return err
				}
				continue
			}
			d, err := time.ParseDuration(value)
			switch {
			case !timed && l.LastReason != "":
				l.OtherReasons = append(l.OtherReasons, provisioning.Reason(word))
			case !timed:
				l.LastReason = provisioning.Reason(word)
			case err != nil:
				return err
			case name == "idle":
				l.IdleMS = d.Milliseconds()
			case name == "life":
				l.LifeMS = d.Milliseconds()
			case name == "stable":
				l.StableSince = l.LastAt.Add(time.Second)
				time.Sleep(d)
			default:
				return fmt.Errorf("neither idle, life nor stable: %q", word)
			}
		}
		o.Losses = append(o.Losses, l)
		return nil
	},
	"endpoint": func(o *Options, _ *config.Config, words []string) error {
		o.EndpointID, o.Alone = words[0], func() bool { return len(words) == 1 }
		return nil
	},
	"untried": func(o *Options, _ *config.Config, words []string) error {
		trouble, known := untriedWords[strings.Join(words, " ")]
		if !known {
			return sitetest.Unknown("word", strings.Join(words, " "), slices.Collect(maps.Keys(untriedWords)))
		}
		o.Untried = trouble
		return nil
	},
	"link": func(o *Options, _ *config.Config, words []string) error {
		o.Link.Interface = words[0]
		for _, word := range words[1:] {
			address, err := netip.ParsePrefix(word)
			if err != nil {
				return err
			}
			o.Link.Addrs = append(o.Link.Addrs, address)
		}
		return nil
	},
	"card": func(o *Options, _ *config.Config, words []string) error {
		card := Link{Interface: words[0]}
		for _, word := range words[1:] {
			if lacks, known := linkLacks[word]; known {
				lacks(&card)
				continue
			}
			address, err := netip.ParsePrefix(word)
			if err != nil {
				return err
			}
			card.Addrs = append(card.Addrs, address)
		}
		own, others := o.Link, o.Link.Of
		o.Link.Of = func(name string) *Link {
			switch {
			case name == card.Interface:
				return &card
			case name == own.Interface || others == nil:
				return &own
			}
			return others(name)
		}
		return nil
	},
	"link-lacks": func(o *Options, _ *config.Config, words []string) error {
		lacks, known := linkLacks[strings.Join(words, " ")]
		if !known {
			return sitetest.Unknown("word", strings.Join(words, " "), slices.Collect(maps.Keys(linkLacks)))
		}
		lacks(&o.Link)
		return nil
	},
	"neighbour": func(*Options, *config.Config, []string) error { return nil }, // see onLink
	"route":     func(*Options, *config.Config, []string) error { return nil }, // likewise
	"network":   func(*Options, *config.Config, []string) error { return nil }, // see onLink
	"duplicate": func(o *Options, _ *config.Config, words []string) error {
		addr, err := netip.ParseAddr(words[0])
		o.Link.Duplicates = append(o.Link.Duplicates, addr)
		return err
	},
	"by-hand": func(o *Options, _ *config.Config, words []string) error {
		address, err := netip.ParsePrefix(strings.Join(words, " "))
		o.Wire.Lasting = func() []netip.Prefix { return []netip.Prefix{address} }
		return err
	},
	"other": func(o *Options, _ *config.Config, words []string) error {
		o.Link.Others = append(o.Link.Others, strings.Join(words, " "))
		return nil
	},
	"upstream": func(o *Options, _ *config.Config, words []string) error {
		var servers []netip.AddrPort
		for _, word := range words {
			server, err := netip.ParseAddrPort(word)
			if err != nil {
				return err
			}
			servers = append(servers, server)
		}
		o.Wire.Upstreams = func([]netip.AddrPort) []netip.AddrPort { return servers }
		return nil
	},
	"asks": func(o *Options, _ *config.Config, words []string) error {
		var servers []netip.AddrPort
		for _, word := range words {
			addr, err := netip.ParseAddr(word)
			if err != nil {
				return err
			}
			servers = append(servers, netip.AddrPortFrom(addr, 53))
		}
		o.Wire.Resolvers = func() ([]netip.AddrPort, error) { return servers, nil }
		return nil
	},
	"search": func(o *Options, _ *config.Config, words []string) error {
		o.Wire.Search = func() []string { return words }
		return nil
	},
	"record-of": func(o *Options, _ *config.Config, words []string) error {
		o.Record.SIPAddress = strings.Join(words, " ")
		return nil
	},
	"registered": func(o *Options, _ *config.Config, words []string) error {
		later, err := time.ParseDuration(strings.Join(words, " "))
		o.Record.RegisteredAt = o.Record.RegisteredAt.Add(later)
		return err
	},
	"earlier": func(o *Options, _ *config.Config, words []string) error {
		addr, err := netip.ParseAddr(words[len(words)-1])
		o.Record.Flushed = append(o.Record.Flushed, cache.Flushed{At: o.Record.RegisteredAt, Kind: cache.FlushedRegistrar, Host: words[0], Port: 5061, Addresses: []netip.Addr{addr}})
		return err
	},
	"inside": func(o *Options, _ *config.Config, words []string) error { // of the record: HOST, and as for was
		network, err := networkOf(words[1:])
		o.Record.Inside = &cache.Inside{Network: network, Host: words[0], At: o.Record.RegisteredAt}
		return err
	},
	"was": func(o *Options, _ *config.Config, words []string) error { // of the record
		network, err := networkOf(words)
		o.Record.Network = &network
		return err
	},
	"password-changed": func(o *Options, conf *config.Config, words []string) error { // how long ago that was, and how long ago it had been when it signed in
		is, err := time.ParseDuration(words[0])
		was, wrong := time.ParseDuration(words[1])
		conf.Policy.PasswordFile, conf.Policy.PasswordChanged, o.Record.PasswordChanged = "/etc/homeward/password", time.Now().Add(-is), time.Now().Add(-was)
		return errors.Join(err, wrong)
	},
	"roots": func(_ *Options, conf *config.Config, words []string) error { // "none": the site's are not set; else they are, and where
		if words[0] == "none" {
			conf.Policy.LateRoots = x509.NewCertPool
			return nil
		}
		conf.Policy.Given["roots"] = "roots in " + words[0]
		return nil
	},
	"signed-in-as": func(o *Options, _ *config.Config, words []string) error { // of the record; "-": that is not known
		o.Record.User = strings.TrimPrefix(strings.Join(words, " "), "-")
		return nil
	},
	"issuer": func(o *Options, _ *config.Config, words []string) error { // of the record
		o.Record.Issuer = strings.Join(words, " ")
		return nil
	},
	"scheme": func(o *Options, _ *config.Config, words []string) error { // of the record
		o.Record.Scheme = words[0]
		return nil
	},
	"record": setRecord,
}

// stays has the daemon be at the end of the check as it is now.
func stays(o *Options) {
	stands := o.Daemon
	o.Again = func() *Daemon { return &stands }
}

func networkOf(words []string) (n cache.Network, err error) {
	for _, word := range words {
		switch name, value, of := strings.Cut(word, "="); {
		case !of:
			n.Subnet = word
		case name == "gateway":
			n.Gateway = value
		case name == "dns":
			n.NameServers = strings.ReplaceAll(value, ",", ", ")
		case name == "by":
			n.Step = value
		case name == "from":
			n.DHCPServer = value
		default:
			err = fmt.Errorf("neither gateway, dns, from nor by: %q", word)
		}
	}
	return n, err
}

func setRecord(o *Options, conf *config.Config, words []string) error {
	if len(words) < 2 {
		return errors.New("want record HOST ADDRESS [tcp|STEP]")
	}
	addr, err := netip.ParseAddr(words[1])
	o.Record = cache.Record{
		SIPAddress: conf.Policy.SIPAddress.String(), User: conf.Policy.User, TLSFloor: true, RegisteredAt: time.Now(),
		Registrar: cache.Registrar{Host: words[0], Port: 5061, Transport: "tls", Step: "internal-tls", Address: addr, Addresses: []netip.Addr{addr}},
	}
	switch {
	case len(words) > 2 && words[2] != "tcp":
		o.Record.Registrar.Step = words[2]
		if words[2] == "external-tls" {
			o.Record.Registrar.Port = 443
		}
	case len(words) > 2:
		o.Record.TLSFloor, o.Record.Registrar.Port, o.Record.Registrar.Transport = false, 5060, words[2]
	}
	return err
}
