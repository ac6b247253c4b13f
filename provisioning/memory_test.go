package provisioning

import (
	"fmt"
	"net/netip"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"homeward/cache"
)

// A record is worth something for its own SIP address only; the TLS floor holds for the whole SIP domain, and where it
// cannot be told for which.
func TestMemoryIsOfOneSIPAddress(t *testing.T) {
	policy := Policy{SIPAddress: SIPAddress{User: "phone1", Domain: "contoso.com"}}
	for _, row := range []struct {
		kept         string
		known, floor bool
	}{
		{"sip:phone1@contoso.com", true, true},
		{"sip:phone2@contoso.com", false, true},
		{"sip:phone2@Contoso.COM", false, true},
		{"sip:Phone1@contoso.com", false, true},
		{"sip:phone1@fabrikam.com", false, false},
		{"sip:phone1@lab.contoso.com", false, false},
		{"sips:phone1@fabrikam.com", false, true},
		{"", false, true},
	} {
		for _, floor := range []bool{true, false} {
			record := cache.Record{SIPAddress: row.kept, Registrar: cache.Registrar{Host: "fe01.contoso.com", Port: 5061, Transport: "tls"}, TLSFloor: floor}
			m := policy.Memory(cache.InMemory(record))
			if _, known := m.Record(); known != row.known {
				t.Errorf("%q: known %v, want %v", row.kept, known, row.known)
			}
			if got, want := m.Floor(), row.floor && floor; got != want {
				t.Errorf("%q, floor %v: got %v", row.kept, floor, got)
			}
		}
	}
	if m := policy.Memory(cache.InMemory(cache.Record{TLSFloor: true})); m.Floor() {
		t.Error("there is a floor without a record")
	}
}

// The clock is no earlier than the build of this program and the last registration; addresses are those of this SIP address.
func TestMemoryOfTheLastRegistration(t *testing.T) {
	built := time.Date(2026, 3, 1, 0, 0, 0, 0, time.UTC)
	policy := Policy{SIPAddress: SIPAddress{User: "phone1", Domain: "contoso.com"}, Built: built}
	addrs := func(s string) []netip.Addr { return []netip.Addr{netip.MustParseAddr(s)} }
	record := cache.Record{
		SIPAddress:  "sip:phone1@contoso.com",
		Registrar:   cache.Registrar{Host: "fe01.contoso.com", Port: 5061, Transport: "tls", Addresses: addrs("10.0.0.5")},
		Home:        []cache.Registrar{{Host: "fe02.contoso.com", Port: 5061, Transport: "tls", Addresses: addrs("10.0.0.6")}},
		MediaRelays: []cache.Relay{{Host: "edge01.contoso.com", Addresses: addrs("10.0.9.1")}},
	}
	other := policy
	other.SIPAddress.User = "phone2"
	for host, want := range map[string][]netip.Addr{
		"fe01.contoso.com": addrs("10.0.0.5"), "fe02.contoso.com": addrs("10.0.0.6"), "edge01.contoso.com": addrs("10.0.9.1"), "fe03.contoso.com": nil,
	} {
		if got := policy.Memory(cache.InMemory(record)).Addresses(host); !slices.Equal(got, want) {
			t.Errorf("%s: got %v, want %v", host, got, want)
		}
		if got := other.Memory(cache.InMemory(record)).Addresses(host); got != nil {
			t.Errorf("%s for another SIP address: got %v", host, got)
		}
	}
	for _, at := range []time.Time{{}, built.Add(-time.Hour), built.Add(time.Hour)} {
		record.RegisteredAt = at
		want := built
		if at.After(built) {
			want = at
		}
		if got := other.Memory(cache.InMemory(record)).ClockFloor(); !got.Equal(want) {
			t.Errorf("registered %s: got %s", at, got)
		}
	}
}

