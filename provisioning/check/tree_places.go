package check

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
	"time"

	"homeward/provisioning"
	"homeward/provisioning/signin"
)

// registrars has a node for each host, below it one for each port and address, and below that the layers.
func (b *branch) registrars() {
	f := b.facts
	for _, host := range f.hosts() {
		id := "registrar." + host
		c := Check{ID: id, Title: "Registrar " + host, Result: Skipped}
		for _, p := range f.at(host) {
			seen := p
			if c, planned := f.planned(p); planned {
				seen, _ = f.place(&c)
			}
			for _, probe := range p.Probes { // at the same time
				c.TookMS = max(c.TookMS, provisioning.Milliseconds(probe.Took))
			}
			if result := b.resultOf(p, seen.ready()); telling[result] > telling[c.Result] {
				c.Result = result
			}
		}
		at := len(b.checks)
		b.add(&c)
		for _, p := range f.at(host) {
			b.place(p, id)
			b.place(formerOf(f, p), id)
		}
		explained := b.checks[at].Result == Bad || b.checks[at].Result == Warn && b.verdict.Fault == provisioning.FaultOwnAddressTwice
		for i := at + 1; i < len(b.checks) && explained; i++ {
			if below := &b.checks[i]; below.Result == Skipped && below.Needs == b.verdict.Area() { // which explains it
				top := &b.checks[at]
				top.Result, top.Needs, top.TookMS = Skipped, below.Needs, 0
			}
		}
		for _, below := range b.checks[at+1:] { // the first trouble below is what a tech reads here, in the same words
			if top := &b.checks[at]; top.Result != Good && top.Needs == "" && below.Reason != "" && below.Result == top.Result && top.Reason == "" {
				top.Reason, top.Fault, top.What, top.Hint, top.Detail, top.From = below.Reason, below.Fault, below.What, below.Hint, below.Title, below.ID
			}
		}
	}
}

// telling is which result of its places is that of a host.
var telling = map[Result]int{Skipped: 0, Good: 1, Warn: 2, Bad: 3}

// resultOf is how a place stands. One that a device does not come to is no trouble, whatever is wrong with it.
func (b *branch) resultOf(p *Place, ready bool) Result {
	switch {
	case ready:
		return Good
	case p.closed() || p.Role == Beside || overTLS(b.facts, p) || p.Role == Unplanned || b.facts.signsIn() && !comesTo(b.facts, p):
		return Skipped
	case b.facts.signsIn() || p.Role == LastGood:
		return Warn
	default:
		return Bad
	}
}

// overTLS says whether a device does without a place, since the same host is ready over TLS. Many listen on one port only.
func overTLS(f *Facts, p *Place) bool {
	return p.Transport == provisioning.TCP && slices.ContainsFunc(f.at(p.Host), func(other *Place) bool {
		return other.Transport == provisioning.TLS && other.Role == p.Role && other.ready()
	})
}

// comesTo says whether a device that signs in comes to a place on its way.
func comesTo(f *Facts, p *Place) bool {
	if f.FromRecord || p.Role == LastGood {
		return true
	}
	for i := range f.Plan.Try {
		c := &f.Plan.Try[i]
		switch {
		case c.Endpoint == p.Endpoint:
			return true
		case c.Endpoint == f.signedInAt():
			return slices.ContainsFunc(spares(f), func(spare provisioning.Candidate) bool { return spare.Endpoint == p.Endpoint })
		}
	}
	return false
}

func (b *branch) place(p *Place, under string) {
	for _, probe := range p.Probes {
		id := fmt.Sprintf("%s:%d/%s.%s", under, p.Port, p.Transport, probe.Addr)
		c := Check{
			ID: id, Under: under, Title: fmt.Sprintf("%s at %s", place(&p.Candidate), probe.Addr),
			Detail: probe.Detail, TookMS: provisioning.Milliseconds(probe.Took),
		}
		if !isReady(probe) {
			c.because(Bad, metAt(b.facts, p, probe))
		}
		if c.Result = b.resultOf(p, isReady(probe)); c.Result == Good {
			c.Detail = greeting(probe)
		}
		switch {
		case c.Result == Skipped:
			c.Hint = "nothing to do: a device does not get this far"
		case c.Result == Warn && p.ready() && cannotReach(b.facts, probe):
			c.Result, c.Hint = Skipped, "nothing to do: this device signs in over the other IP version"
		}
		b.add(&c)
		b.layers(p, probe, c)
	}
}

// metAt is what is wrong at one address of a place, as the verdict would have it.
func metAt(f *Facts, p *Place, probe *signin.Probe) provisioning.Trouble {
	alone := *p
	alone.Probes = []*signin.Probe{probe}
	if another := second(f, p.Endpoint, probe.Addr, probe.Trouble); !another.None() {
		return onLossyWay(f, another)
	}
	if isUneven(probe, probe.Trouble) {
		return unevenly(probe, probe.Trouble)
	}
	if probe.Trouble.Fault == provisioning.FaultTLSSilent {
		return silentTLS(p, probe.Trouble)
	}
	return onLossyWay(f, overFamily(f, p, probe, filtered(f, &alone, probe.Trouble)))
}

