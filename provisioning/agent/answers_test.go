package agent

import (
	"net/netip"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"homeward/cache"
	"homeward/provisioning"
)

// verifyAnswers: whatever a scenario is about, what the device answers to a Registrar of Lync is signed as it must be.
func (s *scenario) verifyAnswers(t *testing.T) {
	t.Helper()
	for _, e := range s.site.Log() {
		if e.What == "response" && e.Proof != "" && e.Proof != "signed" {
			t.Errorf("the Registrar finds fault with an answer: %s", e)
		}
	}
}

// verifyOneRecord: what status shows of a registration that is not degraded is what last good keeps of it.
func verifyOneRecord(t *testing.T, status provisioning.Status, store *cache.DB) {
	t.Helper()
	record, ok := store.Load()
	if !ok || status.State != provisioning.Registered || status.Degraded || len(status.Store) > 0 {
		return
	}
	shown, kept := *status.Registrar, record.Registrar
	if shown.Host != kept.Host || shown.Port != kept.Port || shown.Address != kept.Address || shown.Via != kept.Via {
		t.Errorf("status shows %+v, last good keeps %+v", shown, kept)
	}
	same := []cmp.Option{cmpopts.EquateEmpty(), cmpopts.EquateComparable(netip.Addr{}), cmpopts.IgnoreFields(provisioning.MediaRelay{}, "UDPAnswers", "TCPAnswers")}
	if diff := cmp.Diff(provisioning.HomeOf(record), status.Home, same...); diff != "" {
		t.Errorf("the home pool (-kept +shown):\n%s", diff)
	}
	var relays []provisioning.MediaRelay
	for _, r := range record.MediaRelays {
		relays = append(relays, provisioning.MediaRelay{Host: r.Host, Addresses: r.Addresses, UDPPort: r.UDPPort, TCPPort: r.TCPPort, Location: r.Location})
	}
	if diff := cmp.Diff(relays, status.MediaRelays, same...); diff != "" {
		t.Errorf("the media relays (-kept +shown):\n%s", diff)
	}
}
