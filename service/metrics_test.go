package service

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"os"
	"regexp"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"homeward/internal/golden"
	"homeward/provisioning"
)

const (
	metricsTable = "../docs/metrics.md"
	alertRules   = "../packaging/metrics/alerts.yml"
	dashboard    = "../packaging/metrics/dashboard.json"
)

// everything is one event of each kind, some twice, and a status in which nothing is missing.
func everything(m *Metrics) (provisioning.Status, time.Time) {
	yes, no := true, false
	s := onFE01()
	s.Degraded, s.Reason, s.RegisteredAt, s.ExpiresAt = true, provisioning.DNSTimeout, noon, noon.Add(10*time.Minute)
	s.NextAttempt = noon.Add(time.Minute)
	s.Cycle = &provisioning.Cycle{TookMS: 1824}
	s.Certificate = &provisioning.Identity{NotAfter: noon.Add(24 * time.Hour), Reason: provisioning.EnrolFailed}
	s.Watch = &provisioning.Watch{Binding: provisioning.BindingGivenBack, Over: provisioning.OverVisits, AnsweredAt: noon}
	s.Store = []provisioning.StoreState{{Reason: provisioning.CacheReadOnly}}
	s.MediaRelays = append(s.MediaRelays, provisioning.MediaRelay{UDPAnswers: &yes, TCPAnswers: &no})
	for _, e := range []provisioning.Event{
		{Kind: provisioning.StateChanged, State: provisioning.Discovering},
		{Kind: provisioning.StateChanged, State: provisioning.Discovering},
		{Kind: provisioning.LookedUp, Step: provisioning.InternalTLS, Verdict: provisioning.Found, Query: "_sipinternaltls._tcp.contoso.com"},
		{Kind: provisioning.LookedUp, Step: provisioning.DHCPTLS, Verdict: provisioning.Failed, Reason: provisioning.DHCPSilent},
		{Kind: provisioning.Skipped, Step: provisioning.ExternalTCP, Reason: provisioning.TLSFloor},
		{Kind: provisioning.Attempted, Step: provisioning.InternalTLS, Endpoint: provisioning.Endpoint{Host: "fe01.contoso.com"}, Reason: provisioning.ConnectRefused, Detail: "10.0.0.5"},
		{Kind: provisioning.Attempted, Step: provisioning.InternalTCP, Endpoint: provisioning.Endpoint{Transport: provisioning.TCP}, Unused: 2},
		{Kind: provisioning.Redirected, Step: provisioning.InternalTCP},
		{Kind: provisioning.Committed},
		{Kind: provisioning.StoreNote, Reason: provisioning.CacheWrite},
		{Kind: provisioning.Conflict, Reason: provisioning.DHCPConflict},
		{Kind: provisioning.ClockSkew, Reason: provisioning.ClockWrong},
		{Kind: provisioning.Enrolled},
		{Kind: provisioning.Enrolled, Reason: provisioning.EnrolFailed},
		{Kind: provisioning.Told},
		{Kind: provisioning.Refreshed},
		{Kind: provisioning.GivenBack},
		{Kind: provisioning.GivenBack, Reason: provisioning.SIPNoAnswer},
		{Kind: provisioning.Visited},
		{Kind: provisioning.Reported},
		{Kind: provisioning.Lost, Reason: provisioning.AddressChanged},
		{Kind: provisioning.WentNormal},
		{Kind: provisioning.Waiting, Reason: provisioning.ConnectRefused},
		{Kind: provisioning.NetworkChanged, Detail: "gone: 10.0.0.21/24 on eth0"},
		{Kind: provisioning.Unregistered},
	} {
		m.Tell(&e)
	}
	return s, noon.Add(-time.Hour)
}

// samples are the lines of a page that are not comments.
func samples(page []byte) string {
	return regexp.MustCompile(`(?m)^#.*\n`).ReplaceAllString(string(page), "")
}

