package service

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"net"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"time"

	"homeward/provisioning"
)

// Our choices: a scrape is a few kB, and whoever is slower than this is not a Prometheus.
const (
	scrapeLimit     = 10 * time.Second
	scrapeSilence   = 5 * time.Second // for the whole of the header
	scrapeMaxHeader = 8 << 10         // bytes
	listenAgain     = 30 * time.Second
)

// family is one metric. Labels are enumerations of the public interface, never names or addresses: the number of series
// has a bound.
type family struct {
	name, kind string // kind: "counter", "gauge"
	labels     string // with blanks between
	help       string
}

// families are all metrics, in the order of the page; docs/metrics.md is made of them.
var families = []family{
	{"homeward_state", "gauge", "state", "1 for the state that the agent is in, 0 for the others."},
	{"homeward_degraded", "gauge", "", "1 while registered through last good, because DNS and DHCP fail."},
	{"homeward_reason", "gauge", "reason", "1 for the reason why it is not registered, or is degraded; absent otherwise."},
	{"homeward_registrar", "gauge", "step transport role", "1 for how the Registrar in use was found; absent while not registered."},
	{"homeward_registered_timestamp_seconds", "gauge", "", "When it registered; absent while not registered."},
	{"homeward_expires_timestamp_seconds", "gauge", "", "When the binding expires unless it is renewed; absent while there is none."},
	{"homeward_next_attempt_timestamp_seconds", "gauge", "", "When Registrars are tried again; absent while not resting."},
	{"homeward_last_good_timestamp_seconds", "gauge", "", "When the last good registration was; absent if there is none."},
	{"homeward_cycle_seconds", "gauge", "", "How long the last cycle took."},
	{"homeward_watch", "gauge", "binding over", "1 for how the Registrar is watched with binding = \"release\": what has become of the binding, and over what; absent otherwise."},
	{"homeward_watch_answered_timestamp_seconds", "gauge", "", "With binding = \"release\": when the Registrar was last seen to answer."},
	{"homeward_media_relays", "gauge", "", "Media relays that the Registrar has named."},
	{"homeward_media_relays_answering", "gauge", "transport", "Media relays that answered a probe; absent until they have been probed."},
	{"homeward_store_reason", "gauge", "reason", "1 for each problem with the store of last good."},
	{"homeward_certificate_expires_timestamp_seconds", "gauge", "", "When the certificate for sign-in ends; absent if there is none."},
	{"homeward_certificate_reason", "gauge", "reason", "1 for the reason why there is no certificate for sign-in, or no new one; absent otherwise."},
	{"homeward_state_changes_total", "counter", "state", "Changes to this state."},
	{"homeward_lookups_total", "counter", "step verdict reason", "Queries to DNS and DHCP, by verdict."},
	{"homeward_skips_total", "counter", "step reason", "Registrars and steps that were skipped."},
	{"homeward_attempts_total", "counter", "step transport result reason", "Addresses of Registrars tried: result is ok or failed."},
	{"homeward_race_unused_total", "counter", "", "Connections opened ahead that nothing was sent on, since a better Registrar took the device."},
	{"homeward_redirects_total", "counter", "step", "Redirects followed."},
	{"homeward_refreshes_total", "counter", "", "Bindings renewed."},
	{"homeward_given_back_total", "counter", "reason", "Bindings given back; with a reason: left to expire."},
	{"homeward_visits_total", "counter", "", "Visits to a Registrar that keeps no connection without a binding."},
	{"homeward_reports_total", "counter", "", "Reports of the phone that its own registration has failed, without those that came too soon after another."},
	{"homeward_registrations_lost_total", "counter", "reason", "Registrations lost, not counting clean stops."},
	{"homeward_returns_total", "counter", "", "Returns from last good to discovery, or from the backup to the primary Registrar."},
	{"homeward_rests_total", "counter", "reason", "Pauses before Registrars are tried again."},
	{"homeward_commits_total", "counter", "", "Times last good was written to the store."},
	{"homeward_store_notes_total", "counter", "reason", "Times there was a problem with the store of last good."},
	{"homeward_certificates_total", "counter", "reason", "Times a certificate for sign-in was asked for, or found to be unusable; without a reason: one was received."},
	{"homeward_told_total", "counter", "reason", "Times the Registrar sent provisioning data in band."},
	{"homeward_dhcp_conflicts_total", "counter", "", "Times that DHCP servers disagreed."},
	{"homeward_clock_skews_total", "counter", "", "Registrations that showed a wrong clock."},
	{"homeward_network_changes_total", "counter", "", "Changes of the device's network that were acted on."},
}

// Metrics counts events, and shows the counts and the status in the text format of Prometheus.
type Metrics struct {
	address  string // "": nobody is to see them
	listen   func(ctx context.Context, network, address string) (net.Listener, error)
	mu       sync.Mutex
	counters tables
	trouble  provisioning.Trouble // why they are not served
}

// tables are the values of the series of some families, by family and series.
type tables map[string]map[string]float64

