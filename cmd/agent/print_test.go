package main

import (
	"bytes"
	"encoding/json"
	"errors"
	"net/netip"
	"reflect"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"homeward/cache"
	"homeward/internal/golden"
	"homeward/provisioning"
	"homeward/service/control"
)

var (
	noon        = time.Date(2026, 11, 20, 12, 0, 0, 0, time.UTC)
	internalTLS = provisioning.InternalTLS
	lastGoodStp = provisioning.LastGood
	fe01        = netip.MustParseAddr("10.0.0.5")
)

// onFE01 is a device that is registered the normal way, after one refusal and one skip.
func onFE01() provisioning.Status {
	return provisioning.Status{
		Version: 1, State: provisioning.Registered, SIPAddress: "sip:phone1@contoso.com", SIPDomain: "contoso.com",
		Registrar: &provisioning.Registrar{
			Endpoint: provisioning.Endpoint{Host: "fe01.contoso.com", Port: 5061}, Address: fe01, Step: &internalTLS, Via: "SRV _sipinternaltls._tcp.contoso.com", Role: "primary",
		},
		Home: []provisioning.Registrar{{Endpoint: provisioning.Endpoint{Host: "pool01.contoso.com", Port: 5061}, Role: "primary"}, {Endpoint: provisioning.Endpoint{Host: "pool02.contoso.com", Port: 5061}, Role: "backup"}},
		MediaRelays: []provisioning.MediaRelay{
			{Host: "edge01.contoso.com", Addresses: []netip.Addr{netip.MustParseAddr("10.0.9.1")}, UDPPort: 3478, TCPPort: 443, Location: "intranet", UDPAnswers: new(true), TCPAnswers: new(false)},
			{Host: "edge02.contoso.com", TCPPort: 443, Location: "internet"},
		},
		Provisioning: &provisioning.Provisioning{Pool: "pool01.contoso.com", SIPSecurityMode: "High", UpdateURL: "https://pool01.contoso.com/RequestHandler/ucdevice.upx"},
		RegisteredAt: noon, ExpiresAt: noon.Add(10 * time.Minute),
		Cycle: &provisioning.Cycle{
			StartedAt: noon.Add(-time.Second), TookMS: 182,
			Sources: []provisioning.Source{
				{Step: provisioning.InternalTLS, Source: "dns", Query: "_sipinternaltls._tcp.contoso.com", Verdict: provisioning.Found, TookMS: 2},
				{
					Step: provisioning.DHCPTLS, Source: "dhcp", Query: "option 120", Verdict: provisioning.Failed, TookMS: 3000,
					Reason: provisioning.DHCPSilent, Hint: provisioning.DHCPSilent.Hint(),
				},
			},
			Attempts: []provisioning.Attempt{
				{
					Step: provisioning.InternalTLS, Host: "fe01.contoso.com", Address: netip.MustParseAddr("10.0.0.4"), Port: 5061, Result: "failed",
					Reason: provisioning.ConnectRefused, Detail: "connect: \x1b[31mrefused\n", Hint: provisioning.ConnectRefused.Hint(), TookMS: 3,
				},
				{Step: provisioning.InternalTLS, Host: "pool01.contoso.com", Address: fe01, Port: 5061, Result: "redirected", TookMS: 9},
				{Step: provisioning.InternalTLS, Host: "fe01.contoso.com", Address: fe01, Port: 5061, Result: "ok", TookMS: 12},
				{Step: provisioning.DHCPTLS, Host: "pool.other.com", Port: 5061, Result: "skipped", Reason: provisioning.NameNotAllowed, Hint: provisioning.NameNotAllowed.Hint()},
			},
		},
	}
}

// throughLastGood is the same device in an outage, with a damaged store.
func throughLastGood() provisioning.Status {
	s := onFE01()
	s.Degraded, s.Registrar.Step, s.Registrar.Via, s.Home, s.MediaRelays, s.Provisioning = true, &lastGoodStp, "last good", nil, nil, nil
	s.Reason, s.Hint = provisioning.DNSTimeout, provisioning.DNSTimeout.Hint()
	s.Store = []provisioning.StoreState{{Reason: provisioning.CacheDamaged, Detail: "homeward.db: it is empty", Hint: provisioning.CacheDamaged.Hint()}}
	s.Cycle = nil
	return s
}

// throughLastGoodByDNS is the same without DHCP.
func throughLastGoodByDNS() provisioning.Status {
	s := throughLastGood()
	s.Store, s.Cycle, s.NextLookup = nil, dhcpOff().Cycle, noon.Add(122*time.Second)
	return s
}

// resting is a device whose password was refused.
func resting() provisioning.Status {
	return provisioning.Status{
		Version: 1, State: provisioning.Resting, SIPAddress: "sip:phone1@contoso.com", SIPDomain: "contoso.com",
		Reason: provisioning.CredentialsResting, Detail: "after 2 refusals", Hint: provisioning.CredentialsResting.Hint(),
		NextAttempt: noon.Add(31 * time.Minute),
		Cycle:       &provisioning.Cycle{StartedAt: noon, Attempts: []provisioning.Attempt{}},
	}
}

