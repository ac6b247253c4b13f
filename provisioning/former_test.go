package provisioning

import (
	"net/netip"
	"strings"
	"testing"
	"time"

	"homeward/cache"
)

// What has changed since a device was registered is told where it may be why the device is kept out, and only then.
func TestMend114BeforeAndNow(t *testing.T) {
	policy := Policy{SIPAddress: SIPAddress{User: "phone1", Domain: "contoso.com"}, AllowTCP: true}
	noon := time.Date(2026, 11, 30, 12, 0, 0, 0, time.UTC)
	was := Network{Subnet: "10.0.0.0/24", Gateway: "10.0.0.1", NameServers: "10.0.0.53:53", Step: "internal-tls"}
	record := cache.Record{SIPAddress: "sip:phone1@contoso.com", RegisteredAt: noon, Registrar: cache.Registrar{Host: "pool01.contoso.com", Port: 5061, Transport: "tls", Step: "recall"}, Network: &was}
	foreign := Network{Subnet: "192.168.178.0/24", Gateway: "192.168.178.1", NameServers: "192.168.178.1:53"}
	servers := was
	servers.NameServers = "203.0.113.53:53"
	lost := []Losses{{Endpoint: Endpoint{Host: "pool01.contoso.com", Port: 5061}, LastAt: noon.Add(time.Hour)}}
	outside := Findings{
		{Source: Source{Step: InternalTLS, Verdict: Absent, Query: "_sipinternaltls._tcp.contoso.com"}}, {Source: Source{Step: ExternalTLS, Verdict: Found, Query: "_sip._tls.contoso.com"}},
	}
	inside := Findings{{Source: Source{Step: DHCPTLS, Verdict: Found, Query: "option 120"}, Names: []Name{{Host: "pool01.contoso.com", Addrs: []netip.Addr{netip.MustParseAddr("10.0.0.5")}}}}, outside[0], outside[1]}
	astray := Findings{{Source: inside[0].Source, Names: []Name{{Host: "pool01.contoso.com", Reason: NoAddress}}}, outside[0], outside[1]}
	given := []netip.Addr{netip.MustParseAddr("10.0.0.53"), netip.MustParseAddr("10.0.0.54")}
	for _, row := range []struct {
		name   string
		now    Now
		met    Trouble
		want   Fault
		record cache.Record
		says   string
	}{
		{"another network, and the registration was lost", Now{Network: &foreign, Lessor: "192.168.178.1 (MAC 02:00:00:00:00:99)", Losses: lost}, FaultDNSRefused.Met(nil), FaultOtherNetwork, record,
			"this device is in another network than the one where it was registered until 2026-11-30 13:00:00 UTC: subnet 192.168.178.0/24 instead of 10.0.0.0/24; gateway 192.168.178.1 instead of 10.0.0.1; name server 192.168.178.1:53 instead of 10.0.0.53:53; it has its address from the DHCP server 192.168.178.1 (MAC 02:00:00:00:00:99); it is not known whether the former network is on this link, too"},
		{"another network, and nothing is known of when", Now{Network: &foreign}, FaultFiltered.Met(nil), FaultOtherNetwork, record,
			"this device is in another network than the one where it was registered at 2026-11-30 12:00 UTC: subnet 192.168.178.0/24 instead of 10.0.0.0/24; gateway 192.168.178.1 instead of 10.0.0.1; name server 192.168.178.1:53 instead of 10.0.0.53:53; it is not known whether the former network is on this link, too"},
		{"another network, and a Registrar refuses the account", Now{Network: &foreign}, FaultForbidden.Met(nil), FaultForbidden, record, ""},
		{"the same network", Now{Network: &was}, FaultDNSRefused.Met(nil), FaultDNSRefused, record, ""},
		{"no default route now", Now{Network: &Network{NameServers: was.NameServers}}, FaultFiltered.Met(nil), FaultFiltered, record, ""},
		{"other name servers", Now{Network: &servers}, FaultDNSRefused.Met(nil), FaultOtherServers, record, "this device was registered at 2026-11-30 12:00 UTC with other name servers (10.0.0.53:53) than it asks now (203.0.113.53:53)"},
		{"mend 335: others than DHCP gives", Now{Network: &servers, Given: given}, FaultDNSRefused.Met(nil), FaultNotAsGiven, record,
			"203.0.113.53, which this device asks, does not lead to a Registrar; 10.0.0.53, which DHCP gives, did when this device was registered at 2026-11-30 12:00 UTC"},
		{"mend 335: they are silent", Now{Network: &servers, Given: given}, FaultDNSSilent.Met(nil), FaultNotAsGiven, record,
			"203.0.113.53, which this device asks, does not answer; 10.0.0.53, which DHCP gives, did when this device was registered at 2026-11-30 12:00 UTC"},
		{"mend 335: DHCP gives none of those of before", Now{Network: &servers, Given: given[1:]}, FaultDNSRefused.Met(nil), FaultOtherServers, record, ""},
		{"mend 335: DHCP gives what is asked, too", Now{Network: &servers, Given: append(given, netip.MustParseAddr("203.0.113.53"))}, FaultDNSRefused.Met(nil), FaultOtherServers, record, ""},
		{"other name servers, which is not why a Registrar is silent", Now{Network: &servers}, FaultFiltered.Met(nil), FaultFiltered, record, ""},
		{"a name server whose address ends like the one before", Now{Network: &Network{Subnet: was.Subnet, Gateway: was.Gateway, NameServers: "110.0.0.53:53"}}, FaultDNSRefused.Met(nil), FaultOtherServers, record, ""},
		{"the outside view", Now{Network: &was, Found: outside}, FaultFiltered.Met(nil), FaultOutsideView, record,
			"this device sees the outside view of DNS: the name server 10.0.0.53:53 gives _sip._tls.contoso.com (for devices outside), and not _sipinternaltls._tcp.contoso.com, by which this device was registered at 2026-11-30 12:00 UTC with pool01.contoso.com (it gave that then)"},
		{"the outside view of another name server", Now{Network: &servers, Found: outside}, FaultFiltered.Met(nil), FaultOtherServers, record, ""},
		{"something leads inside", Now{Network: &was, Found: inside}, FaultFiltered.Met(nil), FaultFiltered, record, ""},
		{"what leads inside has no address", Now{Network: &servers, Found: astray}, FaultFiltered.Met(nil), FaultOtherServers, record, ""},
		{"a record of another SIP address", Now{Network: &foreign}, FaultDNSRefused.Met(nil), FaultDNSRefused, cache.Record{SIPAddress: "sip:phone2@contoso.com", Registrar: record.Registrar, Network: &was}, ""},
		{"a record of an older version", Now{Network: &foreign, Found: outside}, FaultDNSRefused.Met(nil), FaultDNSRefused, cache.Record{SIPAddress: record.SIPAddress, Registrar: record.Registrar, RegisteredAt: noon}, ""},
		{"no record", Now{Network: &foreign, Found: outside}, FaultDNSRefused.Met(nil), FaultDNSRefused, cache.Record{}, ""},
	} {
		policy.AskDHCP = true
		got := policy.Memory(cache.InMemory(row.record)).Before(&row.now, row.met)
		if got.Fault != row.want || row.says != "" && got.What() != row.says {
			t.Errorf("%s: %s\n%s", row.name, got.Fault, got.What())
		}
	}
}

