package discover

import (
	"fmt"
	"net/netip"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"homeward/cache"
	"homeward/internal/sitetest"
	"homeward/provisioning"
	"homeward/provisioning/wire"
)

var contoso = provisioning.Policy{SIPAddress: provisioning.SIPAddress{User: "phone1", Domain: "contoso.com"}, AllowTCP: true}

// onSite runs a test in fake time beside a site with a zone.
func onSite(t *testing.T, zone string, run func(t *testing.T, w wire.Wire)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		site, err := sitetest.Parse("hosts", []byte("-- zone --\n"+zone+"\n"))
		if err != nil {
			t.Fatal(err)
		}
		simulated, err := site.Start()
		if err != nil {
			t.Fatal(err)
		}
		defer site.Close()
		run(t, wire.Wire(simulated))
	})
}

// named is a name with its addresses, or why there are none.
func named(n provisioning.Name) string {
	return strings.TrimSpace(fmt.Sprint(n.Host, " ", n.Addrs, " ", n.Reason))
}

// What DNS and the configuration name in one round, each with its addresses: who is asked about what, and what decides.
func TestWhatIsNamed(t *testing.T) {
	communicator := func(p *provisioning.Policy) { p.Order = provisioning.CommunicatorOrder }
	for _, test := range []struct {
		name string
		zone string
		edit func(*provisioning.Policy)
		step provisioning.Step
		want string
	}{
		{"an SRV record", "_sipinternaltls._tcp SRV 0 0 5061 fe01\nfe01 A 10.0.0.5", nil, provisioning.InternalTLS, `
found 
fe01.contoso.com [10.0.0.5]`},
		{"a host without an address, and one that cannot be meant", "_sipinternaltls._tcp SRV 0 0 5061 fe01\n_sipinternaltls._tcp SRV 1 0 5061 fe02\nfe02 A 169.254.0.9", nil, provisioning.InternalTLS, `
found 
fe01.contoso.com [] no-address
fe02.contoso.com [] address-not-allowed`},
		{"a host that is not asked for: the name rule refuses it", "_sipinternaltls._tcp SRV 0 0 5061 fe01.evil.net.\nfe01.evil.net. A 10.0.0.5", nil, provisioning.InternalTLS, `
found 
fe01.evil.net []`},
		{"no SRV record", "fe01 A 10.0.0.5", nil, provisioning.InternalTLS, `
absent dns-no-record`},
		{"what is configured, outside the SIP domain too", "lync.fabrikam.com. A 10.0.0.9", func(p *provisioning.Policy) {
			p.Manual = []provisioning.ManualServer{{Host: "lync.fabrikam.com"}, {Host: "10.0.0.10", External: true}, {Host: "gone.contoso.com", Port: 5070, External: true}}
		}, provisioning.Manual, `
found 
lync.fabrikam.com [10.0.0.9]
10.0.0.10 [10.0.0.10]  port 443
gone.contoso.com [] no-address port 5070`},
		{"host names", "sip A 10.0.0.6", communicator, provisioning.HostName, `
found 
sipinternal.contoso.com [] no-address
sip.contoso.com [10.0.0.6]
sipexternal.contoso.com [] no-address`},
		{"host names, and no name server answers for one", "sipinternal servfail\nsip A 10.0.0.6", communicator, provisioning.HostName, `
found 
sipinternal.contoso.com [] dns-servfail
sip.contoso.com [10.0.0.6]
sipexternal.contoso.com [] no-address`},
		{"no host names, as far as a name server answers", "sipinternal servfail\nsip refused", communicator, provisioning.HostName, `
failed dns-servfail
sipinternal.contoso.com [] dns-servfail
sip.contoso.com [] dns-refused
sipexternal.contoso.com [] no-address`},
		{"no host names", "fe01 A 10.0.0.5", communicator, provisioning.HostName, `
absent dns-no-record
sipinternal.contoso.com [] no-address
sip.contoso.com [] no-address
sipexternal.contoso.com [] no-address`},
		{"host names beside an SRV record are not asked for", "_sip._tls SRV 0 0 443 gone\nsip A 10.0.0.6", communicator, provisioning.HostName, `
absent srv-exists`},
		{"nor beside one about which nothing is known", "_sip._tls servfail\nsip A 10.0.0.6", communicator, provisioning.HostName, `
absent srv-exists`},
	} {
		t.Run(test.name, func(t *testing.T) {
			policy := contoso
			if test.edit != nil {
				test.edit(&policy)
			}
			onSite(t, test.zone, func(t *testing.T, w wire.Wire) {
				f, ok := Discover(t.Context(), &policy, w, false).Of(test.step)
				if !ok {
					t.Fatal("it is not asked")
				}
				lines := []string{"", fmt.Sprintf("%s %s", f.Verdict, f.Reason)}
				for _, n := range f.Names {
					line := named(n)
					if test.step == provisioning.Manual && n.Port != 0 {
						line = fmt.Sprintf("%s %s port %d", n.Host+" "+fmt.Sprint(n.Addrs), n.Reason, n.Port)
					}
					lines = append(lines, line)
				}
				if diff := cmp.Diff(strings.Split(test.want, "\n"), lines); diff != "" {
					t.Errorf("(-want +got):\n%s", diff)
				}
			})
		})
	}
}

