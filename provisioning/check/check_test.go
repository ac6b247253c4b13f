package check

import (
	"crypto/x509"
	"flag"
	"fmt"
	"maps"
	"net/netip"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"
	"golang.org/x/tools/txtar"

	"github.com/homeward-agent/homeward/cache"
	"github.com/homeward-agent/homeward/internal/config"
	"github.com/homeward-agent/homeward/internal/sitetest"
	"github.com/homeward-agent/homeward/provisioning"
	"github.com/homeward-agent/homeward/provisioning/wire"
)

var update = flag.Bool("update", false, "rewrite the expected reports of testdata")

// TestReports runs every testdata/*.txtar: a site (see package sitetest), a device, and the report that a check of it
// comes to. The sections of the device:
//
//	homeward.toml  its configuration; sip_address may be left out
//	password       its password, on a line
//	device         what it has besides: target HOST[:PORT], given to the check; record HOST ADDRESS [tcp] for what it
//		remembers; daemon stopped, or daemon REASON for which it rests; store REASON; link INTERFACE; resting
//	report         expected: the verdict, how long it took, the sentences, and the nodes that are wrong or want for another
//	seen           expected, if there: the SIP requests that the site saw, so that nothing is left behind
//	connected      expected, if there: the Registrars that took a connection, each once
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
			got := map[string]string{}
			synctest.Test(t, func(t *testing.T) { got["report"], got["seen"], got["connected"] = play(t, archive, file) })
			if !slices.ContainsFunc(archive.Files, func(f txtar.File) bool { return f.Name == "report" }) {
				t.Fatal("no section report: nothing would be compared")
			}
			for i, section := range archive.Files {
				text, expected := got[section.Name]
				if *update && expected {
					archive.Files[i].Data = []byte(text)
				} else if diff := cmp.Diff(strings.Split(string(section.Data), "\n"), strings.Split(text, "\n")); expected && diff != "" {
					t.Errorf("%s (-want +got):\n%s", section.Name, diff)
				}
			}
			if *update {
				if err := os.WriteFile(file, txtar.Format(archive), 0o644); err != nil {
					t.Fatal(err)
				}
			}
		})
	}
}

// play runs a check against the site of a file, and returns the report, what the Registrars saw, and which of them.
func play(t *testing.T, archive *txtar.Archive, file string) (report, seen, connected string) {
	t.Helper()
	site, err := sitetest.Parse(filepath.Base(file), txtar.Format(archive), "homeward.toml", "password", "device", "report", "seen", "connected")
	if err != nil {
		t.Fatal(err)
	}
	simulated, err := site.Start()
	if err != nil {
		t.Fatal(err)
	}
	o := optionsOf(t, archive)
	o.Wire = wire.Wire(simulated)
	o.Policy.Roots = x509.NewCertPool()
	o.Policy.Roots.AppendCertsFromPEM(site.Roots())
	r := Run(t.Context(), o)
	site.Close()
	var b strings.Builder
	fmt.Fprintf(&b, "%s after %s, side %q\n%s\n", r.Verdict, time.Duration(r.TookMS)*time.Millisecond, r.Side, strings.Join(r.Summary, "\n"))
	for _, c := range r.Checks {
		if c.Result == Warn || c.Result == Bad || c.Needs != "" && c.Under == "" {
			fmt.Fprintln(&b, strings.Join(strings.Fields(fmt.Sprintf("%s %s %s %s", c.Result, c.ID, c.Reason, c.Needs)), " "))
		}
	}
	var requests strings.Builder
	servers := map[string]bool{}
	for _, e := range site.Log() {
		if slices.Contains([]string{"REGISTER", "unregister", "SUBSCRIBE", "SERVICE", "allocate"}, e.What) {
			fmt.Fprintf(&requests, "%s %s %s %d\n", e.Server, e.What, e.Auth, e.Code)
		}
		if e.What == "connect" {
			servers[e.Server+"\n"] = true
		}
	}
	return b.String(), requests.String(), strings.Join(slices.Sorted(maps.Keys(servers)), "")
}

// optionsOf are the configuration of the device and what it has besides, by the sections of a file.
func optionsOf(t *testing.T, archive *txtar.Archive) (o Options) {
	t.Helper()
	text := map[string]string{}
	for _, section := range archive.Files {
		text[section.Name] = string(section.Data)
	}
	if document := text["homeward.toml"]; !strings.Contains(document, "sip_address") {
		text["homeward.toml"] = document + "sip_address = \"sip:phone1@contoso.com\"\n"
	}
	settings, err := config.Parse("homeward.toml", []byte(text["homeward.toml"]))
	if err != nil {
		t.Fatal(err)
	}
	conf, err := settings.Check(config.AllBut("password_file")...)
	if err != nil {
		t.Fatal(err)
	}
	for line := range strings.Lines(text["device"]) {
		if words := strings.Fields(line); len(words) > 0 {
			set(t, &o, conf, words)
		}
	}
	o.Policy = conf.Policy
	o.Policy.Password = provisioning.Secret(strings.TrimSuffix(text["password"], "\n"))
	o.Policy.Version = "test"
	return o
}

// set applies one line of the section device.
func set(t *testing.T, o *Options, conf *config.Config, words []string) {
	t.Helper()
	value := strings.Join(words[1:], " ")
	switch words[0] {
	case "target":
		o.ByPassed = true
		if err := conf.AddServer(value, false); err != nil {
			t.Fatal(err)
		}
	case "resting":
		o.CredentialsRest = true
	case "store":
		reason := provisioning.Reason(value)
		o.Store = append(o.Store, provisioning.StoreState{Reason: reason, Detail: "/var/lib/homeward/homeward.db: " + reason.Title()})
	case "daemon":
		o.Daemon = Daemon{NotRunning: value == "stopped"}
		if !o.Daemon.NotRunning {
			o.Daemon = Daemon{State: provisioning.Resting, Reason: provisioning.Reason(value), NextAttempt: time.Now().Add(20 * time.Second)}
		}
	case "link":
		o.Link = Link{Interface: value}
	case "record":
		o.Record = cache.Record{
			SIPAddress: conf.Policy.SIPAddress.String(), TLSFloor: true, RegisteredAt: time.Now(),
			Registrar: cache.Endpoint{Host: words[1], Port: 5061, Transport: "tls", Step: "internal-tls", Addresses: []netip.Addr{netip.MustParseAddr(words[2])}},
		}
		if len(words) > 3 {
			o.Record.TLSFloor, o.Record.Registrar.Port, o.Record.Registrar.Transport = false, 5060, words[3]
		}
	default:
		t.Fatalf("device: unknown line %q", words)
	}
}
