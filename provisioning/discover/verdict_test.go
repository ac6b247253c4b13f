package discover

import (
	"errors"
	"testing"

	"github.com/homeward-agent/homeward/internal/srv"
	"github.com/homeward-agent/homeward/provisioning"
)

// Every kind of srv means something, of SRV records and of a host: what proves absence, what publishes a refusal, and what
// leaves the question open are told apart by nothing else.
func TestEveryKindOfDNSHasAReason(t *testing.T) {
	for _, k := range srv.Kinds() {
		e := &srv.Error{Kind: k, Err: errors.New("some words")}
		var f provisioning.Finding
		failed(&f, e)
		want := provisioning.Failed
		switch k {
		case srv.NoRecord, srv.NoData, srv.DanglingAlias:
			want = provisioning.Absent
		case srv.NotOffered:
			want = provisioning.Found
		default: // open
		}
		if f.Verdict != want || f.Reason == "" || f.Reason == provisioning.Unknown || f.Trouble.Specific() != (want != provisioning.Absent) || (f.Detail != "") != (want == provisioning.Failed) {
			t.Errorf("%v (%d): SRV records are %v, %q, %q", k, k, f.Verdict, f.Reason, f.Detail)
		}
		var name provisioning.Name
		noAddress(&name, e)
		if absent := name.Reason == provisioning.NoAddress; absent != (want == provisioning.Absent) || name.Reason == "" || name.Reason == provisioning.Unknown {
			t.Errorf("%v (%d): a host is %q", k, k, name.Reason)
		}
	}
	var f provisioning.Finding
	if failed(&f, errors.New("some words")); f.Verdict != provisioning.Failed || f.Reason != provisioning.DNSMalformed {
		t.Errorf("of no kind: %v, %q", f.Verdict, f.Reason)
	}
}