// TestMend243VLANOrRouter: somebody's router is the first to be looked for only where a DHCP server of the network of before answers beside another
// one, or something has the address of the gateway of before while one box is everything at once (326); one DHCP server for both networks is nobody's
// router.
func TestMend243VLANOrRouter(t *testing.T) {
	addr := netip.MustParseAddr
	was := Network{Subnet: "10.0.0.0/24", Gateway: "10.0.0.1", NameServers: "10.0.0.53:53", DHCPServer: "10.0.0.67"}
	old := Lessor{addr("10.0.0.67"), []netip.Addr{addr("10.0.0.1")}}
	router := Lessor{addr("192.168.178.1"), []netip.Addr{addr("192.168.178.1")}}
	both, mute := Lessor{old.Addr, router.Routers}, Lessor{old.Addr, nil}
	answers, silent := Left{"10.0.0.1", "02:00:00:00:00:01"}, Left{"10.0.0.1", ""}
	const vlan, renew, find, see, belongs = "check the VLAN", "have this device renew", "find ", "see", "for"
	const has, unknown = "; something on this link has the address of the former gateway, 10.0.0.1 (MAC 02:00:00:00:00:01)", "is not known"
	const still = "; the former network is probably on this link, too: the DHCP server 10.0.0.67 answers, and gives its gateway 10.0.0.1"
	for name, row := range map[string]struct {
		from  string // the DHCP server of now
		left  Left
		heard []Lessor
		cures []string // how the first of them begin
		says  string
	}{
		"nothing is known":                      {"", Left{}, nil, []string{vlan, find + "the DHCP server of this network", see}, unknown},
		"the lease alone":                       {"192.168.178.1", Left{}, nil, []string{vlan, find + "192.168.178.1, which is DHCP server, gateway"}, unknown},
		"the gateway of before is silent":       {"192.168.178.1", silent, []Lessor{router}, []string{vlan, find}, "; the former gateway 10.0.0.1 does not answer on this link"},
		"something has its address":             {"192.168.178.1", answers, []Lessor{router}, []string{find + "192.168.178.1, which", vlan}, has},
		"another one was asked for":             {"192.168.178.1", Left{"10.7.0.1", "02:00:00:00:00:01"}, nil, []string{vlan}, unknown},
		"both DHCP servers answer":              {"", Left{}, []Lessor{router, old}, []string{find + "the DHCP server 192.168.178.1", vlan, see}, still},
		"the one of before alone":               {"", answers, []Lessor{old}, []string{renew, vlan, see}, still},
		"its gateway is off":                    {"192.168.178.1", silent, []Lessor{old, router}, []string{find + "192.168.178.1", vlan, see}, "; the former gateway 10.0.0.1 does not answer on this link" + still},
		"the other one has been unplugged":      {"192.168.178.1", answers, []Lessor{old}, []string{renew, vlan, see}, still},
		"its address alone":                     {"", answers, nil, []string{vlan, find + "the DHCP server of this network", see}, has},
		"the same server serves both":           {"10.0.0.67", Left{}, []Lessor{both}, []string{vlan, see, belongs}, "; it has its address from the same DHCP server as then, 10.0.0.67; "},
		"the same, and something has that":      {"10.0.0.67", answers, []Lessor{both}, []string{vlan, see, belongs}, has},
		"a server of another subnet":            {"172.16.0.67", Left{}, nil, []string{vlan, see, belongs}, "; it has its address from the DHCP server 172.16.0.67; "},
		"it may call itself so":                 {"172.16.0.67", answers, nil, []string{vlan, find + "the DHCP server of this network", see}, has},
		"the same server says what it gives":    {"", Left{}, []Lessor{both}, []string{vlan, see, belongs}, "; its former DHCP server, 10.0.0.67, serves this network, too"},
		"the same server does not say it":       {"", Left{}, []Lessor{mute}, []string{vlan, find + "the DHCP server of this network", see}, unknown},
		"a stranger of another subnet":          {"", Left{}, []Lessor{{addr("172.16.0.67"), router.Routers}}, []string{vlan, find + "the DHCP server of this network", see}, unknown},
		"a server for both, and nothing before": {"192.168.178.67", Left{}, []Lessor{{addr("192.168.178.67"), nil}}, []string{vlan, find + "the DHCP server 192.168.178.67"}, unknown},
	} {
		now := Now{Network: &Network{Subnet: "192.168.178.0/24", Gateway: "192.168.178.1", NameServers: "192.168.178.1:53", DHCPServer: row.from}, Lessor: row.from, Left: row.left, Heard: row.heard}
		got := elsewhere(&was, &now, FaultDNSRefused.Met(nil), Facts{"when": "at noon", "lessor": now.Lessor})
		cures := append([]string{got.Do()}, got.Otherwise()...)
		for i, begins := range row.cures {
			if i >= len(cures) || !strings.HasPrefix(cures[i], begins) {
				t.Errorf("%s: want %q in %q", name, begins, cures)
			}
		}
		if !strings.Contains(got.What(), row.says) {
			t.Errorf("%s: %s", name, got.What())
		}
	}
}

