package agent

import (
	"bytes"
	"context"
	"crypto/x509"
	"encoding/json"
	"flag"
	"fmt"
	"net/netip"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"
	"golang.org/x/tools/txtar"

	"github.com/homeward-agent/homeward/cache"
	"github.com/homeward-agent/homeward/internal/config"
	"github.com/homeward-agent/homeward/internal/sitetest"
	"github.com/homeward-agent/homeward/provisioning"
	"github.com/homeward-agent/homeward/provisioning/signin"
	"github.com/homeward-agent/homeward/provisioning/wire"
)

var update = flag.Bool("update", false, "rewrite the expected sections of testdata/scenarios")

// TestScenarios runs every testdata/scenarios/*.txtar: a site (see package sitetest), a device and what it does
// in, a timeline out. Real parsers, real TLS, real bbolt; the wire and the time are simulated. The sections of
// the device:
//
//	homeward.toml  its configuration; sip_address may be left out
//	password       its password, on a line
//	device         workstation NAME: what it is called
//	cache          last good before the start: registrar, home, told, floor, address
//	script         what is done, a line after the other (see run); default: run 10s
//	timeline       expected: the events
//	seen           expected, if there: what the site saw, of the kinds that a script line "see" names
//	record         expected, if there: last good at the end
func TestScenarios(t *testing.T) {
	files, err := filepath.Glob("testdata/scenarios/*.txtar")
	if err != nil || len(files) == 0 {
		t.Fatalf("no scenarios: %v", err)
	}
	for _, file := range files {
		t.Run(strings.TrimSuffix(filepath.Base(file), ".txtar"), func(t *testing.T) { runScenario(t, file) })
	}
}

// runScenario compares, or with -update rewrites, what a file expects.
func runScenario(t *testing.T, file string) {
	archive, err := txtar.ParseFile(file)
	if err != nil {
		t.Fatal(err)
	}
	s := playScenario(t, archive, file)
	got := map[string]string{"timeline": s.timeline.String(), "seen": s.seen(), "record": s.lastGood()}
	for i, section := range archive.Files {
		text, expected := got[section.Name]
		if !expected {
			continue
		}
		if *update {
			archive.Files[i].Data = []byte(text)
		} else if diff := cmp.Diff(strings.Split(string(section.Data), "\n"), strings.Split(text, "\n")); diff != "" {
			t.Errorf("%s (-want +got):\n%s", section.Name, diff)
		}
	}
	if *update {
		if err := os.WriteFile(file, txtar.Format(archive), 0o644); err != nil {
			t.Fatal(err)
		}
	}
}

// playScenario does what a file says, in fake time, and looks for secrets in what comes of it.
func playScenario(t *testing.T, archive *txtar.Archive, file string) *scenario {
	t.Helper()
	dir := t.TempDir()
	var s *scenario
	synctest.Test(t, func(t *testing.T) {
		s = parseScenario(t, archive, file, dir)
		simulated, err := s.site.Start()
		if err != nil {
			t.Fatal(err)
		}
		s.wire = wire.Wire(simulated)
		s.prepare(t, archive)
		s.play(t)
		searchForSecrets(t, s)
		s.verifyAnswers(t)
	})
	return s
}

// scenario is one run of one file.
type scenario struct {
	site   *sitetest.Site
	wire   wire.Wire
	dir    string
	policy provisioning.Policy
	script []string
	see    []string

	began    time.Time
	mu       sync.Mutex
	timeline strings.Builder
	last     provisioning.Status // just before the end
	told     bytes.Buffer        // everything the agent has told, in every form
	vague    bool                // a random delay has passed: times are no longer exact
	inexact  bool                // from the start, by the script
	waiting  string
	awaited  chan struct{}
}

func parseScenario(t *testing.T, archive *txtar.Archive, file, dir string) *scenario {
	t.Helper()
	site, err := sitetest.Parse(filepath.Base(file), txtar.Format(archive), "homeward.toml", "password", "device", "cache", "script", "timeline", "seen", "record")
	if err != nil {
		t.Fatal(err)
	}
	return &scenario{site: site, dir: dir, began: time.Now(), script: []string{"run 10s"}}
}

// prepare makes the device, once the site stands.
func (s *scenario) prepare(t *testing.T, archive *txtar.Archive) {
	t.Helper()
	s.policy = settings(t, archive)
	s.policy.Roots = x509.NewCertPool()
	s.policy.Roots.AppendCertsFromPEM(s.site.Roots())
	for _, section := range archive.Files {
		lines := slices.DeleteFunc(strings.Split(string(section.Data), "\n"), func(l string) bool { return strings.TrimSpace(l) == "" })
		switch section.Name {
		case "cache":
			s.writeRecord(t, lines)
		case "script":
			s.script = slices.DeleteFunc(lines, func(l string) bool {
				kinds, isSee := strings.CutPrefix(l, "see ")
				if isSee {
					s.see = strings.Fields(kinds)
				}
				s.inexact = s.inexact || l == "vague"
				return isSee || l == "vague"
			})
		}
	}
}

