package discover

import (
	"context"
	"crypto/x509"
	"errors"
	"net/netip"
	"testing"
	"testing/synctest"

	"homeward/dhcpopts"
	"homeward/internal/place"
	"homeward/internal/sitetest"
	"homeward/internal/srv"
	"homeward/provisioning"
	"homeward/provisioning/wire"
)

// What servers say of one record: told when they do not all say the same, in their order. One that fails says nothing.
func TestDiffer(t *testing.T) {
	at := func(n byte) netip.AddrPort { return netip.AddrPortFrom(netip.AddrFrom4([4]byte{10, 0, 0, n}), 53) }
	names := func(n byte, targets ...srv.Target) srv.Said { return srv.Said{Server: at(n), Targets: targets} }
	fails := func(n byte, k srv.Kind) srv.Said { return srv.Said{Server: at(n), Err: &srv.Error{Kind: k}} }
	fe01, fe02 := srv.Target{Host: "fe01.contoso.com", Port: 5061}, srv.Target{Host: "fe02.contoso.com", Port: 5061}
	for want, said := range map[string][]srv.Said{
		"": {names(1, fe01, fe02), names(2, fe02, fe01, fe02), fails(3, srv.Timeout), fails(4, srv.Unreadable)},
		"10.0.0.1:53 names fe01.contoso.com:5061; 10.0.0.2:53 answers SERVFAIL (RCODE 2); 10.0.0.3:53 has a record that cannot be used": {
			names(1, fe01), {Server: at(2), Err: &srv.Error{Kind: srv.ServFail, Code: 2}}, fails(3, srv.BadPort)},
		"10.0.0.1:53 names fe01.contoso.com:5061; 10.0.0.2:53 names fe02.contoso.com:5061":                                                {names(1, fe01), names(2, fe02)},
		"10.0.0.2:53 says that there is no such record; 10.0.0.1:53 names fe01.contoso.com:5061, fe02.contoso.com:5061":                   {fails(2, srv.NoRecord), names(1, fe02, fe01)},
		"10.0.0.1:53 says that the service is not offered; 10.0.0.3:53 says that there is no such record":                                 {fails(1, srv.NotOffered), fails(2, srv.Refused), fails(3, srv.NoData)},
		"10.0.0.1:53 names fe01.contoso.com:5061; 10.0.0.2:53 names fe01.contoso.com:5061; 10.0.0.3:53 says that there is no such record": {names(1, fe01), names(2, fe01), fails(3, srv.DanglingAlias)},
	} {
		d := differ("_sip._tls.contoso.com", said)
		if got, _ := d.Facts["problem"].(string); got != want {
			t.Errorf("got  %q\nwant %q", got, want)
		}
	}
	if d := differ("_sip._tls.contoso.com", []srv.Said{fails(1, srv.NoRecord), fails(2, srv.NoData)}); !d.None() {
		t.Errorf("two ways to be absent are no difference: %+v", d)
	}
	if d := differ("_sip._tls.contoso.com", []srv.Said{names(1, fe01), names(2, fe02)}); d.Fault != provisioning.FaultDNSDisagreeRecord || len(d.Said) != 2 {
		t.Errorf("two that name different places: %+v", d)
	}
}

// Each server is asked by itself, and only for steps that SRV records lead to.
func TestDisagreements(t *testing.T) {
	const zone = "-- zone --\n_sipinternaltls._tcp SRV 0 0 5061 fe01\n"
	for name, test := range map[string]struct {
		site string
		want int
	}{
		"one server":                      {zone, 0},
		"two, of which one knows nothing": {zone + "server 10.0.0.53\nserver 10.0.0.54 nxdomain\n", 1},
		"two, of which one fails":         {zone + "server 10.0.0.53\nserver 10.0.0.54 servfail\n", 1},
		"two that agree":                  {zone + "server 10.0.0.53\nserver 10.0.0.54\n", 0},
	} {
		synctest.Test(t, func(t *testing.T) {
			site, err := sitetest.Parse(name, []byte(test.site))
			if err != nil {
				t.Fatal(err)
			}
			simulated, err := site.Start()
			if err != nil {
				t.Fatal(err)
			}
			defer site.Close()
			policy := provisioning.Policy{SIPAddress: place.SIPAddress{User: "phone1", Domain: "contoso.com"}, Roots: x509.NewCertPool()}
			got := disagreements(t.Context(), &policy, wire.Wire(simulated), []provisioning.Step{provisioning.InternalTLS, provisioning.DHCPTLS, provisioning.ExternalTLS})
			if len(got) != test.want {
				t.Errorf("%s: %v", name, got)
			}
			if trouble, ok := got[provisioning.InternalTLS]; ok && (trouble.Fault != provisioning.FaultDNSDisagree || trouble.Facts["query"] != "_sipinternaltls._tcp.contoso.com") {
				t.Errorf("%s: %+v", name, trouble)
			}
		})
	}
}

