package provisioning

import (
	"testing"

	"github.com/homeward-agent/homeward/cache"
)

// A Lync Registrar knows a device by its endpoint id: a trial under that of the daemon would take its registration.
func TestTrialHasAnEndpointIDOfItsOwn(t *testing.T) {
	const device = "a1b2c3d4e5"
	trial := NewTrial(Policy{SIPAddress: "sip:phone1@contoso.com"}, Wire{}, cache.Record{EndpointID: device})
	if got := trial.signer.endpointID; got == device || got == "" {
		t.Errorf("the trial signs in under endpoint id %q, the device's is %q", got, device)
	}
}