// settings returns the configuration of the device, and what it has besides.
func settings(t *testing.T, archive *txtar.Archive) provisioning.Policy {
	t.Helper()
	text := map[string]string{}
	for _, section := range archive.Files {
		text[section.Name] = string(section.Data)
	}
	if document := text["homeward.toml"]; !strings.Contains(document, "sip_address") {
		text["homeward.toml"] = document + "sip_address = \"sip:phone1@contoso.com\"\n"
	}
	read, err := config.Parse("homeward.toml", []byte(text["homeward.toml"]))
	if err != nil {
		t.Fatal(err)
	}
	conf, err := read.Check(config.AllBut("password_file")...)
	if err != nil {
		t.Fatal(err)
	}
	conf.Policy.Password = provisioning.Secret(strings.TrimSuffix(text["password"], "\n"))
	conf.Policy.Version = "test"
	for line := range strings.Lines(text["device"]) {
		name, value, _ := strings.Cut(strings.TrimSpace(line), " ")
		if name != "workstation" {
			t.Fatalf("device: unknown line %q", line)
		}
		conf.Policy.Workstation = value
	}
	return conf.Policy
}

// writeRecord stores last good as the lines say:
//
//	registrar fe01.contoso.com:5061 tls 10.0.0.5,10.0.0.6 internal-tls
//	home      pool01.contoso.com:5061 tls 10.0.0.7        the first is the primary, the second the backup
//	told | floor | damaged | address sip:other@contoso.com | registered +1h
func (s *scenario) writeRecord(t *testing.T, lines []string) {
	t.Helper()
	record := cache.Record{SIPAddress: s.policy.SIPAddress.String(), RegisteredAt: time.Now()}
	damaged := false
	for _, line := range lines {
		words := strings.Fields(line)
		switch words[0] {
		case "registrar":
			record.Registrar = parseEndpoint(t, words[1:])
		case "home":
			e := parseEndpoint(t, words[1:])
			if len(record.Home) < len(signin.Roles) {
				e.Role = signin.Roles[len(record.Home)]
			}
			record.Home = append(record.Home, e)
		case "told":
			record.Told = true
		case "floor":
			record.TLSFloor = true
		case "damaged":
			damaged = true
		case "address":
			record.SIPAddress = words[1]
		case "registered":
			later, err := time.ParseDuration(strings.TrimPrefix(words[1], "+"))
			if err != nil {
				t.Fatal(err)
			}
			record.RegisteredAt = time.Now().Add(later)
		default:
			t.Fatalf("cache: unknown line %q", line)
		}
	}
	store := cache.Open(s.dir)
	if _, err := store.Commit(record); err != nil {
		t.Fatal(err)
	}
	if err := store.Close(); err != nil {
		t.Fatal(err)
	}
	if damaged {
		if err := os.WriteFile(filepath.Join(s.dir, "homeward.db"), make([]byte, 32<<10), 0o600); err != nil {
			t.Fatal(err)
		}
	}
}

func parseEndpoint(t *testing.T, words []string) cache.Endpoint {
	t.Helper()
	host, port, _ := strings.Cut(words[0], ":")
	number, err := strconv.ParseUint(port, 10, 16)
	if err != nil {
		t.Fatal(err)
	}
	e := cache.Endpoint{Host: host, Port: uint16(number), Transport: words[1], Step: "internal-tls", Via: "SRV"}
	for text := range strings.SplitSeq(words[2], ",") {
		e.Addresses = append(e.Addresses, netip.MustParseAddr(text))
	}
	e.Address = e.Addresses[0]
	if len(words) > 3 {
		e.Step = words[3]
	}
	return e
}

// play does the script. Each of run and until is one life of the agent, ended as the service manager ends it:
//
//	run 90s              for that long
//	until TEXT           until an event that begins so; at most two hours
//	apply zone silent    a change of the site, between lives
//	vague                times depend on chance, and are not shown
func (s *scenario) play(t *testing.T) {
	defer s.site.Close()
	for _, line := range s.script {
		verb, rest, _ := strings.Cut(line, " ")
		switch verb {
		case "apply":
			if err := s.site.Apply(rest); err != nil {
				t.Fatal(err)
			}
		case "run":
			limit, err := time.ParseDuration(rest)
			if err != nil {
				t.Fatal(err)
			}
			s.live(t, limit, "")
		case "until":
			s.live(t, 2*time.Hour, rest)
		default:
			t.Fatalf("script: unknown line %q", line)
		}
	}
}