func TestMetricsAfterEverything(t *testing.T) {
	m := NewMetrics("")
	now, lastGood := everything(m)
	page := m.page(&now, lastGood)
	want := `homeward_state{state="discovering"} 0
homeward_state{state="outage"} 0
homeward_state{state="recalling"} 0
homeward_state{state="registered"} 1
homeward_state{state="resting"} 0
homeward_degraded 1
homeward_reason{reason="dns-timeout"} 1
homeward_registrar{step="internal-tls",transport="tls",role="primary"} 1
homeward_registered_timestamp_seconds 1795176000
homeward_expires_timestamp_seconds 1795176600
homeward_next_attempt_timestamp_seconds 1795176060
homeward_last_good_timestamp_seconds 1795172400
homeward_cycle_seconds 1.824
homeward_watch{binding="given-back",over="visits"} 1
homeward_watch_answered_timestamp_seconds 1795176000
homeward_media_relays 2
homeward_media_relays_answering{transport="tcp"} 0
homeward_media_relays_answering{transport="udp"} 1
homeward_store_reason{reason="cache-read-only"} 1
homeward_certificate_expires_timestamp_seconds 1795262400
homeward_certificate_reason{reason="enrol-failed"} 1
homeward_state_changes_total{state="discovering"} 2
homeward_lookups_total{step="dhcp-tls",verdict="failed",reason="dhcp-silent"} 1
homeward_lookups_total{step="internal-tls",verdict="found"} 1
homeward_skips_total{step="external-tcp",reason="tls-floor"} 1
homeward_attempts_total{step="internal-tcp",transport="tcp",result="ok"} 1
homeward_attempts_total{step="internal-tls",transport="tls",result="failed",reason="connect-refused"} 1
homeward_race_unused_total 2
homeward_redirects_total{step="internal-tcp"} 1
homeward_refreshes_total 1
homeward_given_back_total 1
homeward_given_back_total{reason="sip-no-answer"} 1
homeward_visits_total 1
homeward_reports_total 1
homeward_registrations_lost_total{reason="address-changed"} 1
homeward_returns_total 1
homeward_rests_total{reason="connect-refused"} 1
homeward_commits_total 1
homeward_store_notes_total{reason="cache-write"} 1
homeward_certificates_total 1
homeward_certificates_total{reason="enrol-failed"} 1
homeward_told_total 1
homeward_dhcp_conflicts_total 1
homeward_clock_skews_total 1
homeward_network_changes_total 1
`
	if diff := cmp.Diff(strings.Split(want, "\n"), strings.Split(samples(page), "\n")); diff != "" {
		t.Error(diff)
	}
	for _, f := range families {
		if n := strings.Count(string(page), fmt.Sprintf("# HELP %s %s\n# TYPE %s %s\n%s", f.name, f.help, f.name, f.kind, f.name)); n != 1 {
			t.Errorf("%s: %d times with help and type before its first series", f.name, n)
		}
	}
}

// What has not happened and what is not known is not shown, but for counters without labels: they begin with 0.
func TestMetricsBeforeAnything(t *testing.T) {
	m := NewMetrics("")
	want := `homeward_state{state="discovering"} 0
homeward_state{state="outage"} 0
homeward_state{state="recalling"} 1
homeward_state{state="registered"} 0
homeward_state{state="resting"} 0
homeward_degraded 0
homeward_media_relays 0
homeward_race_unused_total 0
homeward_refreshes_total 0
homeward_visits_total 0
homeward_reports_total 0
homeward_returns_total 0
homeward_commits_total 0
homeward_dhcp_conflicts_total 0
homeward_clock_skews_total 0
homeward_network_changes_total 0
`
	if diff := cmp.Diff(strings.Split(want, "\n"), strings.Split(samples(m.page(&provisioning.Status{}, time.Time{})), "\n")); diff != "" {
		t.Error(diff)
	}
}

