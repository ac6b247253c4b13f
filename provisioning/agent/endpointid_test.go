package agent

import (
	"net/netip"
	"regexp"
	"testing"

	"homeward/cache"
	"homeward/provisioning"
	"homeward/provisioning/wire"
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

// A device that gives its bindings back is the same endpoint after a crash, also if that came before its first registration.
func TestEndpointIDIsKeptBeforeABinding(t *testing.T) {
	dir := t.TempDir()
	ids := map[string]bool{}
	for range 3 {
		store := cache.Open(dir)
		a := New(provisioning.Policy{Release: true}, wire.Wire{}, store, func(*provisioning.Event) {})
		a.introduce()
		ids[a.signer.EndpointID] = true
		store.Close()
	}
	if len(ids) != 1 {
		t.Errorf("it was %v", ids)
	}
}