// live is one life of the agent.
func (s *scenario) live(t *testing.T, limit time.Duration, awaited string) {
	store := cache.Open(s.dir)
	defer store.Close()
	agent := New(s.policy, s.wire, store, s.record)
	ctx, stop := context.WithCancel(t.Context())
	s.began, s.vague = time.Now(), s.inexact
	s.waiting, s.awaited = awaited, make(chan struct{})
	if s.timeline.Len() > 0 {
		s.timeline.WriteString("restart\n")
	}
	done := make(chan struct{})
	go func() { defer close(done); agent.Run(ctx) }()
	go s.watch(t, ctx, agent)
	select {
	case <-time.After(limit):
		if awaited != "" {
			t.Errorf("%q did not happen", awaited)
		}
	case <-s.awaited:
		synctest.Wait()
	}
	status := agent.Status()
	s.last = status
	verifyOneRecord(t, status, store)
	stop()
	<-done
	fmt.Fprintf(&s.told, "%+v %#v\n", status, agent.basis.policy)
	if err := json.NewEncoder(&s.told).Encode(status); err != nil {
		t.Error(err)
	}
}

// watch asks like the watchdog of the service: whatever a site does, the agent must be heard of in time.
func (s *scenario) watch(t *testing.T, ctx context.Context, agent *Agent) {
	for ctx.Err() == nil {
		limited, cancel := context.WithTimeout(ctx, 40*time.Second)
		if err := agent.Alive(limited); err != nil && ctx.Err() == nil {
			t.Errorf("+%v the agent is not heard of: %v", time.Since(s.began), err)
		}
		cancel()
		select {
		case <-time.After(15 * time.Second):
		case <-ctx.Done():
		}
	}
}

// record is the agent's emit.
func (s *scenario) record(e provisioning.Event) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.vague = s.vague || e.Kind == provisioning.Refreshed || e.Kind == provisioning.Lost && e.Reason == provisioning.SIPNoAnswer // pings are jittered too
	when := fmt.Sprintf("+%v", time.Since(s.began).Round(time.Millisecond))
	if s.vague {
		when = "~"
	}
	s.vague = s.vague || e.Kind == provisioning.Waiting || e.Degraded // look-ups and delays are jittered
	fmt.Fprintf(&s.timeline, "%s %s\n", when, e)
	fmt.Fprintf(&s.told, "%v %+v %#v\n", e, e, e)
	if s.waiting != "" && strings.HasPrefix(e.String(), s.waiting) {
		s.waiting = ""
		close(s.awaited)
	}
}

// seen is what the site saw of the kinds asked for, without the time. Questions to DNS and DHCP are asked at the
// same time, so they come first, sorted, each once.
func (s *scenario) seen() string {
	var questions, rest []string
	for _, e := range s.site.Log() {
		if !slices.Contains(s.see, strings.Fields(e.What)[0]) {
			continue
		}
		_, text, _ := strings.Cut(e.String(), " ")
		if e.Host == "" && e.Code == 0 && (strings.HasPrefix(e.What, "query") || e.Server == "dhcp") {
			questions = append(questions, text)
		} else {
			rest = append(rest, text)
		}
	}
	slices.Sort(questions)
	all := append(slices.Compact(questions), rest...)
	if len(all) == 0 {
		return ""
	}
	return strings.Join(all, "\n") + "\n"
}

// lastGood is the record at the end, in the words of the section cache.
func (s *scenario) lastGood() string {
	store := cache.Open(s.dir)
	defer store.Close()
	record, ok := store.Load()
	if !ok {
		return "none\n"
	}
	var b strings.Builder
	fmt.Fprintf(&b, "address %s\n", record.SIPAddress)
	for i, e := range append([]cache.Endpoint{record.Registrar}, record.Home...) {
		kind := "registrar"
		if i > 0 {
			kind = "home"
		}
		fmt.Fprintf(&b, "%s %s:%d %s %s %s via %s %s\n", kind, e.Host, e.Port, e.Transport, e.Addresses, e.Step, e.Via, e.Role)
	}
	for _, r := range record.MediaRelays {
		fmt.Fprintf(&b, "relay %s %s udp %d tcp %d %s\n", r.Host, r.Addresses, r.UDPPort, r.TCPPort, r.Location)
	}
	if record.Told {
		b.WriteString("told\n")
	}
	if record.TLSFloor {
		b.WriteString("floor\n")
	}
	for _, f := range record.Flushed {
		fmt.Fprintf(&b, "flushed %s %s:%d %s\n", f.Kind, f.Host, f.Port, f.Addresses)
	}
	return b.String()
}
