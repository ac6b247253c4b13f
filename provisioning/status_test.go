package provisioning

import (
	"net/netip"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

// What a cycle failed for: the first Registrar that refused counts more than one that could not be reached, and that more
// than what was ruled out, and that more than what nobody has told.
func TestWhatACycleIsBlamedOn(t *testing.T) {
	attempt := func(result, host string, reason Reason) Attempt {
		return Attempt{Result: result, Host: host, Reason: reason}
	}
	source := func(kind string, verdict Verdict, reason Reason) Source {
		return Source{Source: kind, Verdict: verdict, Reason: reason}
	}
	silent := source("dns", Failed, DNSTimeout)
	silent.Trouble = FaultDNSSilentFor.Met(Facts{"name": "_sip._tls.contoso.com"})
	silent = silent.Told()
	waits := source("dns", Failed, DNSTimeout)
	waits.Trouble = FaultDNSWaits.Met(Facts{"name": "_sip._tls.contoso.com", "zone": "contoso.com"})
	waits = waits.Told()
	unasked := attempt("skipped", "a", DNSTimeout)
	unasked.Trouble = silent.Trouble
	failed, refused := attempt("failed", "a", ConnectRefused), attempt("failed", "b", SIPForbidden)
	for name, test := range map[string]struct {
		attempts []Attempt
		sources  []Source
		stopped  bool
		want     Reason
		fault    Fault
	}{
		"nothing":                              {},
		"it went well":                         {attempts: []Attempt{attempt("ok", "a", "")}},
		"a refusal, after one was not there":   {attempts: []Attempt{failed, refused, attempt("failed", "c", SIPNotFound)}, want: SIPForbidden},
		"the first that was not there":         {attempts: []Attempt{failed, attempt("failed", "b", ConnectTimeout)}, want: ConnectRefused},
		"where it was stopped":                 {attempts: []Attempt{refused, attempt("failed", "c", SIPCredentials)}, stopped: true, want: SIPCredentials},
		"a refusal that did not stop it":       {attempts: []Attempt{refused, failed}, stopped: true, want: ConnectRefused},
		"a place that was ruled out":           {attempts: []Attempt{attempt("skipped", "", TransportPolicy), attempt("skipped", "a", NameNotAllowed)}, want: NameNotAllowed},
		"failed, before what was ruled out":    {attempts: []Attempt{attempt("skipped", "a", NameNotAllowed), failed}, want: ConnectRefused},
		"a whole step that was ruled out":      {attempts: []Attempt{attempt("skipped", "", TransportPolicy)}, sources: []Source{source("dns", Absent, DNSNoRecord)}, want: DNSNoRecord},
		"a source that failed, before others":  {sources: []Source{source("dns", Absent, DNSNoRecord), source("dhcp", Failed, DHCPSilent)}, want: DHCPSilent},
		"found, and nothing else":              {sources: []Source{source("dns", Found, "")}},
		"DNS is silent for one name":           {sources: []Source{silent, source("dns", Absent, DNSNoRecord)}, want: DNSTimeout, fault: FaultDNSSilentFor},
		"DNS is silent":                        {sources: []Source{silent, source("dhcp", Failed, DHCPSilent), silent}, want: DNSTimeout, fault: FaultDNSSilent},
		"mend 329: for a name of DHCP as well": {attempts: []Attempt{unasked}, sources: []Source{silent, source("dhcp", Found, ""), silent}, want: DNSTimeout, fault: FaultDNSSilent},
		"mend 191: DNS waits for another":      {sources: []Source{waits, source("dhcp", Failed, DHCPSilent), waits}, want: DNSTimeout, fault: FaultDNSWaits},
	} {
		c := &Cycle{Attempts: test.attempts, Sources: test.sources}
		why, trouble := c.Blame(test.stopped)
		if why.Reason != test.want || trouble.Fault != test.fault {
			t.Errorf("%s: got %+v, %+v", name, why, trouble)
		}
		if test.fault != "" && (why.Fault != string(test.fault) || why.What != trouble.What()) {
			t.Errorf("%s: told as %+v", name, why)
		}
	}
}

// Why a cycle has failed is what was met in it, and not that a Registrar rests that had failed before.
func TestMend220ARestComesLast(t *testing.T) {
	rests := Attempt{Step: InternalTLS, Result: "skipped", Host: "fe01", Address: netip.MustParseAddr("10.0.0.5"), Reason: ConnectReset}
	nowhere := Attempt{Step: Redirect, Result: "skipped", Host: "pool03", Reason: NoAddress, Fault: string(FaultRedirectNoAddress)}
	for name, test := range map[string]struct {
		attempts []Attempt
		want     Reason
	}{
		"it rests, and another redirects": {[]Attempt{rests, nowhere}, NoAddress},
		"it rests, and nothing else":      {[]Attempt{rests}, ConnectReset},
		"another one fails":               {[]Attempt{nowhere, {Result: "failed", Host: "sip", Reason: ConnectTimeout}}, ConnectTimeout},
	} {
		if why, _ := (&Cycle{Attempts: test.attempts}).Blame(false); why.Reason != test.want {
			t.Errorf("%s: got %s, want %s", name, why.Reason, test.want)
		}
	}
}

// A cycle notes what was tried and ruled out; a source that says something new takes the place of what it said, and a
// conflict stands beside.
func TestCycleNotes(t *testing.T) {
	began := time.Date(2026, 11, 26, 12, 0, 0, 0, time.UTC)
	c := &Cycle{StartedAt: began}
	at := Endpoint{"fe01.contoso.com", 5061, TLS}
	addr := netip.MustParseAddr("10.0.0.5")
	note := func(kind EventKind, reason Reason) {
		c.Note(&Event{At: began.Add(2 * time.Second), Kind: kind, Endpoint: at, Addr: addr, Reason: reason, Detail: "raw", Took: time.Second})
	}
	note(Attempted, ConnectRefused)
	note(StateChanged, "")
	note(Redirected, "")
	note(Skipped, NameNotAllowed)
	if c.Registered() {
		t.Error("it is registered before it is")
	}
	note(Attempted, "")
	var results []string
	for _, a := range c.Attempts {
		results = append(results, a.Result+" "+string(a.Reason))
		if a.Endpoint() != at || a.Address != addr || a.TookMS != 1000 || a.Detail != "raw" || (a.Hint == "") != (a.Reason == "") {
			t.Errorf("noted as %+v", a)
		}
	}
	if diff := cmp.Diff([]string{"failed connect-refused", "redirected ", "skipped name-not-allowed", "ok "}, results); diff != "" || c.TookMS != 2000 || !c.Registered() {
		t.Errorf("took %d ms: -want +got:\n%s", c.TookMS, diff)
	}
	for _, said := range []Source{
		{Step: InternalTLS, Reason: DNSTimeout}, {Step: DHCPTLS, Reason: DHCPSilent}, {Step: InternalTLS, Verdict: Found},
		{Step: DHCPTLS, Reason: DHCPConflict}, {Step: DHCPTLS, Verdict: Found, TookMS: 4},
	} {
		c.Source(said)
	}
	want := []Source{{Step: InternalTLS, Verdict: Found}, {Step: DHCPTLS, Verdict: Found, Reason: DHCPConflict, TookMS: 4}}
	if diff := cmp.Diff(want, c.Sources, cmp.Comparer(func(a, b Trouble) bool { return a.Fault == b.Fault })); diff != "" {
		t.Errorf("sources: -want +got:\n%s", diff)
	}
	found, conflict := Source{Step: DHCPTLS, Verdict: Found, TookMS: 4}, Source{Step: DHCPTLS, Verdict: Found, Reason: DHCPConflict}
	malformed := Source{Step: DHCPTLS, Verdict: Found, Reason: DHCPMalformed}
	both := found
	both.explain(&conflict)
	for _, test := range []struct{ said, want []Source }{
		{[]Source{found, conflict}, []Source{both}},
		{[]Source{found, conflict, conflict}, []Source{both}},
		{[]Source{found, conflict, found}, []Source{both}},
		{[]Source{malformed, conflict}, []Source{malformed, conflict}},
		{[]Source{conflict, malformed}, []Source{conflict, malformed}},
	} {
		c := &Cycle{}
		for _, said := range test.said {
			c.Source(said)
		}
		if diff := cmp.Diff(test.want, c.Sources); diff != "" {
			t.Errorf("%+v: -want +got:\n%s", test.said, diff)
		}
	}
	var none *Cycle
	none.Note(&Event{Kind: Attempted})
	none.Source(Source{})
}

// One line for each kind of event.
func TestEventLines(t *testing.T) {
	at := Endpoint{"fe01.contoso.com", 5061, TLS}
	addr := netip.MustParseAddr("10.0.0.5")
	for want, e := range map[string]Event{
		"state registered":            {Kind: StateChanged, State: Registered},
		"state registered (degraded)": {Kind: StateChanged, State: Registered, Degraded: true},
		"lookup internal-tls _sipinternaltls._tcp.contoso.com: found":              {Kind: LookedUp, Query: "_sipinternaltls._tcp.contoso.com", Verdict: Found},
		"lookup dhcp-tls option 120: failed dhcp-silent":                           {Kind: LookedUp, Step: DHCPTLS, Query: "option 120", Reason: DHCPSilent},
		"skip internal-tcp transport-policy":                                       {Kind: Skipped, Step: InternalTCP, Reason: TransportPolicy},
		"skip internal-tls fe01.contoso.com:5061 tls name-not-allowed":             {Kind: Skipped, Endpoint: at, Reason: NameNotAllowed},
		"attempt internal-tls fe01.contoso.com 10.0.0.5:5061 tls: ok":              {Kind: Attempted, Endpoint: at, Addr: addr},
		"attempt internal-tls fe01.contoso.com 10.0.0.5:5061 tls: connect-refused": {Kind: Attempted, Endpoint: at, Addr: addr, Reason: ConnectRefused},
		"lost fe01.contoso.com:5061 tls binding-lost":                              {Kind: Lost, Endpoint: at, Reason: BindingLost},
		"unregister": {Kind: Unregistered},
	} {
		if got := e.String(); got != want {
			t.Errorf("got %s, want %s", got, want)
		}
	}
}
