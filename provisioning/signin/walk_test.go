package signin

import (
	"context"
	"crypto/x509"
	"fmt"
	"maps"
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

// places are where hosts of the tests are, for a Signer that a Registrar sends elsewhere.
var places = map[string]string{
	"fe01.contoso.com": "10.0.0.5", "fe02.contoso.com": "10.0.0.6", "fe03.contoso.com": "10.0.0.7", "fe01.fabrikam.com": "10.0.0.8",
	"pool01.contoso.com": "10.0.0.5", "edge01.contoso.com": "10.0.9.1",
	"h2.contoso.com": "10.0.1.2", "h3.contoso.com": "10.0.1.3", "h4.contoso.com": "10.0.1.4", "h5.contoso.com": "10.0.1.5", "h6.contoso.com": "10.0.1.6", "h7.contoso.com": "10.0.1.7",
}

// oddPlaces are hosts at addresses to which no packet goes.
var oddPlaces = map[string]provisioning.Reason{"odd.contoso.com": provisioning.AddressNotAllowed, "worse.contoso.com": provisioning.DNSMalformed}

// signerAt returns a signer at a site, and the cycle in which it notes what happens.
func signerAt(t *testing.T, text string, floor bool) (*Signer, *provisioning.Cycle, *[]string) {
	t.Helper()
	s, cycle, told, _ := signerOn(t, text, floor)
	return s, cycle, told
}

// signerOn is signerAt, with the site.
func signerOn(t *testing.T, text string, floor bool) (*Signer, *provisioning.Cycle, *[]string, *sitetest.Site) {
	t.Helper()
	site, err := sitetest.Parse("walk", []byte(text))
	if err != nil {
		t.Fatal(err)
	}
	simulated, err := site.Start()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { site.Close() })
	policy := contoso
	policy.User, policy.Password, policy.Auth = "phone1", "Secret1", []string{"ntlm", "digest"}
	policy.Roots = x509.NewCertPool()
	policy.Roots.AppendCertsFromPEM(site.Roots())
	cycle, told := &provisioning.Cycle{StartedAt: time.Now()}, &[]string{}
	return New(policy, wire.Wire(simulated), "a1b2c3d4e5", map[string]bool{}, Owner{
		Tell:       func(e *provisioning.Event) { cycle.Note(e); *told = append(*told, e.String()) },
		Pass:       func() {},
		Ground:     func() *provisioning.Ground { return &provisioning.Ground{Policy: policy} },
		Floor:      func() bool { return floor },
		ClockFloor: func() time.Time { return time.Time{} },
		Resolve: func(_ context.Context, hosts []string) []provisioning.Name {
			names := make([]provisioning.Name, len(hosts))
			for i, host := range hosts {
				names[i] = provisioning.Name{Host: host, Reason: provisioning.NoAddress}
				if reason, odd := oddPlaces[host]; odd {
					names[i].Reason, names[i].Detail = reason, "it cannot be meant"
				}
				if at, err := netip.ParseAddr(places[host]); err == nil {
					names[i].Addrs, names[i].Reason = []netip.Addr{at}, ""
				}
			}
			return names
		},
	}), cycle, told, site
}

// candidates reads "HOST PORT TRANSPORT ADDRESS …" lines, as SRV records of the inside would name them.
func candidates(t *testing.T, lines string) (all []provisioning.Candidate) {
	t.Helper()
	for line := range strings.Lines(lines) {
		words := strings.Fields(line)
		c := provisioning.Candidate{Step: provisioning.InternalTLS, Endpoint: provisioning.Endpoint{Host: words[0]}}
		fmt.Sscan(words[1], &c.Port)
		if err := c.Transport.UnmarshalText([]byte(words[2])); err != nil {
			t.Fatal(err)
		}
		if c.Transport == provisioning.TCP {
			c.Step = provisioning.InternalTCP
		}
		for _, addr := range words[3:] {
			c.Addrs = append(c.Addrs, netip.MustParseAddr(addr))
		}
		all = append(all, c)
	}
	return all
}

