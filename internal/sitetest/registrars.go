package sitetest

import (
	"errors"
	"io"
	"net/netip"
	"slices"
	"strings"
	"sync"
)

// registrars are the Registrars of a site that runs, and their connections.
type registrars struct {
	sim    *simulation
	out    *mapping
	relays *mediaRelays

	mu   sync.Mutex             // guards the rest
	legs []*leg                 // in the order they came
	came map[netip.AddrPort]int // connections to each address
}

// serve is a Registrar's end of one connection.
func (r *registrars) serve(at netip.AddrPort, c *stream) {
	l := &leg{raw: c, conn: c, caller: caller{
		addr: at, realm: strings.TrimSuffix(r.sim.begin.zone.domain, "."), cseq: map[string]uint64{},
		sim: r.sim, out: r.out, relays: r.relays,
	}}
	r.join(l)
	defer r.leave(l)
	defer l.hangUp()
	l.note(Entry{What: "connect"})
	err := l.run()
	what := "closed"
	if errors.Is(err, errHandshake) {
		what = "tls-failed"
	}
	l.note(Entry{What: what, Name: err.Error()})
	if what == "tls-failed" {
		c.out.finish(io.EOF)
		io.Copy(io.Discard, c) // the alert is to be read, whatever the device has written meanwhile
	}
}

func (r *registrars) join(l *leg) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.legs = append(r.legs, l)
	if r.came == nil {
		r.came = map[netip.AddrPort]int{}
	}
	r.came[l.addr]++
	l.nth = r.came[l.addr]
}

func (r *registrars) leave(l *leg) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.legs = slices.DeleteFunc(r.legs, func(other *leg) bool { return other == l })
}

// tell does what a change asks of the connections that exist; document says whether the provisioning document is
// another now.
func (r *registrars) tell(words []string, document bool) {
	r.mu.Lock()
	legs := slices.Clone(r.legs)
	r.mu.Unlock()
	for _, l := range legs {
		if document {
			l.provision()
		}
		if len(words) > 1 && l.addr.String() == words[1] {
			l.obey(words)
		}
	}
}

// provision sends the document to who has subscribed.
func (l *leg) provision() {
	st := l.sim.state()
	l.mu.Lock()
	subs := slices.Clone(l.subs)
	l.mu.Unlock()
	for _, sub := range subs {
		l.request(l.manner(), sub.notify("subscription-state: active;expires=28800", st.provisioning.text(sub.groups)))
	}
}

// obey does what a change asks of a connection that exists.
func (l *leg) obey(words []string) {
	l.mu.Lock()
	bound := l.bound
	switch words[0] {
	case "forget":
		action := "added"
		if len(words) > 2 {
			action = words[2]
		}
		l.forget(action)
	case "deregister":
		l.bound = nil
	}
	l.mu.Unlock()
	if bound == nil {
		return
	}
	switch words[0] {
	case "ask":
		if method, size, err := parseAsk(words[2:]); err == nil { // rehearsed by change
			l.request(l.manner(), &outgoing{method: method, dialog: bound, headers: []string{"Content-Type: text/plain"}, body: strings.Repeat("x", size)})
		}
	case "deregister":
		l.request(l.manner(), l.deregistered(words[2:], bound))
	}
}

// deregistered tells that the Registrar has taken the binding away (MS-SIPREGE 2.2.2.3).
func (l *leg) deregistered(words []string, bound *message) *outgoing {
	event := "deregistered;event=" + words[0]
	o := &outgoing{
		method: "NOTIFY", dialog: bound, name: event, body: event,
		headers: []string{"Event: registration-notify", "subscription-state: terminated;expires=0", "Content-Type: text/registration-event"},
	}
	for _, w := range words[1:] {
		if w == "benotify" {
			o.method = "BENOTIFY"
		} else {
			o.headers = append(o.headers, "P-Preferred-Registrar: <"+l.out.uri(w)+">")
		}
	}
	return o
}
