package provisioning

import (
	"fmt"
	"net/netip"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

var contoso = Policy{SIPAddress: SIPAddress{User: "phone1", Domain: "contoso.com"}, AllowTCP: true, TLSFloor: true, AskDHCP: true}

// dnsFinding is an SRV answer; each target is "host:port address".
func dnsFinding(step Step, targets ...string) Finding {
	f := Finding{Source: Source{Step: step, Source: "dns", Query: srvNames[step] + "contoso.com", Verdict: Found}}
	for _, target := range targets {
		f.Names = append(f.Names, nameOf(target))
	}
	return f
}

func dhcpFinding(step Step, names ...string) Finding {
	f := Finding{Source: Source{Step: step, Source: "dhcp", Query: "option 120", Verdict: Found}}
	for _, name := range names {
		f.Names = append(f.Names, nameOf(name))
	}
	return f
}

func absent(step Step) Finding {
	return Finding{Source: Source{Step: step, Source: "dns", Verdict: Absent, Reason: DNSNoRecord}}
}

func nameOf(text string) Name {
	endpoint, addr, _ := strings.Cut(text, " ")
	host, port, _ := strings.Cut(endpoint, ":")
	n := Name{Host: host, Reason: NoAddress}
	fmt.Sscan(port, &n.Port)
	if addr != "" {
		n.Addrs, n.Reason = []netip.Addr{netip.MustParseAddr(addr)}, ""
	}
	return n
}

// allSix is a site that offers every step.
var allSix = Findings{
	dnsFinding(InternalTLS, "fe01.contoso.com:5061 10.0.0.5", "fe02.contoso.com:5061 10.0.0.6"),
	dhcpFinding(DHCPTLS, "pool.contoso.com 10.0.0.7"),
	dnsFinding(InternalTCP, "fe01.contoso.com:5060 10.0.0.5"),
	dhcpFinding(DHCPTCP, "pool.contoso.com 10.0.0.7"),
	dnsFinding(ExternalTLS, "sip.contoso.com:443 203.0.113.5"),
	dnsFinding(ExternalTCP, "sip.contoso.com:5060 203.0.113.5"),
}

func TestMakePlan(t *testing.T) {
	for name, test := range map[string]struct {
		in    Findings
		edit  func(*Policy)
		floor bool
		want  string
	}{
		"all six steps, in the device order": {in: allSix, want: `
try  internal-tls fe01.contoso.com:5061 tls [10.0.0.5] via SRV _sipinternaltls._tcp.contoso.com
try  internal-tls fe02.contoso.com:5061 tls [10.0.0.6] via SRV _sipinternaltls._tcp.contoso.com
try  dhcp-tls pool.contoso.com:5061 tls [10.0.0.7] via option 120
try  internal-tcp fe01.contoso.com:5060 tcp [10.0.0.5] via SRV _sipinternal._tcp.contoso.com
try  dhcp-tcp pool.contoso.com:5060 tcp [10.0.0.7] via option 120
try  external-tls sip.contoso.com:443 tls [203.0.113.5] via SRV _sip._tls.contoso.com
try  external-tcp sip.contoso.com:5060 tcp [203.0.113.5] via SRV _sip._tcp.contoso.com
`},
		"TCP steps vanish where TCP is not allowed, and say so": {in: allSix, edit: func(p *Policy) { p.AllowTCP = false }, want: `
try  internal-tls fe01.contoso.com:5061 tls [10.0.0.5] via SRV _sipinternaltls._tcp.contoso.com
try  internal-tls fe02.contoso.com:5061 tls [10.0.0.6] via SRV _sipinternaltls._tcp.contoso.com
try  dhcp-tls pool.contoso.com:5061 tls [10.0.0.7] via option 120
try  external-tls sip.contoso.com:443 tls [203.0.113.5] via SRV _sip._tls.contoso.com
skip internal-tcp transport-policy
skip dhcp-tcp transport-policy
skip external-tcp transport-policy
`},
		"TCP is closed once the SIP domain has registered over TLS": {in: Findings{dnsFinding(InternalTCP, "fe01.contoso.com:5060 10.0.0.5")}, floor: true, want: `
skip internal-tcp tls-floor
skip dhcp-tcp tls-floor
skip external-tcp tls-floor
`},
		"without the floor policy TCP stays open": {in: Findings{dnsFinding(InternalTCP, "fe01.contoso.com:5060 10.0.0.5")}, edit: func(p *Policy) { p.TLSFloor = false }, floor: true, want: `
try  internal-tcp fe01.contoso.com:5060 tcp [10.0.0.5] via SRV _sipinternal._tcp.contoso.com
`},
		"a name outside the SIP domain is refused from DNS and DHCP": {in: Findings{
			dnsFinding(InternalTLS, "fe01.evil.net:5061 10.0.0.5"), dhcpFinding(DHCPTLS, "evilcontoso.com 10.0.0.5")}, want: `
skip internal-tls fe01.evil.net:5061 name-not-allowed
skip dhcp-tls evilcontoso.com:5061 name-not-allowed
`},
		"strict naming allows the SIP domain and sip. only": {in: Findings{
			dnsFinding(InternalTLS, "fe01.contoso.com:5061 10.0.0.5", "sip.contoso.com:5061 10.0.0.6")}, edit: func(p *Policy) { p.Naming = NamingStrict }, want: `
try  internal-tls sip.contoso.com:5061 tls [10.0.0.6] via SRV _sipinternaltls._tcp.contoso.com
skip internal-tls fe01.contoso.com:5061 name-not-allowed
`},
		"an address from DHCP is no name for TLS, but usable over TCP": {in: Findings{dhcpFinding(DHCPTLS, "10.0.0.9 10.0.0.9"), dhcpFinding(DHCPTCP, "10.0.0.9 10.0.0.9")}, want: `
try  dhcp-tcp 10.0.0.9:5060 tcp [10.0.0.9] via option 120
skip dhcp-tls 10.0.0.9:5061 tls-no-name
`},
		"a name without address is skipped with the reason": {in: Findings{dnsFinding(InternalTLS, "fe01.contoso.com:5061")}, want: `
skip internal-tls fe01.contoso.com:5061 no-address
`},
		"the Communicator order ends with host names, when no SRV record exists": {
			in: Findings{absent(InternalTLS), absent(InternalTCP), absent(ExternalTLS),
				{Source: Source{Step: HostName, Source: "dns", Verdict: Found}, Names: []Name{nameOf("sip.contoso.com 10.0.0.8")}}},
			edit: func(p *Policy) { p.Order = CommunicatorOrder }, want: `
try  host-name sip.contoso.com:5061 tls [10.0.0.8] via host name sip.contoso.com
try  host-name sip.contoso.com:443 tls [10.0.0.8] via host name sip.contoso.com
try  host-name sip.contoso.com:5060 tcp [10.0.0.8] via host name sip.contoso.com
`},
		"an SRV record that leads nowhere blocks the host names": {
			in: Findings{dnsFinding(InternalTLS, "fe01.contoso.com:5061"), absent(InternalTCP), absent(ExternalTLS),
				{Source: Source{Step: HostName, Source: "dns", Verdict: Absent}}},
			edit: func(p *Policy) { p.Order = CommunicatorOrder }, want: `
skip internal-tls fe01.contoso.com:5061 no-address
skip host-name srv-exists
`},
		"an SRV look-up that failed blocks the host names": {
			in:   Findings{{Source: Source{Step: InternalTLS, Source: "dns", Verdict: Failed, Reason: DNSServFail}}, absent(InternalTCP), absent(ExternalTLS)},
			edit: func(p *Policy) { p.Order = CommunicatorOrder }, want: `
skip host-name srv-exists
`},
		"configured servers are tried over TLS and then TCP, under any name": {
			in:   Findings{{Source: Source{Step: Manual, Source: "config", Verdict: Found}, Names: []Name{nameOf("lync.fabrikam.com 10.0.0.9"), nameOf("edge.fabrikam.com:443 10.0.0.10")}}},
			edit: func(p *Policy) { p.Manual = []ManualServer{{Host: "lync.fabrikam.com"}} }, want: `
try  manual lync.fabrikam.com:5061 tls [10.0.0.9] via configuration
try  manual lync.fabrikam.com:5060 tcp [10.0.0.9] via configuration
try  manual edge.fabrikam.com:443 tls [10.0.0.10] via configuration
`},
	} {
		t.Run(name, func(t *testing.T) {
			policy := contoso
			if test.edit != nil {
				test.edit(&policy)
			}
			got := "\n" + MakePlan(test.in, &policy, test.floor).String()
			if diff := cmp.Diff(test.want, got); diff != "" {
				t.Errorf("-want +got:\n%s", diff)
			}
		})
	}
}

// Why a place that somebody has named is not tried: which fault that is, who has named it, and on whose side that is.
func TestWhoHasNamedWhatIsNotUsed(t *testing.T) {
	manual := func(p *Policy) { p.Manual = []ManualServer{{Host: "lync.fabrikam.com"}} }
	hosts := func(p *Policy) { p.Order = CommunicatorOrder }
	strict := func(p *Policy) { p.Naming = NamingStrict }
	named := func(step Step, target string) Finding {
		return Finding{Source: Source{Step: step, Source: "dns", Verdict: Found}, Names: []Name{nameOf(target)}}
	}
	unresolved := func(cause Fault) Finding {
		f := dnsFinding(InternalTLS, "fe01.contoso.com")
		f.Names[0].Reason, f.Names[0].Trouble = cause.Reason(), cause.Met(Facts{"name": "fe01.contoso.com"})
		return f
	}
	misspelt := dhcpFinding(DHCPTLS, "fe1.contoso.com")
	misspelt.Names[0].Trouble = NoSuchName()
	for name, test := range map[string]struct {
		found Finding
		edit  func(*Policy)
		want  Fault
		side  Side
		says  string
	}{
		"SRV names another domain": {dnsFinding(InternalTLS, "fe01.evil.net 10.0.0.5"), nil, FaultOutsideDomain, SideDNS,
			"the SRV record _sipinternaltls._tcp.contoso.com names fe01.evil.net"},
		"DHCP names another domain":            {dhcpFinding(DHCPTLS, "fe01.evil.net 10.0.0.5"), nil, FaultOutsideDomain, SideDHCP, "DHCP option 120 names fe01.evil.net"},
		"DHCP names a single label":            {dhcpFinding(DHCPTLS, "sipserver 10.0.0.5"), nil, FaultSingleLabel, SideDHCP, "DHCP option 120 names sipserver, which is a name without a domain"},
		"another domain, strict":               {dhcpFinding(DHCPTLS, "fe01.evil.net 10.0.0.5"), strict, FaultOutsideDomain, SideDHCP, "DHCP option 120 names fe01.evil.net"},
		"another host, strict":                 {dhcpFinding(DHCPTLS, "fe01.contoso.com 10.0.0.5"), strict, FaultStrictNaming, SideDevice, "DHCP option 120 names fe01.contoso.com, but the setting strict_naming allows"},
		"an address":                           {dhcpFinding(DHCPTLS, "10.0.0.5 10.0.0.5"), nil, FaultNamedAddress, SideDHCP, "DHCP option 120 contains the IP address 10.0.0.5"},
		"no address":                           {dhcpFinding(DHCPTLS, "fe01.contoso.com"), nil, FaultNoData, SideDNS, "DHCP option 120 names fe01.contoso.com"},
		"a name that DHCP misspells":           {misspelt, nil, FaultNoAddress, "", "DHCP option 120 names fe1.contoso.com, which does not exist in DNS"},
		"no address of a host name":            {named(HostName, "sip.contoso.com"), hosts, FaultNoData, SideDNS, "the host name names sip.contoso.com"},
		"no address of what is configured":     {named(Manual, "lync.fabrikam.com"), manual, FaultNoData, SideDNS, "the setting internal_server names lync.fabrikam.com"},
		"DNS fails for the name":               {unresolved(FaultDNSServFail), nil, FaultDNSServFail, SideDNS, ""},
		"DNS has no answer for the name":       {unresolved(FaultDNSSilentFor), nil, FaultDNSSilentFor, SideDNS, ""},
		"a port of another service":            {dnsFinding(InternalTLS, "fe01.contoso.com:25 10.0.0.5"), nil, FaultNotUsed, SideDNS, "the SRV record _sipinternaltls._tcp.contoso.com leads to fe01.contoso.com"},
		"a port of another service, from DHCP": {dhcpFinding(DHCPTLS, "fe01.contoso.com:25 10.0.0.5"), nil, FaultNotUsed, SideDHCP, "DHCP option 120 leads to fe01.contoso.com"},
	} {
		policy := contoso
		if test.edit != nil {
			test.edit(&policy)
		}
		plan := PlanStep(test.found.Step, Findings{test.found}, &policy, false)
		if len(plan.Skipped) == 0 || len(plan.Try) > 0 {
			t.Errorf("%s: %s", name, plan)
			continue
		}
		got := plan.Skipped[0].Trouble
		if got.Fault != test.want || got.OnSide() != test.side || !strings.HasPrefix(got.What(), test.says) || got.Reason() != plan.Skipped[0].Reason {
			t.Errorf("%s: got %s (%s, %s): %s", name, got.Fault, got.Reason(), got.OnSide(), got.What())
		}
	}
}

// What is asked for again: a name server, or one behind it, has not answered, about a service or about a host.
func TestUnansweredIsAskedAgain(t *testing.T) {
	for reason, unanswered := range map[Reason]bool{DNSTimeout: true, DNSServFail: true, DNSRefused: false, DNSNoRecord: false, NoAddress: false, DHCPSilent: false, "": false} {
		f := Finding{Source: Source{Step: InternalTLS, Reason: reason}}
		named := Finding{Names: []Name{{Host: "fe01.contoso.com"}, {Host: "fe02.contoso.com", Reason: reason}}}
		if Unanswered(reason) != unanswered || f.Open() != unanswered || (Findings{{}, f}).Unanswered() != unanswered || (Findings{{}, named}).Unanswered() != unanswered {
			t.Errorf("%q: want %t", reason, unanswered)
		}
	}
	if !(&Finding{Source: Source{Step: HostName}}).Open() { // which depends on the others
		t.Error("the host names are not asked again")
	}
}

// Two Findings that differ in one of these are told both.
func TestFindingsThatSayTheSame(t *testing.T) {
	one := Finding{Source: Source{Verdict: Failed, Reason: DHCPMalformed, Detail: "byte 1", TookMS: 1}}
	same := one
	same.TookMS = 2
	verdict, reason, detail := one, one, one
	verdict.Verdict, reason.Reason, detail.Detail = Found, DHCPSilent, "byte 2"
	if !one.Says(same) || one.Says(verdict) || one.Says(reason) || one.Says(detail) {
		t.Errorf("the same: %t, another verdict: %t, reason: %t, detail: %t", one.Says(same), one.Says(verdict), one.Says(reason), one.Says(detail))
	}
	found := Findings{{Source: Source{Step: InternalTLS, Query: "a"}}, {Source: Source{Step: DHCPTLS, Query: "b"}}}
	if f, ok := found.Of(DHCPTLS); !ok || f.Query != "b" {
		t.Errorf("of DHCP: %+v", f)
	}
	if f, ok := found.Of(ExternalTLS); ok {
		t.Errorf("of nobody: %+v", f)
	}
}
