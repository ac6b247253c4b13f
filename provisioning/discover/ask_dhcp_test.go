package discover

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net/netip"
	"strings"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"homeward/dhcpopts"
	"homeward/internal/sitetest"
	"homeward/provisioning"
	"homeward/provisioning/wire"
)

// askedOnce is what each source says in one round, in the order in which they are believed.
func askedOnce(ctx context.Context, policy provisioning.Policy, wire wire.Wire) []dhcpSource {
	ctx, cancel := context.WithTimeout(ctx, dhcpLimit)
	defer cancel()
	d := &dhcpAsk{policy: policy, wire: wire, notice: func(provisioning.Trouble) {}, settle: func(provisioning.Finding) {}, window: closing(cancel)}
	_ = d.ask(ctx) // what could not be asked is in the Finding
	return d.inOrder()
}

// TestDHCPSources asks simulated servers in fake time: who said what, and what `homeward plan` shows of it.
func TestDHCPSources(t *testing.T) {
	auto := provisioning.Policy{SIPAddress: provisioning.SIPAddress{User: "phone1", Domain: "contoso.com"}, AllowTCP: true, AskDHCP: true, ReadLease: true}
	leaseOnly := auto
	leaseOnly.AskDHCP = false
	built := leaseOnly
	built.Built = time.Date(1999, 12, 31, 23, 59, 30, 0, time.UTC)
	off := leaseOnly
	off.ReadLease = false
	const lease = "lease /run/systemd/netif/leases/2 "
	for _, test := range []struct {
		name   string
		policy provisioning.Policy
		site   string // the section dhcp
		want   string // when it was known; each source; what the plan says of step 2, and why
	}{
		{"everybody says something", auto, "10.0.0.67 ack 120=pool.contoso.com 43=https://web.contoso.com delay=10ms\nfe80::67 reply 21=six.contoso.com\n" + lease + "120=old.contoso.com\nlease /gone 120=pool.contoso.com expires=-1m", `
500ms
10.0.0.67: option 120 pool.contoso.com https://web.contoso.com:443/CertProv/CertProvisioningService.svc
lease /run/systemd/netif/leases/2: option 120 old.contoso.com
lease /gone: option 120 pool.contoso.com has expired at 1999-12-31T23:59:00Z
fe80::67: option 21 six.contoso.com
option 120: found
from 10.0.0.67; lease /run/systemd/netif/leases/2 says old.contoso.com; lease /gone has expired at 1999-12-31T23:59:00Z; fe80::67 says six.contoso.com`},
		{"a lease that says nothing is not worth a word beside an answer", auto, "10.0.0.67 ack 120=pool.contoso.com\n" + lease, `
500ms
10.0.0.67: option 120 pool.contoso.com
lease /run/systemd/netif/leases/2: option 120 nothing
option 120: found
from 10.0.0.67`},
		{"two servers of DHCPv6 disagree", auto, "fe80::67 reply 21=pool.contoso.com\nfe80::68 reply 21=other.contoso.com delay=1ms", `
500ms
fe80::67: option 21 pool.contoso.com
fe80::68: option 21 other.contoso.com
option 21 (fe80::67): found dhcp-conflict
fe80::67 says pool.contoso.com, fe80::68 says other.contoso.com`},
		{"a name outside the SIP domain in the answer, and one inside in the lease", auto, "10.0.0.67 ack 120=pool.example.org\n" + lease + "120=pool.contoso.com", `
500ms
10.0.0.67: option 120 pool.example.org
lease /run/systemd/netif/leases/2: option 120 pool.contoso.com
option 120 (lease /run/systemd/netif/leases/2): found
from lease /run/systemd/netif/leases/2`},
		{"the lease alone, and it is malformed", leaseOnly, lease + "120=hex:05", `
0s
lease /run/systemd/netif/leases/2: option 120 nothing
option 120 (lease /run/systemd/netif/leases/2): failed dhcp-malformed
from lease /run/systemd/netif/leases/2: byte 0 is 0x05, no encoding: 0 is for names, 1 for IPv4 addresses`},
		{"the lease was written before the clock was set", built, lease + "120=pool.contoso.com expires=-1m", `
0s
lease /run/systemd/netif/leases/2: option 120 pool.contoso.com
option 120 (lease /run/systemd/netif/leases/2): found
from lease /run/systemd/netif/leases/2`},
		{"the lease has expired since", built, lease + "120=pool.contoso.com expires=-10s", `
0s
lease /run/systemd/netif/leases/2: option 120 pool.contoso.com has expired at 1999-12-31T23:59:50Z
option 120: failed dhcp-no-lease
lease /run/systemd/netif/leases/2 has expired at 1999-12-31T23:59:50Z`},
		{"the lease alone, and there is none", leaseOnly, "10.0.0.67 ack 120=pool.contoso.com", `
0s
option 120: failed dhcp-no-lease
`},
		{"nothing may be asked", auto, "denied\n" + lease, `
0s
lease /run/systemd/netif/leases/2: option 120 nothing
option 120: failed dhcp-not-permitted
permission denied; lease /run/systemd/netif/leases/2 says nothing`},
		{"nothing may be asked, and the lease has it", auto, "denied\n" + lease + "120=pool.contoso.com", `
0s
lease /run/systemd/netif/leases/2: option 120 pool.contoso.com
option 120 (lease /run/systemd/netif/leases/2): found
from lease /run/systemd/netif/leases/2`},
		{"DHCP is off", off, "10.0.0.67 ack 120=pool.contoso.com\n" + lease + "120=pool.contoso.com", `
0s
`},
	} {
		t.Run(test.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				site, err := sitetest.Parse("sources", []byte("-- dhcp --\n"+test.site+"\n"))
				if err != nil {
					t.Fatal(err)
				}
				simulated, err := site.Start()
				if err != nil {
					t.Fatal(err)
				}
				defer site.Close()
				began := time.Now()
				sources := askedOnce(t.Context(), test.policy, wire.Wire(simulated))
				var got strings.Builder
				fmt.Fprintf(&got, "\n%v\n", time.Since(began))
				for _, s := range sources {
					said := fmt.Sprintf("%s: %s %s %s", s.Who, s.Option, registrarsOf(&s.Answer), s.Answer.Vendor.URL)
					fmt.Fprintln(&got, strings.TrimSpace(strings.TrimSpace(said)+" "+s.Problem))
				}
				for _, f := range Discover(t.Context(), &test.policy, wire.Wire(simulated), false) {
					if f.Step == provisioning.DHCPTLS {
						fmt.Fprintf(&got, "%s\n%s", strings.TrimSpace(fmt.Sprintf("%s: %s %s", f.Query, f.Verdict, f.Reason)), f.Detail)
					}
				}
				if diff := cmp.Diff(strings.Split(test.want, "\n"), strings.Split(got.String(), "\n")); diff != "" {
					t.Errorf("(-want +got):\n%s", diff)
				}
			})
		})
	}
}

