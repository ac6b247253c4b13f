package main

import (
	"bytes"
	"cmp"
	"fmt"
	"io"
	"maps"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"
)

// export shows the fleet to Prometheus.
var export = webSite{"export", "127.0.0.1:9188", "`address` on loopback on which /metrics is scraped", "/metrics", func(f *follower) http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("GET /metrics", func(w http.ResponseWriter, _ *http.Request) {
		l := f.link()
		w.Header().Set("Content-Type", "text/plain; version=0.0.4; charset=utf-8")
		_, counts := f.roster.happened()
		_, _ = w.Write(metricsOf(l, summarize(f.roster, time.Now()), counts)) // a scraper that has gone misses it
	})
	return mux
}}

// metricsOf is the page that is scraped. While the broker is away there is nothing but that: what was is no figure either.
func metricsOf(l link, s summary, events map[eventLabels]uint64) []byte {
	var b bytes.Buffer
	up := 0
	if l.Connected {
		up = 1
	}
	family(&b, "homeward_fleet_broker_up", "gauge", "1 while the broker is connected, and has given out all it keeps; otherwise there are no other metrics.")
	series(&b, "homeward_fleet_broker_up", up)
	if !l.Connected {
		return b.Bytes()
	}
	family(&b, "homeward_fleet_devices", "gauge", "Devices by site and standing.")
	for _, site := range s.Sites {
		for _, standing := range standings {
			series(&b, "homeward_fleet_devices", site.Standings[standing], "site", site.Name, "state", standing)
		}
	}
	family(&b, "homeward_fleet_reason_devices", "gauge", "Devices that are not registered, or degraded, by reason.")
	for _, reason := range s.Reasons {
		series(&b, "homeward_fleet_reason_devices", reason.Devices, "reason", reason.Name)
	}
	family(&b, "homeward_fleet_registrar_devices", "gauge", "Registered devices by the Registrar in use.")
	for _, registrar := range s.Registrars {
		series(&b, "homeward_fleet_registrar_devices", registrar.Devices, "registrar", registrar.Name)
	}
	family(&b, "homeward_fleet_certificates_expiring", "gauge", "Devices whose certificate (for sign-in, or for the broker) expires within so many days, or has expired.")
	for i, days := range certificateDays {
		series(&b, "homeward_fleet_certificates_expiring", s.SignIn[i], "kind", "sign-in", "days", strconv.Itoa(days))
		series(&b, "homeward_fleet_certificates_expiring", s.Broker[i], "kind", "broker", "days", strconv.Itoa(days))
	}
	family(&b, "homeward_fleet_without_last_good", "gauge", "Devices that hold no last good Registrar: in an outage they have nothing to try.")
	series(&b, "homeward_fleet_without_last_good", s.Unarmed)
	family(&b, "homeward_fleet_partial", "gauge", "Devices of which the broker has given out only one of presence and state.")
	series(&b, "homeward_fleet_partial", s.Partial)
	family(&b, "homeward_fleet_events_total", "counter", "Events published since this command started.")
	for _, labels := range slices.SortedFunc(maps.Keys(events), func(a, b eventLabels) int {
		return cmp.Or(strings.Compare(a.site, b.site), strings.Compare(a.event, b.event), strings.Compare(a.reason, b.reason))
	}) {
		series(&b, "homeward_fleet_events_total", events[labels], "site", labels.site, "event", labels.event, "reason", labels.reason)
	}
	return b.Bytes()
}

func family(w io.Writer, name, kind, help string) {
	fmt.Fprintf(w, "# HELP %s %s\n# TYPE %s %s\n", name, help, name, kind)
}

// escape is for the values of labels, which devices have named.
var escape = strings.NewReplacer(`\`, `\\`, `"`, `\"`, "\n", `\n`)

func series(w io.Writer, name string, value any, labels ...string) {
	var pairs []string
	for i := 0; i < len(labels); i += 2 {
		if labels[i+1] != "" {
			pairs = append(pairs, labels[i]+`="`+escape.Replace(strings.ToValidUTF8(labels[i+1], "?"))+`"`)
		}
	}
	if pairs == nil {
		fmt.Fprintf(w, "%s %v\n", name, value)
		return
	}
	fmt.Fprintf(w, "%s{%s} %v\n", name, strings.Join(pairs, ","), value)
}
