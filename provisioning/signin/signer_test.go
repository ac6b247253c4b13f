package signin

import (
	"fmt"
	"maps"
	"net/netip"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"homeward/provisioning"
)

func TestMend21UserAgentOfThisProgram(t *testing.T) {
	for want, p := range map[string]provisioning.Policy{
		"homeward/devel":                {Version: "(devel)"},
		"homeward/1.2.3":                {Version: "1.2.3"},
		"OC/15.0.4420 (Microsoft Lync)": {Version: "1.2.3", UserAgent: "OC/15.0.4420 (Microsoft Lync)"},
	} {
		if got := (&Signer{policy: p}).account(&provisioning.Candidate{}, nil).UserAgent; got != want {
			t.Errorf("User-Agent: %s, want %s", got, want)
		}
	}
}

// A challenge over plain TCP is answered only where the site allows it, and at a host that SRV or the configuration names:
// DHCP, a redirect and a record are no evidence, unless SRV has named the host, too; and DHCP not even then.
func TestWhereCredentialsGoInClear(t *testing.T) {
	policy := contoso
	policy.Manual = []provisioning.ManualServer{{Host: "lync.contoso.com"}}
	bySRV := []provisioning.Step{provisioning.InternalTLS, provisioning.InternalTCP, provisioning.ExternalTLS, provisioning.ExternalTCP}
	for step := range provisioning.Redirect + 1 {
		for host, want := range map[string]bool{
			"lync.contoso.com": true,
			"fe01.contoso.com": step != provisioning.DHCPTCP,
			"fe02.contoso.com": slices.Contains(bySRV, step),
		} {
			for _, allowed := range []bool{true, false} {
				policy.CredentialsOverTCP = allowed
				s := &Signer{policy: policy, named: map[string]bool{"fe01.contoso.com": true}}
				at := provisioning.Endpoint{Host: host, Port: 5060, Transport: provisioning.TCP}
				if got := s.inClear(&provisioning.Candidate{Step: step, Endpoint: at}); got != (want && allowed) {
					t.Errorf("%s: %s, allowed %t: got %t", step, host, allowed, got)
				}
			}
		}
	}
}

// A password that has signed in during this run is not told as one whose file was written since, wherever that was.
func TestMend260SignedInElsewhereInThisRun(t *testing.T) {
	here, there := provisioning.Candidate{Endpoint: provisioning.Endpoint{Host: "fe01.contoso.com", Port: 5061}}, provisioning.Candidate{Endpoint: provisioning.Endpoint{Host: "fe02.contoso.com", Port: 5061}}
	addr := netip.MustParseAddr("10.0.0.5")
	for scheme, want := range map[string]provisioning.Fault{"digest": provisioning.FaultCredentials, "tls-dsk": provisioning.FaultRetyped} {
		s := &Signer{restraint: newRestraint(), owner: Owner{Worked: func(provisioning.Endpoint, netip.Addr) provisioning.Past {
			return provisioning.Past{Moment: provisioning.Moment{At: time.Unix(0, 0)}, Scheme: "digest", File: "password", Written: time.Date(2024, 11, 28, 12, 0, 0, 0, time.UTC)}
		}}}
		s.restraint.succeeded(&there, addr, scheme)
		if got := since(s, provisioning.FaultCredentials.Met(provisioning.Facts{"host": here.Host}), &here, addr); got.Fault != want {
			t.Errorf("after %s elsewhere: %s: %s", scheme, got.Fault, got.What())
		}
	}
}

// A record that says another port than that at which the device was registered is what is told, and corrected, first; not where another step had
// led there, such as a redirect.
func TestMend323AnotherPortThanBefore(t *testing.T) {
	addr := netip.MustParseAddr("10.0.0.5")
	c := provisioning.Candidate{Step: provisioning.InternalTLS, Endpoint: provisioning.Endpoint{Host: "fe01.contoso.com", Port: 5071, Transport: provisioning.TLS}}
	for step, want := range map[string]string{
		"internal-tls": "correct the port to 5061 in the SRV record _sipinternaltls._tcp.contoso.com", "redirect": "start the Registrar service on fe01.contoso.com",
	} {
		s := &Signer{restraint: newRestraint(), owner: Owner{Worked: func(provisioning.Endpoint, netip.Addr) provisioning.Past {
			return provisioning.Past{Moment: provisioning.Moment{At: time.Unix(0, 0), Lost: true}, Elsewhere: c.Host, Port: 5061, Step: step}
		}}}
		s.policy.SIPAddress.Domain = "contoso.com"
		got := since(s, provisioning.FaultRefused.Met(provisioning.Facts{"host": c.Host, "at": c.HostPort(), "port": c.Port}), &c, addr)
		if got.Do() != want || (got.OnSide() == provisioning.SideDNS) != (step == "internal-tls") {
			t.Errorf("%s: %q, %s", step, got.Do(), got.OnSide())
		}
	}
}

// Only what SRV records name counts as that, and what they named last; without any, what they named before.
func TestWhatSRVHasNamed(t *testing.T) {
	at := func(step provisioning.Step, host string) provisioning.Candidate {
		return provisioning.Candidate{Step: step, Endpoint: provisioning.Endpoint{Host: host, Port: 5061}}
	}
	s := &Signer{named: map[string]bool{}}
	for _, round := range []struct {
		try  []provisioning.Candidate
		want string
	}{
		{[]provisioning.Candidate{at(provisioning.InternalTLS, "a"), at(provisioning.DHCPTLS, "b"), at(provisioning.ExternalTCP, "c")}, "a c"},
		{[]provisioning.Candidate{at(provisioning.DHCPTLS, "b"), at(provisioning.LastGood, "d")}, "a c"},
		{[]provisioning.Candidate{at(provisioning.InternalTCP, "e")}, "e"},
	} {
		s.Note(round.try, map[string]bool{})
		if got := strings.Join(slices.Sorted(maps.Keys(s.named)), " "); got != round.want {
			t.Errorf("got %q, want %q", got, round.want)
		}
	}
}

// However many hosts Registrars name, few are kept, and the latest is among them.
func TestVouchedIsBounded(t *testing.T) {
	s := &Signer{}
	for i := range 1000 {
		host := fmt.Sprintf("h%d", i)
		for range 2 {
			if s.vouched.add(host); len(s.vouched.hosts) > maxVouched || !s.vouched.has(host) {
				t.Fatalf("after %d: %d are kept, the latest: %t", i+1, len(s.vouched.hosts), s.vouched.has(host))
			}
		}
		if i == maxVouched-1 && len(s.vouched.hosts) != maxVouched {
			t.Errorf("of %d, %d are kept", maxVouched, len(s.vouched.hosts))
		}
	}
}

// A binding is renewed with the certificate while a walk, or what is learnt in band, names hosts.
func TestVouchedWhileABindingIsRenewed(t *testing.T) {
	s, _, _ := signerAt(t, "", false)
	var renewing sync.WaitGroup
	renewing.Go(func() {
		for range 1000 {
			if _, err := s.own.admits(&provisioning.Candidate{}, nil, "pool01.fabrikam.com", nil); err == nil {
				t.Error("a server without a certificate is admitted")
			}
		}
	})
	for i := range 1000 {
		s.vouched.add(fmt.Sprintf("h%d.contoso.com", i))
	}
	renewing.Wait()
}