// nothingFound is a device that DNS does not help; DNS is asked on.
func nothingFound() provisioning.Status {
	s := resting()
	s.Reason, s.Detail, s.Hint = provisioning.DNSTimeout, "", provisioning.DNSTimeout.Hint()
	s.Cycle = &provisioning.Cycle{StartedAt: noon, Attempts: []provisioning.Attempt{}}
	s.NextLookup = noon.Add(2*time.Minute + 2*time.Second)
	return s
}

// running is a device two minutes into its first cycle.
func running() provisioning.Status {
	return provisioning.Status{
		Version: 1, State: provisioning.Discovering, SIPAddress: "sip:phone1@contoso.com", SIPDomain: "contoso.com",
		Cycle: &provisioning.Cycle{StartedAt: noon, Attempts: []provisioning.Attempt{}},
	}
}

// released is the device that holds no binding.
func released(w provisioning.Watch) provisioning.Status {
	s := onFE01()
	s.ExpiresAt, s.Cycle, s.Home, s.MediaRelays, s.Watch = time.Time{}, nil, nil, nil, &w
	return s
}

// hostile puts a text into every place of a value where text of others may stand.
func hostile(v reflect.Value, text string) {
	switch v.Kind() {
	case reflect.String:
		v.SetString(text)
	case reflect.Pointer:
		v.Set(reflect.New(v.Type().Elem()))
		hostile(v.Elem(), text)
	case reflect.Slice:
		v.Set(reflect.MakeSlice(v.Type(), 1, 1))
		hostile(v.Index(0), text)
	case reflect.Struct:
		for i := range v.NumField() {
			if f := v.Type().Field(i); f.IsExported() && f.Type != reflect.TypeFor[provisioning.Trouble]() {
				hostile(v.Field(i), text)
			}
		}
	default:
	}
}

// What others have written, such as the issuer of a certificate that a hint names, moves no cursor.
func TestHostileStatus(t *testing.T) {
	var b bytes.Buffer
	var s provisioning.Status
	hostile(reflect.ValueOf(&s).Elem(), "CN=\x1b[2J")
	s.Registrar.Step, s.NextAttempt = nil, noon
	var own identityAnswer
	hostile(reflect.ValueOf(&own).Elem(), "CN=\x1b[2J")
	if err := errors.Join(printStatus(newPage(&b), &s, noon), printIdentityAnswer(newPage(&b), &own, noon)); err != nil {
		t.Fatal(err)
	}
	for line := range strings.Lines(b.String()) {
		if strings.ContainsRune(line, '\x1b') {
			t.Errorf("%q", line)
		}
	}
}

// unplugged has the cable out at the moment of the question.
func unplugged(s provisioning.Status) provisioning.Status {
	s.Link = stateOf(provisioning.FaultNoCarrier.Met(provisioning.Facts{"interface": "eth0"}))
	return s
}

// withoutMetrics has another program where metrics are to be served.
func withoutMetrics(s provisioning.Status) provisioning.Status {
	s.Metrics = stateOf(provisioning.FaultNoMetrics.Met(provisioning.Facts{"at": "127.0.0.1:9187", "taken": true}))
	return s
}

// losesLink has the link of the device go over and over, and the way to its Registrar be slow.
func losesLink(s provisioning.Status) provisioning.Status {
	s.Paced("plug", []provisioning.Trouble{provisioning.FaultLinkLost.Met(provisioning.Facts{"interface": "eth0", "count": "6 times", "last": "13:01:24 UTC"})})
	s.Paced("connect", []provisioning.Trouble{provisioning.FaultSlowWay.Met(provisioning.Facts{"at": "fe01.contoso.com:5061", "address": fe01, "ms": 1900})})
	return s
}

// The first line says that there are problems.
func TestMend316Headline(t *testing.T) {
	var b bytes.Buffer
	s := losesLink(onFE01())
	if err := printStatus(newPage(&b), &s, noon.Add(2*time.Minute)); err != nil {
		t.Fatal(err)
	}
	golden.Compare(t, "testdata/golden/status-mend-316-link-lost.txt", b.Bytes())
}