// chained are Registrars of which each redirects to the next, but for the last, which accepts.
func chained(n int) string {
	var b strings.Builder
	for i := 1; i < n; i++ {
		fmt.Fprintf(&b, "10.0.1.%d:5061 tls h%d.contoso.com redirect sip:h%d.contoso.com:5061;transport=tls\n", i, i, i+1)
	}
	fmt.Fprintf(&b, "10.0.1.%d:5061 tls h%d.contoso.com accept", n, n)
	return b.String()
}

// A walk through Candidates: what a failure means for the next address, the next Candidate, and for all others.
func TestWalks(t *testing.T) {
	for _, test := range []struct {
		name       string
		registrars string
		try        string
		floor      bool
		want       string
	}{
		{"the first that accepts", "10.0.0.5:5061 tls fe01.contoso.com accept", "fe01.contoso.com 5061 tls 10.0.0.5\nfe02.contoso.com 5061 tls 10.0.0.6", false, `
attempt internal-tls fe01.contoso.com 10.0.0.5:5061 tls: ok`},
		{"a sister of one that is not there", "10.0.0.5:5061 tls fe01.contoso.com refuse\n10.0.0.6:5061 tls fe01.contoso.com accept", "fe01.contoso.com 5061 tls 10.0.0.5 10.0.0.6", false, `
attempt internal-tls fe01.contoso.com 10.0.0.5:5061 tls: connect-refused
attempt internal-tls fe01.contoso.com 10.0.0.6:5061 tls: ok`},
		{"a sister of one that is unavailable", "10.0.0.5:5061 tls fe01.contoso.com status 503\n10.0.0.6:5061 tls fe01.contoso.com accept", "fe01.contoso.com 5061 tls 10.0.0.5 10.0.0.6", false, `
attempt internal-tls fe01.contoso.com 10.0.0.5:5061 tls: sip-unavailable
attempt internal-tls fe01.contoso.com 10.0.0.6:5061 tls: ok`},
		{"no sister of one that does not know the user", "10.0.0.5:5061 tls fe01.contoso.com status 404\n10.0.0.6:5061 tls fe01.contoso.com accept\n10.0.0.7:5061 tls fe02.contoso.com accept",
			"fe01.contoso.com 5061 tls 10.0.0.5 10.0.0.6\nfe02.contoso.com 5061 tls 10.0.0.7", false, `
attempt internal-tls fe01.contoso.com 10.0.0.5:5061 tls: sip-not-found
attempt internal-tls fe02.contoso.com 10.0.0.7:5061 tls: ok`},
		{"no sister of one that offers nothing we may answer", "10.0.0.5:5061 tls fe01.contoso.com offer Kerberos\n10.0.0.6:5061 tls fe01.contoso.com accept", "fe01.contoso.com 5061 tls 10.0.0.5 10.0.0.6", false, `
attempt internal-tls fe01.contoso.com 10.0.0.5:5061 tls: sip-auth-not-supported
because of sip-auth-not-supported`},
		{"nobody after one that forbids it", "10.0.0.5:5061 tls fe01.contoso.com status 403\n10.0.0.6:5061 tls fe02.contoso.com accept", "fe01.contoso.com 5061 tls 10.0.0.5\nfe02.contoso.com 5061 tls 10.0.0.6", false, `
attempt internal-tls fe01.contoso.com 10.0.0.5:5061 tls: sip-forbidden
because of sip-forbidden`},
		{"nobody after a wrong password", "10.0.0.5:5061 tls fe01.contoso.com accept user=phone1 password=Other\n10.0.0.6:5061 tls fe02.contoso.com accept", "fe01.contoso.com 5061 tls 10.0.0.5\nfe02.contoso.com 5061 tls 10.0.0.6", false, `
attempt internal-tls fe01.contoso.com 10.0.0.5:5061 tls: sip-credentials
because of sip-credentials`},
		{"no plain TCP after a certificate that proves nothing", "10.0.0.5:5061 tls fe01.contoso.com accept cert=untrusted\n10.0.0.5:5060 tcp accept", "fe01.contoso.com 5061 tls 10.0.0.5\nfe01.contoso.com 5060 tcp 10.0.0.5", false, `
attempt internal-tls fe01.contoso.com 10.0.0.5:5061 tls: tls-untrusted
skip internal-tcp fe01.contoso.com:5060 tcp transport-policy
because of tls-untrusted`},
		{"plain TCP where there is no TLS", "10.0.0.5:5060 tcp accept", "fe01.contoso.com 5061 tls 10.0.0.5\nfe01.contoso.com 5060 tcp 10.0.0.5", false, `
attempt internal-tls fe01.contoso.com 10.0.0.5:5061 tls: connect-refused
attempt internal-tcp fe01.contoso.com 10.0.0.5:5060 tcp: ok`},
		{"no plain TCP after TLS", "10.0.0.5:5060 tcp accept", "fe01.contoso.com 5061 tls 10.0.0.5\nfe01.contoso.com 5060 tcp 10.0.0.5", true, `
attempt internal-tls fe01.contoso.com 10.0.0.5:5061 tls: connect-refused
skip internal-tcp fe01.contoso.com:5060 tcp tls-floor
because of connect-refused`},
		{"nothing twice", "10.0.0.5:5061 tls fe01.contoso.com refuse", "fe01.contoso.com 5061 tls 10.0.0.5\nfe01.contoso.com 5061 tls 10.0.0.5", false, `
attempt internal-tls fe01.contoso.com 10.0.0.5:5061 tls: connect-refused
skip internal-tls fe01.contoso.com:5061 tls same-as-failed
because of connect-refused`},
		{"to the pair of a redirect", "10.0.0.5:5061 tls fe01.contoso.com redirect sip:fe02.contoso.com:5061;transport=tls;q=0.3 sip:fe03.contoso.com:5061;transport=tls;q=0.7\n10.0.0.7:5061 tls fe03.contoso.com accept",
			"fe01.contoso.com 5061 tls 10.0.0.5", false, `
redirect fe01.contoso.com:5061 tls
attempt redirect fe03.contoso.com 10.0.0.7:5061 tls: ok
home fe03.contoso.com:5061 primary
home fe02.contoso.com:5061 backup
vouched for fe02.contoso.com
vouched for fe03.contoso.com`},
		{"to the backup of a redirect, outside the SIP domain", "10.0.0.5:5061 tls fe01.contoso.com redirect sip:gone.contoso.com;transport=tls sip:fe01.fabrikam.com:5061;transport=tls;q=0.3\n10.0.0.8:5061 tls fe01.fabrikam.com accept",
			"fe01.contoso.com 5061 tls 10.0.0.5", false, `
redirect fe01.contoso.com:5061 tls
skip redirect gone.contoso.com:5061 tls no-address
attempt redirect fe01.fabrikam.com 10.0.0.8:5061 tls: ok
home gone.contoso.com:5061 primary
home fe01.fabrikam.com:5061 backup
vouched for fe01.fabrikam.com
vouched for gone.contoso.com`},
		{"not out of TLS, nor to the port of another service", "10.0.0.5:5061 tls fe01.contoso.com redirect sip:fe02.contoso.com:5060;transport=tcp sip:fe02.contoso.com:25;transport=tls\n10.0.0.6:5060 tcp accept",
			"fe01.contoso.com 5061 tls 10.0.0.5", false, `
redirect fe01.contoso.com:5061 tls
skip redirect fe02.contoso.com:5060 tcp sip-redirect-downgrade
skip redirect fe02.contoso.com:25 tls address-not-allowed
because of sip-redirect-downgrade`},
		{"over plain TCP, to names of the SIP domain alone", "10.0.0.5:5060 tcp redirect sip:fe01.fabrikam.com:5060;transport=tcp sip:10.0.0.6:5060;transport=tcp sip:fe03.contoso.com:5060;transport=tcp\n10.0.0.7:5060 tcp accept",
			"fe01.contoso.com 5060 tcp 10.0.0.5", false, `
redirect fe01.contoso.com:5060 tcp
skip redirect fe01.fabrikam.com:5060 tcp name-not-allowed
skip redirect 10.0.0.6:5060 tcp registrar-not-proven
attempt redirect fe03.contoso.com 10.0.0.7:5060 tcp: ok`},
		{"in no circle", "10.0.0.5:5061 tls fe01.contoso.com redirect sip:fe02.contoso.com:5061;transport=tls\n10.0.0.6:5061 tls fe02.contoso.com redirect sip:fe01.contoso.com:5061;transport=tls",
			"fe01.contoso.com 5061 tls 10.0.0.5", false, `
redirect fe01.contoso.com:5061 tls
redirect fe02.contoso.com:5061 tls
skip redirect fe01.contoso.com:5061 tls sip-redirect-loop
because of sip-redirect-loop
vouched for fe01.contoso.com
vouched for fe02.contoso.com`},
		{"through five redirects, and no more", chained(7), "h1.contoso.com 5061 tls 10.0.1.1\nh2.contoso.com 5061 tls 10.0.1.2", false, `
redirect h1.contoso.com:5061 tls
redirect h2.contoso.com:5061 tls
redirect h3.contoso.com:5061 tls
redirect h4.contoso.com:5061 tls
redirect h5.contoso.com:5061 tls
redirect h6.contoso.com:5061 tls
skip redirect h7.contoso.com:5061 tls sip-redirect-loop
skip internal-tls h2.contoso.com:5061 tls same-as-failed
because of sip-redirect-loop
vouched for h2.contoso.com
vouched for h3.contoso.com
vouched for h4.contoso.com
vouched for h5.contoso.com
vouched for h6.contoso.com
vouched for h7.contoso.com`},
		{"to no address that cannot be a Registrar's", "10.0.0.5:5061 tls fe01.contoso.com redirect sip:odd.contoso.com;transport=tls sip:worse.contoso.com;transport=tls", "fe01.contoso.com 5061 tls 10.0.0.5", false, `
redirect fe01.contoso.com:5061 tls
skip redirect odd.contoso.com:5061 tls address-not-allowed
skip redirect worse.contoso.com:5061 tls dns-malformed
because of address-not-allowed`},
	} {
		t.Run(test.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				s, cycle, told := signerAt(t, "-- registrars --\n"+test.registrars+"\n", test.floor)
				done := s.SignInOnce(t.Context(), candidates(t, test.try), 0, contoso.Memory(cache.InMemory(cache.Record{})), cycle, func() bool { return true })
				lines := *told
				for _, h := range done.Home {
					lines = append(lines, "home "+h.HostPort()+" "+h.Role)
				}
				if done.Registrar == nil {
					lines = append(lines, "because of "+string(done.Why.Reason))
				}
				for _, host := range slices.Sorted(maps.Keys(s.Vouched())) {
					lines = append(lines, "vouched for "+host)
				}
				got := "\n" + strings.Join(lines, "\n")
				if diff := cmp.Diff(strings.Split(test.want, "\n"), strings.Split(got, "\n")); diff != "" {
					t.Errorf("(-want +got):\n%s", diff)
				}
			})
		})
	}
}