// That a place has served the device is said of that address only, and until when, if the end of it is known.
func TestMend41WorkedBefore(t *testing.T) {
	at, addr, other := Endpoint{"fe01.contoso.com", 5061, TLS}, netip.MustParseAddr("10.0.0.5"), netip.MustParseAddr("10.0.0.6")
	registered := time.Date(2026, 11, 29, 8, 15, 30, 0, time.UTC)
	policy := Policy{SIPAddress: SIPAddress{User: "phone1", Domain: "contoso.com"}}
	registrar := (&Candidate{Step: InternalTLS, Endpoint: at, Addrs: []netip.Addr{addr, other}}).Registrar(addr)
	record := cache.Record{SIPAddress: "sip:phone1@contoso.com", Registrar: registrar.Kept(), RegisteredAt: registered}
	lost := func(host string, after time.Duration) []Losses {
		return []Losses{{Endpoint: Endpoint{host, 5061, TLS}, LastAt: registered.Add(after)}}
	}
	for name, test := range map[string]struct {
		record cache.Record
		losses []Losses
		at     Endpoint
		addr   netip.Addr
		want   string
	}{
		"no record":                     {cache.Record{}, nil, at, addr, ""},
		"the record":                    {record, nil, at, addr, "at 2026-11-29 08:15 UTC"},
		"another port":                  {record, nil, Endpoint{at.Host, 443, TLS}, addr, ""},
		"another transport":             {record, nil, Endpoint{at.Host, 5061, TCP}, addr, ""},
		"an address that was not used":  {record, nil, at, other, ""},
		"lost since":                    {record, lost(at.Host, time.Hour), at, addr, "until 2026-11-29 09:15:30 UTC"},
		"lost before that":              {record, lost(at.Host, -time.Hour), at, addr, "at 2026-11-29 08:15 UTC"},
		"another was lost":              {record, lost("fe02.contoso.com", time.Hour), at, addr, "at 2026-11-29 08:15 UTC"},
		"lost at an address not in use": {record, lost(at.Host, time.Hour), at, other, ""},
	} {
		past := (&Memory{policy: policy, kept: test.record, known: true}).Worked(test.losses, test.at, test.addr, time.Now())
		if got := past.there(); got != test.want || test.record.Registrar.Host != "" && (past.At.IsZero() || (past.Elsewhere == "") != (test.want != "")) {
			t.Errorf("%s: got %q, %+v, want %q", name, got, past, test.want)
		}
	}
}

// What has worked before is said in a sentence of its own, with what to do about it, of faults of places only; and what cannot be then is not
// said.
func TestMend41Since(t *testing.T) {
	facts := Facts{"at": "fe01.contoso.com:5061", "host": "fe01.contoso.com", "port": uint16(5061), "new": true}
	port := FaultServerPort.Met(facts)
	if !strings.Contains(port.What(), ": it is a port for servers, or its settings demand one") || len(port.Otherwise()) != 1 {
		t.Errorf("no word of another port: %s; %q", port.What(), port.Otherwise())
	}
	const served = "fe01.contoso.com:5061 asks this device for a certificate, and accepts no connection without one: its settings demand one"
	since := Since(Past{Moment: Moment{time.Date(2026, 11, 29, 9, 15, 30, 0, time.UTC), true}}, port)
	if diff := cmp.Diff([]string{served, "this device was registered there until 2026-11-29 09:15:30 UTC"}, since.Sentences()); diff != "" {
		t.Errorf("sentences (-want +got):\n%s", diff)
	}
	if got := since.What(); got != served+"; this device was registered there until 2026-11-29 09:15:30 UTC" {
		t.Errorf("in one breath: %s", got)
	}
	if got := since.Do(); got != "configure the server to accept devices without a certificate" || len(since.Otherwise()) > 0 {
		t.Errorf("what to do: %s, %q", got, since.Otherwise())
	}
	if since.OnSide() != SideRegistrar || port.OnSide() != "" {
		t.Errorf("on the side of %q, and without that of %q", since.OnSide(), port.OnSide())
	}
	if refused := Since(Past{Moment: Moment{At: time.Unix(0, 0)}}, FaultAccountRefused.Met(facts)); len(refused.Others()) > 0 {
		t.Errorf("of a refusal: %s", refused.What())
	}
}

