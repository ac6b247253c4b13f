package place

import (
	"errors"
	"testing"
)

// The names of the seed pages: TechNet dd637123 (strict name checking) and dd572514.
func TestNameRule(t *testing.T) {
	type verdicts struct{ suffix, strict bool }
	for name, test := range map[string]struct {
		host string
		want verdicts
	}{
		"the SIP domain itself":                      {"contoso.com", verdicts{true, true}},
		"sip.<SIP domain>":                           {"sip.contoso.com", verdicts{true, true}},
		"case and a final dot do not matter":         {"SIP.Contoso.COM.", verdicts{true, true}},
		"a host under the SIP domain":                {"lc.contoso.com", verdicts{true, false}},
		"a host deep under the SIP domain":           {"sip.division.contoso.com", verdicts{true, false}},
		"another domain":                             {"server.fabrikam.com", verdicts{}},
		"the SIP domain as a prefix of an evil one":  {"lc.contoso.com.evil.net", verdicts{}},
		"a look-alike without the border of a label": {"evilcontoso.com", verdicts{}},
		"sip. of another domain":                     {"sip.evil.net", verdicts{}},
		"the Kelvin sign is no k":                    {"sip.\u212aontoso.com", verdicts{}},
		"an empty name":                              {"", verdicts{}},
	} {
		t.Run(name, func(t *testing.T) {
			got := verdicts{
				suffix: CheckName(test.host, "contoso.com", Suffix) == nil,
				strict: CheckName(test.host, "contoso.com", Strict) == nil,
			}
			if got != test.want {
				t.Errorf("%q: got %+v, want %+v", test.host, got, test.want)
			}
			if err := CheckName(test.host, "contoso.com", Off); err != nil {
				t.Errorf("%q with the rule off: %v", test.host, err)
			}
		})
	}
}

// Which rule has refused a name, and what that rule would have taken.
func TestNameErrors(t *testing.T) {
	for _, test := range []struct {
		rule       Naming
		name, want string
	}{
		{Suffix, "suffix", "lc.fabrikam.com is not under contoso.com"},
		{Strict, "strict", "lc.fabrikam.com is neither contoso.com nor sip.contoso.com (strict_naming)"},
	} {
		var refused *NameError
		err := CheckName("lc.fabrikam.com", "contoso.com", test.rule)
		if !errors.As(err, &refused) || refused.Naming.String() != test.name || err.Error() != test.want {
			t.Errorf("%s: got %v", test.name, err)
		}
	}
}