// What is told in band at a sign-in, and what it leads to: the home pool, and media relays that answer or not.
func TestInBandAtASignIn(t *testing.T) {
	const mras = "mrasUri sip:edge01.contoso.com@contoso.com;gruu;opaque=srvr:MRAS:GhIjKl\n"
	for _, test := range []struct {
		name string
		site string
		want string
	}{
		{"all of it", "10.0.0.5:5061 tls fe01.contoso.com lync\n-- provisioning --\npoolUri sip:pool01.contoso.com@contoso.com\n" + mras + "-- relays --\n10.0.9.1 intranet edge01.contoso.com", `
Lync true
home pool01.contoso.com:5061 primary [10.0.0.5]
relay edge01.contoso.com [10.0.9.1] udp 3478 answers tcp 443 answers`},
		{"a relay that is silent", "10.0.0.5:5061 tls fe01.contoso.com lync\n-- provisioning --\n" + mras + "-- relays --\n10.0.9.1 intranet edge01.contoso.com silent tcp=0", `
Lync true
relay edge01.contoso.com [10.0.9.1] udp 3478 is silent tcp 0 not tried
relay-unreachable`},
		{"a relay of TCP alone", "10.0.0.5:5061 tls fe01.contoso.com lync\n-- provisioning --\n" + mras + "-- relays --\n10.0.9.1 intranet edge01.contoso.com udp=0", `
Lync true
relay edge01.contoso.com [10.0.9.1] udp 0 not tried tcp 443 answers`},
		{"no relays", "10.0.0.5:5061 tls fe01.contoso.com lync\n-- provisioning --\npoolUri sip:pool01.contoso.com@contoso.com", `
Lync true
home pool01.contoso.com:5061 primary [10.0.0.5]
relay-none`},
		{"an MRAS that refuses", "10.0.0.5:5061 tls fe01.contoso.com lync\n-- provisioning --\n" + mras + "-- relays --\nmras 503", `
Lync true
relay-refused`},
		{"a subscription that is refused: it is asked without one", "10.0.0.5:5061 tls fe01.contoso.com lync nosubscribe=489\n-- provisioning --\npoolUri sip:pool01.contoso.com@contoso.com", `
Lync true
home pool01.contoso.com:5061 primary [10.0.0.5]
relay-none`},
		{"over plain TCP, nothing", "10.0.0.5:5060 tcp lync\n-- provisioning --\npoolUri sip:pool01.contoso.com@contoso.com", `
Lync true
registrar-not-proven`},
		{"a Registrar that is no Lync", "10.0.0.5:5061 tls fe01.contoso.com accept", `
Lync false`},
	} {
		t.Run(test.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				s, cycle, _ := signerAt(t, "-- registrars --\n"+test.site+"\n", false)
				done := s.SignInOnce(t.Context(), candidates(t, "fe01.contoso.com 5061 tls 10.0.0.5\nfe01.contoso.com 5060 tcp 10.0.0.5"), 0, contoso.Memory(cache.InMemory(cache.Record{})), cycle, func() bool { return true })
				if done.Registrar == nil {
					t.Fatalf("it did not sign in: %+v", done.Why)
				}
				lines := []string{"", fmt.Sprint("Lync ", done.Lync)}
				for _, h := range done.Home {
					lines = append(lines, fmt.Sprint("home ", h.HostPort(), " ", h.Role, " ", h.Addresses))
				}
				for _, r := range done.MediaRelays {
					lines = append(lines, fmt.Sprintf("relay %s %v udp %d %s tcp %d %s", r.Host, r.Addresses, r.UDPPort, answered(r.UDPAnswers), r.TCPPort, answered(r.TCPAnswers)))
				}
				if done.InBand != "" && done.InBandDetail != "" {
					lines = append(lines, string(done.InBand))
				}
				if diff := cmp.Diff(strings.Split(test.want, "\n"), lines); diff != "" {
					t.Errorf("(-want +got):\n%s", diff)
				}
			})
		})
	}
}