// What was not answered in one round is asked for in the next, and nothing else.
func TestOnlyWhatIsOpenIsAskedAgain(t *testing.T) {
	onSite(t, "_sipinternaltls._tcp SRV 0 0 5061 fe01\nfe01 A 10.0.0.5\nfe02 A 10.0.0.6", func(t *testing.T, w wire.Wire) {
		name := func(host string, reason provisioning.Reason) provisioning.Name {
			return provisioning.Name{Host: host, Port: 5061, Reason: reason}
		}
		before := provisioning.Findings{
			{Source: provisioning.Source{Step: provisioning.InternalTLS, Source: "dns", Verdict: provisioning.Found},
				Names: []provisioning.Name{name("fe02.contoso.com", provisioning.DNSTimeout), name("fe01.contoso.com", provisioning.NoAddress)}},
			{Source: provisioning.Source{Step: provisioning.ExternalTLS, Source: "dns", Verdict: provisioning.Failed, Reason: provisioning.DNSServFail}},
		}
		g := Gather(t.Context(), &contoso, w, false, before, []string{"fe01.contoso.com"}, Patience{Limit: verdictWithNothing}, func(provisioning.Trouble) {})
		defer g.End()
		f, _ := g.Await(t.Context(), provisioning.InternalTLS)
		var got []string
		for _, n := range f.Names {
			got = append(got, named(n))
		}
		if want := []string{"fe02.contoso.com [10.0.0.6]", "fe01.contoso.com [] no-address"}; !slices.Equal(got, want) {
			t.Errorf("got %q, want %q", got, want)
		}
		if f, ok := g.Await(t.Context(), provisioning.ExternalTLS); !ok || f.Verdict != provisioning.Absent {
			t.Errorf("what failed before: %+v", f)
		}
		fresh := g.AddressesNow([]string{"fe01.contoso.com", "gone.contoso.com"})
		if named(fresh["fe01.contoso.com"]) != "fe01.contoso.com [10.0.0.5]" || named(fresh["gone.contoso.com"]) != "gone.contoso.com [] no-address" {
			t.Errorf("hosts of a record: %v", fresh)
		}
	})
	if none := (*Gathering)(nil).AddressesNow([]string{"fe01.contoso.com"}); len(none) > 0 {
		t.Errorf("without a round: %v", none)
	}
}

// Hosts that a Registrar names: last good helps out where DNS has no address.
func TestHostsThatARegistrarNames(t *testing.T) {
	registrar := cache.Registrar{Host: "fe01.contoso.com", Port: 5061, Transport: "tls"}
	record := cache.Record{SIPAddress: "sip:phone1@contoso.com", Registrar: registrar, Home: []cache.Registrar{
		{Host: "fe01.contoso.com", Port: 5061, Transport: "tls", Addresses: []netip.Addr{netip.MustParseAddr("10.0.0.99")}},
		{Host: "fe02.contoso.com", Port: 5061, Transport: "tls", Addresses: []netip.Addr{netip.MustParseAddr("10.0.0.98")}},
		{Host: "fe03.contoso.com", Port: 5061, Transport: "tls", Addresses: []netip.Addr{netip.MustParseAddr("127.0.0.1")}},
	}}
	onSite(t, "fe01 A 10.0.0.5\nfe02 servfail", func(t *testing.T, w wire.Wire) {
		hosts := []string{"fe01.contoso.com", "", "fe02.contoso.com", "fe03.contoso.com", "gone.contoso.com", "::ffff:10.0.0.7"}
		want := []string{"fe01.contoso.com [10.0.0.5]", "[]", "fe02.contoso.com [10.0.0.98]", "fe03.contoso.com [] address-not-allowed",
			"gone.contoso.com [] no-address", "::ffff:10.0.0.7 [10.0.0.7]"}
		for i, n := range ResolveAll(t.Context(), &contoso, &w, contoso.Memory(cache.InMemory(record)), hosts) {
			if got := named(n); got != want[i] {
				t.Errorf("got %s, want %s", got, want[i])
			}
		}
	})
}

