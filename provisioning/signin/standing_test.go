package signin

import (
	"net/netip"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"homeward/cache"
	"homeward/internal/sip"
	"homeward/provisioning"
)

// Name servers rotate addresses: that alone is nothing to write down, wherever in the record they stand.
func TestRotationIsNothingToWriteDown(t *testing.T) {
	addrs := []netip.Addr{netip.MustParseAddr("10.0.0.5"), netip.MustParseAddr("10.0.0.6")}
	at := func(host string, addrs []netip.Addr) provisioning.Candidate {
		return provisioning.Candidate{Endpoint: provisioning.Endpoint{Host: host, Port: 5061}, Addrs: addrs}
	}
	policy := provisioning.Policy{SIPAddress: provisioning.SIPAddress{User: "phone1", Domain: "contoso.com"}}
	e := evidence{
		policy: policy,
		memory: policy.Memory(cache.InMemory(cache.Record{})), at: time.Unix(1e9, 0),
	}
	record := func(addrs []netip.Addr) cache.Record {
		return e.record(&Registration{
			Candidate: at("fe01.contoso.com", addrs), Addr: netip.MustParseAddr("10.0.0.5"),
			Home: []provisioning.Candidate{at("fe01.contoso.com", addrs), at("fe02.contoso.com", addrs)},
			Lesson: &Lesson{known: true, provisioning: sip.Provisioning{PoolHost: "pool01.contoso.com"}, pool: addrs,
				relaysKnown: true, relays: []provisioning.MediaRelay{{Host: "edge01.contoso.com", Addresses: addrs, UDPPort: 3478}}},
		})
	}
	first := record(addrs)
	if len(first.Home) != 3 || !slices.Equal(first.Home[2].Addresses, addrs) || len(first.MediaRelays) != 1 || !slices.Equal(first.MediaRelays[0].Addresses, addrs) {
		t.Fatalf("got %+v", first.Home)
	}
	if diff := cmp.Diff(first, record([]netip.Addr{addrs[1], addrs[0]}), cmp.Comparer(func(a, b netip.Addr) bool { return a == b })); diff != "" {
		t.Error(diff)
	}
}

// The login name is kept of who signed in by password, as it was sent.
func TestMend299LoginNameKept(t *testing.T) {
	policy := provisioning.Policy{SIPAddress: provisioning.SIPAddress{User: "phone1", Domain: "contoso.com"}, User: "phone1@contoso.com"}
	e := evidence{policy: policy, memory: policy.Memory(cache.InMemory(cache.Record{}))}
	for scheme, want := range map[string]string{"digest": "phone1", "ntlm": "phone1", provisioning.ByCertificate: "", "": ""} {
		if got := e.record(&Registration{Binding: sip.Binding{Scheme: scheme, User: "phone1"}}).User; got != want {
			t.Errorf("%q: %q", scheme, got)
		}
	}
}

