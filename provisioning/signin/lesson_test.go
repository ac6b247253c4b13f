package signin

import (
	"fmt"
	"net/netip"
	"slices"
	"strings"
	"testing"

	"homeward/internal/sip"
	"homeward/provisioning"
)

// The home pair after a Registrar has told of its pool: "host role addresses", one behind the other.
func TestHomePairAfterALesson(t *testing.T) {
	addrs := func(list ...string) (all []netip.Addr) {
		for _, a := range list {
			all = append(all, netip.MustParseAddr(a))
		}
		return all
	}
	recall := provisioning.Recall
	at := func(host string) provisioning.Endpoint { return provisioning.Endpoint{Host: host, Port: 5061} }
	fe01 := provisioning.Registrar{Endpoint: at("fe01.contoso.com"), Role: "primary", Addresses: addrs("10.0.0.5")}
	fe02 := provisioning.Registrar{Endpoint: at("fe02.contoso.com"), Role: "backup", Addresses: addrs("10.0.0.6")}
	told := provisioning.Registrar{Endpoint: at("old.contoso.com"), Step: &recall, Addresses: addrs("10.0.0.7")}
	toldNow := provisioning.Registrar{Endpoint: at("pool.contoso.com"), Step: &recall, Addresses: addrs("10.0.0.8")}
	lesson := func(pool string, addrs ...netip.Addr) *Lesson {
		return &Lesson{known: true, provisioning: sip.Provisioning{PoolHost: pool}, pool: addrs}
	}
	outside := lesson("pool.contoso.com")
	outside.remote = true
	for _, test := range []struct {
		name       string
		lesson     *Lesson
		before     []provisioning.Registrar
		through    string
		redirected bool
		want       string
	}{
		{"nothing was told", nil, []provisioning.Registrar{fe01}, "fe01.contoso.com", false, "nil"},
		{"nobody answered", &Lesson{provisioning: sip.Provisioning{PoolHost: "pool.contoso.com"}}, nil, "fe01.contoso.com", false, "nil"},
		{"no pool", lesson(""), []provisioning.Registrar{fe01}, "fe01.contoso.com", false, "nil"},
		{"from outside, names of the inside are of no use", outside, nil, "edge.contoso.com", false, "nil"},
		{"the first pool", lesson("pool.contoso.com", addrs("10.0.0.9")...), nil, "fe01.contoso.com", false, "pool.contoso.com primary [10.0.0.9]"},
		{"a pool outside the pair, through the pair", lesson("pool.contoso.com"), []provisioning.Registrar{fe01, fe02}, "fe01.contoso.com", false,
			"fe01.contoso.com primary [10.0.0.5], fe02.contoso.com backup [10.0.0.6], pool.contoso.com  []"},
		{"a pool outside the pair, through another", lesson("pool.contoso.com"), []provisioning.Registrar{fe01, fe02}, "fe03.contoso.com", false, "pool.contoso.com primary []"},
		{"the same just after a redirect", lesson("pool.contoso.com"), []provisioning.Registrar{fe01, fe02}, "fe03.contoso.com", true,
			"fe01.contoso.com primary [10.0.0.5], fe02.contoso.com backup [10.0.0.6], pool.contoso.com  []"},
		{"one of the pair", lesson("fe02.contoso.com", addrs("10.0.0.66")...), []provisioning.Registrar{fe01, fe02}, "fe01.contoso.com", false,
			"fe01.contoso.com primary [10.0.0.5], fe02.contoso.com backup [10.0.0.66]"},
		{"one of the pair, whose addresses are not known now", lesson("fe02.contoso.com"), []provisioning.Registrar{fe01, fe02}, "fe01.contoso.com", false,
			"fe01.contoso.com primary [10.0.0.5], fe02.contoso.com backup [10.0.0.6]"},
		{"another pool than before", lesson("pool.contoso.com"), []provisioning.Registrar{fe01, told}, "fe01.contoso.com", false, "fe01.contoso.com primary [10.0.0.5], pool.contoso.com  []"},
		{"the pool of before", lesson("pool.contoso.com"), []provisioning.Registrar{fe01, toldNow}, "fe01.contoso.com", false, "fe01.contoso.com primary [10.0.0.5], pool.contoso.com  [10.0.0.8]"},
		{"the pool of before, with new addresses", lesson("pool.contoso.com", addrs("10.0.0.9")...), []provisioning.Registrar{fe01, toldNow}, "fe01.contoso.com", false,
			"fe01.contoso.com primary [10.0.0.5], pool.contoso.com  [10.0.0.9]"},
	} {
		before := slices.Clone(test.before)
		home := test.lesson.home(before, at(test.through), test.redirected)
		got := "nil"
		if home != nil {
			var lines []string
			for _, r := range home {
				lines = append(lines, fmt.Sprint(r.Host, " ", r.Role, " ", r.Addresses))
			}
			got = strings.Join(lines, ", ")
		}
		if got != test.want {
			t.Errorf("%s:\ngot  %s\nwant %s", test.name, got, test.want)
		}
	}
}