// answered says how a probe went.
func answered(yes *bool) string {
	switch {
	case yes == nil:
		return "not tried"
	case *yes:
		return "answers"
	default:
		return "is silent"
	}
}

// How far a probe comes with one address: each stage that it has passed, and why it went no further.
func TestProbes(t *testing.T) {
	for _, test := range []struct {
		name      string
		registrar string
		floor     bool
		want      string // connected, secured, answered; distrusted; why no further
	}{
		{"ready", "10.0.0.5:5061 tls fe01.contoso.com accept", false, "true true true; false; "},
		{"asks for a sign-in", "10.0.0.5:5061 tls fe01.contoso.com accept user=phone1 password=Secret1", false, "true true true; false; "},
		{"refuses", "10.0.0.5:5061 tls fe01.contoso.com status 503", false, "true true true; false; sip-unavailable"},
		{"is not there", "10.0.0.5:5061 tls fe01.contoso.com refuse", false, "false false false; false; connect-refused"},
		{"proves nothing", "10.0.0.5:5061 tls fe01.contoso.com accept cert=untrusted", false, "true false false; true; tls-untrusted"},
		{"says nothing", "10.0.0.5:5061 tls fe01.contoso.com silent", false, "true true false; false; sip-no-answer"},
		{"speaks no TLS", "10.0.0.5:5061 tcp accept", false, "true false false; false; tls-failed"},
		{"wants a certificate", "10.0.0.5:5061 tls fe01.contoso.com accept clientcert", false, "true true false; true; tls-client-certificate"},
		{"plain TCP", "10.0.0.5:5060 tcp accept", false, "true false true; false; "},
		{"plain TCP after TLS", "10.0.0.5:5060 tcp accept", true, "false false false; false; tls-floor"},
	} {
		t.Run(test.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				s, _, _ := signerAt(t, "-- registrars --\n"+test.registrar+"\n", test.floor)
				c := candidates(t, "fe01.contoso.com 5061 tls 10.0.0.5")[0]
				if strings.Contains(test.registrar, ":5060 ") {
					c.Endpoint = provisioning.Endpoint{Host: c.Host, Port: 5060, Transport: provisioning.TCP}
				}
				p := s.Probe(t.Context(), &c, c.Addrs[0])
				got := fmt.Sprintf("%t %t %t; %t; %s", p.Connected, p.Secured, p.Answered, p.Distrusted, p.Reason())
				if got != test.want || (p.Detail == "") != p.Trouble.None() && !test.floor {
					t.Errorf("got %s (%s), want %s", got, p.Detail, test.want)
				}
				if p := s.Probe(t.Context(), &c, netip.MustParseAddr("127.0.0.1")); p.Connected || p.Reason() != provisioning.AddressNotAllowed {
					t.Errorf("of this device: %+v", p)
				}
			})
		})
	}
}