// Of a refusal is said that the device had signed in there with the account. That it was with the password of now, and that the account comes first,
// only where that is known.
func TestMend157SignedIn(t *testing.T) {
	when := Moment{time.Date(2026, 11, 30, 3, 54, 29, 0, time.UTC), true}
	const account, of = "see whether the account was ", "this device signed in there with this account "
	const until, since = "until 2026-11-30 03:54:29 UTC", "2026-11-30 03:54:29 UTC"
	const changed = ": probably the password of the account was changed, or the account is locked"
	for name, test := range map[string]struct {
		fault  Fault
		when   Moment
		scheme string
		same   bool
		before string
		first  string
	}{
		"in this run":                   {FaultCredentials, when, "digest", true, "this device signed in there with this account and password " + until + changed, account},
		"in this run, NTLM":             {FaultCredentialsNTLM, when, "ntlm", true, "this device signed in there with this account and password " + until + changed, account},
		"in this run, forbidden":        {FaultForbidden, when, "digest", true, "this device signed in there with this account and password " + until, account},
		"as the record says":            {FaultCredentials, when, "digest", false, of + until, "write the present password"},
		"forbidden, by the record":      {FaultForbidden, when, "digest", false, of + until, "see on fe01.contoso.com what has changed since " + since + ":"},
		"with a certificate":            {FaultCredentials, when, ByCertificate, true, "", "write the present password"},
		"forbidden, with a certificate": {FaultForbidden, when, ByCertificate, true, of + until, "see on fe01.contoso.com what has changed since " + since + ":"},
		"unknown now":                   {FaultAccountUnknown, when, "digest", false, of + until, account + "removed, moved, renamed or disabled for SIP since " + since},
		"nobody asked then":             {FaultForbidden, when, "", false, "", "see whether the account is enabled"},
		"never":                         {FaultCredentials, Moment{}, "", false, "", "write the present password"},
		"unavailable":                   {FaultUnavailable, when, "digest", true, "", "check the services"},
	} {
		got := SignedIn(Past{Moment: test.when, Scheme: test.scheme}, test.same, test.fault.Met(Facts{"host": "fe01.contoso.com", "said": "no"}))
		if said := strings.Join(got.Sentences()[1:], "; "); said != test.before || !strings.HasPrefix(got.Do(), test.first) {
			t.Errorf("%s: %q; %s", name, said, got.Do())
		}
	}
}

// A password is compared by when its file was changed; a clock that was wrong makes that tell nothing.
func TestMend250PasswordRetyped(t *testing.T) {
	is := time.Date(2026, 11, 28, 12, 0, 0, 0, time.UTC)
	policy := Policy{SIPAddress: SIPAddress{User: "phone1", Domain: "contoso.com"}, PasswordFile: "/etc/homeward/password", PasswordChanged: is}
	for name, test := range map[string]struct {
		then  time.Time
		fault Fault
		first string
	}{
		"before":    {is.Add(-time.Hour), FaultRetyped, "type the password again into /etc/homeward/password"},
		"the same":  {is, FaultCredentials, "see whether the account was disabled, locked"},
		"after":     {is.Add(time.Hour), FaultCredentials, "write the present password"},
		"not known": {time.Time{}, FaultCredentials, "write the present password"},
	} {
		m := Memory{policy: policy, known: true, kept: cache.Record{SIPAddress: "sip:phone1@contoso.com", RegisteredAt: is.Add(-time.Minute), Scheme: "digest", PasswordChanged: test.then}}
		past := m.Worked(nil, Endpoint{Host: "fe01.contoso.com", Port: 5061, Transport: TLS}, netip.MustParseAddr("10.0.0.5"), is.Add(time.Hour))
		if got := SignedIn(past, false, FaultCredentials.Met(Facts{"host": "fe01.contoso.com", "said": "no"})); got.Fault != test.fault || !strings.HasPrefix(got.Do(), test.first) {
			t.Errorf("%s: %s: %s", name, got.Fault, got.Do())
		}
		m.policy.PasswordFile = "" // a service manager has copied it
		past = m.Worked(nil, Endpoint{Host: "fe01.contoso.com", Port: 5061, Transport: TLS}, netip.MustParseAddr("10.0.0.5"), is.Add(time.Hour))
		copied := strings.Replace(test.first, policy.PasswordFile, "the password file", 1)
		if got := SignedIn(past, false, FaultCredentials.Met(Facts{"host": "fe01.contoso.com", "said": "no"})); got.Fault != test.fault || !strings.HasPrefix(got.Do(), copied) {
			t.Errorf("%s, copied: %s: %s", name, got.Fault, got.Do())
		}
		ahead := Past{}
		if m.compare(&ahead, nil, is.Add(-time.Minute)); !ahead.Written.IsZero() {
			t.Errorf("%s: changed in the future", name)
		}
	}
}

