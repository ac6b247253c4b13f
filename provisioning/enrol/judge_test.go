package enrol

import (
	"errors"
	"fmt"
	"net/netip"
	"strings"
	"testing"
	"time"

	"homeward/internal/certprov"
	"homeward/internal/golden"
	"homeward/internal/identity"
	"homeward/provisioning"
)

// What a tech reads about each way in which an enrolment, or the certificate at hand, fails.
func TestFaults(t *testing.T) {
	var b strings.Builder
	show := func(what string, trouble provisioning.Trouble) {
		fmt.Fprintf(&b, "%s: %s %s\n\t%s\n\t%s\n", what, trouble.Reason(), string(trouble.Fault), trouble.What(), trouble.Hint())
	}
	for _, k := range certprov.Kinds() {
		e := &certprov.Error{Kind: k, At: "web01.contoso.com:443/x", Status: 500, ID: 28000, Code: "code", Reason: "words", Offered: []string{"PortOne", "PortTwo"}, Problem: "what is wrong", Err: errors.New("raw")}
		if k == certprov.Unreachable {
			e.Err = unreachable(errors.New("raw"), &provisioning.Candidate{Endpoint: provisioning.Endpoint{Host: "web01.contoso.com", Port: 443, Transport: provisioning.TLS}, Addrs: []netip.Addr{netip.MustParseAddr("10.0.0.8")}})
		}
		show(fmt.Sprintf("kind %d", k), Judge(e, false))
	}
	show("a PIN", Judge(&certprov.Error{Kind: certprov.CredentialsRefused, At: "web01.contoso.com:443/x"}, true))
	show("no password, and a certificate that is refused", Judge(notRenewed(&certprov.Error{Kind: certprov.CredentialsRefused, At: "web01.contoso.com:443/x", ID: 28020, Reason: "No valid security token."}), false))
	show("no password, and no way without", Judge(notRenewed(&certprov.Error{Kind: certprov.NoMethod, At: "web01.contoso.com:443/x", Offered: []string{"PortOne", "PortTwo"}}), false))
	show("the disk", Judge(troubled{provisioning.FaultEnrolStore.Met(provisioning.Facts{"problem": "no space left on device"})}, false))
	show("another error", Judge(errors.New("raw"), false))
	show("nobody knows where", provisioning.FaultEnrolNoService.Met(nil))
	for _, k := range identity.Kinds() {
		trouble := JudgeIdentity(&identity.Error{Kind: k, Path: "/state/identity/1", Err: errors.New("what is wrong")}, time.Date(2026, 11, 28, 8, 0, 0, 0, time.UTC))
		if k == identity.Absent {
			if !trouble.None() {
				t.Error("a device without a certificate is in trouble")
			}
			continue
		}
		show(fmt.Sprintf("identity %d", k), trouble)
	}
	if !Judge(nil, false).None() || !JudgeIdentity(nil, time.Now()).None() {
		t.Error("no error is trouble")
	}
	golden.Compare(t, "testdata/faults.golden", []byte(b.String()))
}
