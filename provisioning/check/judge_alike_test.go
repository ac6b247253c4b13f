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

// Where the handshake succeeds in smaller packets at all Registrars, their size comes first; where that is not proven at one, it does not.
func TestMend111LargePacketsAreLostAtAll(t *testing.T) {
	large := provisioning.Facts{"lost": "with smaller packets the handshake succeeds", "large": "large packets", "smaller": "large packets"}
	gap := provisioning.Facts{"lost": "later packets of the server arrive, but not the ones before them", "large": "large packets"}
	for _, test := range []struct {
		name string
		lost []provisioning.Facts
		want provisioning.Fault
		do   string
	}{
		{"proven at both", []provisioning.Facts{large, large}, provisioning.FaultAllLoseLarge, "look for large packets that are lost on the way: a tunnel or VPN with an MTU that is too small"},
		{"proven at one", []provisioning.Facts{large, gap}, provisioning.FaultAlike, "look for one firewall or filter on the way to all of them"},
		{"proven at none", []provisioning.Facts{gap, gap}, provisioning.FaultAlike, "look for one firewall or filter on the way to all of them"},
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
		p, ok := f.place(f.Plan.Try[0])
		for fault, want := range map[provisioning.Fault]provisioning.Fault{
			provisioning.FaultNoIntermediate: provisioning.FaultNotSent, provisioning.FaultNotForServers: provisioning.FaultNotForServers,
		} {
			if got := badCertificate(f, p, fault.Met(nil)).Fault; !ok || got != want {
				t.Errorf("%s: %s, want %s", fault, got, want)
			}
		}
	})
}