func TestStatusText(t *testing.T) {
	for name, s := range map[string]provisioning.Status{
		"released":   released(provisioning.Watch{Binding: "given-back", Over: "connection", AnsweredAt: noon}),
		"visited":    released(provisioning.Watch{Binding: "none", Over: "visits", AnsweredAt: noon, NextAt: noon.Add(7 * time.Minute)}),
		"learning":   released(provisioning.Watch{Binding: "held", Over: "connection", AnsweredAt: noon}),
		"registered": onFE01(), "degraded": throughLastGood(), "degraded-dhcp-off": throughLastGoodByDNS(), "resting": resting(), "nothing": nothingFound(), "running": running(),
		"mend-148-fallback": onEdge(false, false), "mend-148-looked-in-vain": onEdge(true, false), "mend-150-answered-since": onEdge(true, true), "mend-148-nothing-planned": nothingPlanned(), "mend-150-dns-answers": dnsAnswers(), "mend-148-inside-not-known": insideNotKnown(),
		"all-fail": allFail(), "dhcp-off": dhcpOff(), "mend-264-no-metrics": withoutMetrics(onFE01()), "mend-74-no-carrier": unplugged(nothingFound()), "mend-74-no-carrier-yet-registered": unplugged(onFE01()),
	} {
		t.Run(name, func(t *testing.T) {
			var b bytes.Buffer
			if err := printStatus(newPage(&b), &s, noon.Add(2*time.Minute)); err != nil {
				t.Fatal(err)
			}
			golden.Compare(t, "testdata/golden/status-"+name+".txt", b.Bytes())
		})
	}
}

// onEdge is a device on the Access Edge, as nothing has listened inside; then it was looked there in vain, and then a connection was taken.
func onEdge(looked, answered bool) provisioning.Status {
	s := onFE01()
	at := provisioning.Endpoint{Host: "sip.contoso.com", Port: 443}
	outside := provisioning.ExternalTLS
	s.Registrar, s.Home, s.MediaRelays, s.Provisioning = &provisioning.Registrar{Endpoint: at, Step: &outside, Via: "SRV _sip._tls.contoso.com"}, nil, nil, nil
	s.Cycle = &provisioning.Cycle{StartedAt: noon.Add(-time.Second)}
	inside := provisioning.Endpoint{Host: "fe01.contoso.com", Port: 5061}
	s.Cycle.Note(&provisioning.Event{At: noon, Kind: provisioning.Attempted, Endpoint: inside, Addr: fe01, Reason: provisioning.ConnectRefused})
	s.Cycle.Note(&provisioning.Event{At: noon, Kind: provisioning.Attempted, Step: outside, Endpoint: at})
	s.Better = &provisioning.Better{Endpoint: inside, NextAt: noon.Add(150 * time.Second)}
	if looked {
		s.Better.LookedAt, s.Better.Answered = noon.Add(90*time.Second), answered
	}
	if answered {
		s.Cycle.Looked(inside, fe01, s.Better.LookedAt)
	}
	s.Fallback = s.Cycle.Missed(&provisioning.Candidate{Step: outside, Endpoint: at}, nil)
	return s
}

// A look that was in vain may have met a certificate that is not trusted: then a connection was taken.
func TestMend179ALookInVain(t *testing.T) {
	s := onEdge(true, false)
	s.Better.Reason, s.Better.Hint = provisioning.TLSUntrusted, "look at the certificate"
	var b bytes.Buffer
	if err := printStatus(newPage(&b), &s, noon.Add(2*time.Minute)); err != nil {
		t.Fatal(err)
	}
	if text := b.String(); strings.Contains(text, "took no connection") || !strings.Contains(text, "no TLS connection came about 30 seconds ago (tls-untrusted") || !strings.Contains(text, "hint           look at the certificate\n") {
		t.Error(text)
	}
}

// insideNotKnown is a device on the Access Edge since DNS could not say whether there is a way inside.
func insideNotKnown() provisioning.Status {
	s := nothingPlanned()
	s.Fallback, s.Cycle.Attempts, s.NextLookup = nil, s.Cycle.Attempts[1:], noon.Add(150*time.Second)
	return s
}

// nothingPlanned is a device at the second of two Registrars that it has no reason to leave.
func nothingPlanned() provisioning.Status {
	s := onEdge(false, false)
	s.Better = nil
	return s
}

// allFail is a device at whose two Registrars nothing listens.
func allFail() provisioning.Status {
	s := nothingFound()
	s.NotRegisteredSince = noon
	for _, host := range []string{"fe01.contoso.com", "fe01.contoso.com", "fe02.contoso.com"} {
		s.Cycle.Note(&provisioning.Event{At: noon, Kind: provisioning.Attempted, Endpoint: provisioning.Endpoint{Host: host, Port: 5061}, Addr: fe01, Reason: provisioning.ConnectRefused})
	}
	why, _ := s.Cycle.Blame(false)
	s.Because(why)
	s.NextKnock = noon.Add(2*time.Minute + 5*time.Second)
	return s
}

// dnsAnswers is a device that rests since DNS was silent, and has seen it answer since.
func dnsAnswers() provisioning.Status {
	s := nothingFound()
	source := provisioning.Source{Step: provisioning.InternalTLS, Source: "dns", Query: "_sipinternaltls._tcp.contoso.com", Verdict: provisioning.Failed, Reason: provisioning.DNSTimeout, TookMS: 1800}
	s.Cycle.Sources = []provisioning.Source{source.Told()}
	source.Reason = provisioning.DNSNoRecord
	s.Cycle.Asked(&source, noon.Add(time.Minute))
	return s
}