// How long Registrars are left alone after a walk: as all of them have asked, or by the table where one has not; shorter,
// where nobody was reached.
func TestPauseAfterAWalk(t *testing.T) {
	const try = "fe01.contoso.com 5061 tls 10.0.0.5\nfe02.contoso.com 5061 tls 10.0.0.6"
	for _, test := range []struct {
		name        string
		registrars  string
		least, most time.Duration
	}{
		{"all have asked", "10.0.0.5:5061 tls fe01.contoso.com status 503 retry-after=200\n10.0.0.6:5061 tls fe02.contoso.com status 503 retry-after=100", 100 * time.Second, 151 * time.Second},
		{"all have asked, the patient one last", "10.0.0.5:5061 tls fe01.contoso.com status 503 retry-after=100\n10.0.0.6:5061 tls fe02.contoso.com status 503 retry-after=200", 100 * time.Second, 151 * time.Second},
		{"one has not", "10.0.0.5:5061 tls fe01.contoso.com status 503 retry-after=200\n10.0.0.6:5061 tls fe02.contoso.com refuse", 15 * time.Second, 30 * time.Second},
		{"none has", "10.0.0.5:5061 tls fe01.contoso.com status 503\n10.0.0.6:5061 tls fe02.contoso.com silent", 15 * time.Second, 30 * time.Second},
		{"one is out of reach", "10.0.0.5:5061 tls fe01.contoso.com refuse", 15 * time.Second, 30 * time.Second},
		{"all are", "10.0.0.99:5061 tls fe01.contoso.com accept", 10 * time.Second, 20 * time.Second},
	} {
		t.Run(test.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				s, _, told := signerAt(t, "-- registrars --\n"+test.registrars+"\n", false)
				all := candidates(t, try)
				w := s.NewWalk(nil)
				if !w.Untried(all[0]) || !w.Untried(all[1]) {
					t.Error("something has been tried before")
				}
				if reg := w.Try(t.Context(), all); reg != nil || w.Stopped() {
					t.Fatalf("it ended before: %q", *told)
				}
				if w.Untried(all[0]) || w.Untried(all[1]) {
					t.Error("something is left to try")
				}
				if pause := w.Pause(); pause < test.least || pause > test.most {
					t.Errorf("%s, want %s to %s: %q", pause, test.least, test.most, *told)
				}
			})
		})
	}
}