// What is kept of a registration, beside what was kept before: the TLS floor, the time, the home pair and whether a Registrar
// has named it.
func TestWhatARegistrationLeavesBehind(t *testing.T) {
	at := time.Date(2026, 11, 26, 12, 0, 0, 0, time.UTC)
	kept := func(host, role string) cache.Registrar {
		return cache.Registrar{Host: host, Port: 5061, Transport: "tls", Role: role}
	}
	candidate := func(host string, transport provisioning.Transport) provisioning.Candidate {
		return provisioning.Candidate{Endpoint: provisioning.Endpoint{Host: host, Port: 5061, Transport: transport}}
	}
	pair := []cache.Registrar{kept("fe01.contoso.com", "primary"), kept("fe02.contoso.com", "backup")}
	before := cache.Record{
		SIPAddress: "sip:phone1@contoso.com", Registrar: pair[0], Home: pair, Told: true, RegisteredAt: at.Add(-time.Hour),
		MediaRelays: []cache.Relay{{Host: "edge01.contoso.com", UDPPort: 3478}},
	}
	floored, another := before, before
	floored.TLSFloor = true
	another.SIPAddress, another.TLSFloor = "sip:phone2@contoso.com", true
	high := &Lesson{known: true, provisioning: sip.Provisioning{SecurityMode: "High"}}
	for _, test := range []struct {
		name   string
		reg    Registration
		memory cache.Record
		floor  bool
		told   bool
		home   string
		role   string
		relays int
	}{
		{"for the first time", Registration{Candidate: candidate("fe01.contoso.com", provisioning.TLS)}, cache.Record{}, true, false, "", "", 0},
		{"over TCP", Registration{Candidate: candidate("fe03.contoso.com", provisioning.TCP)}, before, false, false, "fe01.contoso.com primary fe02.contoso.com backup", "", 1},
		{"over TCP, which is closed from now on", Registration{Candidate: candidate("fe03.contoso.com", provisioning.TCP), Lesson: high}, before, true, false, "fe01.contoso.com primary fe02.contoso.com backup", "", 1},
		{"over TCP, after TLS", Registration{Candidate: candidate("fe03.contoso.com", provisioning.TCP)}, floored, true, false, "fe01.contoso.com primary fe02.contoso.com backup", "", 1},
		{"over TCP, after TLS of another user", Registration{Candidate: candidate("fe03.contoso.com", provisioning.TCP)}, another, true, false, "", "", 0},
		{"with one of the pair", Registration{Candidate: candidate("fe02.contoso.com", provisioning.TLS)}, before, true, true, "fe01.contoso.com primary fe02.contoso.com backup", "backup", 1},
		{"with one of the pair over another transport", Registration{Candidate: candidate("fe02.contoso.com", provisioning.TCP)}, before, false, false, "fe01.contoso.com primary fe02.contoso.com backup", "", 1},
		{"through a redirect", Registration{Candidate: candidate("sbs1.contoso.com", provisioning.TLS), Home: []provisioning.Candidate{candidate("fe05.contoso.com", provisioning.TLS), candidate("sbs1.contoso.com", provisioning.TLS)}},
			before, true, true, "fe05.contoso.com primary sbs1.contoso.com backup", "backup", 1},
		{"with media relays", Registration{Candidate: candidate("fe01.contoso.com", provisioning.TLS), Lesson: &Lesson{relaysKnown: true, relays: make([]provisioning.MediaRelay, 3)}},
			before, true, true, "fe01.contoso.com primary fe02.contoso.com backup", "primary", 3},
		{"with none any more", Registration{Candidate: candidate("fe01.contoso.com", provisioning.TLS), Lesson: &Lesson{relaysKnown: true}},
			before, true, true, "fe01.contoso.com primary fe02.contoso.com backup", "primary", 0},
	} {
		e := evidence{policy: contoso, endpointID: "a1b2", memory: contoso.Memory(cache.InMemory(test.memory)), at: at}
		got := e.record(&test.reg)
		var home []string
		for _, h := range got.Home {
			home = append(home, h.Host, h.Role)
		}
		if got.TLSFloor != test.floor || got.Told != test.told || strings.Join(home, " ") != test.home || got.Registrar.Role != test.role || len(got.MediaRelays) != test.relays {
			t.Errorf("%s: floor %t, told %t, home %v, as %q, %d media relays", test.name, got.TLSFloor, got.Told, home, got.Registrar.Role, len(got.MediaRelays))
		}
		if got.SIPAddress != "sip:phone1@contoso.com" || got.EndpointID != "a1b2" || got.Registrar.Host != test.reg.Candidate.Host || !got.RegisteredAt.Equal(at) {
			t.Errorf("%s: %+v", test.name, got)
		}
		shown := e.standing(&test.reg)
		earlier := &provisioning.Provisioning{}
		status := provisioning.Status{Provisioning: earlier}
		reg := test.reg
		reg.standing = shown
		reg.Show(&status)
		told := status.Provisioning != earlier // or what an earlier one was told stays
		if len(shown.relays) != test.relays || shown.registrar.Role != test.role || told != (test.reg.Lesson != nil) || (told && status.Provisioning != nil) != (test.reg.Lesson == high) {
			t.Errorf("%s: shown as %+v, %+v", test.name, shown, status.Provisioning)
		}
	}
}

