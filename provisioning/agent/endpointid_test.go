package agent

import (
	"net/netip"
	"regexp"
	"testing"

	"github.com/homeward-agent/homeward/cache"
)

// A new device has ten hexadecimal digits for an epid, as Microsoft's clients have; a stored one stays, whatever it is.
func TestMend21EndpointID(t *testing.T) {
	store := cache.Open(t.TempDir())
	defer store.Close()
	digits := regexp.MustCompile(`^[0-9a-f]{10}$`)
	for range 100 {
		if id := endpointID(store); !digits.MatchString(id) {
			t.Fatalf("epid %q", id)
		}
	}
	fe01 := netip.MustParseAddr("10.0.0.5")
	record := cache.Record{SIPAddress: "sip:phone1@contoso.com", EndpointID: "xyzxyzxyz2", Registrar: cache.Registrar{Host: "fe01.contoso.com", Port: 5061, Transport: "tls", Step: "internal-tls", Via: "SRV", Addresses: []netip.Addr{fe01}, Address: fe01}}
	if _, err := store.Commit(record); err != nil {
		t.Fatal(err)
	}
	if id := endpointID(store); id != record.EndpointID {
		t.Errorf("the stored epid became %q", id)
	}
}
