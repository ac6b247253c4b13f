package discover

import (
	"errors"
	"net/netip"
	"slices"
	"sync"
	"testing"

	"homeward/dhcpopts"
	"homeward/provisioning"
	"homeward/provisioning/wire"
)

// DHCP is asked on each link; the name of one is told where there are several. One that can be asked is enough.
func TestOnLinks(t *testing.T) {
	none, other := errors.New("none"), errors.New("other")
	for name, test := range map[string]struct {
		links []string
		err   error
		asked map[string]error
		names []string
		want  error
	}{
		"one":                    {[]string{"eth0"}, nil, map[string]error{"eth0": nil}, []string{""}, nil},
		"one that cannot":        {[]string{"eth0"}, nil, map[string]error{"eth0": other}, []string{""}, other},
		"two":                    {[]string{"eth0", "wlan0"}, nil, map[string]error{}, []string{"eth0", "wlan0"}, nil},
		"two, of which one can":  {[]string{"eth0", "wlan0"}, nil, map[string]error{"eth0": other}, []string{"eth0", "wlan0"}, nil},
		"two, of which none can": {[]string{"eth0", "wlan0"}, nil, map[string]error{"eth0": other, "wlan0": none}, []string{"eth0", "wlan0"}, other},
		"no link":                {nil, none, nil, nil, none},
	} {
		w := wire.Wire{Links: func(string, bool) ([]string, error) { return test.links, test.err }}
		var mu sync.Mutex
		var names []string
		err := onLinks(&w, "eth0", false, func(link, name string) error {
			mu.Lock()
			defer mu.Unlock()
			names = append(names, name)
			return test.asked[link]
		})
		slices.Sort(names)
		if !slices.Equal(names, test.names) || !errors.Is(err, test.want) {
			t.Errorf("%s: asked as %q: %v", name, names, err)
		}
	}
}

func TestJoinErrors(t *testing.T) {
	a, b := errors.New("a"), errors.New("b")
	if got := joinErrors(a, b); got.Error() != "a; b" || !errors.Is(got, a) || !errors.Is(got, b) {
		t.Errorf("both: %v", got)
	}
	if got := joinErrors(a, nil); got.Error() != "a" || joinErrors(nil, b).Error() != "b" || joinErrors(nil, nil) != nil {
		t.Errorf("one: %v", got)
	}
}

func TestOption6(t *testing.T) {
	addrs := []netip.Addr{netip.MustParseAddr("2001:db8::5")}
	for want, all := range map[string][]dhcpopts.SIPServers{
		"option 21": {{}, {Names: []string{"fe01"}}, {Names: []string{"fe01"}, Addrs: addrs}},
		"option 22": {{Addrs: addrs}},
	} {
		for _, s := range all {
			if got := option6(&s); got != want {
				t.Errorf("%+v: %s", s, got)
			}
		}
	}
}

// What a survey without an answer by IPv4 comes to.
func TestJudgeWithoutAnswers(t *testing.T) {
	failed, failed6 := errors.New("no socket"), errors.New("no socket for 6")
	named := []dhcpopts.Answer{{Type: "reply", SIP: dhcpopts.SIPServers{Names: []string{"fe01.contoso.com"}, Raw: []byte{1}}}}
	strangers := []dhcpopts.Dropped{{From: netip.MustParseAddr("10.0.0.67"), Why: dhcpopts.OtherTransaction, Count: 1}}
	for name, test := range map[string]struct {
		survey    DHCPSurvey
		err, err6 error
		reason    provisioning.Reason
		detail    string
	}{
		"IPv6 names one":                 {DHCPSurvey{Six: named}, failed, nil, "", ""},
		"IPv6 only, and silent":          {DHCPSurvey{}, failed, nil, provisioning.DHCPSilent, "no socket"},
		"IPv6 only, of others":           {DHCPSurvey{Dropped: strangers}, failed, nil, provisioning.FaultDHCPOthers.Reason(), "from 10.0.0.67: " + DropWords(strangers[0]) + ", 1 times"},
		"neither can be asked":           {DHCPSurvey{}, failed, failed6, provisioning.Unknown, "no socket"},
		"asked, and only of others":      {DHCPSurvey{Dropped: strangers}, nil, nil, provisioning.FaultDHCPOthers.Reason(), "from 10.0.0.67: " + DropWords(strangers[0]) + ", 1 times"},
		"asked, and silent":              {DHCPSurvey{}, nil, nil, provisioning.DHCPSilent, ""},
		"an answer, whatever else there": {DHCPSurvey{Answers: []dhcpopts.Answer{{Type: "ack"}}, Dropped: strangers}, nil, nil, provisioning.DHCPNoOption, "from invalid IP"},
	} {
		test.survey.judge(nil, test.err, test.err6)
		if test.survey.Reason != test.reason || test.survey.Detail != test.detail {
			t.Errorf("%s: %q, %q, want %q, %q", name, test.survey.Reason, test.survey.Detail, test.reason, test.detail)
		}
	}
}