// dhcpOff is a device that finds nothing, and is not to ask DHCP.
func dhcpOff() provisioning.Status {
	s := nothingFound()
	s.Cycle.Note(&provisioning.Event{Kind: provisioning.Skipped, At: s.Cycle.StartedAt, Step: provisioning.DHCPTLS, Reason: provisioning.DHCPOff})
	return s
}

// lastGoodFE01 is what such a device remembers.
func lastGoodFE01() cache.Record {
	return cache.Record{
		SIPAddress: "sip:phone1@contoso.com",
		Registrar: cache.Registrar{
			Host: "fe01.contoso.com", Port: 5061, Transport: "tls", Address: fe01, Addresses: []netip.Addr{fe01},
			Step: "internal-tls", Via: "SRV _sipinternaltls._tcp.contoso.com", Role: "primary",
		},
		Home:         []cache.Registrar{{Host: "pool01.contoso.com", Port: 5061, Transport: "tls", Role: "primary"}},
		MediaRelays:  []cache.Relay{{Host: "edge01.contoso.com", UDPPort: 3478, TCPPort: 443, Location: "intranet"}},
		RegisteredAt: noon, Generation: 12, TLSFloor: true, Told: true,
		Flushed: []cache.Flushed{
			{At: noon, Kind: cache.FlushedAddress, Host: "fe01.contoso.com", Port: 5061, Addresses: []netip.Addr{netip.MustParseAddr("10.0.0.6")}},
			{At: noon.Add(-time.Hour), Kind: cache.FlushedRegistrar, Host: "fe02.contoso.com", Port: 5061, Addresses: []netip.Addr{fe01}},
			{At: noon.Add(-time.Hour), Kind: cache.FlushedRelay, Host: "edge02.contoso.com"},
			{At: noon.Add(-time.Hour), Kind: cache.FlushedHome, Host: "pool02.contoso.com", Port: 5061},
		},
	}
}

// planFE01 is what it would find.
func planFE01() planAnswer {
	return planAnswer{
		Version: 1, SIPDomain: "contoso.com", Sources: onFE01().Cycle.Sources,
		Try: []provisioning.Candidate{{
			Step: provisioning.InternalTLS, Endpoint: provisioning.Endpoint{Host: "fe01.contoso.com", Port: 5061}, Addrs: []netip.Addr{netip.MustParseAddr("10.0.0.4"), fe01},
			Via: "SRV _sipinternaltls._tcp.contoso.com",
		}},
		Skipped: []skip{{Skip: provisioning.Skip{Step: provisioning.ExternalTLS, Endpoint: provisioning.Endpoint{Host: "sip.other.com", Port: 443}, Reason: provisioning.NameNotAllowed}, Hint: provisioning.NameNotAllowed.Hint()}},
	}
}

// The JSON of every reading command is a promise.
func TestJSON(t *testing.T) {
	lastGood := lastGoodFE01()
	for name, v := range map[string]any{
		"status": onFE01(), "status-degraded": throughLastGood(), "status-resting": resting(), "plan": planFE01(),
		"plan-nothing": planAnswer{Version: 1, SIPDomain: "contoso.com", Sources: []provisioning.Source{}, Try: []provisioning.Candidate{}, Skipped: []skip{}},
		"plan-outage":  planAnswer{Version: 1, SIPDomain: "contoso.com", Sources: []provisioning.Source{}, Try: []provisioning.Candidate{}, Skipped: []skip{}, LastGood: &lastGood.Registrar},
		"cache-show":   recordAnswer{1, lastGoodFE01(), "daemon"},
		"version":      versionAnswer{"1.2.3", "0123abcd", "2026-11-20T12:00:00Z", "go1.26.8"},
		"config-check": configAnswer{1, map[string]any{"sip_address": "sip:phone1@contoso.com", "allow_tcp": false, "dns_servers": []string{"10.0.0.2"}}, nil},
		"history":      control.Entry{At: noon, Event: "attempt", State: "discovering", Step: "internal-tls", Host: "fe01.contoso.com", Port: 5061, Transport: "tls", Address: "10.0.0.4", Reason: "connect-refused", Hint: "look", TookMS: 3, Count: 2, LastAt: noon.Add(time.Minute)},
	} {
		t.Run(name, func(t *testing.T) {
			var b bytes.Buffer
			if err := printJSON(&b, v); err != nil {
				t.Fatal(err)
			}
			golden.Compare(t, "testdata/golden/"+name+".json", b.Bytes())
		})
	}
}

