package discover

import (
	"errors"
	"flag"
	"fmt"
	"os"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/homeward-agent/homeward/internal/srv"
	"github.com/homeward-agent/homeward/provisioning"
)

var update = flag.Bool("update", false, "rewrite testdata/faults.golden")

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

// What a tech reads of every kind of look-up that found nothing is in testdata/faults.golden; docs/faults.md is made from it.
func TestFaultsOfDNS(t *testing.T) {
	var b strings.Builder
	tell := func(name string, trouble provisioning.Trouble) {
		if !trouble.None() {
			fmt.Fprintf(&b, "%s: %s (%s, %s)\n\t%s\n\t%s\n", name, trouble.Fault.ID, trouble.Reason(), trouble.OnSide(), trouble.What(), trouble.Hint())
		}
	}
	for _, k := range srv.Kinds() {
		e := &srv.Error{Kind: k, Name: "_sip._tls.contoso.com", Type: "SRV", Server: "10.0.0.53:53", Code: 5, Alias: "gone.contoso.com.", Err: errors.New("some words")}
		var f provisioning.Finding
		failed(&f, e)
		tell(fmt.Sprintf("SRV, %d", k), f.Trouble)
		e.Name, e.Type = "fe01.contoso.com", "A"
		name := provisioning.Name{Host: e.Name}
		noAddress(&name, e)
		tell(fmt.Sprintf("A, %d", k), name.Trouble)
	}
	e := &srv.Error{Kind: srv.Timeout, Name: "_sip._tls.contoso.com", Type: "SRV", Server: "10.0.0.53:53", Dropped: srv.Dropped{Count: 3, Why: srv.OtherID}}
	tell("dropped", lookupTrouble(e))
	for _, r := range []provisioning.Reason{provisioning.DHCPMalformed, provisioning.DHCPVendorClass, provisioning.DHCPConflict, provisioning.TLSNoName, provisioning.DHCPSilent} {
		tell("DHCP, "+string(r), DHCPTrouble(r, "some words"))
	}
	const file = "testdata/faults.golden"
	if *update {
		if err := os.WriteFile(file, []byte(b.String()), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(strings.Split(string(want), "\n"), strings.Split(b.String(), "\n")); diff != "" {
		t.Errorf("%s (-want +got):\n%s", file, diff)
	}
}