// TestMend261TheAddressOfTheServerOfThen: a router that happens to have the address of the DHCP server of then is no other router for that.
func TestMend261TheAddressOfTheServerOfThen(t *testing.T) {
	was := Network{Subnet: "10.0.0.0/16", Gateway: "10.0.0.254", NameServers: "10.0.0.53:53", DHCPServer: "10.0.0.1"}
	own := netip.MustParseAddr("10.0.0.1")
	for _, from := range []string{"10.0.0.1", ""} {
		now := Now{Network: &Network{Subnet: "10.0.0.0/24", Gateway: "10.0.0.1", NameServers: "10.0.0.1:53", DHCPServer: from}, Lessor: from, Left: Left{"10.0.0.254", "02:00:00:00:00:01"}, Heard: []Lessor{{own, []netip.Addr{own}}}}
		got := elsewhere(&was, &now, FaultDNSRefused.Met(nil), Facts{"when": "at noon", "lessor": now.Lessor})
		if !strings.Contains(got.What(), "the address of the former gateway, 10.0.0.254 (MAC") || strings.Contains(got.What(), "then") || !strings.Contains(got.Hint(), "10.0.0.1") {
			t.Errorf("%q: %s: %q", from, got.What(), got.Otherwise())
		}
	}
}

// TestMend244WhoeverAnswersThere: in another network, whoever answers may be anybody until he has proven to be a Registrar.
func TestMend244WhoeverAnswersThere(t *testing.T) {
	was := Network{Subnet: "10.0.0.0/24", Gateway: "10.0.0.1", NameServers: "10.0.0.53:53"}
	foreign := Network{Subnet: "192.168.178.0/24", Gateway: "192.168.178.1", NameServers: "192.168.178.1:53"}
	sameServers := Network{Subnet: "10.7.0.0/24", Gateway: "10.7.0.1", NameServers: was.NameServers}
	policy := Policy{SIPAddress: SIPAddress{User: "phone1", Domain: "contoso.com"}}
	met := func(r Reason) Trouble { return r.Met("") }
	anybody := func(r Reason) Trouble { return met(r).With(Facts{"unproven": true}) } // see signin.Judge
	for _, row := range []struct {
		met Trouble
		now *Network
		is  bool
	}{
		{met(ConnectRefused), &foreign, true}, {met(ConnectReset), &foreign, true}, {met(ConnectTimeout), &foreign, true}, {met(DNSMalformed), &foreign, true}, {met(AddressNotAllowed), &foreign, true},
		{anybody(TLSName), &foreign, true}, {anybody(TLSFailed), &foreign, true}, {anybody(TLSExpired), &foreign, true}, {anybody(SIPMalformed), &foreign, true}, {anybody(SIPNoAnswer), &foreign, true},
		{FaultLikewise.Because(anybody(TLSFailed), nil), &foreign, true}, {FaultLikewise.Because(met(TLSFailed), nil), &foreign, false},
		{met(TLSFailed), &foreign, false}, {met(SIPMalformed), &foreign, false}, {met(SIPNoAnswer), &foreign, false}, {met(SIPForbidden), &foreign, false},
		{met(TLSExpired), &foreign, false}, {met(ClockWrong), &foreign, false}, {met(TLSClientCert), &foreign, false},
		{anybody(TLSName), &sameServers, false}, {met(ConnectRefused), &sameServers, true}, {anybody(TLSName), &was, false},
	} {
		for _, floor := range []bool{false, true} { // how the device was registered does not say how it was answered now
			record := cache.Record{SIPAddress: "sip:phone1@contoso.com", Registrar: cache.Registrar{Host: "pool01.contoso.com", Port: 5061}, Network: &was, TLSFloor: floor}
			got := policy.Memory(cache.InMemory(record)).Before(&Now{Network: row.now}, row.met)
			if is := got.Fault == FaultOtherNetwork; is != row.is {
				t.Errorf("%s, %v, in %s: %s", row.met.Reason(), row.met.Facts, row.now.Subnet, got.Fault)
			}
		}
	}
}