func TestTexts(t *testing.T) {
	record := lastGoodFE01()
	for name, print := range map[string]func(*page) error{
		"cache-show.txt": func(p *page) error { return printRecord(p, &record, origin{source: "daemon"}, noon.Add(49*time.Hour)) },
		"cache-show-file.txt": func(p *page) error {
			return printRecord(p, &cache.Record{Generation: 1, Registrar: record.Registrar, RegisteredAt: noon}, origin{source: "phone17", file: "phone17", kind: "database"}, noon)
		},
		"plan.txt":         func(p *page) error { return planFE01().print(p) },
		"plan-nothing.txt": func(p *page) error { return planAnswer{SIPDomain: "contoso.com"}.print(p) },
		"plan-outage.txt":  func(p *page) error { return planAnswer{SIPDomain: "contoso.com", LastGood: &record.Registrar}.print(p) },
	} {
		t.Run(name, func(t *testing.T) {
			var b bytes.Buffer
			if err := print(newPage(&b)); err != nil {
				t.Fatal(err)
			}
			golden.Compare(t, "testdata/golden/"+name, b.Bytes())
		})
	}
}

// Where no question to DNS is answered, the zone of each one is not to be looked at.
func TestStatusOfSilentDNS(t *testing.T) {
	facts := provisioning.Facts{"servers": "10.0.0.53:53", "name": "_sipinternaltls._tcp.contoso.com", "dead": true}
	source := provisioning.Source{
		Step: provisioning.InternalTLS, Source: "dns", Query: "_sipinternaltls._tcp.contoso.com", Verdict: provisioning.Failed, Reason: provisioning.DNSTimeout,
		Trouble: provisioning.FaultDNSSilentFor.Met(facts),
	}.Told()
	other := source
	other.Reason, other.Trouble = provisioning.DNSNoRecord, provisioning.DNSNoRecord.Met("")
	for name, test := range map[string]struct {
		sources []provisioning.Source
		want    bool
	}{"all": {[]provisioning.Source{source}, false}, "one": {[]provisioning.Source{source, other.Told()}, true}} {
		s := nothingFound()
		s.Cycle.Sources = test.sources
		why, _ := s.Cycle.Blame(false)
		s.Because(why)
		var b bytes.Buffer
		if err := printStatus(newPage(&b), &s, noon); err != nil {
			t.Fatal(err)
		}
		if got := strings.Contains(b.String(), source.Hint); got != test.want {
			t.Errorf("%s: the hint about the zone is there: %v\n%s", name, got, b.String())
		}
	}
}

// troubledWeek is what a daemon tells of one.
var troubledWeek = []control.Entry{
	{At: noon, Event: "start", Version: "1.2.3", Detail: "no stop before it"},
	{At: noon, Event: "state", State: "discovering"},
	{
		At: noon, Event: "lookup", State: "discovering", Step: "internal-tls", Query: "_sipinternaltls._tcp.contoso.com", Verdict: "failed",
		Reason: provisioning.DNSTimeout, Detail: "no answer\x1b[31m\n", Hint: "check DNS", Count: 445, LastAt: noon.Add(7 * 24 * time.Hour),
	},
	{At: noon, Event: "lookup", State: "discovering", Step: "external-tls", Query: "_sip._tls.contoso.com", Verdict: "failed", Reason: provisioning.DNSTimeout, Hint: "check DNS"},
	{At: noon, Event: "lookup", State: "discovering", Step: "dhcp-tls", Query: "option 120", Verdict: "found"},
	{At: noon, Event: "skip", State: "discovering", Step: "internal-tcp", Reason: provisioning.TLSFloor},
	{
		At: noon, Event: "attempt", State: "outage", Step: "last-good", Host: "fe01.contoso.com", Port: 5061, Transport: "tls", Address: "2001:db8::5",
		Reason: provisioning.ConnectTimeout, Detail: "dial tcp: i/o timeout", Hint: "look for a firewall",
	},
	{At: noon, Event: "wait", State: "resting", Reason: provisioning.ConnectTimeout, Until: noon.Add(time.Minute)},
	{At: noon, Event: "redirect", State: "discovering", Step: "internal-tls", Host: "dir01.contoso.com", Port: 5061, Transport: "tls", Address: "10.0.0.4", Detail: "redirected to pool01.contoso.com"},
	{At: noon, Event: "attempt", State: "discovering", Step: "redirect", Host: "pool01.contoso.com", Port: 5061, Transport: "tls", Address: "10.0.0.5"},
	{At: noon, Event: "state", State: "registered", Degraded: true},
	{At: noon, Event: "state", State: "registered"},
	{At: noon, Event: "stop", Version: "1.2.3", Detail: "terminated signal received"},
}

// A terminal has fewer columns than a reason: it is wrapped, and every word of it can be read.
func TestMend29HistoryIsNotCut(t *testing.T) {
	shown := func(width int) string {
		var b bytes.Buffer
		p := newPage(&b)
		p.width, p.colour = width, width > 0
		for _, e := range troubledWeek {
			if err := printEntry(p, false)(e); err != nil {
				t.Fatal(err)
			}
		}
		return strings.Join(strings.Fields(colours.ReplaceAllString(b.String(), "")), " ")
	}
	for _, width := range []int{20, 40, 80, 200} {
		if diff := cmp.Diff(shown(0), shown(width)); diff != "" {
			t.Errorf("%d columns lose something (-want +got):\n%s", width, diff)
		}
	}
}

