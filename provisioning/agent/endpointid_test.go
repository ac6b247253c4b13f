package agent

import (
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
	record := cache.Record{SIPAddress: "sip:phone1@contoso.com", EndpointID: "xyzxyzxyz2", Registrar: parseEndpoint(t, []string{"fe01.contoso.com:5061", "tls", "10.0.0.5"})}
	if _, err := store.Commit(record); err != nil {
		t.Fatal(err)
	}
	if id := endpointID(store); id != record.EndpointID {
		t.Errorf("the stored epid became %q", id)
	}
}