// Each kind of trouble has its own reason: a capability helps where one is missing, and nowhere else.
func TestMend29WhyDHCPIsNotAsked(t *testing.T) {
	for _, test := range []struct {
		err  error
		want provisioning.Reason
	}{
		{syscall.EPERM, provisioning.DHCPNotPermitted},
		{fs.ErrPermission, provisioning.DHCPNotPermitted},
		{fmt.Errorf("%w %q", dhcpopts.ErrNoInterface, "eth9"), provisioning.DHCPNoInterface},
		{dhcpopts.ErrNoRoute, provisioning.DHCPNoNetwork},
		{dhcpopts.ErrNoAddress, provisioning.DHCPNoNetwork},
		{dhcpopts.ErrDown, provisioning.DHCPNoNetwork},
		{syscall.ENETDOWN, provisioning.DHCPNoNetwork},
		{syscall.ENETUNREACH, provisioning.DHCPNoNetwork},
		{errors.ErrUnsupported, provisioning.DHCPNotSupported},
		{syscall.ENODEV, provisioning.DHCPNoNetwork}, // the adapter was pulled out meanwhile
		{syscall.EMFILE, provisioning.Unknown},
		{syscall.ENOBUFS, provisioning.Unknown},
		{io.ErrUnexpectedEOF, provisioning.Unknown},
	} {
		got := unaskable(fmt.Errorf("listen for DHCP: %w", test.err))
		if got != test.want || !got.IsDHCPUnasked() {
			t.Errorf("%v: got %s, want %s", test.err, got, test.want)
		}
		if asks := strings.Contains(got.Hint(), "CAP_NET_RAW"); asks != (got == provisioning.DHCPNotPermitted) {
			t.Errorf("%v: %s", test.err, got.Hint())
		}
	}
	if provisioning.DHCPSilent.IsDHCPUnasked() {
		t.Error("silence is an answer")
	}
}

// TestMend15AddressesAreBounded bounds what many sources can make the device try, and says what is left out.
func TestMend15AddressesAreBounded(t *testing.T) {
	f := provisioning.Finding{Source: provisioning.Source{Detail: "from fe80::67"}, Names: []provisioning.Name{{Host: "pool.contoso.com"}}}
	var sources []dhcpSource
	for i := range 20 {
		sip := dhcpopts.SIPServers{Addrs: []netip.Addr{netip.AddrFrom4([4]byte{10, 0, 0, byte(i)}), netip.AddrFrom4([4]byte{10, 0, 0, byte(i + 1)})}}
		sources = append(sources, dhcpSource{Who: "lease", Option: "option 120", rank: leased, Answer: dhcpopts.Answer{SIP: sip}})
	}
	addAddresses(&f, sources, informed6)
	if want := "from fe80::67; 6 more addresses are not used"; len(f.Names) != maxDHCPNames || f.Detail != want {
		t.Errorf("%d names, %q; want %d, %q", len(f.Names), f.Detail, maxDHCPNames, want)
	}
}

// The words name the vendor class as which DHCP is asked.
func TestVendorClassOfTheWords(t *testing.T) {
	policy := provisioning.Policy{AskDHCP: true}
	if got := policy.NothingNamed(&provisioning.Source{Reason: provisioning.DHCPNoOption}).Facts["class"]; got != dhcpopts.VendorClass {
		t.Errorf("%q, want %q", got, dhcpopts.VendorClass)
	}
}