// A walk that leads to where the device is registered ends there, and connects to nobody; another address, or another
// transport, is another place.
func TestAWalkEndsWhereTheDeviceIsRegistered(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s, _, told := signerAt(t, "-- registrars --\n10.0.0.5:5061 tls fe01.contoso.com accept\n10.0.0.6:5061 tls fe01.contoso.com refuse\n10.0.0.6:5060 tcp refuse\n", false)
		all := candidates(t, "fe01.contoso.com 5061 tls 10.0.0.6\nfe01.contoso.com 5060 tcp 10.0.0.6 10.0.0.5\nfe01.contoso.com 5061 tls 10.0.0.6 10.0.0.5")
		held := &Registration{Candidate: provisioning.Candidate{Step: provisioning.LastGood, Endpoint: all[2].Endpoint}, Addr: netip.MustParseAddr("10.0.0.5")}
		if reg := s.NewWalk(held).Try(t.Context(), all); reg != held || reg.Candidate.Step != provisioning.InternalTLS {
			t.Errorf("it leads to %+v", reg)
		}
		want := []string{
			"attempt internal-tls fe01.contoso.com 10.0.0.6:5061 tls: connect-refused", "attempt internal-tcp fe01.contoso.com 10.0.0.6:5060 tcp: connect-refused",
			"attempt internal-tcp fe01.contoso.com 10.0.0.5:5060 tcp: connect-refused", "attempt internal-tls fe01.contoso.com 10.0.0.5:5061 tls: ok",
		}
		if diff := cmp.Diff(want, *told); diff != "" {
			t.Errorf("(-want +got):\n%s", diff)
		}
	})
}