// A time of a file says when it was written, and not that the password is another or the same: whose side it is stays open, and it is told of none that
// has been accepted, or with which the device was registered since.
func TestMend260WhatTheTimeOfAFileSays(t *testing.T) {
	is := time.Date(2024, 11, 28, 12, 0, 0, 0, time.UTC)
	at := Endpoint{Host: "fe01.contoso.com", Port: 5061, Transport: TLS}
	lost := func(after time.Duration) []Losses { return []Losses{{Endpoint: at, LastAt: is.Add(after)}} }
	const written = "; /etc/homeward/password was written again at 2024-11-28 12:00 UTC; it is not known whether it holds another password now"
	for name, test := range map[string]struct {
		then     time.Duration
		losses   []Losses
		fault    Fault
		accepted bool
		side     Side
		until    string
		says     string
	}{
		"written":                      {-time.Hour, nil, FaultCredentials, false, "", "at 2024-11-28 11:59 UTC", written},
		"written after the last loss":  {-time.Hour, lost(900 * time.Millisecond), FaultCredentials, false, "", "until 2024-11-28 12:00:00 UTC", written},
		"registered after it":          {-time.Hour, lost(time.Second), FaultCredentials, false, SideAccount, "until 2024-11-28 12:00:01 UTC", ""},
		"written, and accepted":        {-time.Hour, nil, FaultAccountRefused, true, "", "at 2024-11-28 11:59 UTC", ""},
		"the same time":                {0, nil, FaultCredentials, false, SideAccount, "at 2024-11-28 11:59 UTC", "; the password file has the same time stamp as then"},
		"the same time, and accepted":  {0, nil, FaultDeviceRefused, true, SideRegistrar, "at 2024-11-28 11:59 UTC", ""},
		"the same time, and forbidden": {0, nil, FaultForbidden, false, "", "at 2024-11-28 11:59 UTC", "; the password file has the same time stamp as then"},
	} {
		m := Memory{
			policy: Policy{SIPAddress: SIPAddress{User: "phone1", Domain: "contoso.com"}, User: "phone1", PasswordFile: "/etc/homeward/password", PasswordChanged: is}, known: true,
			kept: cache.Record{SIPAddress: "sip:phone1@contoso.com", Registrar: cache.Registrar{Host: at.Host, Port: at.Port, Transport: "tls", Address: netip.MustParseAddr("10.0.0.5")}, User: "phone1", RegisteredAt: is.Add(-time.Minute), Scheme: "ntlm", PasswordChanged: is.Add(test.then)},
		}
		facts := Facts{"host": at.Host, "said": "no", "subject": "this device"}
		if test.accepted {
			facts["accepted"] = "user name and password were"
		}
		got := SignedIn(m.Worked(test.losses, at, netip.MustParseAddr("10.0.0.5"), is.Add(time.Hour)), false, test.fault.Met(facts))
		said := strings.Join(got.Sentences()[1:], "; ")
		if want := "this device signed in there with this account " + test.until + test.says; said != want || got.OnSide() != test.side {
			t.Errorf("%s: %q, on the side of %q", name, said, got.OnSide())
		}
	}
}

// Where something else than the password is why a Registrar refuses, the file of the password is not told, nor that it is the same.
func TestMend292WhereThePasswordIsNotWhy(t *testing.T) {
	past := Past{Moment: Moment{At: time.Unix(0, 0)}, Scheme: "digest", SameTime: true}
	for fault, side := range map[Fault]Side{FaultTooManyBindings: "", FaultRefusedUnasked: SideRegistrar, FaultAccountUnknown: "", FaultForbidden: SideRegistrar} {
		for _, same := range []bool{false, true} {
			got := SignedIn(past, same, fault.Because(FaultAccountRefused.Met(nil), Facts{"host": "fe01.contoso.com", "said": "no"}).On(side))
			if said := strings.Join(got.Sentences()[1:], "; "); said != "this device signed in there with this account at 1970-01-01 00:00 UTC" {
				t.Errorf("%s, %t: %q", fault, same, said)
			}
		}
	}
}