var colours = regexp.MustCompile("\x1b\\[[0-9;]*m")

func TestHistoryText(t *testing.T) {
	for name, test := range map[string]struct {
		width  int
		follow bool
	}{"history.txt": {}, "history-80.txt": {width: 80}, "history-follow.txt": {follow: true}} {
		t.Run(name, func(t *testing.T) {
			var b bytes.Buffer
			p := newPage(&b)
			p.width = test.width
			for _, e := range troubledWeek {
				if err := printEntry(p, test.follow)(e); err != nil {
					t.Fatal(err)
				}
			}
			lines := bytes.Split(b.Bytes(), []byte("\n"))
			for _, line := range lines {
				if test.width > 0 && len(line) > test.width {
					t.Errorf("%d columns: %s", len(line), line)
				}
			}
			if test.width == 0 && len(lines) != len(troubledWeek)+1 {
				t.Errorf("%d lines for %d entries", len(lines)-1, len(troubledWeek))
			}
			if err := printHints(p, troubledWeek, troubledWeek, nil); err != nil {
				t.Fatal(err)
			}
			golden.Compare(t, "testdata/golden/"+name, b.Bytes())
		})
	}
}

// TestMend43WhatStandsComesFirst: what to do begins with that for which the device rests; what something has come further than since is over.
func TestMend43WhatStandsComesFirst(t *testing.T) {
	noon := time.Date(2026, 11, 20, 12, 0, 0, 0, time.UTC)
	n := 0
	event := func(event string, reason provisioning.Reason, host string) control.Entry {
		n++
		e := control.Entry{At: noon.Add(time.Duration(n) * time.Second), Event: event, State: "resting", Reason: reason}
		if reason != "" {
			e.Hint = "mend " + string(reason)
		}
		if host != "" {
			e.Host, e.Port, e.Transport, e.Address = host, 5061, "tls", "10.0.0.5"
		}
		return e
	}
	lookup := func(reason provisioning.Reason) control.Entry {
		e := event("lookup", reason, "")
		e.Step, e.Query, e.Verdict = "internal-tls", "_sipinternaltls._tcp.contoso.com", "failed"
		return e
	}
	registered := event("state", "", "")
	registered.State = "registered"
	hardened := []control.Entry{
		event("lost", provisioning.ConnectReset, "fe01"), event("attempt", provisioning.ConnectRefused, "fe01"), event("attempt", provisioning.TLSClientCert, "fe01"),
		event("attempt", provisioning.ConnectTimeout, "fe02"), event("wait", provisioning.TLSClientCert, ""),
	}
	behind := func(explains bool) []control.Entry { // mend 75
		search, rest := event("state", "", ""), event("wait", provisioning.ConnectTimeout, "")
		search.State, rest.Explains, rest.Hint = "discovering", explains, "mend the gateway"
		all := []control.Entry{event("attempt", provisioning.ConnectRefused, "fe09"), event("lost", provisioning.SIPNoAnswer, "fe01"), search, lookup(provisioning.DNSTimeout), event("attempt", provisioning.ConnectTimeout, "fe01"), rest}
		for i := range all {
			all[i].Follows = explains && i > 0 && i != 2 && i < 5
			all[i].At = noon.Add(time.Duration(i) * time.Second)
		}
		return all
	}
	again := event("attempt", provisioning.ConnectReset, "fe01")
	again.LastAt, again.Count = noon.Add(time.Hour), 2
	for name, test := range map[string]struct {
		all  []control.Entry
		want string
	}{
		"hardened": {hardened, `what to do
  tls-client-certificate: mend tls-client-certificate
  connect-timeout: mend connect-timeout
over by now
  connect-refused fe01:5061
  connect-reset fe01:5061
`},
		"well again": {append(slices.Clone(hardened[:3]), event("attempt", "", "fe01"), registered), `over by now
  tls-client-certificate fe01:5061
  connect-refused fe01:5061
  connect-reset fe01:5061
`},
		"the last of several": {[]control.Entry{again, event("attempt", provisioning.ConnectRefused, "fe01")}, `what to do
  connect-reset: mend connect-reset
over by now
  connect-refused fe01:5061
`},
		"DNS is back": {[]control.Entry{lookup(provisioning.DNSTimeout), lookup(""), event("clock", provisioning.ClockWrong, "")}, `what to do
  clock-wrong: mend clock-wrong
over by now
  dns-timeout _sipinternaltls._tcp.contoso.com
`},
		"DNS is not": {[]control.Entry{lookup(provisioning.DNSTimeout), event("attempt", provisioning.ConnectRefused, "fe01"), event("wait", provisioning.DNSTimeout, "")}, `what to do
  dns-timeout: mend dns-timeout
  connect-refused: mend connect-refused
`},
		"nobody answers behind the gateway": {behind(true), `what to do
  connect-timeout: mend the gateway
not met in the last search, and so perhaps over
  connect-refused: mend connect-refused
`},
		"nobody answers, and they share nothing": {behind(false), `what to do
  connect-timeout: the connection attempt got no answer
    hint: mend the gateway
  connect-timeout: mend connect-timeout
  dns-timeout: mend dns-timeout
not met in the last search, and so perhaps over
  sip-no-answer: mend sip-no-answer
  connect-refused: mend connect-refused
`},
	} {
		var b bytes.Buffer
		failures := control.Excerpt{Failures: true}.Of(test.all)
		if err := printHints(newPage(&b), failures, test.all, nil); err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(test.want, cameInstead.ReplaceAllString(b.String(), "$1")); diff != "" {
			t.Errorf("%s (-want +got):\n%s", name, diff)
		}
	}
}

