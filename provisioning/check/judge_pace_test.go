package check

import (
	"net/netip"
	"testing"
	"time"

	"homeward/dhcpopts"
	"homeward/provisioning"
	"homeward/provisioning/discover"
	"homeward/provisioning/signin"
)

// The limits, of packages discover and signin.
const (
	slowDNS     = 200 * time.Millisecond
	slowDHCP    = 2 * time.Second
	slowConnect = 250 * time.Millisecond
	slowAnswer  = 2 * time.Second
)

// What is slow or lossy by the least that counts is told, and what is a little better is not.
func TestPace(t *testing.T) {
	quality := func(asked, answered int, median time.Duration) *Facts {
		return &Facts{Quality: []discover.Quality{{Asked: asked, Answered: answered, Median: median}}}
	}
	way := func(connected bool, took time.Duration) *Facts {
		addr := netip.MustParseAddr("10.0.0.5")
		c := provisioning.Candidate{Endpoint: provisioning.Endpoint{Host: "fe01.contoso.com", Port: 5061}, Addrs: []netip.Addr{addr}}
		probe := &signin.Probe{Addr: addr, Connected: connected, Connecting: took}
		return &Facts{Plan: provisioning.Plan{Try: []provisioning.Candidate{c}}, Places: []*Place{{Candidate: c, Probes: []*signin.Probe{probe}}}}
	}
	answer := func(took time.Duration) *Facts {
		f := way(true, 0)
		probe := f.Places[0].Probes[0]
		probe.Connecting, probe.Securing, probe.Took, probe.Greeting.Code = 100*time.Millisecond, 100*time.Millisecond, took+200*time.Millisecond, 200
		return f
	}
	silent := answer(slowAnswer)
	silent.Places[0].Probes[0].Greeting.Code = 0
	dhcp := func(took time.Duration) *Facts {
		f := &Facts{DHCP: &discover.DHCPSurvey{Answers: []dhcpopts.Answer{{Took: took}}}}
		f.Policy.AskDHCP = true
		return f
	}
	gap := quality(100, 96, 0)
	gap.Quality[0].Gap.Took = 80 * time.Millisecond
	for _, test := range []struct {
		name  string
		judge judgement
		facts *Facts
		want  provisioning.Fault
	}{
		{"4 of 100 lost", lossy, quality(100, 96, 0), provisioning.FaultDNSLossy},
		{"3 of 100 lost", lossy, quality(100, 97, 0), ""},
		{"4 of 100 at once", lossy, gap, provisioning.FaultDNSGap},
		{"dead", lossy, quality(100, 0, 0), ""},
		{"dead, alone", serverDead, quality(100, 0, 0), ""},
		{"DNS at the limit", slow, quality(100, 100, slowDNS), provisioning.FaultDNSSlow},
		{"DNS below it", slow, quality(100, 100, slowDNS-time.Millisecond), ""},
		{"a way at the limit", slow, way(true, slowConnect), provisioning.FaultSlowWay},
		{"a way below it", slow, way(true, slowConnect-time.Millisecond), ""},
		{"no way", slow, way(false, slowConnect), ""},
		{"an answer at the limit", slow, answer(slowAnswer), provisioning.FaultSlowAnswer},
		{"an answer below it", slow, answer(slowAnswer - time.Millisecond), ""},
		{"no answer", slow, silent, ""},
		{"DHCP at the limit", slow, dhcp(slowDHCP), provisioning.FaultDHCPSlow},
		{"DHCP below it", slow, dhcp(slowDHCP - time.Millisecond), ""},
	} {
		if got := test.judge(test.facts).Fault; got != test.want {
			t.Errorf("%s: %+v", test.name, got)
		}
	}
}

// Of several name servers the first that is dead is told, with the first that is alive.
func TestServerDead(t *testing.T) {
	var f Facts
	for i, answered := range []int{40, 0, 40, 0} {
		server := netip.AddrPortFrom(netip.AddrFrom4([4]byte{10, 0, 0, byte(50 + i)}), 53)
		f.Quality = append(f.Quality, discover.Quality{Server: server, Asked: 40, Answered: answered})
	}
	got := serverDead(&f)
	if got.Fault != provisioning.FaultDNSServerDead || got.Facts["server"] != f.Quality[1].Server || got.Facts["alive"] != f.Quality[0].Server {
		t.Errorf("%+v", got)
	}
}

// Silence is that of a lossy way only where it would be that of a firewall, and where enough is lost.
func TestOnLossyWay(t *testing.T) {
	for _, test := range []struct {
		met, want provisioning.Fault
		answered  int
	}{
		{provisioning.FaultFiltered, provisioning.FaultLossyWay, 90},
		{provisioning.FaultPortFiltered, provisioning.FaultLossyWay, 90},
		{provisioning.FaultTLSLost, provisioning.FaultLossyWay, 43},
		{provisioning.FaultFiltered, provisioning.FaultFiltered, 91},
		{provisioning.FaultHostDrops, provisioning.FaultLossyWay, 90},
		{provisioning.FaultFiltered, provisioning.FaultFiltered, 0}, // dead
		{provisioning.FaultRefused, provisioning.FaultRefused, 43},
	} {
		f := &Facts{Quality: []discover.Quality{{Asked: 100, Answered: 100}, {Asked: 100, Answered: test.answered}}}
		if got := onLossyWay(f, test.met.Met(provisioning.Facts{"at": "fe01.contoso.com:5061"})); got.Fault != test.want || got.Facts["at"] == nil {
			t.Errorf("%s, %d answered: %+v", test.met, test.answered, got)
		}
	}
}

// A second connection that fails where packets get lost says nothing of a limit of connections.
func TestMend146LossesAreNoLimit(t *testing.T) {
	failed := provisioning.FaultFiltered.Met(provisioning.Facts{"at": "fe01.contoso.com:5061", "fails": "is not answered"})
	for answered, want := range map[int]provisioning.Fault{100: provisioning.FaultSecondConnection, 80: provisioning.FaultLossyWay} {
		f := &Facts{Quality: []discover.Quality{{Asked: 100, Answered: answered}}, Second: provisioning.FaultSecondConnection.Because(failed, failed.Facts)}
		if got := onLossyWay(f, f.Second); got.Fault != want {
			t.Errorf("%d of 100 answered: %q, want %q", answered, got.Fault, want)
		}
	}
}