// The labels of a series are those that the table names, in that order.
func TestLabelsAreThoseOfTheTable(t *testing.T) {
	m := NewMetrics("")
	labels := map[string]string{}
	for _, f := range families {
		labels[f.name] = f.labels
	}
	label := regexp.MustCompile(`(\w+)=`)
	now, lastGood := everything(m)
	for line := range strings.Lines(samples(m.page(&now, lastGood))) {
		name, rest, _ := strings.Cut(line, "{")
		if name == line {
			continue
		}
		at := 0
		for _, found := range label.FindAllStringSubmatch(rest, -1) {
			i := strings.Index(labels[name][at:], found[1])
			if i < 0 {
				t.Fatalf("%s: label %s is not in the table, or out of order", name, found[1])
			}
			at += i
		}
	}
}

func TestMetricsAreScraped(t *testing.T) {
	m, url := metricsOn(t)
	status := func() provisioning.Status { return onFE01() }
	task := m.Task(status, func() time.Time { return noon }, slog.New(slog.DiscardHandler))
	err := Run(t.Context(), Task{"agent", func(ctx context.Context) error {
		for _, test := range []struct {
			method, path string
			want         int
		}{{"GET", "/metrics", 200}, {"GET", "/", 404}, {"POST", "/metrics", 405}} {
			request, err := http.NewRequestWithContext(ctx, test.method, url+test.path, nil)
			if err != nil {
				t.Fatal(err)
			}
			answer, err := http.DefaultClient.Do(request)
			if err != nil {
				t.Fatal(err)
			}
			page, _ := io.ReadAll(answer.Body)
			answer.Body.Close()
			if answer.StatusCode != test.want || test.want == 200 && !strings.Contains(string(page), "homeward_state{state=\"registered\"} 1\n") {
				t.Errorf("%s %s: %s\n%s", test.method, test.path, answer.Status, page)
			}
		}
		return nil
	}}, task)
	if err == nil || err.Error() != "agent has ended" { // and the scrapes with it
		t.Error(err)
	}
}

// metricsOn returns metrics on a port that is open already, and where that is.
func metricsOn(t *testing.T) (m *Metrics, url string) {
	t.Helper()
	m = NewMetrics("127.0.0.1:0")
	listener, err := m.listen(t.Context(), "tcp", m.address)
	if err != nil {
		t.Fatal(err)
	}
	m.listen = func(context.Context, string, string) (net.Listener, error) { return listener, nil }
	return m, "http://" + listener.Addr().String()
}

// However many connect and say nothing, few of them are kept, and whoever scrapes is answered.
func TestMend09IdleConnectionsMakeRoom(t *testing.T) {
	m, address := metricsOn(t)
	plain, _ := m.listen(t.Context(), "", "")
	counted := &counting{Listener: plain}
	m.listen = func(context.Context, string, string) (net.Listener, error) { return counted, nil }
	ctx, cancel := context.WithCancel(t.Context())
	var task sync.WaitGroup
	defer task.Wait()
	defer cancel()
	task.Go(func() { m.Task(onFE01, time.Now, slog.New(slog.DiscardHandler)).Run(ctx) })
	for range 10 * maxCrowd {
		conn, err := net.Dial("tcp", plain.Addr().String())
		if err != nil {
			t.Fatal(err)
		}
		defer conn.Close()
	}
	for range 3 {
		answer, err := http.Get(address + "/metrics")
		if err != nil {
			t.Fatal(err)
		}
		page, err := io.ReadAll(answer.Body)
		answer.Body.Close()
		if answer.StatusCode != http.StatusOK || !strings.Contains(string(page), "homeward_state{") || err != nil {
			t.Errorf("%s, %v\n%s", answer.Status, err, page)
		}
	}
	if most := counted.most.Load(); most > maxCrowd+1 { // one comes before one goes
		t.Errorf("%d connections were open at the same time", most)
	}
}

// counting counts the connections of a listener that are open.
type counting struct {
	net.Listener
	open, most atomic.Int64
}

