package dhcpopts

import (
	"fmt"
	"net/netip"
	"strings"
	"testing"
)

// The routes that a server gives are read in all their forms; what cannot be read is not taken for none.
func TestAnswerToRoutes(t *testing.T) {
	for _, test := range []struct{ name, options, want, routers string }{
		{"none", "0304 0A000001", "", "10.0.0.1"},
		{"option 121, with a default route", "0304 0A000009 7916 1C 0A320210 0A320102 00 0A000001 18 0A0001 0A000002",
			"121: 10.50.2.16/28 10.50.1.2, 121: 0.0.0.0/0 10.0.0.1, 121: 10.0.1.0/24 10.0.0.2", "10.0.0.1"},
		{"option 121, with a default route on the link", "0304 0A000001 7905 00 00000000", "121: 0.0.0.0/0 invalid IP", "10.0.0.1"},
		{"option 121 with bits behind the mask", "7909 1C 0A320214 0A320102", "121: 10.50.2.20/28 10.50.1.2", ""},
		{"option 249", "F909 1C 0A320210 0A320102", "249: 10.50.2.16/28 10.50.1.2", ""},
		{"option 33", "2110 0A320214 0A320102 0A000000 0A320103", "33: invalid Prefix invalid IP", ""},
		{"option 121 that is cut", "790C 1C 0A320210 0A320102 18 0A00", "121: 10.50.2.16/28 10.50.1.2, 121: invalid Prefix invalid IP", ""},
		{"option 121 with a mask that is none", "7906 21 0A320210 0A", "121: invalid Prefix invalid IP", ""},
	} {
		t.Run(test.name, func(t *testing.T) {
			q := testQuery()
			q.Besides = true
			a, why := q.answer(message("", "", "350105 36040A000043"+test.options+"FF"), server67)
			var got []string
			for _, r := range a.Routes {
				got = append(got, fmt.Sprintf("%d: %s %s", r.Option, r.To, r.Via))
			}
			var routers []string
			for _, r := range a.Routers {
				routers = append(routers, r.String())
			}
			if text := strings.Join(got, ", "); why != Read || text != test.want || strings.Join(routers, ", ") != test.routers {
				t.Errorf("%v, got %s and the routers %v, want %s and %s", why, text, routers, test.want, test.routers)
			}
		})
	}
}

// What a route is called, and whether it is another one than the default route of the main table.
func TestRouteInWords(t *testing.T) {
	net, all := netip.MustParsePrefix("10.50.2.16/28"), netip.MustParsePrefix("0.0.0.0/0")
	for _, test := range []struct {
		route  *Route
		want   string
		detour bool
	}{
		{&Route{To: net}, "the route of this device to 10.50.2.16/28", true},
		{&Route{To: net, Table: 100}, "the route of this device to 10.50.2.16/28 in the routing table 100", true},
		{&Route{To: all}, "the default route of this device", false},
		{&Route{To: all, Table: 100}, "the default route of this device in the routing table 100", true},
		{&Route{}, "the default route of this device", false},
		{nil, "", false},
	} {
		if test.want != "" && test.route.String() != test.want || test.route.Detour() != test.detour {
			t.Errorf("%#v: want %s, detour %t", test.route, test.want, test.detour)
		}
	}
}