// TestMend261OneCureOfAStranger: in another network, or behind another gateway, only the first cure of what a stranger shows is told, and for whom it is.
func TestMend261OneCureOfAStranger(t *testing.T) {
	was := Network{Subnet: "10.0.0.0/24", Gateway: "10.0.0.1", NameServers: "10.0.0.53:53"}
	cause := FaultSelfSigned.Met(Facts{"at": "fe01.contoso.com:5061", "last": "CN=fe01.contoso.com", "anchor": "sha256:00", "pin": `trust_pins = ["sha256:00"]`})
	for qualified, now := range map[string]Network{
		"for a device that belongs in this network: ": {Subnet: "10.99.0.0/24", Gateway: "10.99.0.1", NameServers: "10.99.0.1:53"},
		"should 10.0.0.254 be right: ":                {Subnet: was.Subnet, Gateway: "10.0.0.254", NameServers: "10.0.0.254:53"},
	} {
		cures := elsewhere(&was, &Now{Network: &now}, cause, Facts{}).Otherwise()
		if last := cures[len(cures)-1]; last != qualified+cause.Do() {
			t.Errorf("%s: %q", now.Gateway, cures)
		}
	}
}

// TestMend261ANetworkOfTheSite: where DNS gives the record for devices inside, with an address, a certificate is told before the other network, on
// no side; DHCP may be a stranger's.
func TestMend261ANetworkOfTheSite(t *testing.T) {
	was := Network{Subnet: "10.0.0.0/24", Gateway: "10.0.0.1", NameServers: "10.0.0.53:53"}
	now := Network{Subnet: "10.7.0.0/24", Gateway: "10.7.0.1", NameServers: "10.7.0.53:53"}
	policy := Policy{SIPAddress: SIPAddress{User: "phone1", Domain: "contoso.com"}, AskDHCP: true}
	record := cache.Record{SIPAddress: "sip:phone1@contoso.com", Registrar: cache.Registrar{Host: "pool01.contoso.com", Port: 5061}, Network: &was, TLSFloor: true}
	leading := []Name{{Host: "pool01.contoso.com", Addrs: []netip.Addr{netip.MustParseAddr("10.0.0.5")}}}
	for _, row := range []struct {
		step  Step
		names []Name
		met   Reason
		want  Fault
	}{
		{InternalTLS, leading, TLSName, Fault(TLSName)},
		{InternalTLS, leading, TLSUntrusted, Fault(TLSUntrusted)},
		{InternalTLS, leading, ConnectRefused, FaultOtherNetwork},
		{InternalTLS, []Name{{Host: "pool01.contoso.com", Reason: NoAddress}}, TLSName, FaultOtherNetwork},
		{DHCPTLS, leading, TLSName, FaultOtherNetwork},
		{ExternalTLS, leading, TLSName, FaultOtherNetwork},
	} {
		found := Findings{{Source: Source{Step: row.step, Verdict: Found, Query: "the record"}, Names: row.names}}
		got := policy.Memory(cache.InMemory(record)).Before(&Now{Network: &now, Found: found}, row.met.Met("").With(Facts{"unproven": true}))
		if told := strings.Contains(got.What(), "the name server gives the record"); got.Fault != row.want || told != (row.want != FaultOtherNetwork) || told && got.OnSide() != "" {
			t.Errorf("%s, %s: %s, side %q: %s", row.step, row.met, got.Fault, got.OnSide(), got.What())
		}
	}
}

// TestOnlyWhatDiffersIsTold: of another network, only what is another there is told.
func TestOnlyWhatDiffersIsTold(t *testing.T) {
	was := Network{Subnet: "10.0.0.0/24", Gateway: "10.0.0.1", NameServers: "10.0.0.53:53, 10.0.0.54:53"}
	for want, now := range map[string]Network{
		"": was,
		"subnet 10.7.0.0/24 instead of 10.0.0.0/24; gateway 10.7.0.1 instead of 10.0.0.1": {Subnet: "10.7.0.0/24", Gateway: "10.7.0.1", NameServers: was.NameServers},
		"gateway 10.7.0.1 instead of 10.0.0.1":                                            {Gateway: "10.7.0.1", NameServers: was.NameServers}, // the subnet is not known
		"name server 10.7.0.1:53 instead of 10.0.0.53:53, 10.0.0.54:53":                   {Subnet: was.Subnet, Gateway: was.Gateway, NameServers: "10.7.0.1:53"},
	} {
		if got := differing(&was, &now); got != want {
			t.Errorf("got %q, want %q", got, want)
		}
	}
}