// What a DHCP answer as a whole is, and what DHCPv6 is where there is nothing else.
func TestTroubleOfAnswers(t *testing.T) {
	for name, test := range map[string]struct {
		answer dhcpopts.Answer
		reason provisioning.Reason
		want   provisioning.Fault
	}{
		"another reason":            {dhcpopts.Answer{Type: dhcpopts.Unusable}, provisioning.DHCPNoOption, ""},
		"of no use at all":          {dhcpopts.Answer{Type: dhcpopts.Unusable, Problem: "some words"}, provisioning.DHCPMalformed, provisioning.FaultDHCPUnusable},
		"cut":                       {dhcpopts.Answer{Type: "ack", Problem: "some words"}, provisioning.DHCPMalformed, provisioning.FaultDHCPCut},
		"cut, and the option wrong": {dhcpopts.Answer{Type: "ack", Problem: "some words", SIP: dhcpopts.SIPServers{Problem: "more"}}, provisioning.DHCPMalformed, ""},
		"the option wrong":          {dhcpopts.Answer{Type: "ack", SIP: dhcpopts.SIPServers{Problem: "more"}}, provisioning.DHCPMalformed, ""},
	} {
		if got := (&dhcpSource{Who: "10.0.0.67", Answer: test.answer}).trouble(test.reason); got.Fault != test.want {
			t.Errorf("%s: %+v", name, got)
		}
	}
	names := dhcpopts.SIPServers{Names: []string{"fe01.contoso.com"}, Raw: []byte{1}}
	addrs := dhcpopts.SIPServers{Addrs: []netip.Addr{netip.MustParseAddr("2001:db8::5")}, Raw: []byte{1}}
	for name, test := range map[string]struct {
		survey DHCPSurvey
		names  bool
		reason provisioning.Reason
	}{
		"nothing came":             {DHCPSurvey{}, false, ""},
		"an empty answer":          {DHCPSurvey{Six: []dhcpopts.Answer{{Type: "reply"}}}, false, provisioning.DHCPNoOption},
		"addresses":                {DHCPSurvey{Six: []dhcpopts.Answer{{Type: "reply", SIP: addrs}}}, false, provisioning.TLSNoName},
		"a name":                   {DHCPSurvey{Six: []dhcpopts.Answer{{Type: "reply"}, {Type: "reply", SIP: names}}}, true, provisioning.TLSNoName},
		"only what was not for us": {DHCPSurvey{Dropped: []dhcpopts.Dropped{{From: netip.MustParseAddr("10.0.0.67"), Why: dhcpopts.OtherTransaction, Count: 2}}}, false, provisioning.FaultDHCPOthers.Reason()},
	} {
		reason, _, _ := test.survey.sixReason(dhcpopts.ErrNoAddress)
		if test.survey.sixNames() != test.names || reason != test.reason && name != "nothing came" {
			t.Errorf("%s: names %t, %q, want %q", name, test.survey.sixNames(), reason, test.reason)
		}
	}
}

// A server that is listed first and says nothing of use, while a later one says that there is nothing: what it did is told.
func TestOverruled(t *testing.T) {
	if got := overruled(&srv.Error{Kind: srv.NoRecord}, "x", provisioning.DNSNoRecord); !got.None() {
		t.Errorf("nobody is listed before: %+v", got)
	}
	for name, test := range map[string]struct {
		site, did string
	}{
		"silent":  {"server 10.0.0.53 silent\nserver 10.0.0.54 nxdomain", "did not answer within 1.9s"},
		"closed":  {"server 10.0.0.53 closed\nserver 10.0.0.54 nxdomain", "could not be asked"},
		"fails":   {"server 10.0.0.53 servfail\nserver 10.0.0.54 nxdomain", "answers SERVFAIL (RCODE 2)"},
		"garbles": {"server 10.0.0.53 malformed\nserver 10.0.0.54 nxdomain", "sends an answer that cannot be used"},
	} {
		synctest.Test(t, func(t *testing.T) {
			site, err := sitetest.Parse(name, []byte("-- zone --\n"+test.site+"\n"))
			if err != nil {
				t.Fatal(err)
			}
			simulated, err := site.Start()
			if err != nil {
				t.Fatal(err)
			}
			defer site.Close()
			seen := wire.Wire(simulated)
			resolver := newResolver(&provisioning.Policy{}, &seen)
			ctx, cancel := context.WithTimeout(t.Context(), enquiryLimit)
			defer cancel()
			_, err = resolver.SRV(ctx, "_sipinternaltls._tcp.contoso.com")
			var e *srv.Error
			if !errors.As(err, &e) {
				t.Fatal(err)
			}
			trouble := absence(e)
			if trouble.Fault != provisioning.FaultDNSFirstFails || trouble.Facts["first"] != "10.0.0.53:53" || trouble.Facts["did"] != test.did || trouble.Reason() != provisioning.DNSNoRecord {
				t.Errorf("%s: %+v of %v", name, trouble, err)
			}
		})
	}
	dangling := absence(&srv.Error{Kind: srv.DanglingAlias, Name: "_sip._tls.contoso.com", Alias: "gone.contoso.com."})
	if dangling.Fault != provisioning.FaultDanglingRecord || !absence(&srv.Error{Kind: srv.NoRecord}).None() {
		t.Errorf("%+v", dangling)
	}
}

// Servers of one link that give different subnet masks disagree; that one gives none is no fault.
func TestMasksDisagree(t *testing.T) {
	answer := func(server string, bits int) dhcpopts.Answer {
		return dhcpopts.Answer{Server: netip.MustParseAddr(server), Routers: []netip.Addr{netip.MustParseAddr("10.0.0.1")}, MaskBits: bits}
	}
	for bits, want := range map[int]string{
		24: "", 0: "",
		8: "10.0.0.67 gives the subnet mask 255.0.0.0 and the gateway 10.0.0.1, 10.0.0.68 gives the subnet mask 255.255.255.0 and the gateway 10.0.0.1",
	} {
		a, b := answer("10.0.0.68", 24), answer("10.0.0.67", bits)
		if got := networkDisagreement(&a, &b); got != want {
			t.Errorf("%d bits: %q, want %q", bits, got, want)
		}
	}
}
