package provisioning

import (
	"net/netip"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"homeward/cache"
)

var asValues = cmp.Comparer(func(a, b netip.Addr) bool { return a == b })

// What is kept of a Candidate leads back to the same place, and to all that is known of it.
func TestRegistrarThereAndBack(t *testing.T) {
	first, second := netip.MustParseAddr("10.0.0.5"), netip.MustParseAddr("2001:db8::5")
	for _, at := range []Endpoint{{"fe01.contoso.com", 5061, TLS}, {"fe01.contoso.com", 5060, TCP}, {"2001:db8::5", 443, TLS}} {
		for step := range Redirect + 1 {
			c := Candidate{Step: step, Endpoint: at, Addrs: []netip.Addr{second, first}, Via: "SRV _sip._tls.contoso.com"}
			shown := c.Registrar(second)
			want := Registrar{Endpoint: at, Address: second, Addresses: []netip.Addr{second, first}, Step: &step, Via: c.Via}
			if diff := cmp.Diff(want, shown, asValues); diff != "" {
				t.Errorf("%s: shown (-want +got):\n%s", c, diff)
			}
			kept := shown.Kept()
			wantKept := cache.Registrar{
				Host: at.Host, Port: at.Port, Transport: at.Transport.String(), Address: second, Step: step.String(), Via: c.Via,
				Addresses: []netip.Addr{first, second},
			}
			if diff := cmp.Diff(wantKept, kept, asValues); diff != "" {
				t.Errorf("%s: kept (-want +got):\n%s", c, diff)
			}
			back, err := RegistrarOf(&kept)
			if err != nil {
				t.Fatal(err)
			}
			want.Addresses = kept.Addresses
			if diff := cmp.Diff(want, back, asValues); diff != "" {
				t.Errorf("%s: read back (-want +got):\n%s", c, diff)
			}
			wantAgain := Candidate{Step: LastGood, Endpoint: at, Addrs: c.Addrs, Via: "last good"}
			if diff := cmp.Diff(wantAgain, back.Recalled(LastGood, c.Addrs), asValues); diff != "" {
				t.Errorf("%s: tried again (-want +got):\n%s", c, diff)
			}
		}
	}
	if got := (&Registrar{}).Recalled(Recall, nil).Via; got != "told by a Registrar" {
		t.Errorf("recalled via %q", got)
	}
}

func TestMediaRelayThereAndBack(t *testing.T) {
	yes := true
	told := MediaRelay{Host: "edge01.contoso.com", Addresses: []netip.Addr{netip.MustParseAddr("10.0.9.1")}, UDPPort: 3478, TCPPort: 443, Location: "intranet"}
	probed := told
	probed.UDPAnswers, probed.TCPAnswers = &yes, &yes
	if diff := cmp.Diff(told, MediaRelayOf(probed.Kept()), asValues); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}
}

func TestRegistrarOfRecord(t *testing.T) {
	recall := Recall
	for name, row := range map[string]struct {
		kept cache.Registrar
		want Registrar
		err  string
	}{
		"names and addresses are brought into normal form": {
			kept: cache.Registrar{Host: "FE01.Contoso.COM", Port: 5061, Transport: "tls", Step: "recall", Via: "in-band provisioning", Role: "primary"},
			want: Registrar{Endpoint: Endpoint{"fe01.contoso.com", 5061, TLS}, Step: &recall, Via: "in-band provisioning", Role: "primary"},
		},
		"an address has one form":      {kept: cache.Registrar{Host: "::ffff:10.0.0.5", Port: 5060, Transport: "tcp"}, want: Registrar{Endpoint: Endpoint{"10.0.0.5", 5060, TCP}}},
		"an unknown step is left out":  {kept: cache.Registrar{Host: "a.b", Port: 5061, Transport: "tls", Step: "pigeon"}, want: Registrar{Endpoint: Endpoint{"a.b", 5061, TLS}}},
		"no transport is not TLS":      {kept: cache.Registrar{Host: "a.b", Port: 5061}, err: `transport of a.b: "" is none of`},
		"an unknown transport":         {kept: cache.Registrar{Host: "a.b", Port: 5061, Transport: "udp"}, err: `transport of a.b: "udp" is none of`},
		"a transport in capitals":      {kept: cache.Registrar{Host: "a.b", Port: 5061, Transport: "TLS"}, err: `transport of a.b: "TLS" is none of`},
		"no port":                      {kept: cache.Registrar{Host: "a.b", Transport: "tls"}, err: "a.b has no port"},
		"no host":                      {kept: cache.Registrar{Port: 5061, Transport: "tls"}, err: "empty label"},
		"a host that is no host name":  {kept: cache.Registrar{Host: "a_b.c", Port: 5061, Transport: "tls"}, err: `'_' is not possible in a host name`},
		"an address that means a link": {kept: cache.Registrar{Host: "fe80::1%eth0", Port: 5061, Transport: "tls"}, err: "zone"},
	} {
		t.Run(name, func(t *testing.T) {
			got, err := RegistrarOf(&row.kept)
			if diff := cmp.Diff(row.want, got, asValues); diff != "" {
				t.Errorf("-want +got:\n%s", diff)
			}
			if row.err == "" && err != nil || row.err != "" && (err == nil || !strings.Contains(err.Error(), row.err)) {
				t.Errorf("got error %v, want %q", err, row.err)
			}
		})
	}
}

