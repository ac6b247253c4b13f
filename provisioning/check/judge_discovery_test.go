package check

import (
	"slices"
	"testing"

	"homeward/provisioning"
)

// Two targets without a final dot, and one that is plainly missing.
func TestMend216LikewiseWithoutAFinalDot(t *testing.T) {
	f := &Facts{Found: provisioning.Findings{{Source: provisioning.Source{Step: provisioning.InternalTLS, Source: "dns", Query: "_sipinternaltls._tcp.contoso.com"}}}}
	f.Policy.SIPAddress.Domain = "contoso.com"
	for _, host := range []string{"fe01.contoso.com.contoso.com", "fe02.contoso.com.contoso.com", "fe03.contoso.com"} {
		s := provisioning.Skip{Step: provisioning.InternalTLS, Endpoint: provisioning.Endpoint{Host: host, Port: 5061}, Reason: provisioning.NoAddress}
		s.Trouble = f.Policy.NotUsed("the SRV record", provisioning.SideDNS, s, provisioning.NoSuchName())
		f.Plan.Skipped = append(f.Plan.Skipped, s)
	}
	found := allOf(f, &f.Plan.Skipped[0])
	if want := []string{
		"the SRV record _sipinternaltls._tcp.contoso.com names fe01.contoso.com.contoso.com, which does not exist in DNS",
		"it is the same at fe02.contoso.com.contoso.com",
	}; !slices.Equal(found.Sentences(), want) {
		t.Errorf("%q, want %q", found.Sentences(), want)
	}
	if want := "in the zone, put a final dot behind fe01.contoso.com, fe02.contoso.com: without it, the zone adds its own name"; found.Do() != want {
		t.Errorf("%q, want %q", found.Do(), want)
	}
	if cures := found.Otherwise(); len(cures) != 1 {
		t.Errorf("%q, want no more than that it may be misspelt", cures)
	}
}