// NewMetrics returns metrics that are scraped on an address such as "127.0.0.1:9187"; with "" they are not. Nothing has
// been counted yet.
func NewMetrics(address string) *Metrics {
	m := &Metrics{address: address, listen: new(net.ListenConfig).Listen, counters: tables{}}
	for _, f := range families {
		if f.kind != "counter" {
			continue
		}
		m.counters[f.name] = map[string]float64{}
		if f.labels == "" {
			m.counters[f.name][f.name] = 0 // so that the first one is an increase
		}
	}
	return m
}

// Tell counts an event. It may be called from any goroutine.
func (m *Metrics) Tell(e *provisioning.Event) {
	m.mu.Lock()
	defer m.mu.Unlock()
	count := func(name string, labels ...string) { m.counters[name][series(name, labels)]++ }
	step, reason := e.Step.String(), string(e.Reason)
	switch e.Kind {
	case provisioning.StateChanged:
		count("homeward_state_changes_total", "state", e.State.String())
	case provisioning.LookedUp:
		count("homeward_lookups_total", "step", step, "verdict", e.Verdict.String(), "reason", reason)
	case provisioning.Skipped:
		count("homeward_skips_total", "step", step, "reason", reason)
	case provisioning.Attempted:
		result := "ok"
		if reason != "" {
			result = "failed"
		}
		count("homeward_attempts_total", "step", step, "transport", e.Transport.String(), "result", result, "reason", reason)
		m.counters["homeward_race_unused_total"]["homeward_race_unused_total"] += float64(e.Unused)
	case provisioning.Redirected:
		count("homeward_redirects_total", "step", step)
	case provisioning.Refreshed:
		if reason == "" {
			count("homeward_refreshes_total")
		}
	case provisioning.GivenBack:
		count("homeward_given_back_total", "reason", reason)
	case provisioning.Visited:
		count("homeward_visits_total")
	case provisioning.Reported:
		count("homeward_reports_total")
	case provisioning.Lost:
		count("homeward_registrations_lost_total", "reason", reason)
	case provisioning.WentNormal:
		count("homeward_returns_total")
	case provisioning.Waiting:
		count("homeward_rests_total", "reason", reason)
	case provisioning.Committed:
		count("homeward_commits_total")
	case provisioning.StoreNote:
		count("homeward_store_notes_total", "reason", reason)
	case provisioning.Enrolled:
		count("homeward_certificates_total", "reason", reason)
	case provisioning.Told:
		count("homeward_told_total", "reason", reason)
	case provisioning.Conflict:
		count("homeward_dhcp_conflicts_total")
	case provisioning.ClockSkew:
		count("homeward_clock_skews_total")
	case provisioning.NetworkChanged:
		count("homeward_network_changes_total")
	default: // Unregistered: nobody scrapes any more; Paced: what is measured now and then is no count
	}
}

// series is the name of a metric with its labels: pairs of a name and a value. A label without a value is left out, which
// means the same.
func series(name string, labels []string) string {
	var pairs []string
	for i := 0; i < len(labels); i += 2 {
		if labels[i+1] != "" {
			pairs = append(pairs, fmt.Sprintf("%s=%q", labels[i], labels[i+1]))
		}
	}
	if pairs == nil {
		return name
	}
	return name + "{" + strings.Join(pairs, ",") + "}"
}

// gaugesOf is what a status says; lastGood is when last good was registered with.
func gaugesOf(s *provisioning.Status, lastGood time.Time) tables {
	t := tables{}
	show := func(value float64, name string, labels ...string) {
		if t[name] == nil {
			t[name] = map[string]float64{}
		}
		t[name][series(name, labels)] = value
	}
	when := func(at time.Time, name string) {
		if !at.IsZero() {
			show(float64(at.Unix()), name)
		}
	}
	for state := provisioning.Recalling; state <= provisioning.Resting; state++ {
		show(number(s.State == state), "homeward_state", "state", state.String())
	}
	show(number(s.Degraded), "homeward_degraded")
	if s.Reason != "" {
		show(1, "homeward_reason", "reason", string(s.Reason))
	}
	if r := s.Registrar; r != nil {
		step := ""
		if r.Step != nil {
			step = r.Step.String()
		}
		show(1, "homeward_registrar", "step", step, "transport", r.Transport.String(), "role", r.Role)
	}
	when(s.RegisteredAt, "homeward_registered_timestamp_seconds")
	when(s.ExpiresAt, "homeward_expires_timestamp_seconds")
	when(s.NextAttempt, "homeward_next_attempt_timestamp_seconds")
	when(lastGood, "homeward_last_good_timestamp_seconds")
	if w := s.Watch; w != nil {
		show(1, "homeward_watch", "binding", w.Binding, "over", w.Over)
		when(w.AnsweredAt, "homeward_watch_answered_timestamp_seconds")
	}
	if c := s.Certificate; c != nil {
		when(c.NotAfter, "homeward_certificate_expires_timestamp_seconds")
		if c.Reason != "" {
			show(1, "homeward_certificate_reason", "reason", string(c.Reason))
		}
	}
	if s.Cycle != nil {
		show(float64(s.Cycle.TookMS)/1000, "homeward_cycle_seconds")
	}
	for i := range s.Store {
		problem := &s.Store[i]
		show(1, "homeward_store_reason", "reason", string(problem.Reason))
	}
	show(float64(len(s.MediaRelays)), "homeward_media_relays")
	for transport, answers := range answering(s.MediaRelays) {
		show(float64(answers), "homeward_media_relays_answering", "transport", transport)
	}
	return t
}

