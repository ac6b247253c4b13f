package provisioning

import (
	"net/netip"
	"slices"
	"testing"
	"time"

	"github.com/homeward-agent/homeward/cache"
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