// A Registrar over TLS is believed about its pool; one that may not name a host is not.
func TestAPoolIsBelievedOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		for transport, vouched := range map[provisioning.Transport]bool{provisioning.TLS: true, provisioning.TCP: false} {
			for _, pool := range []string{"pool01.fabrikam.com", ""} {
				s, _, _ := signerAt(t, "-- registrars --\n10.0.0.5:5061 tls fe01.contoso.com accept\n", false)
				reg := &Registration{Candidate: provisioning.Candidate{Endpoint: provisioning.Endpoint{Host: "fe01.contoso.com", Port: 5061, Transport: transport}}}
				l := Lesson{known: true}
				l.provisioning.PoolHost = pool
				s.Believe(reg, l, contoso.Memory(cache.InMemory(cache.Record{})))
				if want := vouched && pool != ""; s.Vouched()[pool] != want || len(s.Vouched()) > 1 || (reg.Lesson.provisioning.PoolHost == pool) != (want || pool == "") {
					t.Errorf("%s: pool %q: vouched for %v, kept %q", transport, pool, s.Vouched(), reg.Lesson.provisioning.PoolHost)
				}
			}
		}
	})
}

// A connection to last good that could not be opened holds none of the sockets, whether it failed before the walk began or
// while it waited, and whether its place is named or not.
func TestFailedWarmHoldsNoSocket(t *testing.T) {
	const named, other = "fe01.contoso.com 5061 tls 10.0.0.5", "fe02.contoso.com 5061 tls 10.0.0.6"
	for _, begunBefore := range []bool{false, true} {
		for _, all := range []string{named + "\n" + other, other} {
			synctest.Test(t, func(t *testing.T) {
				s, _, _ := signerAt(t, "-- registrars --\n10.0.0.5:5061 tls fe01.contoso.com blackhole\n10.0.0.6:5061 tls fe02.contoso.com accept rtt=20ms\n", false)
				w := s.NewWalk(nil)
				w.Warm(t.Context(), &candidates(t, named)[0])
				if begunBefore {
					w.Begin(t.Context(), nil)
					if w.opener.apart != 1 {
						t.Errorf("%d sockets besides, while last good is connected to", w.opener.apart)
					}
				}
				time.Sleep(connectLimit + time.Second)
				if !begunBefore {
					w.Begin(t.Context(), nil)
				}
				reg := w.Step(t.Context(), candidates(t, all))
				if reg == nil || w.opener.apart != 0 {
					t.Errorf("registered %v, %d sockets besides", reg != nil, w.opener.apart)
				} else {
					reg.Session.Close()
				}
				w.End()
				w.Close()
			})
		}
	}
}
