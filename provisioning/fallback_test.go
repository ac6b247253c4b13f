package provisioning

import (
	"net/netip"
	"testing"
	"time"
)

// What has failed before counts by its place in the order, whenever it was tried; and of the home pair only the primary is better than the backup.
func TestMend148WhatIsBetter(t *testing.T) {
	at := func(host string) Endpoint { return Endpoint{Host: host, Port: TLSPort} }
	failed := func(step Step, rank int, host string) Attempt {
		return Attempt{Step: step, rank: rank, Host: host, Port: TLSPort, Result: "failed", Reason: ConnectRefused}
	}
	skipped := failed(InternalTLS, 0, "fe01")
	skipped.Result, skipped.Reason = "skipped", TLSFloor
	setAside, asked := skipped, skipped
	setAside.Reason, setAside.Address = ConnectReset, netip.MustParseAddr("10.0.0.5")
	asked.Reason = RetryAfter
	for name, test := range map[string]struct {
		attempts []Attempt
		used     Candidate
		home     []string
		want     string
	}{
		"a step before":                  {[]Attempt{failed(InternalTLS, 0, "fe01")}, Candidate{Step: ExternalTLS, Endpoint: at("sip")}, nil, "fe01"},
		"a priority before":              {[]Attempt{failed(InternalTLS, 0, "fe01")}, Candidate{Step: InternalTLS, Endpoint: at("fe02"), Rank: 10}, nil, "fe01"},
		"the same priority":              {[]Attempt{failed(InternalTLS, 10, "fe01")}, Candidate{Step: InternalTLS, Endpoint: at("fe02"), Rank: 10}, nil, ""},
		"another address":                {[]Attempt{failed(InternalTLS, 0, "fe02")}, Candidate{Step: InternalTLS, Endpoint: at("fe02")}, nil, ""},
		"it was lost, and is worse":      {[]Attempt{failed(ExternalTLS, 0, "sip")}, Candidate{Step: InternalTLS, Endpoint: at("fe02")}, nil, ""},
		"it was lost, and another fails": {[]Attempt{failed(InternalTLS, 1, "fe02"), failed(InternalTLS, 0, "fe01")}, Candidate{Step: ExternalTLS, Endpoint: at("sip")}, nil, "fe01"},
		"skipped":                        {[]Attempt{skipped}, Candidate{Step: ExternalTLS, Endpoint: at("sip")}, nil, ""},
		"it had dropped the device":      {[]Attempt{setAside}, Candidate{Step: ExternalTLS, Endpoint: at("sip")}, nil, "fe01"},
		"it had asked for a pause":       {[]Attempt{asked}, Candidate{Step: ExternalTLS, Endpoint: at("sip")}, nil, "fe01"},
		"recalled":                       {[]Attempt{failed(Recall, 0, "pool01"), failed(InternalTLS, 0, "dir01")}, Candidate{Step: ExternalTLS, Endpoint: at("sip")}, []string{"pool01", "pool02"}, "pool01"},
		"last good":                      {[]Attempt{failed(LastGood, 0, "fe09")}, Candidate{Step: InternalTLS, Endpoint: at("fe01")}, nil, ""},
		"the backup":                     {[]Attempt{failed(InternalTLS, 0, "dir01"), failed(Redirect, 0, "pool01")}, Candidate{Step: Redirect, Endpoint: at("pool02")}, []string{"pool01", "pool02"}, "pool01"},
		"the primary":                    {[]Attempt{failed(InternalTLS, 0, "dir01"), failed(Recall, 0, "pool02")}, Candidate{Step: Redirect, Endpoint: at("pool01")}, []string{"pool01", "pool02"}, ""},
		"where another Director leads":   {[]Attempt{failed(InternalTLS, 0, "dir01")}, Candidate{Step: Redirect, Endpoint: at("pool01")}, nil, ""},
	} {
		var home []Registrar
		for _, host := range test.home {
			home = append(home, Registrar{Endpoint: at(host)})
		}
		got := ""
		if missed := (&Cycle{Attempts: test.attempts}).Missed(&test.used, home); missed != nil {
			got = missed.Host
		}
		if got != test.want {
			t.Errorf("%s: got %q, want %q", name, got, test.want)
		}
	}
}