// A login name is compared with what was sent when a password signed in, in whatever form: that of then is told only if it is known.
func TestMend300LoginNames(t *testing.T) {
	at := Endpoint{Host: "fe01.contoso.com", Port: 5061, Transport: TLS}
	const when = " at 2024-11-28 12:00 UTC"
	for name, test := range map[string]struct {
		then, is, scheme string
		fault            Fault
		want             Fault
		side             Side
		says             string
	}{
		"the same":              {`CONTOSO\phone1`, `CONTOSO\phone1`, "digest", FaultCredentials, FaultCredentials, SideAccount, "this device signed in there with this account" + when},
		"not set, Digest":       {"phone1", "phone1@contoso.com", "digest", FaultCredentials, FaultCredentials, SideAccount, "this device signed in there with this account" + when},
		"not set, NTLM":         {"phone1@contoso.com", "", "ntlm", FaultCredentialsNTLM, FaultCredentialsNTLM, SideAccount, "this device signed in there with this account" + when},
		"NTLM, another case":    {`CONTOSO\phone1`, `contoso/Phone1`, "ntlm", FaultCredentialsNTLM, FaultCredentialsNTLM, SideAccount, "this device signed in there with this account" + when},
		"Digest, another case":  {"phone1", "Phone1", "digest", FaultCredentials, FaultLoginChanged, SideDevice, ""},
		"another":               {"phone1", "phone01", "digest", FaultCredentials, FaultLoginChanged, SideDevice, ""},
		"another, and accepted": {"phone1", "phone01", "digest", FaultAccountRefused, FaultLoginChanged, "", ""},
		"of a device":           {"phone1", "phone01", "digest", FaultDeviceRefused, FaultDeviceRefused, SideRegistrar, "this device signed in there as phone1" + when},
		"not known":             {"", "phone01", "digest", FaultCredentials, FaultCredentials, SideAccount, "this device signed in there with this SIP address" + when},
		"a certificate":         {"", "phone01", ByCertificate, FaultForbidden, FaultForbidden, "", "this device signed in there with this account" + when},
	} {
		m := Memory{
			policy: Policy{SIPAddress: SIPAddress{User: "phone1", Domain: "contoso.com"}, User: test.is}, known: true,
			kept: cache.Record{
				SIPAddress: "sip:phone1@contoso.com", User: test.then, Scheme: test.scheme, RegisteredAt: time.Date(2024, 11, 28, 12, 0, 0, 0, time.UTC),
				Registrar: cache.Registrar{Host: at.Host, Port: at.Port, Transport: "tls", Address: netip.MustParseAddr("10.0.0.5")},
			},
		}
		refused := test.fault.Met(Facts{"host": at.Host, "said": "no", "subject": "this device", "login": "phone01", "setting": m.policy.LoginSetting()})
		got := SignedIn(m.Worked(nil, at, netip.MustParseAddr("10.0.0.5"), time.Date(2024, 11, 29, 0, 0, 0, 0, time.UTC)), false, refused)
		said := ""
		if others := got.Others(); len(others) > 0 {
			said = others[0].What()
		}
		if got.Fault != test.want || got.OnSide() != test.side || said != test.says {
			t.Errorf("%s: %s, on the side of %q: %q", name, got.Fault, got.OnSide(), said)
		}
	}
}

