//go:build linux

package e2e

import (
	"encoding/hex"
	"fmt"
	"os"
	"os/exec"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/insomniacslk/dhcp/dhcpv4"
)

// recipeServers are the DHCP servers for which `homeward dhcp encode` prints what they read. start adds the subnet
// and its range to it, a router, and NTP servers; class is how the recipe says for whom option 43 is.
var recipeServers = []struct {
	name  string
	start func(t testing.TB, h *host, recipe string) *process
	class string
}{
	{"kea", startKeaRecipe, "text == '" + vendorClass + "'"},
	{"dnsmasq", startDnsmasqRecipe, "vendor:" + vendorClass},
	{"isc", startDhcpdRecipe, `identifier = "` + vendorClass + `"`},
}

const ntpAddr = "10.0.0.13"

func startKeaRecipe(t testing.TB, h *host, recipe string) *process {
	t.Helper()
	return runKea(t, h, `{ "Dhcp4": {
"interfaces-config": { "interfaces": ["eth0"], "dhcp-socket-type": "raw" },
"lease-database": { "type": "memfile", "persist": false },
"subnet4": [ {
  "subnet": "10.0.0.0/24", "pools": [ { "pool": "10.0.0.100 - 10.0.0.199" } ],
  "option-data": [ { "name": "routers", "data": "`+bridgeAddr+`" }, { "name": "ntp-servers", "data": "`+ntpAddr+`" } ]
} ],
`+recipe+`
} }
`)
}

func startDnsmasqRecipe(t testing.TB, h *host, recipe string) *process {
	t.Helper()
	p := startDnsmasq(t, h, []string{
		"port=0", "no-ping", "dhcp-authoritative", "dhcp-leasefile=" + t.TempDir() + "/leases",
		"dhcp-range=10.0.0.100,10.0.0.199,255.255.255.0,1h", "dhcp-option=option:router," + bridgeAddr, "dhcp-option=option:ntp-server," + ntpAddr,
		recipe,
	})
	waitDHCP(t, p)
	return p
}

func startDhcpdRecipe(t testing.TB, h *host, recipe string) *process {
	t.Helper()
	return runDhcpd(t, h, recipe+`
subnet 10.0.0.0 netmask 255.255.255.0 {
  range 10.0.0.100 10.0.0.199;
  option routers `+bridgeAddr+`;
  option ntp-servers `+ntpAddr+`;
}
`)
}

// encode runs `homeward dhcp encode`, which needs no site.
func encode(t testing.TB, args ...string) string {
	t.Helper()
	if reason := os.Getenv(envBroken); reason != "" {
		t.Fatal(reason)
	}
	out, err := exec.CommandContext(t.Context(), os.Getenv(envBinary), append([]string{"dhcp", "encode"}, args...)...).Output()
	if err != nil {
		t.Fatalf("dhcp encode %s: %v", strings.Join(args, " "), err)
	}
	return string(out)
}

// TestRecipes: a server that is given what `homeward dhcp encode` prints, and its subnet, sends the bytes of options
// 120 and 43 that the command shows, and option 43 to Lync phones alone.
func TestRecipes(t *testing.T) {
	both := options{sipServer: "pool.contoso.com", webServer: "web.contoso.com"}
	for _, server := range recipeServers {
		for _, o := range []options{both, {sipServer: both.sipServer}} {
			t.Run(fmt.Sprintf("%s/%+v", server.name, o), func(t *testing.T) {
				s := newSite(t)
				args := []string{"--for", server.name, "--registrar", o.sipServer}
				if o.webServer != "" {
					args = append(args, "--web", o.webServer)
				}
				server.start(t, s.dhcp, encode(t, args...))
				startDhclient(t, s.device) // the site's own part works, too
				for class, want := range map[string]options{vendorClass: o, "other": {sipServer: o.sipServer}} {
					ack, err := inform(t.Context(), class)
					if err != nil {
						t.Fatal(err)
					}
					got := map[string]string{
						"120": fmt.Sprintf("%x", ack.Options.Get(dhcpv4.GenericOptionCode(120))),
						// dnsmasq puts an end after the sub-options (RFC 2132, section 8.4).
						"43": strings.TrimSuffix(fmt.Sprintf("%x", ack.Options.Get(dhcpv4.OptionVendorSpecificInformation)), "ff"),
					}
					want := map[string]string{"120": fmt.Sprintf("%x", want.option120()), "43": fmt.Sprintf("%x", want.option43())}
					if diff := cmp.Diff(want, got); diff != "" {
						t.Errorf("vendor class %s: -want +got\n%s", class, diff)
					}
				}
			})
		}
	}
}

