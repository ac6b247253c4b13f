package provisioning

import (
	"testing"

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