// A media relay is taken without the ports of other services; without a port, or at a place where no packet goes, it is none.
func TestWhichMediaRelaysAreTaken(t *testing.T) {
	for name, test := range map[string]struct {
		udp, tcp  uint16
		reason    provisioning.Reason
		want      string
		complains provisioning.Reason
	}{
		"both ports":                  {3478, 443, "", "edge01.contoso.com 3478 443", ""},
		"one of another service":      {3478, 25, "", "edge01.contoso.com 3478 0", ""},
		"the other one":               {53, 443, "", "edge01.contoso.com 0 443", ""},
		"one port":                    {0, 443, "", "edge01.contoso.com 0 443", ""},
		"both of other services":      {53, 25, "", "", provisioning.AddressNotAllowed},
		"none":                        {0, 0, "", "", provisioning.AddressNotAllowed},
		"a place where nothing goes":  {3478, 443, provisioning.AddressNotAllowed, "", provisioning.AddressNotAllowed},
		"an address that is no place": {3478, 443, provisioning.DNSMalformed, "", provisioning.DNSMalformed},
		"no address now":              {3478, 443, provisioning.NoAddress, "edge01.contoso.com 3478 443", ""},
	} {
		var l Lesson
		l.take(provisioning.MediaRelay{Host: "edge01.contoso.com", UDPPort: test.udp, TCPPort: test.tcp}, provisioning.Name{Reason: test.reason, Detail: "said so"})
		got := ""
		for _, r := range l.relays {
			got += fmt.Sprintf("%s %d %d", r.Host, r.UDPPort, r.TCPPort)
		}
		if got != test.want || l.Reason != test.complains || (l.Detail == "") != (test.complains == "") {
			t.Errorf("%s: took %q, %s (%s)", name, got, l.Reason, l.Detail)
		}
	}
}

// What is told besides: whether plain TCP is closed, and where updates are, seen from where the device is.
func TestSettingsOfALesson(t *testing.T) {
	told := sip.Provisioning{PoolHost: "pool.contoso.com", SecurityMode: "High", UpdateInternalURL: "https://in.contoso.com", UpdateExternalURL: "https://out.contoso.com"}
	for _, test := range []struct {
		lesson *Lesson
		closes bool
		update string // "none": nothing is shown
	}{
		{&Lesson{known: true, provisioning: told}, true, told.UpdateInternalURL},
		{&Lesson{known: true, remote: true, provisioning: told}, true, told.UpdateExternalURL},
		{&Lesson{provisioning: told}, false, "none"},
		{&Lesson{known: true, provisioning: sip.Provisioning{SecurityMode: "Medium"}}, false, ""},
	} {
		shown := test.lesson.settings()
		update := "none"
		if shown != nil {
			update = shown.UpdateURL
		}
		if test.lesson.closesTCP() != test.closes || update != test.update {
			t.Errorf("%+v: closes TCP %t, updates at %q", test.lesson, test.lesson.closesTCP(), update)
		}
	}
	if (*Lesson)(nil).closesTCP() {
		t.Error("nothing that was told closes TCP")
	}
}
