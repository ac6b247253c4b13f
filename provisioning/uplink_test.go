package provisioning

import (
	"strings"
	"testing"
)

// A switch whose uplink is cut looks, from a device at it, like a gateway that is off.
func TestMend267TheUplinkOfTheSwitch(t *testing.T) {
	for _, f := range []Fault{FaultNoGateway, FaultDNSNoGateway} {
		told := f.Met(Facts{"gateway": "10.0.0.1"})
		if all := told.Do() + strings.Join(told.Otherwise(), "; "); !strings.Contains(all, "10.0.0.1 is running and connected to the same switch (its uplink)") {
			t.Errorf("%s: advises %q", f, all)
		}
	}
}
