package control

import (
	"testing"

	"homeward/provisioning"
)

// What was not tried is a failure where something is wrong, and none where policy or the order says so.
func TestSkipsThatAreFailures(t *testing.T) {
	for _, test := range []struct {
		reason provisioning.Reason
		fault  string
		want   bool
	}{
		{provisioning.NoAddress, string(provisioning.FaultRedirectNoAddress), true},
		{provisioning.NoAddress, string(provisioning.FaultNoAddress), true},
		{provisioning.NameNotAllowed, string(provisioning.FaultOutsideDomain), true},
		{provisioning.TransportPolicy, "", false},
		{provisioning.SameAsFailed, "", false},
		{provisioning.SRVExists, "", false},
		{provisioning.DHCPOff, "", false},
	} {
		e := Entry{Event: string(provisioning.Skipped), Reason: test.reason, Fault: test.fault}
		if got := e.Failure(); got != test.want {
			t.Errorf("%s %s is a failure: %t", test.reason, test.fault, got)
		}
	}
}