func (c *counting) Accept() (net.Conn, error) {
	conn, err := c.Listener.Accept()
	if err != nil {
		return nil, err
	}
	c.most.Store(max(c.most.Load(), c.open.Add(1)))
	return &countedConn{conn, sync.OnceFunc(func() { c.open.Add(-1) })}, nil
}

type countedConn struct {
	net.Conn
	gone func()
}

func (c *countedConn) Close() error {
	c.gone()
	return c.Conn.Close()
}

// A connection that leaves is not in the way of the next ones, and leaves once.
func TestMend09CrowdCounts(t *testing.T) {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer listener.Close()
	c := &crowd{Listener: listener}
	accept := func() net.Conn {
		t.Helper()
		client, err := net.Dial("tcp", listener.Addr().String())
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { client.Close() })
		conn, err := c.Accept()
		if err != nil {
			t.Fatal(err)
		}
		return conn
	}
	first, second := accept(), accept()
	for range 3 * maxCrowd {
		conn := accept()
		conn.Close()
		conn.Close()
	}
	if len(c.open) != 2 {
		t.Errorf("%d are there, want 2", len(c.open))
	}
	for range maxCrowd - 1 {
		accept()
	}
	if len(c.open) != maxCrowd || c.open[0] != second {
		t.Errorf("%d are there, and the oldest has not gone", len(c.open))
	}
	first.Close() // it has gone already
	if len(c.open) != maxCrowd {
		t.Errorf("%d are there, want %d", len(c.open), maxCrowd)
	}
}

// An address that somebody else has is said once, and taken as soon as it is free.
func TestMetricsAddressIsTriedAgain(t *testing.T) {
	taken, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer taken.Close()
	synctest.Test(t, func(t *testing.T) {
		m := NewMetrics(taken.Addr().String())
		listen, tries, opened := m.listen, 0, make(chan net.Listener)
		m.listen = func(ctx context.Context, network, address string) (net.Listener, error) {
			if tries++; tries == 4 {
				taken.Close()
			}
			l, err := listen(ctx, network, address)
			if err == nil {
				opened <- l
			}
			return l, err
		}
		var log bytes.Buffer
		ctx, cancel := context.WithCancel(t.Context())
		ended, began := make(chan error), time.Now()
		task := m.Task(onFE01, time.Now, slog.New(slog.NewTextHandler(&log, nil)))
		go func() { ended <- task.Run(ctx) }()
		synctest.Wait()
		if got := m.Trouble().What(); !strings.HasSuffix(got, "another program on this device already listens there") {
			t.Errorf("says %q", got)
		}
		<-opened
		if took := time.Since(began); took != 3*listenAgain {
			t.Errorf("opened after %v, want %v", took, 3*listenAgain)
		}
		cancel()
		if err := <-ended; !errors.Is(err, context.Canceled) {
			t.Error(err)
		}
		if got := m.Trouble(); !got.None() {
			t.Errorf("says %q although it is open", got.What())
		}
		if got := strings.Count(log.String(), "address already in use"); got != 1 {
			t.Errorf("said %d times\n%s", got, &log)
		}
	})
}

func TestMend264WhyMetricsAreNotServed(t *testing.T) {
	for want, err := range map[string]error{
		"another program on this device already listens there": syscall.EADDRINUSE, "this device does not have that address": syscall.EADDRNOTAVAIL,
		"the daemon may not open that port": syscall.EACCES, "no such network": errors.New("no such network"),
	} {
		told := unopened("10.0.0.21:80", &net.OpError{Op: "listen", Err: err})
		if got := told.What(); !strings.HasPrefix(got, "metrics are not served: 10.0.0.21:80 (metrics_listen) cannot be opened: ") || !strings.HasSuffix(got, want) {
			t.Errorf("says %q, want %q", got, want)
		}
		if got := told.Do(); strings.Count(got, "metrics_listen") != 1 || !strings.Contains(got, "restart homeward") {
			t.Errorf("%s: advises %q", want, got)
		}
	}
}