// What a source before the one in use names in vain is told where the device is registered.
func TestMend221WhatIsNamedInVain(t *testing.T) {
	outside := FaultOutsideDomain.Met(Facts{"name": "pool05.ad.example"})
	named := func(step Step, result string, reason Reason) *Cycle {
		return &Cycle{Attempts: []Attempt{{Step: step, Result: result, Reason: reason, Trouble: outside}}}
	}
	used := Candidate{Step: DHCPTLS}
	for name, test := range map[string]struct {
		cycle *Cycle
		used  Candidate
		want  int
	}{
		"a record":            {named(InternalTLS, "skipped", NameNotAllowed), used, 1},
		"of a later step":     {named(ExternalTLS, "skipped", NameNotAllowed), used, 0},
		"it had failed":       {named(InternalTLS, "failed", ConnectRefused), used, 0},
		"another is recalled": {named(InternalTLS, "skipped", NoAddress), Candidate{Step: Recall}, 0},
	} {
		if got := test.cycle.Unusable(&test.used); len(got) != test.want {
			t.Errorf("%s: got %v", name, got)
		}
	}
}

// A connection proves that the want of one is over, at that address; what a Registrar has said in it may be said again.
func TestMend150WhatAConnectionProves(t *testing.T) {
	here, there := netip.MustParseAddr("10.0.0.5"), netip.MustParseAddr("10.0.0.6")
	c := Cycle{Attempts: []Attempt{
		{Host: "fe01", Address: here, Reason: ConnectTimeout}, {Host: "fe01", Address: here, Reason: TLSExpired},
		{Host: "fe01", Address: here, Reason: SIPUnavailable}, {Host: "fe01", Address: there, Reason: ConnectTimeout}, {Host: "fe02", Address: here, Reason: ConnectTimeout},
	}}
	now := time.Now()
	c.Looked(Endpoint{Host: "fe01"}, here, now)
	for i, want := range []bool{true, true, false, false, false} {
		if got := c.Attempts[i].AnsweredAt.Equal(now); got != want {
			t.Errorf("%+v: answered %v, want %v", c.Attempts[i], got, want)
		}
	}
	c.Looked(Endpoint{Host: "fe01"}, here, time.Time{})
	if !c.Attempts[0].AnsweredAt.IsZero() {
		t.Error("what took no connection later is not what answers")
	}
}

// That DNS answers by now is said when all is answered that was not, and since when; what is not answered once more is not.
func TestMend150WhatDNSAnswersSince(t *testing.T) {
	c := Cycle{Sources: []Source{{Step: InternalTLS, Reason: DNSTimeout}, {Step: ExternalTLS, Reason: DNSServFail}, {Step: DHCPTLS, Reason: DHCPSilent}}}
	first, then := time.Unix(1, 0), time.Unix(2, 0)
	for i, test := range []struct {
		again Source
		at    time.Time
		want  time.Time
	}{
		{Source{Step: InternalTLS, Reason: DNSNoRecord}, first, time.Time{}},
		{Source{Step: ExternalTLS, Verdict: Found}, first, first},
		{Source{Step: ExternalTLS, Verdict: Found}, then, first},
		{Source{Step: ExternalTLS, Reason: DNSTimeout}, then, time.Time{}},
		{Source{Step: ExternalTLS, Verdict: Found}, then, then},
	} {
		c.Asked(&test.again, test.at)
		if got := c.AnsweredSince(); !got.Equal(test.want) {
			t.Errorf("%d: %v, want %v", i, got, test.want)
		}
	}
}
