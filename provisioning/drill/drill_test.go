package drill

import (
	"crypto/tls"
	"crypto/x509"
	"net/netip"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"homeward/cache"
	"homeward/internal/golden"
	"homeward/internal/place"
	"homeward/internal/sitetest"
	"homeward/provisioning"
	"homeward/provisioning/wire"
)

const site = `-- zone --
_sipinternaltls._tcp SRV 0 0 5061 fe01
fe01 A 10.0.0.5
-- dhcp --
10.0.0.67 ack 120=fe02.contoso.com
-- registrars --
10.0.0.5:5061 tls fe01.contoso.com digest user=phone1 password=secret
`

func record(host, addr string) cache.Record {
	return cache.Record{
		SIPAddress: "sip:phone1@contoso.com", EndpointID: "0123456789", RegisteredAt: time.Now(), TLSFloor: true,
		Registrar: cache.Registrar{Host: host, Port: 5061, Transport: "tls", Step: "internal-tls", Address: netip.MustParseAddr(addr), Addresses: []netip.Addr{netip.MustParseAddr(addr)}},
	}
}

// A drill that is not held says why; docs/faults.md is made from this list, too.
func TestNotHeld(t *testing.T) {
	never := Run(t.Context(), Options{Case: Primary})
	own := Run(t.Context(), Options{Case: DNS, Untried: provisioning.FaultOnlyDaemon.Met(nil)})
	golden.Compare(t, "testdata/faults.golden", []byte("primary, never registered: "+never.Fault+"\n\t"+never.What+"\n"+
		"no password, and the daemon has the certificate: "+own.Fault+"\n\t"+own.What+"\n"))
}

// drillAt is a drill of a device at a site.
func drillAt(t *testing.T, text string, c Case, last cache.Record) (*sitetest.Site, Options) {
	t.Helper()
	s, err := sitetest.Parse(t.Name(), []byte(text))
	if err != nil {
		t.Fatal(err)
	}
	simulated, err := s.Start()
	if err != nil {
		t.Fatal(err)
	}
	address, err := place.ParseSIPAddress("sip:phone1@contoso.com")
	if err != nil {
		t.Fatal(err)
	}
	o := Options{Case: c, Wire: wire.Wire(simulated), Record: last, Policy: provisioning.Policy{
		SIPAddress: address, Password: "secret", Auth: []string{"digest"}, AllowTCP: true, TLSFloor: true, AskDHCP: true,
		TLSMin: tls.VersionTLS12, Roots: x509.NewCertPool(), Version: "test",
	}}
	o.Policy.Roots.AppendCertsFromPEM(s.Roots())
	return s, o
}

// Beside a daemon that may have the one binding of the account, a drill signs in without one.
func TestBesideADaemon(t *testing.T) {
	for _, rival := range []string{"goes", "stays"} {
		t.Run(rival, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				s, o := drillAt(t, strings.Replace(site, "password=secret", "password=secret rival="+rival, 1), DHCP, cache.Record{})
				defer s.Close()
				o.Beside = true
				if r := Run(t.Context(), o); !r.Registered {
					t.Errorf("got %+v", r)
				}
				for _, e := range s.Log() {
					if e.What == "bind" || e.What == "unregister" {
						t.Errorf("the drill has sent a REGISTER with a Contact: %s", e.What)
					}
				}
			})
		})
	}
}

// Where a Registrar refuses a REGISTER without a Contact, a drill beside a daemon does not know whether it would accept the device; one
// that is to sign in like that knows that it would not.
func TestNoQueryBesideADaemon(t *testing.T) {
	for release, want := range map[bool]string{false: "sip.no-query-beside", true: "sip.no-query"} {
		synctest.Test(t, func(t *testing.T) {
			s, o := drillAt(t, strings.Replace(site, "digest user=phone1 password=secret", "status 400", 1), DHCP, cache.Record{})
			defer s.Close()
			o.Beside, o.Policy.Release = true, release
			if r := Run(t.Context(), o); r.Held != release || r.Fault != want {
				t.Errorf("release %t: held %t, %s: %s", release, r.Held, r.Fault, r.What)
			}
		})
	}
}

