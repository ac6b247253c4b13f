package agent

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"net/netip"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/rogpeppe/go-internal/diff"
	"golang.org/x/tools/txtar"

	"homeward/cache"
	"homeward/internal/boot"
	"homeward/internal/golden"
	"homeward/internal/identity"
	"homeward/internal/sitetest"
	"homeward/provisioning"
	"homeward/provisioning/wire"
)

// TestScenarios runs every testdata/scenarios/*.txtar: a site, a device and what it does in, a timeline out. Real parsers,
// real TLS, real bbolt; the wire and the time are simulated. The format is in docs/simulated-site.md. A scenario that fails
// prints its timeline: what the device told, among what the servers saw and answered.
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
	if testing.Short() && strings.HasSuffix(file, "hundred-days.txtar") {
		t.Skip("takes seconds, and a minute with the race detector: left out by -short")
	}
	archive, err := txtar.ParseFile(file)
	if err != nil {
		t.Fatal(err)
	}
	compareScenario(t, archive, file)
	if golden.Update() {
		golden.Write(t, file, txtar.Format(archive))
	}
}

// compareScenario compares what comes of a scenario with its expected sections, or with -update fills them in.
func compareScenario(t *testing.T, archive *txtar.Archive, file string) *scenario {
	t.Helper()
	s := playScenario(t, archive, file)
	got := map[string]string{"timeline": s.timeline.String(), "seen": s.seen(), "record": s.lastGood(), "identity": s.kept(), "trust": s.trusted()}
	compared := false
	for i, section := range archive.Files {
		text, expected := got[section.Name]
		compared = compared || expected
		if golden.Update() && expected {
			archive.Files[i].Data = []byte(text)
		} else if diff := diff.Diff("want "+section.Name, section.Data, "got "+section.Name, []byte(text)); expected && diff != nil {
			t.Errorf("%s", diff)
		}
	}
	if !compared {
		t.Error("no section timeline, seen or record: nothing is compared")
	}
	return s
}

// playScenario does what a file says, in fake time, and looks for secrets in what comes of it.
func playScenario(t *testing.T, archive *txtar.Archive, file string) *scenario {
	t.Helper()
	dir := t.TempDir()
	var s *scenario
	t.Cleanup(func() {
		if s != nil {
			s.explain(t)
		}
	})
	synctest.Test(t, func(t *testing.T) {
		s = parseScenario(t, archive, file, dir)
		simulated, err := s.site.Start()
		if err != nil {
			t.Fatal(err)
		}
		s.wire = s.packets.heard(wire.Wire(simulated))
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
	file   string
	wire   wire.Wire
	dir    string
	policy provisioning.Policy
	script []step
	see    []string

	reports []time.Duration // when the phone says in each life that its registration has failed

	began    time.Time
	mu       sync.Mutex
	timeline strings.Builder
	last     provisioning.Status // just before the end
	rootless bool
	rootAt   string                // the place of the one server whose certificate is a root; "": there is none
	pins     []string              // whose fingerprints: "site", "other"
	accepted []provisioning.Anchor // by the device
	machine  boot.Machine          // the boot in which the device runs
	keeping  sync.WaitGroup
	dead     bool                        // its power was cut: what it would still tell, nobody hears
	unclean  bool                        // this life ends without being told to
	identity func(*testing.T, *scenario) // makes the certificate that the device has; nil: it keeps none
	told     bytes.Buffer                // everything the agent has told, in every form
	packets  packets
	vague    bool // a random delay has passed: times are no longer exact
	inexact  bool // from the start, by the script
	waiting  string
	awaited  chan struct{}
}

// play does the script.
func (s *scenario) play(t *testing.T) {
	defer s.site.Close()
	for _, step := range s.script {
		step(s, t)
	}
}

// explain prints what has happened if the test has failed.
func (s *scenario) explain(t *testing.T) {
	if log := s.site.Log(); t.Failed() && len(log) > 0 {
		t.Logf("what happened, in the time of the site:\n%s", sitetest.Timeline(log))
	}
}

// live is one life of the agent.
func (s *scenario) live(t *testing.T, limit time.Duration, awaited string) {
	store := cache.Open(s.dir)
	defer store.Close()
	agent := New(s.policy, s.wire, store, s.record)
	if s.identity != nil {
		agent.Identify(identity.In(s.dir))
	}
	before := boot.Open(s.dir, s.machine)
	agent.Resume(before)
	ctx, stop := context.WithCancel(t.Context())
	s.site.Note("starts")
	s.began, s.vague = time.Now(), s.inexact
	s.waiting, s.awaited = awaited, make(chan struct{})
	if s.timeline.Len() > 0 {
		s.timeline.WriteString("restart\n")
	}
	done := make(chan struct{})
	go func() { defer close(done); agent.Run(ctx) }()
	go s.watch(t, ctx, agent)
	s.remember(t, ctx, before)
	for _, after := range s.reports {
		defer time.AfterFunc(after, func() { agent.ReportFailed() }).Stop()
	}
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
	s.site.Note("is told to stop")
	s.mu.Lock()
	s.dead = s.unclean
	s.mu.Unlock()
	stop()
	<-done
	s.keeping.Wait()
	if s.dead = false; !s.unclean {
		if err := before.End(); err != nil {
			t.Error(err)
		}
	}
	fmt.Fprintf(&s.told, "%+v %#v\n", status, agent.basis.policy)
	if err := json.NewEncoder(&s.told).Encode(status); err != nil {
		t.Error(err)
	}
}

// remember keeps what the next life has to know.
func (s *scenario) remember(t *testing.T, ctx context.Context, before *boot.Memory) {
	now := make(chan struct{})
	close(now)
	s.keeping.Go(func() { _ = before.Keep(ctx, now, func(err error) { t.Error(err) }) })
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
func (s *scenario) record(e *provisioning.Event) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.dead {
		return
	}
	s.vague = s.vague || e.Kind == provisioning.Refreshed || e.Kind == provisioning.Lost && e.Reason == provisioning.SIPNoAnswer // pings are jittered too
	when := fmt.Sprintf("+%v", time.Since(s.began).Round(time.Millisecond))
	if s.vague {
		when = "~"
	}
	s.vague = s.vague || e.Kind == provisioning.Waiting || e.Degraded // look-ups and delays are jittered
	fmt.Fprintf(&s.timeline, "%s %s\n", when, e)
	s.site.Note(e.String())
	fmt.Fprintf(&s.told, "%v %+v %#v\n", e, e, e)
	if s.waiting != "" && strings.HasPrefix(e.String(), s.waiting) {
		s.waiting = ""
		close(s.awaited)
	}
}

// seen is what the site saw of the kinds asked for, without the time. Questions to DNS and DHCP are asked at the
// same time, so they come first, sorted, each once. A handshake that the device has broken off is noticed by the server
// when it may: it stands before what came over a later connection.
func (s *scenario) seen() string {
	var questions, rest []string
	var log []sitetest.Entry
	for _, e := range s.site.Log() {
		at := len(log)
		if e.What == "tls-failed" {
			at = slices.IndexFunc(append(log, e), func(o sitetest.Entry) bool { return o == e || o.After == e.After && port(o.From) > port(e.From) })
		}
		log = slices.Insert(log, at, e)
	}
	for _, e := range log {
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

// port is that of the other end; 0 without.
func port(from string) uint16 {
	at, _ := netip.ParseAddrPort(from)
	return at.Port()
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
	for i, e := range append([]cache.Registrar{record.Registrar}, record.Home...) {
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
