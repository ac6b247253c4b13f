package discover

import (
	"errors"
	"fmt"
	"maps"
	"net/netip"
	"slices"
	"strings"
	"testing"
	"time"

	"homeward/internal/golden"
	"homeward/internal/srv"
	"homeward/provisioning"
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
		if f.Verdict != want || f.Reason == "" || f.Reason == provisioning.Unknown || f.Trouble.Specific() != (want != provisioning.Absent || k == srv.DanglingAlias) || (f.Detail != "") != (want == provisioning.Failed) {
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
			fmt.Fprintf(&b, "%s: %s (%s, %s)\n\t%s\n\t%s\n", name, string(trouble.Fault), trouble.Reason(), trouble.OnSide(), trouble.What(), trouble.Hint())
		}
	}
	codes := map[srv.Kind]int{srv.NoRecord: 3, srv.DanglingAlias: 3, srv.ServFail: 2, srv.Refused: 5, srv.FormErr: 1, srv.NotImp: 4, srv.OtherCode: 9}
	usedBy := map[srv.Kind][]netip.Addr{srv.BadAddress: {netip.MustParseAddr("169.254.0.9")}, srv.NoWay: {netip.MustParseAddr("2001:db8::5")}}
	for _, k := range srv.Kinds() {
		e := &srv.Error{Kind: k, Name: "_sip._tls.contoso.com", Type: "SRV", Server: "10.0.0.53:53", Code: codes[k], TCP: srv.PortClosed, Alias: "gone.contoso.com.", Gateway: netip.MustParseAddr("10.9.0.1"), Addrs: usedBy[k], Err: errors.New("some words")}
		var f provisioning.Finding
		failed(&f, e)
		tell(fmt.Sprintf("SRV, %d", k), f.Trouble)
		e.Name, e.Type = "fe01.contoso.com", "A"
		name := provisioning.Name{Host: e.Name}
		noAddress(&name, e)
		tell(fmt.Sprintf("A, %d", k), name.Trouble)
	}
	for _, addrs := range []string{"0.0.0.0", "127.0.0.1", "::"} {
		tell("blocked by "+addrs, lookupTrouble(&srv.Error{Kind: srv.BadAddress, Name: "fe01.contoso.com", Type: "A", Server: "10.0.0.53:53", Addrs: []netip.Addr{netip.MustParseAddr(addrs)}}))
	}
	for _, addrs := range [][]netip.Addr{{netip.MustParseAddr("10.0.0.5")}, {netip.MustParseAddr("2001:db8::5"), netip.MustParseAddr("2001:db8::6")}} {
		tell("no way to "+provisioning.ListOf(addrs), lookupTrouble(&srv.Error{Kind: srv.NoWay, Name: "fe01.contoso.com", Addrs: addrs}))
	}
	tell("no default route", lookupTrouble(&srv.Error{Kind: srv.Unreachable, NoRoute: true, Name: "_sip._tls.contoso.com", Type: "SRV", Server: "10.98.0.53:53"}))
	e := &srv.Error{Kind: srv.Timeout, Name: "_sip._tls.contoso.com", Type: "SRV", Server: "10.0.0.53:53", Dropped: srv.Dropped{Count: 3, Why: srv.OtherID}}
	tell("dropped", lookupTrouble(e))
	tell("a server that lives", lookupTrouble(&srv.Error{Kind: srv.Timeout, Name: e.Name, Type: "SRV", Server: e.Server, Lives: true, Waited: 1800 * time.Millisecond}))
	for _, k := range slices.Sorted(maps.Keys(overTCP)) {
		tell(fmt.Sprintf("cut, %d over TCP", k), lookupTrouble(&srv.Error{Kind: srv.Truncated, Name: e.Name, Server: e.Server, TCP: k}))
	}
	for _, k := range []srv.Kind{srv.Timeout, srv.FormErr, srv.NotImp, srv.OtherCode} {
		tell(fmt.Sprintf("SRV, %d, and addresses are answered", k), lookupTrouble(&srv.Error{Kind: k, Name: e.Name, Type: "SRV", Server: e.Server, Code: codes[k], Addresses: true}))
	}
	tell("no resolver runs on this device, which asks itself", lookupTrouble(&srv.Error{Kind: srv.PortClosed, Name: e.Name, Type: "SRV", Server: "127.0.0.1:53",
		Others: []*srv.Error{{Kind: srv.Unreachable, Name: e.Name, Type: "SRV", Server: "[::1]:53"}}}))
	tell("another name server is listed beside this device", lookupTrouble(&srv.Error{Kind: srv.PortClosed, Name: e.Name, Type: "SRV", Server: "127.0.0.1:53", Alike: []string{"10.0.0.53:53"}}))
	tell("a stub refuses", lookupTrouble(&srv.Error{Kind: srv.Refused, Name: e.Name, Type: "SRV", Server: "127.0.0.53:53", Code: 5}))
	refused := &srv.Error{Kind: srv.Refused, Name: e.Name, Type: "SRV", Server: "10.0.0.55:53", Code: 5}
	tell("two servers, two faults", lookupTrouble(&srv.Error{Kind: srv.ServFail, Name: e.Name, Type: "SRV", Server: e.Server, Alike: []string{"10.0.0.56:53"}, Others: []*srv.Error{refused}}))
	for _, r := range []provisioning.Reason{provisioning.DHCPMalformed, provisioning.DHCPVendorClass, provisioning.DHCPConflict, provisioning.TLSNoName, provisioning.DHCPSilent} {
		tell("DHCP, "+string(r), DHCPTrouble(r, "some words"))
	}
	const file = "testdata/faults.golden"
	golden.Compare(t, file, []byte(b.String()))
}

// A name server that truncates its answers and refuses TCP says itself that nothing listens there; one that cannot be reached may be cut off.
func TestMend325RefusedOverTCP(t *testing.T) {
	for kind, side := range map[srv.Kind]provisioning.Side{srv.PortClosed: provisioning.SideDNS, srv.Timeout: provisioning.SideNetwork} {
		if got := lookupTrouble(&srv.Error{Kind: srv.Truncated, Server: "10.0.0.53:53", TCP: kind}).OnSide(); got != side {
			t.Errorf("%d: on the side of %q, not %q", kind, got, side)
		}
	}
}
