package check

import (
	"fmt"
	"strings"
	"testing"
)

// No name of a site is left in what a service says of itself, whatever its names are made of, and however many it has.
func TestDescriptionsHideNames(t *testing.T) {
	var many strings.Builder
	for i := range 3 * maxHidden {
		fmt.Fprintf(&many, "http://secret%d/ ", i)
	}
	for _, test := range []struct{ text, not string }{
		{"http://corp.local/ http://pool01.corp.local/ pool01.corp.local POOL01.CORP.LOCAL", "pool01"},
		{"http://web.contoso.com/ fe01.Contoso.com jo@contoso.com", "contoso.com"},
		{many.String(), "secret"},
	} {
		for range 20 { // maps have no order
			if got := string(newHider("contoso.com").in([]byte(test.text))); strings.Contains(strings.ToLower(got), test.not) {
				t.Fatalf("%q is left in %.200q", test.not, got)
			}
		}
	}
}