// layers are TCP, TLS and SIP of one address. What comes after a failure is not run.
func (b *branch) layers(p *Place, probe *signin.Probe, whole Check) {
	failed := ""
	layer := func(name string, reached bool, detail string, took time.Duration) {
		c := Check{ID: whole.ID + "." + strings.ToLower(name), Under: whole.ID, Title: name, Result: Good, Detail: detail, TookMS: provisioning.Milliseconds(took)}
		switch {
		case failed != "":
			c.Result, c.Needs, c.Detail, c.TookMS = Skipped, failed, "", 0
		case !reached:
			c.because(whole.Result, metAt(b.facts, p, probe))
			c.Detail, c.Hint = cmp.Or(detail, probe.Detail), whole.Hint
			failed = c.ID
		}
		b.add(&c)
	}
	layer("TCP", probe.Connected, "", probe.Connecting)
	if p.Transport == provisioning.TLS {
		layer("TLS", probe.Secured, certificate(probe), probe.Securing)
	}
	layer("SIP", isReady(probe), greeting(probe), probe.Took-probe.Connecting-probe.Securing)
}

// certificate is what a server shows in the handshake.
func certificate(probe *signin.Probe) string {
	t := probe.TLS
	if t.Version == "" || t.Sent == 0 {
		return ""
	}
	text := fmt.Sprintf("%s, %s, for %s, issued by %s, %s to %s, %d sent", t.Version, t.Key, cmp.Or(strings.Join(t.Names, " "), "no name"), t.Issuer,
		t.NotBefore.UTC().Format(time.DateOnly), t.NotAfter.UTC().Format(time.DateOnly), t.Sent)
	if !probe.Secured && probe.Detail != "" {
		text = probe.Detail + "; " + text
	}
	return text
}

// greeting is what a server says of itself to a stranger.
func greeting(probe *signin.Probe) string {
	g := probe.Greeting
	if g.Code == 0 {
		return ""
	}
	text := fmt.Sprintf("answers %d %s", g.Code, g.Phrase)
	if g.Server != "" {
		text += ", " + g.Server
		if generation := generation(g.Server); generation != "" {
			text += " (" + generation + ")"
		}
	}
	if len(g.Offered) > 0 {
		text += ", offers " + strings.Join(g.Offered, ", ")
	}
	if g.Target != "" {
		text += ", as " + g.Target
	}
	if g.CertURL != "" { // what option 43 should say
		text += ", certificates at " + g.CertURL
	}
	return text
}

// generation names the product behind the Server header of Microsoft's servers.
func generation(server string) string {
	for _, g := range []struct{ prefix, name string }{
		{"RTC/3.0", "Office Communications Server 2007"}, {"RTC/3.5", "Office Communications Server 2007 R2"},
		{"RTC/4.", "Lync Server 2010"}, {"RTC/5.", "Lync Server 2013"}, {"RTC/6.", "Skype for Business Server 2015"},
		{"RTC/7.", "Skype for Business Server 2019"},
	} {
		if strings.HasPrefix(server, g.prefix) {
			return g.name
		}
	}
	return ""
}

// addStore adds where nothing more can be stored; that there is space is not news.
func addStore(b *branch) {
	if t := noSpace(b.facts); !t.None() {
		c := Check{ID: "store", Title: "space to store what the device learns"}
		c.because(Warn, t)
		b.add(&c)
	}
}

// lastGood is the rehearsal: what if DNS and DHCP failed now?
func (b *branch) lastGood() {
	f := b.facts
	c := Check{ID: "last-good", Title: "if DNS and DHCP failed now", Result: Good}
	switch {
	case f.ByPassed:
		c.Result, c.Detail = Skipped, "not asked"
	case f.Unread:
		c.Result, c.Detail = Skipped, "not known: the last good record cannot be read"
	case !f.remembers():
		c.Result, c.Detail = Skipped, "the device has no last good Registrar yet"
	default:
		r := rehearse(f)
		c.Detail = r.place
		for i := range f.Outage.Try {
			try := &f.Outage.Try[i] // they are looked at at the same time
			if p, seen := f.place(try); seen && len(p.Probes) > 0 {
				c.TookMS = max(c.TookMS, provisioning.Milliseconds(p.best().Took))
			}
		}
		switch r.result {
		case Warn:
			c.because(Warn, r.trouble)
		case Skipped:
			c.Result, c.Needs = Skipped, r.needs
		default: // it holds
			c.Detail += otherNow(f)
		}
	}
	if t := notKept(f); !t.None() && c.Result != Warn {
		c.because(Warn, t)
	}
	b.add(&c)
}
