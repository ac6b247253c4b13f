package check

import (
	"net/netip"
	"path/filepath"
	"strings"
	"testing"
	"testing/synctest"

	"golang.org/x/tools/txtar"

	"homeward/provisioning"
	"homeward/provisioning/signin"
)

// Where the handshake succeeds in smaller packets at all Registrars, their size is the cause; where that is not proven at one, it is told that it
// may be, and what is to be done about it comes first all the same (248).
func TestMend111LargePacketsAreLostAtAll(t *testing.T) {
	large := provisioning.Facts{"lost": "with smaller packets the handshake succeeds", "large": "large packets", "smaller": "large packets"}
	gap := provisioning.Facts{"lost": "later packets of the server arrive, but not the ones before them", "large": "large packets"}
	small := provisioning.Facts{"lost": "later packets of the server arrive, but not the ones before them"} // no more came of small ones
	for _, test := range []struct {
		name string
		lost []provisioning.Facts
		want provisioning.Fault
		do   string
	}{
		{"proven at both", []provisioning.Facts{large, large}, provisioning.FaultAllLoseLarge, "look for large packets that are lost on the way: a tunnel or VPN with an MTU that is too small"},
		{"proven at one", []provisioning.Facts{large, gap}, provisioning.FaultAlike, "look for large packets that are lost on the way: a tunnel or VPN with an MTU that is too small"},
		{"proven at none", []provisioning.Facts{gap, gap}, provisioning.FaultAlike, "look for large packets that are lost on the way: a tunnel or VPN with an MTU that is too small"},
		{"ruled out at one", []provisioning.Facts{gap, small}, provisioning.FaultAlike, "look for one firewall or filter on the way to all of them"},
	} {
		f := &Facts{}
		for i, facts := range test.lost {
			addr := netip.AddrFrom4([4]byte{10, 9, 0, byte(5 + i)})
			c := provisioning.Candidate{Endpoint: provisioning.Endpoint{Host: "fe0" + string(rune('1'+i)) + ".contoso.com", Port: 5061, Transport: provisioning.TLS}, Addrs: []netip.Addr{addr}}
			trouble := provisioning.FaultTLSLost.Met(facts).With(provisioning.Facts{"at": c.HostPort(), "address": addr})
			f.Plan.Try = append(f.Plan.Try, c)
			f.Places = append(f.Places, &Place{Candidate: c, Probes: []*signin.Probe{{Addr: addr, Connected: true, Trouble: trouble}}})
		}
		got := alike(f)
		if got.Fault != test.want || !strings.HasPrefix(got.Do(), test.do) || got.OnSide() != provisioning.SideNetwork {
			t.Errorf("%s: %s, side %q: %s; %s", test.name, got.Fault, got.OnSide(), got.What(), got.Do())
		}
	}
}

// A certificate that another server sends is missing where the chain is open without it. Where it leads to a root of this device, something else is wrong.
func TestMend176NotForWantOfIt(t *testing.T) {
	const name = "fault-certificate.not-sent"
	site, err := txtar.ParseFile(filepath.Join("testdata", name+".txtar"))
	if err != nil {
		t.Fatal(err)
	}
	synctest.Test(t, func(t *testing.T) {
		served, o := deviceAt(t, site, name)
		defer served.Close()
		o.Progress = func(string) {}
		f := look(t.Context(), o)
		p, ok := f.place(&f.Plan.Try[0])
		for fault, want := range map[provisioning.Fault]provisioning.Fault{
			provisioning.FaultNoIntermediate: provisioning.FaultNotSent, provisioning.FaultNotForServers: provisioning.FaultNotForServers,
		} {
			if got := badCertificate(f, p, fault.Met(nil)).Fault; !ok || got != want {
				t.Errorf("%s: %s, want %s", fault, got, want)
			}
		}
	})
}

// What a sentence says of the addresses where a name led before is said of one, or of several.
func TestMend247SeveralStillAnswer(t *testing.T) {
	was := []netip.Addr{netip.MustParseAddr("10.0.0.11"), netip.MustParseAddr("10.0.0.12"), netip.MustParseAddr("10.0.0.13")}
	now := netip.MustParseAddr("10.0.0.99")
	c := provisioning.Candidate{Endpoint: provisioning.Endpoint{Host: "pool01.contoso.com", Port: 5061, Transport: provisioning.TLS}}
	for _, test := range []struct {
		serving   int
		led, said string
	}{
		{1, "and 10.0.0.11 still answers", "it was 10.0.0.11, which still answers"},
		{2, "and 10.0.0.11, 10.0.0.12 still answer", "they were 10.0.0.11, 10.0.0.12, which still answer"},
		{0, "and 10.0.0.11, 10.0.0.12, 10.0.0.13 no longer answer", ""},
	} {
		earlier := provisioning.Facts{"host": c.Host, "was": was, "now": []netip.Addr{now}}
		earlier.Count(was)
		silent := provisioning.FaultFiltered.Met(provisioning.Facts{"at": c.HostPort(), "address": now})
		var probes []*signin.Probe
		for i, addr := range was {
			probes = append(probes, &signin.Probe{Addr: addr, Connected: true, Secured: true, Answered: true})
			if i >= test.serving {
				probes[i] = &signin.Probe{Addr: addr, Trouble: silent}
			}
		}
		seenEarlier(probes, earlier)
		led := provisioning.Led(earlier, silent)
		p := &Place{Candidate: c, Probes: []*signin.Probe{{Addr: now, Trouble: led}}}
		if got := led.Others()[0].What(); !strings.Contains(got, "the addresses of pool01.contoso.com were 10.0.0.11, 10.0.0.12, 10.0.0.13; DNS now gives 10.0.0.99, "+test.led) {
			t.Errorf("%d: %s", test.serving, got)
		}
		if got := ledElsewhere(&Facts{}, p, led).What(); !strings.Contains(got, test.said) || (got == "") != (test.said == "") {
			t.Errorf("%d: %s", test.serving, got)
		}
	}
}

// The two addresses of the only pool have certificates of one authority that this device does not know.
func TestMend265OnePool(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		site, o := deviceAt(t, txtar.Parse([]byte(`-- zone --
_sipinternaltls._tcp SRV 0 0 5061 pool01
pool01 A 10.9.0.5 10.9.0.6
-- registrars --
10.9.0.5:5061 tls pool01.contoso.com accept cert=untrusted
10.9.0.6:5061 tls pool01.contoso.com accept cert=untrusted
-- homeward.toml --
dhcp = "off"
-- device --
record pool01.contoso.com 10.9.0.5
`)), "a site.txtar")
		defer site.Close()
		r := Run(t.Context(), o)
		if r.Fault != string(provisioning.FaultAllOfOneIssuer) || !strings.Contains(r.Summary[len(r.Summary)-1], "is the site's new root") {
			t.Errorf("fault %s: %q", r.Fault, r.Summary)
		}
	})
}