// surveyed is the part of `homeward dhcp --json` that the tests look at.
type surveyed struct {
	Interface string
	Answers   []struct {
		Server, Type string
		Option120    *struct {
			Hex     string
			Names   []string
			Problem string
			Wrong   []int `json:"wrong_bytes"`
		} `json:"option_120"`
		Option43 *struct {
			Hex, Vendor, URL string
			Sub              map[string]string `json:"sub_options"`
			Problem          string
		} `json:"option_43"`
		NTP []string `json:"ntp_servers"`
	}
	Conflict             bool
	Reason, Detail, Hint string
}

// TestDHCP: the command shows what each server sends, beside the device's own DHCP client.
func TestDHCP(t *testing.T) {
	const web = "https://web.contoso.com:443/CertProv/CertProvisioningService.svc"
	for _, server := range recipeServers {
		t.Run(server.name, func(t *testing.T) {
			s := newSite(t)
			server.start(t, s.dhcp, encode(t, "--for", server.name, "--registrar", "pool.contoso.com,pool2.contoso.com", "--web", "web.contoso.com"))
			startDhclient(t, s.device)
			d := newDevice(t, s)
			var got surveyed
			d.json(t, &got, "dhcp", "--json")
			if got.Interface != "eth0" || got.Conflict || got.Reason != "" || len(got.Answers) != 1 {
				t.Fatalf("got %+v", got)
			}
			a := got.Answers[0]
			if a.Server != dhcpAddr || a.Type != "ack" || !slices.Equal(a.NTP, []string{ntpAddr}) {
				t.Errorf("answer %+v", a)
			}
			if want := []string{"pool.contoso.com", "pool2.contoso.com"}; !slices.Equal(a.Option120.Names, want) || a.Option120.Problem != "" {
				t.Errorf("option 120 %+v, want names %q", a.Option120, want)
			}
			if a.Option43.URL != web || a.Option43.Vendor != vendorClass || a.Option43.Sub["3"] != "web.contoso.com" || a.Option43.Problem != "" {
				t.Errorf("option 43 %+v, want %s", a.Option43, web)
			}
		})
		t.Run(server.name+" has the vendor class in lower case", func(t *testing.T) {
			s := newSite(t)
			recipe := encode(t, "--for", server.name, "--registrar", "pool.contoso.com", "--web", "web.contoso.com")
			if !strings.Contains(recipe, server.class) {
				t.Fatalf("no %s in\n%s", server.class, recipe)
			}
			server.start(t, s.dhcp, strings.ReplaceAll(recipe, server.class, strings.Replace(server.class, vendorClass, "ms-uc-client", 1)))
			startDhclient(t, s.device)
			d := newDevice(t, s)
			var got surveyed
			d.json(t, &got, "dhcp", "--json")
			if got.Reason != "dhcp-vendor-class" || got.Detail != dhcpAddr+" sends option 43 only to ms-uc-client" || got.Answers[0].Option43 != nil {
				t.Errorf("got %+v", got)
			}
		})
	}
}

// TestDHCPTrouble: what is wrong with the servers of a site, and the exit code.
func TestDHCPTrouble(t *testing.T) {
	wrong := `"option-data": [ { "code": 120, "csv-format": false, "data": "` + hex.EncodeToString([]byte("pool.contoso.com")) + `" } ]`
	for _, c := range []struct {
		name   string
		start  func(t testing.TB, s *site)
		code   int
		reason string
		shows  []string // in the text for people
	}{
		{"no server", func(testing.TB, *site) {}, 4, "dhcp-silent", []string{"a Lync phone is told: nothing"}},
		{"refused", func(t testing.TB, s *site) { startNAK(t, s.dhcp) }, 0, "dhcp-refused", []string{dhcpAddr + " refused"}},
		{"no option", func(t testing.TB, s *site) { startKea(t, s.dhcp, options{}) }, 0, "dhcp-no-option", []string{"option 120     not sent", "set option 120"}},
		{"entered as text", func(t testing.TB, s *site) { startKeaRecipe(t, s.dhcp, wrong) }, 0, "dhcp-malformed",
			[]string{"70 6f 6f 6c 2e 63 6f 6e  pool.con\n                  ^^\n", "a Lync phone is told: pool.contoso.com"}},
		{"two servers", func(t testing.TB, s *site) {
			startKea(t, s.dhcp, full)
			startDnsmasqDHCP(t, s.dns, options{sipServer: "other.contoso.com", webServer: full.webServer})
		}, 0, "dhcp-conflict", []string{dhcpAddr + " answered", dnsAddr + " answered", "pool.contoso.com", "other.contoso.com"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			s := newSite(t)
			s.device.run(t, "ip", "address", "add", "10.0.0.20/24", "dev", "eth0")
			c.start(t, s)
			d := newDevice(t, s, `interface = "eth0"`)
			text, code := d.run(t, "dhcp")
			if code != c.code {
				t.Errorf("exit code %d, want %d", code, c.code)
			}
			for _, want := range append(c.shows, c.reason) {
				if !strings.Contains(text, want) {
					t.Errorf("lacks %q:\n%s", want, text)
				}
			}
		})
	}
}