// TestMetricsTable keeps docs/metrics.md what the program says.
func TestMetricsTable(t *testing.T) {
	var b strings.Builder
	b.WriteString("# Metrics\n\n`metrics_listen` sets the address on which Prometheus scrapes them, in its text format. By default there is none.\n" +
		"Label values are the fixed words of the public interface, never names or addresses. [reasons.md](reasons.md)\nexplains each `reason`. " +
		"A label without a value is left out. Examples: [alerting rules](../packaging/metrics/alerts.yml),\n" +
		"[dashboard for Grafana](../packaging/metrics/dashboard.json).\n" +
		"`make generate` writes this page.\n\n| metric | kind | labels | meaning |\n|---|---|---|---|\n")
	for _, f := range families {
		fmt.Fprintf(&b, "| `%s` | %s | %s | %s |\n", f.name, f.kind, strings.ReplaceAll(f.labels, " ", ", "), f.help)
	}
	golden.Compare(t, metricsTable, []byte(b.String()))
}

// The examples name no metric that does not exist, no label it does not have, and no value it cannot have.
func TestExamplesNameWhatExists(t *testing.T) {
	known := map[string]string{}
	for _, f := range families {
		known[f.name] = f.labels
	}
	used := regexp.MustCompile(`(homeward_\w+)(?:\{([^}]*)\})?`)
	matcher := regexp.MustCompile(`(\w+)=~?\\?"([^"\\]*)`)
	for _, file := range []string{alertRules, dashboard} {
		text, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		found := used.FindAllStringSubmatch(string(text), -1)
		if len(found) < 10 {
			t.Errorf("%s: only %d metrics found in it", file, len(found))
		}
		for _, use := range found {
			labels, exists := known[use[1]]
			if !exists {
				t.Errorf("%s: %s does not exist", file, use[1])
			}
			for _, m := range matcher.FindAllStringSubmatch(use[2], -1) {
				if m[1] == "job" || m[1] == "instance" { // Prometheus's own
					continue
				}
				if !strings.Contains(" "+labels+" ", " "+m[1]+" ") {
					t.Errorf("%s: %s has no label %s", file, use[1], m[1])
				}
				for value := range strings.SplitSeq(m[2], "|") {
					if m[1] == "reason" && provisioning.Reason(value).Title() == "" {
						t.Errorf("%s: %s: %s is no reason", file, use[1], value)
					}
				}
			}
		}
	}
}

// The dashboard is JSON with the parts that Grafana needs, and no panel lies over another.
func TestDashboard(t *testing.T) {
	text, err := os.ReadFile(dashboard)
	if err != nil {
		t.Fatal(err)
	}
	var d struct {
		Title, UID    string
		SchemaVersion int
		Panels        []struct {
			ID          int
			Title, Type string
			GridPos     struct{ X, Y, W, H int }
			Targets     []struct{ Expr, RefID string }
		}
	}
	if err := json.Unmarshal(text, &d); err != nil {
		t.Fatal(err)
	}
	if d.Title == "" || d.UID == "" || d.SchemaVersion == 0 || len(d.Panels) == 0 {
		t.Errorf("incomplete: %+v", d)
	}
	taken := map[[2]int]string{}
	for _, p := range d.Panels {
		if len(p.Targets) == 0 || p.Type == "" || p.ID == 0 || p.GridPos.X+p.GridPos.W > 24 { // columns of a dashboard
			t.Errorf("panel %q is incomplete or too wide: %+v", p.Title, p)
		}
		for x := range p.GridPos.W {
			for y := range p.GridPos.H {
				at := [2]int{p.GridPos.X + x, p.GridPos.Y + y}
				if other := taken[at]; other != "" {
					t.Fatalf("%q lies over %q", p.Title, other)
				}
				taken[at] = p.Title
			}
		}
	}
}
