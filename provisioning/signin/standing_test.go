package signin

import (
	"net/netip"
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/homeward-agent/homeward/cache"
	"github.com/homeward-agent/homeward/internal/sip"
	"github.com/homeward-agent/homeward/provisioning"
)

// Name servers rotate addresses: that alone is nothing to write down, wherever in the record they stand.
func TestRotationIsNothingToWriteDown(t *testing.T) {
	addrs := []netip.Addr{netip.MustParseAddr("10.0.0.5"), netip.MustParseAddr("10.0.0.6")}
	at := func(host string, addrs []netip.Addr) provisioning.Candidate {
		return provisioning.Candidate{Endpoint: provisioning.Endpoint{Host: host, Port: 5061}, Addrs: addrs}
	}
	e := evidence{
		policy: provisioning.Policy{SIPAddress: provisioning.SIPAddress{User: "phone1", Domain: "contoso.com"}},
		memory: provisioning.Policy{}.Memory(cache.InMemory(cache.Record{})), at: time.Unix(1e9, 0),
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