func TestDrill(t *testing.T) {
	for name, test := range map[string]struct {
		c          Case
		site       string
		record     cache.Record
		rests      bool
		registered bool
		degraded   bool
		without    time.Duration // about
		reason     provisioning.Reason
		says, mend string
	}{
		"dns, with last good":             {DNS, site, record("fe01.contoso.com", "10.0.0.5"), false, true, true, 2 * time.Second, "", "attempt last-good", ""},
		"dns, without last good, by DHCP": {DNS, site + "10.0.0.6:5061 tls fe02.contoso.com accept\n", cache.Record{}, false, false, false, 5 * time.Second, provisioning.DNSTimeout, "option 120: found", "let the daemon register once"},
		"dhcp":                            {DHCP, site, cache.Record{}, false, true, false, 0, "", "attempt internal-tls", "let the daemon register once"},
		"dhcp, and no record in DNS":      {DHCP, strings.Replace(site, "_sipinternaltls", "_other", 1), cache.Record{}, false, false, false, 3 * time.Second, provisioning.DNSNoRecord, "option 120: failed dhcp-silent", "let the daemon register once"},
		"both":                            {Both, site, record("fe01.contoso.com", "10.0.0.5"), false, true, true, 2 * time.Second, "", "failed dhcp-silent", ""},
		"the primary":                     {Primary, site, record("fe01.contoso.com", "10.0.0.5"), false, false, false, 3 * time.Second, provisioning.ConnectTimeout, "connect-timeout: fe01.contoso.com:5061 (10.0.0.5) does not answer", "repair what the device would fall back on"},
		"the primary, and nothing names another": {
			Primary, strings.Replace(site, "120=fe02", "120=fe01", 1), record("fe01.contoso.com", "10.0.0.5"), false, false, false, 3 * time.Second,
			provisioning.ConnectTimeout, "", "name a second Registrar of the pool",
		},
		"the primary, and there is another": {
			Primary, strings.Replace(site, "fe01 A", "_sipinternaltls._tcp SRV 1 0 5061 fe03\nfe03 A 10.0.0.7\nfe01 A", 1) + "10.0.0.7:5061 tls fe03.contoso.com accept\n",
			record("fe01.contoso.com", "10.0.0.5"), false, true, false, 400 * time.Millisecond, "", "fe03.contoso.com", "",
		},
		"the primary, and the other is dead": {
			Primary, strings.Replace(site, "fe01 A", "_sipinternaltls._tcp SRV 1 0 5061 fe03\nfe03 A 10.0.0.7\nfe01 A", 1) + "10.0.0.7:5061 tls fe03.contoso.com refuse\n",
			record("fe01.contoso.com", "10.0.0.5"), false, false, false, 3 * time.Second, provisioning.ConnectRefused, "fe03.contoso.com", "repair what the device would fall back on",
		},
		"the primary of a device that has none":             {Primary, site, cache.Record{}, false, false, false, 0, "", "", "let the daemon register once"},
		"the password rests":                                {DNS, site, record("fe01.contoso.com", "10.0.0.5"), true, false, false, 0, provisioning.CredentialsResting, "", "restart homeward"},
		"the password is wrong":                             {DHCP, strings.Replace(site, "password=secret", "password=other", 1), cache.Record{}, false, false, false, 0, provisioning.SIPCredentials, "sip-credentials", "let the daemon register once"},
		"clock":                                             {Clock, site, record("fe01.contoso.com", "10.0.0.5"), false, true, false, 0, "", "attempt internal-tls fe01.contoso.com 10.0.0.5:5061 tls: ok", ""},
		"clock, of a device that has never registered":      {Clock, site, cache.Record{}, false, false, false, 0, provisioning.TLSNotYetValid, "(it is 1970-01-01 00:00 UTC here)", "register once with this Registrar"},
		"clock, the second address is the one that answers": {Clock, strings.Replace(site, "fe01 A ", "fe01 A 10.0.0.4 ", 1), record("fe01.contoso.com", "10.0.0.5"), false, true, false, 0, "", "fe01.contoso.com 10.0.0.5:5061 tls: ok", ""},
		"clock, nobody proves a name":                       {Clock, strings.Replace(site, "tls fe01", "tls fe09", 1), record("fe01.contoso.com", "10.0.0.5"), false, false, false, 0, provisioning.TLSName, "is not for fe01.contoso.com", "homeward check"},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				s, o := drillAt(t, test.site, test.c, test.record)
				defer s.Close()
				if test.rests {
					o.Rests = provisioning.CredentialsResting.Met("")
				}
				if o.Record.SIPAddress != "" {
					o.Record.RegisteredAt = time.Now()
				}
				began := time.Now()
				r := Run(t.Context(), o)
				if took := time.Since(began); took > 20*time.Second {
					t.Errorf("it took %v", took)
				}
				if r.Registered != test.registered || r.Degraded != test.degraded || r.Reason != test.reason {
					t.Errorf("got %+v", r)
				}
				if (r.Registrar != nil) != r.Registered {
					t.Errorf("registered: %v, with %v", r.Registered, r.Registrar)
				}
				if r.Held == (test.rests || test.c == Primary && test.record.SIPAddress == "") {
					t.Errorf("held: %v", r.Held)
				}
				if without := time.Duration(r.WithoutMS) * time.Millisecond; without < test.without-time.Second || without > test.without+time.Second {
					t.Errorf("without a Registrar for %v, want about %v", without, test.without)
				}
				if !slices.ContainsFunc(r.Steps, func(s Step) bool { return strings.Contains(s.Text, test.says) }) && test.says != "" {
					t.Errorf("no step says %q: %v", test.says, r.Steps)
				}
				if mend := strings.Join(r.Mend, "; "); !strings.Contains(mend, test.mend) || test.mend == "" && mend != "" {
					t.Errorf("what to mend is %q, want %q", mend, test.mend)
				}
				registered, unregistered, challenged := 0, 0, 0
				for _, e := range s.Log() {
					if e.What == "REGISTER" && e.Code == 200 {
						registered++
					}
					if e.What == "REGISTER" && e.Code == 401 {
						challenged++
					}
					if e.What == "unregister" && e.Code == 200 {
						unregistered++
					}
				}
				if challenged > 2 { // the challenge, and one refusal
					t.Errorf("%d answers of 401: the password was refused more than once", challenged)
				}
				if registered != unregistered {
					t.Errorf("%d bindings made, %d taken back", registered, unregistered)
				}
			})
		})
	}
}