// A Registrar of a record that cannot be used is skipped, and it is said why. It is never tried over TLS because nothing
// better is known, and the others are used.
func TestUnusableRemembered(t *testing.T) {
	addrs := []netip.Addr{netip.MustParseAddr("10.0.0.5")}
	odd := cache.Registrar{Host: "fe01.contoso.com", Port: 5061, Transport: "udp", Addresses: addrs}
	fine := cache.Registrar{Host: "fe02.contoso.com", Port: 5061, Transport: "tls", Role: "backup", Addresses: addrs}
	record := cache.Record{SIPAddress: "sip:phone1@contoso.com", Registrar: odd, Home: []cache.Registrar{odd, fine}, Told: true}
	policy := Policy{SIPAddress: SIPAddress{User: "phone1", Domain: "contoso.com"}, AllowTCP: true}
	for name, plan := range map[string]Plan{
		"recall": RecallPlan(&record, &policy, nil, nil), "outage": OutagePlan(&record, &policy, nil, nil),
	} {
		if len(plan.Try) != 1 || plan.Try[0].Endpoint != (Endpoint{"fe02.contoso.com", 5061, TLS}) {
			t.Errorf("%s: tries %v", name, plan.Try)
		}
		if len(plan.Skipped) == 0 || plan.Skipped[0].Reason != CacheDamaged || !strings.Contains(plan.Skipped[0].Detail, `"udp"`) || plan.Skipped[0].Host != odd.Host {
			t.Errorf("%s: skips %v", name, plan.Skipped)
		}
	}
	if home := HomeOf(record); len(home) != 1 || home[0].Host != fine.Host || home[0].Role != "backup" {
		t.Errorf("status shows as home %v", home)
	}
	if names := policy.NamesOf(record, nil); len(names) != 1 || names[0] != fine.Host {
		t.Errorf("addresses are asked for: %v", names)
	}
}

// The same host and port over another transport is another place.
func TestOutageTriesEachPlaceOnce(t *testing.T) {
	addrs := []netip.Addr{netip.MustParseAddr("10.0.0.5")}
	at := func(transport string) cache.Registrar {
		return cache.Registrar{Host: "fe01.contoso.com", Port: 5070, Transport: transport, Addresses: addrs}
	}
	record := cache.Record{SIPAddress: "sip:phone1@contoso.com", Registrar: at("tcp"), Home: []cache.Registrar{at("tls"), at("tcp"), at("tls")}}
	plan := OutagePlan(&record, &Policy{SIPAddress: SIPAddress{User: "phone1", Domain: "contoso.com"}, AllowTCP: true}, nil, nil)
	var got []Endpoint
	for _, c := range plan.Try {
		got = append(got, c.Endpoint)
	}
	want := []Endpoint{{"fe01.contoso.com", 5070, TCP}, {"fe01.contoso.com", 5070, TLS}}
	if diff := cmp.Diff(want, got); diff != "" || len(plan.Skipped) > 0 {
		t.Errorf("skips %v, tries (-want +got):\n%s", plan.Skipped, diff)
	}
}