var cameInstead = regexp.MustCompile(`(?m)^(  [a-z-]+ .*) \(.*?\)$`)

// TestMend124OverSince: what is over says what came instead, and when; a question that DNS has left unanswered is over when DNS answers
// another one, unless it did so at that time, too; what the device rested for is over when it is registered.
func TestMend124OverSince(t *testing.T) {
	noon := time.Date(2026, 11, 20, 12, 0, 0, 0, time.UTC)
	at := func(seconds int, e control.Entry) control.Entry {
		e.At = noon.Add(time.Duration(seconds) * time.Second)
		if e.Reason != "" {
			e.Hint = "mend " + string(e.Reason)
		}
		return e
	}
	lookup := func(step, verdict string, reason provisioning.Reason) control.Entry {
		return control.Entry{Event: "lookup", Step: step, Query: "of " + step, Verdict: verdict, Reason: reason, TookMS: 900}
	}
	a, b := lookup("internal-tls", "found", ""), lookup("external-tls", "failed", provisioning.DNSTimeout)
	silent, absent := lookup("internal-tls", "failed", provisioning.DNSTimeout), lookup("internal-tls", "absent", provisioning.DNSNoRecord)
	dhcp := lookup("dhcp-tls", "found", "")
	rest := control.Entry{Event: "wait", Reason: provisioning.ConnectTimeout, Explains: true}
	registered := control.Entry{Event: "state", State: "registered"}
	refused := control.Entry{Event: "attempt", Host: "fe01", Port: 5061, Transport: "tls", Address: "10.0.0.5", Reason: provisioning.ConnectRefused}
	accepted := refused
	accepted.Reason = ""
	refresh := control.Entry{Event: "refresh", Host: "fe01", Reason: provisioning.SIPNoAnswer}
	renewed := refresh
	renewed.Reason = ""
	often := a
	often.Count, often.LastAt = 9, noon.Add(time.Hour)
	for name, test := range map[string]struct {
		all  []control.Entry
		want string
	}{
		"DNS answers another question": {[]control.Entry{at(1, silent), at(1, b), at(3, a)}, `over by now
  dns-timeout of external-tls (answered at 2026-11-20 12:00:03)
`},
		"with a proof of absence": {[]control.Entry{at(1, b), at(3, absent)}, `over by now
  dns-timeout of external-tls (answered at 2026-11-20 12:00:03)
`},
		"for one name alone":         {[]control.Entry{at(0, a), at(0, b), at(3, a)}, "what to do\n  dns-timeout: mend dns-timeout\n"},
		"answered meanwhile":         {[]control.Entry{at(0, a), at(1, b)}, "what to do\n  dns-timeout: mend dns-timeout\n"},
		"perhaps answered meanwhile": {[]control.Entry{at(0, often), at(9, b)}, "what to do\n  dns-timeout: mend dns-timeout\n"},
		"DHCP answers":               {[]control.Entry{at(1, b), at(3, dhcp)}, "what to do\n  dns-timeout: mend dns-timeout\n"},
		"registered": {[]control.Entry{at(1, refused), at(2, rest), at(3, accepted), at(3, registered)}, `over by now
  connect-timeout (registered at 2026-11-20 12:00:03)
  connect-refused fe01:5061 (registered at 2026-11-20 12:00:03)
`},
		"renewed": {[]control.Entry{at(1, refresh), at(3, control.Entry{Event: "enrol", Reason: provisioning.ConnectRefused}), at(4, renewed), at(5, control.Entry{Event: "enrol"})}, `over by now
  connect-refused (received at 2026-11-20 12:00:05)
  sip-no-answer fe01 (renewed at 2026-11-20 12:00:04)
`},
		"a name server answers again": {[]control.Entry{
			at(1, control.Entry{Event: "pace", Fault: "dns.one-dead", Reason: provisioning.DNSTimeout}), at(2, control.Entry{Event: "pace", Fault: "dns.slow", Reason: "slow"}),
			at(3, control.Entry{Event: "well", Fault: "dns.one-dead"}),
		}, `what to do
  slow: mend slow
over by now
  dns-timeout (well again at 2026-11-20 12:00:03)
`},
		"rests again": {[]control.Entry{at(2, rest), at(3, registered), at(4, rest)}, "what to do\n  connect-timeout: mend connect-timeout\n"},
		"something else": {[]control.Entry{at(1, refused), at(3, control.Entry{
			Event: "attempt", Host: "fe01", Port: 5061, Transport: "tls", Address: "10.0.0.5", Reason: provisioning.TLSClientCert,
		})}, `what to do
  tls-client-certificate: mend tls-client-certificate
over by now
  connect-refused fe01:5061 (tls-client-certificate at 2026-11-20 12:00:03)
`},
	} {
		var b bytes.Buffer
		if err := printHints(newPage(&b), control.Excerpt{Failures: true}.Of(test.all), test.all, nil); err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(test.want, b.String()); diff != "" {
			t.Errorf("%s (-want +got):\n%s", name, diff)
		}
	}
}

