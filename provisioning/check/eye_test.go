package check

import (
	"testing"

	"homeward/cache"
	"homeward/provisioning"
	"homeward/provisioning/wire"
)

// A Lync Registrar knows a device by its endpoint id: a check under that of the daemon would take its registration.
func TestCheckHasAnEndpointIDOfItsOwn(t *testing.T) {
	const device = "a1b2c3d4e5"
	eye := newEye(&Options{Policy: provisioning.Policy{SIPAddress: provisioning.SIPAddress{User: "phone1", Domain: "contoso.com"}}, Wire: wire.Wire{}, Record: cache.Record{EndpointID: device}})
	if got := eye.signer.EndpointID; got == device || got == "" {
		t.Errorf("the check signs in under endpoint id %q, the device's is %q", got, device)
	}
}