// What a person asks for besides the steps.
func TestEnquiry(t *testing.T) {
	onSite(t, "_ntp._udp SRV 0 0 123 time\nfe01 A 10.0.0.5\n_late._tcp delay 3s\n_slow._tcp delay 3s\n_slow._tcp SRV 0 0 1 fe01\n_never._tcp silent", func(t *testing.T, w wire.Wire) {
		e := NewEnquiry(&contoso, &w, false)
		for host, want := range map[string]string{"fe01.contoso.com": "fe01.contoso.com [10.0.0.5]", "10.0.0.9": "10.0.0.9 [10.0.0.9]", "gone.contoso.com": "gone.contoso.com [] no-address"} {
			if got := named(e.LookUp(t.Context(), host)); got != want {
				t.Errorf("got %s, want %s", got, want)
			}
		}
		if f := e.Records(t.Context(), "_ntp._udp.contoso.com"); f.Verdict != provisioning.Found || len(f.Names) != 1 || f.Names[0].Host != "time.contoso.com" || f.Names[0].Port != 123 {
			t.Errorf("records of the clock: %+v", f)
		}
		if f := e.Records(t.Context(), "_gone._udp.contoso.com"); f.Verdict != provisioning.Absent || len(f.Names) > 0 {
			t.Errorf("records of nothing: %+v", f)
		}
		for name, want := range map[string]bool{"_late._tcp": true, "_slow._tcp": true, "_never._tcp": false} {
			if got := e.AnswersLate(t.Context(), name+".contoso.com"); got != want {
				t.Errorf("%s answers late: %t", name, got)
			}
		}
		at := time.Now()
		if f := e.Records(t.Context(), "_never._tcp.contoso.com"); f.Reason != provisioning.DNSTimeout || f.TookMS != time.Since(at).Milliseconds() {
			t.Errorf("records of which nobody tells: %+v", f)
		}
	})
}

// A name server on this device means that all of the site may be here, if somebody has configured it, or it is no stub.
func TestWhenTheDeviceItselfMayBeMeant(t *testing.T) {
	for _, test := range []struct {
		configured, system string
		bench              int
	}{
		{"", "10.0.0.53:53", 0}, {"", "127.0.0.53:53", 0}, {"", "127.0.0.1:5353", 1}, {"", "[::1]:5353", 1}, {"", "10.0.0.53:5353", 0}, {"", "", 0},
		{"127.0.0.1:53", "10.0.0.53:53", 1}, {"127.0.0.1:5353", "", 1}, {"10.0.0.53:53", "127.0.0.1:5353", 0},
	} {
		servers := func(text string) []netip.AddrPort {
			if text == "" {
				return nil
			}
			return []netip.AddrPort{netip.MustParseAddrPort(text)}
		}
		policy := contoso
		policy.DNSServers = servers(test.configured)
		w := wire.Wire{Resolvers: func() ([]netip.AddrPort, error) { return servers(test.system), nil }}
		own := netip.MustParseAddr("10.0.0.21")
		if g := GroundOf(&policy, &w); len(g.Bench) != test.bench || g.Own != nil {
			t.Errorf("configured %q, of the system %q: %+v", test.configured, test.system, g)
		}
		w.Own = func() []netip.Addr { return []netip.Addr{own} }
		if g := GroundOf(&policy, &w); !slices.Equal(g.Own(), []netip.Addr{own}) {
			t.Errorf("own addresses: %v", g.Own())
		}
	}
	if g := GroundOf(&contoso, &wire.Wire{}); len(g.Bench) > 0 || g.Own != nil {
		t.Errorf("of nothing: %+v", g)
	}
}

// Where another service than SIP may be: at its own port, or at one that is nobody's, and at no address of this device.
func TestCheckPlace(t *testing.T) {
	w := wire.Wire{Own: func() []netip.Addr { return []netip.Addr{netip.MustParseAddr("10.0.0.21")} }}
	for at, allowed := range map[string]bool{
		"10.0.0.5:123": true, "10.0.0.5:443": true, "10.0.0.5:8443": true, "10.0.0.5:25": false, "10.0.0.5:3306": false,
		"10.0.0.21:123": false, "127.0.0.1:123": false, "169.254.169.254:123": false,
	} {
		if err := CheckPlace(&contoso, &w, netip.MustParseAddrPort(at), 123); (err == nil) != allowed {
			t.Errorf("%s: %v", at, err)
		}
	}
}