func TestWhatCacheShowPrintsCanBeReadAgain(t *testing.T) {
	text, err := json.Marshal(recordAnswer{1, lastGoodFE01(), "daemon"})
	if err != nil {
		t.Fatal(err)
	}
	var again recordAnswer
	if err := json.Unmarshal(text, &again); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(lastGoodFE01(), again.Record, cmp.Comparer(func(a, b netip.Addr) bool { return a == b })); diff != "" {
		t.Error(diff)
	}
}

func TestWords(t *testing.T) {
	for _, test := range []struct {
		d    time.Duration
		want string
	}{
		{0, "a moment"},
		{999 * time.Millisecond, "a moment"},
		{time.Second, "1 second"},
		{59 * time.Second, "59 seconds"},
		{119 * time.Second, "1 minute"},
		{2 * time.Hour, "2 hours"},
		{47 * time.Hour, "1 day"},
		{400 * 24 * time.Hour, "400 days"},
	} {
		if got := words(test.d); got != test.want {
			t.Errorf("words(%s) = %q, want %q", test.d, got, test.want)
		}
	}
	if got := ago(noon, noon.Add(time.Hour)); got != "in the future: the clock was wrong then, or is wrong now" {
		t.Errorf("an hour ahead is %q", got)
	}
}

// What comes from the network cannot steer the terminal, nor flood it.
func TestPrintable(t *testing.T) {
	for _, test := range []struct{ name, in, want string }{
		{"plain", "pool01.contoso.com", "pool01.contoso.com"},
		{"a login name is not doubled", `CONTOSO\phone1`, `CONTOSO\phone1`},
		{"letters of the world", "Büro Köln 東京", "Büro Köln 東京"},
		{"colour", "\x1b[31mred", `\x1b[31mred`},
		{"lines", "a\r\nb\tc\x00", `a\r\nb\tc\x00`},
		{"writing direction", "abc\u202edef", `abc\u202edef`},
		{"bad UTF-8", "a\xffb", `a\ufffdb`},
	} {
		t.Run(test.name, func(t *testing.T) {
			if got := printable(test.in); got != test.want {
				t.Errorf("got %q, want %q", got, test.want)
			}
		})
	}
	if got := len(printable(string(make([]byte, 1<<20)))); got > 2*maxText {
		t.Errorf("a megabyte became %d bytes", got)
	}
}

// Two ports of a host are one Registrar.
func TestMend62TriedPorts(t *testing.T) {
	at := func(host string, port uint16) provisioning.Attempt {
		return provisioning.Attempt{Step: provisioning.InternalTLS, Host: host, Port: port, Result: "failed", Reason: provisioning.ConnectRefused}
	}
	for _, test := range []struct {
		name  string
		tried []provisioning.Attempt
		want  string // "": it is not said
	}{
		{"one", []provisioning.Attempt{at("a.example", 5061)}, ""},
		{"two ports", []provisioning.Attempt{at("a.example", 5061), at("a.example", 5060)}, "one Registrar on 2 ports in the last cycle; none of them works (see below)"},
		{"two", []provisioning.Attempt{at("a.example", 5061), at("b.example", 5061)}, "2 Registrars in the last cycle; none of them works (see below)"},
		{"two, and a port more", []provisioning.Attempt{at("a.example", 5061), at("b.example", 5061), at("a.example", 5060)}, "2 Registrars in the last cycle; none of them works (see below)"},
	} {
		t.Run(test.name, func(t *testing.T) {
			var out bytes.Buffer
			s := provisioning.Status{State: provisioning.Resting, Reason: provisioning.ConnectRefused, Cycle: &provisioning.Cycle{Attempts: test.tried}}
			if err := printStatus(newPage(&out), &s, time.Now()); err != nil {
				t.Fatal(err)
			}
			said := ""
			for line := range strings.Lines(out.String()) {
				if text, is := strings.CutPrefix(strings.TrimSpace(line), "tried "); is {
					said = strings.TrimSpace(text)
				}
			}
			if said != test.want {
				t.Errorf("got %q, want %q", said, test.want)
			}
		})
	}
}