// An account that Registrars refuse which had not been used before was signed in with at another.
func TestMend181SignedInElsewhere(t *testing.T) {
	got := SignedIn(Past{Moment: Moment{At: time.Date(2026, 11, 30, 3, 54, 0, 0, time.UTC)}, Scheme: "digest", Elsewhere: "fe02.contoso.com"}, false, FaultUnknownUnasked.Because(SIPNotFound.Met(""), Facts{"host": "fe01.contoso.com", "said": "404 Not Found"}))
	said := strings.Join(got.Sentences()[1:], "; ")
	if said != "this device signed in at fe02.contoso.com with this account at 2026-11-30 03:54 UTC" || got.OnSide() != SideRegistrar || !strings.HasPrefix(got.Do(), "see on fe01.contoso.com whether") {
		t.Errorf("%q; %s; %s", said, got.OnSide(), got.Do())
	}
}

// What a name led to at the last registration is told where it leads elsewhere now; what is of an IP version that was not looked up is not
// compared.
func TestMend71Earlier(t *testing.T) {
	addrs := func(texts ...string) (list []netip.Addr) {
		for _, text := range texts {
			list = append(list, netip.MustParseAddr(text))
		}
		return list
	}
	at := time.Date(2026, 11, 26, 12, 0, 0, 0, time.UTC)
	policy := Policy{SIPAddress: SIPAddress{User: "phone1", Domain: "contoso.com"}}
	record := cache.Record{
		SIPAddress: "sip:phone1@contoso.com", RegisteredAt: at,
		Registrar: cache.Registrar{Host: "fe01.contoso.com", Address: addrs("10.0.0.5")[0], Addresses: addrs("10.0.0.4", "10.0.0.5")},
		Home:      []cache.Registrar{{Host: "fe02.contoso.com", Addresses: addrs("10.0.0.6", "2001:db8::6")}},
		Flushed: []cache.Flushed{
			{Kind: cache.FlushedRelay, Host: "fe03.contoso.com", Addresses: addrs("10.0.0.9"), At: at},
			{Kind: cache.FlushedRegistrar, Host: "fe03.contoso.com", Addresses: addrs("10.0.0.7"), At: at.Add(-time.Hour)},
			{Kind: cache.FlushedAddress, Host: "fe01.contoso.com", Addresses: addrs("10.0.0.3"), At: at.Add(-time.Hour)},
		},
	}
	const last = "when this device last registered (2026-11-26 12:00 UTC), the address of "
	for _, row := range []struct {
		host string
		now  []netip.Addr
		want string
	}{
		{"fe01.contoso.com", addrs("10.0.0.99"), last + "fe01.contoso.com was 10.0.0.5; DNS now gives 10.0.0.99"},
		{"fe01.contoso.com", addrs("10.0.0.4"), last + "fe01.contoso.com was 10.0.0.5; DNS now gives 10.0.0.4"},
		{"fe01.contoso.com", addrs("10.0.0.99", "10.0.0.5"), ""},
		{"fe01.contoso.com", addrs("2001:db8::99"), ""},
		{"fe01.contoso.com", nil, ""},
		{"fe02.contoso.com", addrs("10.0.0.98", "10.0.0.99"), last + "fe02.contoso.com was 10.0.0.6; DNS now gives 10.0.0.98, 10.0.0.99"},
		{"fe02.contoso.com", addrs("2001:db8::99"), last + "fe02.contoso.com was 2001:db8::6; DNS now gives 2001:db8::99"},
		{"fe02.contoso.com", addrs("2001:db8::6", "10.0.0.99"), ""},
		{"fe03.contoso.com", addrs("10.0.0.99"), "before this device registered elsewhere (2026-11-26 11:00 UTC), the address of fe03.contoso.com was 10.0.0.7; DNS now gives 10.0.0.99"},
		{"fe04.contoso.com", addrs("10.0.0.99"), ""},
		{"10.0.0.99", addrs("10.0.0.99"), ""},
	} {
		c := Candidate{Endpoint: Endpoint{Host: row.host, Port: 5061}, Addrs: row.now}
		silent := FaultFiltered.Met(Facts{"at": c.HostPort(), "host": c.Host})
		got := ""
		if others := Led(policy.Memory(cache.InMemory(record)).Earlier(&c), silent).Others(); len(others) > 0 {
			got = others[0].What()
		}
		if got != row.want {
			t.Errorf("%s %v:\n\t%s\nwant\n\t%s", row.host, row.now, got, row.want)
		}
	}
	other := record
	other.SIPAddress = "sip:phone2@contoso.com"
	c := Candidate{Endpoint: Endpoint{Host: "fe01.contoso.com", Port: 5061}, Addrs: addrs("10.0.0.99")}
	if got := policy.Memory(cache.InMemory(other)).Earlier(&c); got != nil {
		t.Errorf("of another SIP address: %v", got)
	}
	earlier := policy.Memory(cache.InMemory(record)).Earlier(&c)
	if got := Led(earlier, SIPForbidden.Met("")); len(got.Others()) > 0 {
		t.Errorf("a refusal: %v", got.Others())
	}
	if do := Led(earlier, FaultFiltered.Met(Facts{"host": "fe01"})).Do(); !strings.HasSuffix(do, "; run homeward check: it shows whether 10.0.0.5 still answers") {
		t.Errorf("the cure: %s", do)
	}
}