// answering counts the media relays that answer, by transport; one that none was probed over is not in it.
func answering(relays []provisioning.MediaRelay) map[string]int {
	n := map[string]int{}
	for i := range relays {
		r := &relays[i]
		for transport, answers := range map[string]*bool{"udp": r.UDPAnswers, "tcp": r.TCPAnswers} {
			if answers != nil {
				n[transport] += int(number(*answers))
			}
		}
	}
	return n
}

func number(is bool) float64 {
	if is {
		return 1
	}
	return 0
}

// page is what is scraped.
func (m *Metrics) page(s *provisioning.Status, lastGood time.Time) []byte {
	var b bytes.Buffer
	all := gaugesOf(s, lastGood)
	m.mu.Lock()
	defer m.mu.Unlock()
	maps.Copy(all, m.counters)
	for _, f := range families {
		if len(all[f.name]) == 0 {
			continue // nothing to say of it
		}
		fmt.Fprintf(&b, "# HELP %s %s\n# TYPE %s %s\n", f.name, f.help, f.name, f.kind)
		for _, series := range slices.Sorted(maps.Keys(all[f.name])) {
			b.WriteString(series + " " + strconv.FormatFloat(all[f.name][series], 'f', -1, 64) + "\n")
		}
	}
	return b.Bytes()
}

// Task returns the task that answers scrapes of /metrics. An address that cannot be opened is said once, and tried again:
// metrics are a side matter. lastGood returns when last good was registered with; the zero time: never.
func (m *Metrics) Task(status func() provisioning.Status, lastGood func() time.Time, log *slog.Logger) Task {
	scrape := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		switch {
		case r.URL.Path != "/metrics":
			http.NotFound(w, r)
			return
		case r.Method != http.MethodGet && r.Method != http.MethodHead:
			w.Header().Set("Allow", "GET, HEAD")
			w.WriteHeader(http.StatusMethodNotAllowed)
			return
		}
		w.Header().Set("Content-Type", "text/plain; version=0.0.4; charset=utf-8")
		now := status()
		_, _ = w.Write(m.page(&now, lastGood())) // a scraper that has gone misses it
	})
	return Task{"metrics", func(ctx context.Context) error {
		said := false
		for m.address != "" {
			err := m.serve(ctx, scrape, log)
			if ctx.Err() != nil {
				break
			}
			t := unopened(m.address, err)
			m.note(t)
			if !said {
				log.Warn("metrics_listen cannot be opened; trying again", "hint", t.Hint(), "err", err)
				said = true
			}
			select {
			case <-time.After(listenAgain):
			case <-ctx.Done():
			}
		}
		<-ctx.Done()
		return context.Cause(ctx)
	}}
}

// Trouble is why metrics are not served at the moment; none: they are, or are not to be.
func (m *Metrics) Trouble() provisioning.Trouble {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.trouble
}

func (m *Metrics) note(t provisioning.Trouble) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.trouble = t
}

// unopened says why an address cannot be listened on.
func unopened(address string, err error) provisioning.Trouble {
	facts := provisioning.Facts{"at": address}
	switch {
	case errors.Is(err, syscall.EADDRINUSE):
		facts["taken"] = true
	case errors.Is(err, syscall.EADDRNOTAVAIL):
		facts["elsewhere"] = true
	case errors.Is(err, syscall.EACCES):
		facts["denied"] = true
	default:
		facts["problem"] = err.Error()
	}
	return provisioning.FaultNoMetrics.Met(facts)
}

// serve answers scrapes until ctx ends, or the address is no good.
func (m *Metrics) serve(ctx context.Context, scrape http.Handler, log *slog.Logger) error {
	listener, err := m.listen(ctx, "tcp", m.address)
	if err != nil {
		return err
	}
	m.note(provisioning.Trouble{})
	log.Info("metrics can be scraped", "address", listener.Addr())
	server := &http.Server{
		Handler: scrape, MaxHeaderBytes: scrapeMaxHeader,
		ReadHeaderTimeout: scrapeSilence, ReadTimeout: scrapeLimit, WriteTimeout: scrapeLimit, IdleTimeout: scrapeSilence,
		ErrorLog: slog.NewLogLogger(log.Handler(), slog.LevelDebug),
	}
	server.SetKeepAlivesEnabled(false) // nobody holds a connection for nothing
	defer context.AfterFunc(ctx, func() { server.Close() })()
	return server.Serve(&crowd{Listener: listener})
}
