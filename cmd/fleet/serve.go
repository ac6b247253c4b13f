package main

import (
	"compress/gzip"
	_ "embed"
	"encoding/json"
	"net/http"
	"strings"
	"sync"
	"time"

	"homeward/provisioning"
)

// Our choices: a page is for people.
const (
	shownRows  = 200
	shownLists = 50
	freshFor   = time.Second // figures are counted at most so often
)

// The page, with all that it needs: nothing is fetched from elsewhere.
var (
	//go:embed page.html
	pageHTML []byte
	//go:embed page.css
	pageCSS []byte
	//go:embed page.js
	pageJS []byte
)

// policy lets the page load what is served beside it, and nothing else.
const policy = "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"

// serve shows the fleet on a page.
var serve = webSite{"serve", "127.0.0.1:8420", "`address` on loopback of the page", "/", pages}

// overview is what the page shows without being asked for more.
type overview struct {
	At     time.Time    `json:"at"`
	Broker string       `json:"broker"`
	Site   string       `json:"site,omitempty"`
	Link   link         `json:"link"`
	Fleet  summary      `json:"fleet"`
	Hidden int          `json:"hidden"` // sites, Registrars and reasons that there was no room for
	Events []shownEvent `json:"events"`
}

// shownEvent is an event on the page.
type shownEvent struct {
	Site   string    `json:"site"`
	Device string    `json:"device"`
	At     time.Time `json:"at"`
	Text   string    `json:"text"`
}

// found are devices that were asked for.
type found struct {
	Devices int   `json:"devices"` // how many there are
	Rows    []row `json:"rows"`    // the first of them
}

// pages are what is served.
func pages(f *follower) http.Handler {
	mux := http.NewServeMux()
	file := func(path, kind string, text []byte) {
		mux.HandleFunc("GET "+path, func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Type", kind)
			_, _ = w.Write(text)
		})
	}
	file("/{$}", "text/html; charset=utf-8", pageHTML)
	file("/page.css", "text/css; charset=utf-8", pageCSS)
	file("/page.js", "text/javascript; charset=utf-8", pageJS)
	look := newLook(f)
	mux.HandleFunc("GET /api/overview", func(w http.ResponseWriter, r *http.Request) { give(w, r, look.overview()) })
	mux.HandleFunc("GET /api/devices", func(w http.ResponseWriter, r *http.Request) {
		q := r.URL.Query()
		give(w, r, look.devices(query{q.Get("state"), q.Get("site"), q.Get("registrar"), q.Get("reason"), strings.ToLower(strings.TrimSpace(q.Get("text")))}))
	})
	mux.HandleFunc("GET /api/reason", func(w http.ResponseWriter, r *http.Request) {
		reason := provisioning.Reason(r.URL.Query().Get("code"))
		give(w, r, map[string]string{"title": reason.Title(), "hint": reason.Hint()})
	})
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Security-Policy", policy)
		w.Header().Set("X-Content-Type-Options", "nosniff")
		w.Header().Set("Referrer-Policy", "no-referrer")
		w.Header().Set("Cache-Control", "no-store")
		mux.ServeHTTP(w, r)
	})
}

// give gives an answer, made small for who has forwarded the port: what it says is much the same from device to device.
func give(w http.ResponseWriter, r *http.Request, answer any) {
	w.Header().Set("Content-Type", "application/json")
	if !strings.Contains(r.Header.Get("Accept-Encoding"), "gzip") {
		_ = json.NewEncoder(w).Encode(answer) // a reader that has gone misses it
		return
	}
	w.Header().Set("Content-Encoding", "gzip")
	small := gzip.NewWriter(w)
	_ = json.NewEncoder(small).Encode(answer)
	_ = small.Close()
}

// look is how the page looks at the fleet: many pages make no more work than one.
type look struct {
	f *follower

	mu    sync.Mutex
	last  overview
	taken time.Time
}

func newLook(f *follower) *look { return &look{f: f} }

func (l *look) overview() overview {
	l.mu.Lock()
	defer l.mu.Unlock()
	now := time.Now()
	if now.Sub(l.taken) < freshFor {
		return l.last
	}
	o := overview{At: now, Broker: l.f.conf.Broker, Site: l.f.site, Link: l.f.link(), Fleet: summarize(l.f.roster, now)}
	for _, list := range []*[]count{&o.Fleet.Sites, &o.Fleet.Registrars, &o.Fleet.Reasons} {
		if more := len(*list) - shownLists; more > 0 {
			*list = (*list)[:shownLists]
			o.Hidden += more
		}
	}
	events, _ := l.f.roster.happened()
	for _, e := range events[:min(len(events), shownLists)] {
		text := strings.Join(strings.Fields(e.Event.Event+" "+e.State+" "+e.Reason+" "+e.Host), " ")
		o.Events = append(o.Events, shownEvent{e.Site, e.Device, e.At, text})
	}
	l.last, l.taken = o, now
	return o
}

// query is what devices are asked for by; "" is anything. state may also be "trouble": whatever is not registered as it should be.
type query struct{ state, site, registrar, reason, text string }

func (q query) matches(d *device, now time.Time) bool {
	standing := d.standing(now)
	switch q.state {
	case "":
	case "trouble":
		if standing == standings[0] {
			return false
		}
	default:
		if standing != q.state {
			return false
		}
	}
	if q.site != "" && d.Site != q.site || q.registrar != "" && d.registrar() != q.registrar || q.reason != "" && d.reason() != q.reason {
		return false
	}
	return q.text == "" || strings.Contains(strings.ToLower(d.Name.String()), q.text) || isCalled(d, q.text)
}

// urgent is the order of rows: first those that can say what is wrong.
var urgent = []string{"outage", "resting", "discovering", "recalling", degraded, unknown, silent, offline, "registered"}

// devices are those that a query wants, the most urgent first.
func (l *look) devices(q query) found {
	now := time.Now()
	all := l.f.roster.all(func(d *device) bool { return q.matches(d, now) })
	ranked := map[string][]*device{}
	for _, d := range all {
		if standing := d.standing(now); len(ranked[standing]) < shownRows {
			ranked[standing] = append(ranked[standing], d)
		}
	}
	answer := found{Devices: len(all), Rows: []row{}}
	for _, standing := range urgent {
		for _, d := range ranked[standing][:min(len(ranked[standing]), shownRows-len(answer.Rows))] {
			answer.Rows = append(answer.Rows, rowOf(d, now))
		}
	}
	return answer
}