// The time of a registration is that of the earlier of two clocks: a clock that is ahead must not close TLS later.
func TestTheEarlierClockIsKept(t *testing.T) {
	at := time.Date(2026, 11, 26, 12, 0, 0, 0, time.UTC)
	for date, want := range map[time.Time]time.Time{{}: at, at.Add(-time.Hour): at.Add(-time.Hour), at.Add(time.Hour): at} {
		e := evidence{policy: contoso, memory: contoso.Memory(cache.InMemory(cache.Record{})), at: at}
		if got := e.record(&Registration{Candidate: fe01, Binding: sip.Binding{Date: date}}).RegisteredAt; !got.Equal(want) {
			t.Errorf("the Registrar's clock shows %s: kept %s", date, got)
		}
	}
}

// Which part of the pair the device is registered with: as the pair says, or else as the Registrar does.
func TestRoleInUse(t *testing.T) {
	for _, test := range []struct {
		home     []provisioning.Registrar
		onBackup bool
		want     string
	}{
		{nil, false, ""}, {nil, true, "backup"},
		{[]provisioning.Registrar{{Endpoint: fe01.Endpoint, Role: "primary"}, {Endpoint: fe02.Endpoint, Role: "backup"}}, true, "primary"},
		{[]provisioning.Registrar{{Endpoint: fe02.Endpoint, Role: "primary"}}, true, "backup"},
		{[]provisioning.Registrar{{Endpoint: fe02.Endpoint, Role: "primary"}}, false, ""},
	} {
		reg := Registration{Candidate: fe01, Binding: sip.Binding{OnBackup: test.onBackup}}
		if got := registrarOf(&reg, test.home).Role; got != test.want {
			t.Errorf("%v, on the backup %t: got %q, want %q", test.home, test.onBackup, got, test.want)
		}
	}
}

// Where a device was registered last by a source inside the site is kept while it is registered from outside, and not otherwise.
func TestMend164WhereItWasInside(t *testing.T) {
	at := time.Date(2026, 11, 30, 12, 0, 0, 0, time.UTC)
	policy := provisioning.Policy{SIPAddress: provisioning.SIPAddress{User: "phone1", Domain: "contoso.com"}}
	kept := cache.Record{
		SIPAddress: "sip:phone1@contoso.com", Registrar: cache.Registrar{Host: "pool01.contoso.com", Port: 5061, Transport: "tls"}, RegisteredAt: at,
		Network: &cache.Network{Subnet: "10.0.0.0/24", Gateway: "10.0.0.1", NameServers: "10.0.0.53:53", Step: "internal-tls"},
	}
	want := &cache.Inside{Network: *kept.Network, Host: "pool01.contoso.com", At: at}
	for i, step := range []provisioning.Step{provisioning.ExternalTLS, provisioning.ExternalTLS, provisioning.InternalTLS, provisioning.Manual} {
		e := evidence{policy: policy, memory: policy.Memory(cache.InMemory(kept)), at: at.Add(time.Duration(i+1) * time.Hour)}
		kept = e.record(&Registration{Candidate: provisioning.Candidate{Step: step, Endpoint: provisioning.Endpoint{Host: "edge01.contoso.com", Port: 443}}})
		if step == provisioning.InternalTLS {
			want = nil
		} else if step == provisioning.Manual { // it is kept of the one before it
			want = &cache.Inside{Network: cache.Network{Step: "internal-tls"}, Host: "edge01.contoso.com", At: at.Add(3 * time.Hour)}
		}
		if diff := cmp.Diff(want, kept.Inside); diff != "" {
			t.Errorf("%d, %v: %s", i, step, diff)
		}
	}
}