// TestMend172TheVersionThatIsGone: where DNS says that there is no address of one version of IP any more, those of that version have gone.
func TestMend172TheVersionThatIsGone(t *testing.T) {
	four, six, other := netip.MustParseAddr("10.0.0.5"), netip.MustParseAddr("2001:db8::5"), netip.MustParseAddr("2001:db8::6")
	at := time.Date(2026, 11, 26, 12, 0, 0, 0, time.UTC)
	for _, row := range []struct {
		then, now []netip.Addr
		known     bool // that there is no address of the other version
		was       string
	}{
		{[]netip.Addr{four}, []netip.Addr{six}, true, "[10.0.0.5]"},
		{[]netip.Addr{four}, []netip.Addr{six}, false, ""},
		{[]netip.Addr{six}, []netip.Addr{four}, true, "[2001:db8::5]"},
		{[]netip.Addr{four, six}, []netip.Addr{six}, true, "[10.0.0.5]"}, // it leads to one of them still
		{[]netip.Addr{four, six}, []netip.Addr{six}, false, ""},
		{[]netip.Addr{four, six}, []netip.Addr{other}, true, "[10.0.0.5 2001:db8::5]"},
		{[]netip.Addr{six, other}, []netip.Addr{six}, true, ""},
		{[]netip.Addr{four}, []netip.Addr{four}, true, ""},
	} {
		c := Candidate{Endpoint: Endpoint{Host: "fe01.contoso.com", Port: 5061}, Addrs: row.now, OneVersion: row.known}
		was := ""
		if earlier := c.ledTo(row.then, "when", at); earlier != nil {
			was = fmt.Sprint(earlier["was"])
		}
		if was != row.was {
			t.Errorf("%v, now %v, known %v: %q, want %q", row.then, row.now, row.known, was, row.was)
		}
	}
}

// TestMend338NameServerFirst: where nothing shows that the name server of a new device knows its SIP domain, that is looked at before the name that DHCP gives.
func TestMend338NameServerFirst(t *testing.T) {
	lacked := dhcpFinding(DHCPTLS, "fe1.contoso.com")
	lacked.Names[0].Trouble = NoSuchName().With(Facts{"servers": "10.0.0.54:53"})
	const first, name = "see whether 10.0.0.54:53 is the name server of this site, which holds the zone of contoso.com", "if the name is misspelt, correct it in DHCP option 120"
	const stale = "if fe1.contoso.com is a former server, name fe01.contoso.com in its place in DHCP option 120, as the SRV record _sipinternal._tcp.contoso.com does, or delete it there"
	for _, test := range []struct {
		memory Memory
		found  Findings
		want   string
	}{
		{Memory{policy: contoso}, Findings{lacked}, first},
		{Memory{policy: contoso}, Findings{lacked, dnsFinding(InternalTCP, "fe01.contoso.com 10.0.0.5")}, stale},
		{Memory{policy: contoso, kept: cache.Record{SIPAddress: contoso.SIPAddress.String()}, known: true}, Findings{lacked}, name},
	} {
		if got := test.memory.Known(test.found, "fe1.contoso.com", MakePlan(test.found, &contoso, false).Skipped[0].Trouble).Do(); got != test.want {
			t.Errorf("got %q, want %q", got, test.want)
		}
	}
}
