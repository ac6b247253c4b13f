//go:build linux

package e2e

import (
	"fmt"
	"strings"
	"testing"
)

// pairs are the servers that each case of the device order runs against.
var pairs = []struct {
	name string
	dns  func(testing.TB, *host, zone) *process
	dhcp func(testing.TB, *host, options) *process
}{
	{"dnsmasq and Kea", startDnsmasqDNS, startKea},
	{"BIND and dnsmasq", startNamed, startDnsmasqDHCP},
}

// full is all that DHCP can tell.
var full = options{sipServer: "pool.contoso.com", webServer: "web.contoso.com"}

// TestDeviceOrder: each of the six steps is used exactly when the ones before it are absent or fail (TechNet
// gg398713). The device's own DHCP client holds port 68 all the time.
func TestDeviceOrder(t *testing.T) {
	internalTLS, dhcpTLS, internalTCP, dhcpTCP, externalTLS := deviceOrder[0], deviceOrder[1], deviceOrder[2], deviceOrder[3], deviceOrder[4]
	for _, pair := range pairs {
		for _, c := range []struct {
			name   string
			srv    []place           // the SRV records of the site
			dhcp   options           // the options of the site
			faults map[place]string  // what is wrong with Registrars
			names  map[string]string // certificates that carry another name
			want   string
		}{
			{name: "internal TLS comes first", srv: deviceOrder, dhcp: full, want: `
internal-tls fe01.contoso.com 10.0.0.11:5061 tls ok`},
			{name: "DHCP TLS when internal TLS is absent", srv: deviceOrder[1:], dhcp: full, want: `
dhcp-tls pool.contoso.com 10.0.0.12:5061 tls ok`},
			{name: "internal TCP when internal TLS and option 120 are absent", srv: deviceOrder[1:], want: `
internal-tcp fe03.contoso.com 10.0.0.13:5060 tcp ok`},
			{name: "DHCP TCP when internal records are absent and DHCP TLS fails", srv: deviceOrder[3:], dhcp: full,
				faults: map[place]string{dhcpTLS: refuses}, want: `
dhcp-tls pool.contoso.com 10.0.0.12:5061 tls failed connect-refused
dhcp-tcp pool.contoso.com 10.0.0.12:5060 tcp ok`},
			{name: "external TLS when everything internal is absent", srv: deviceOrder[4:], want: `
external-tls edge05.contoso.com 10.0.0.15:443 tls ok`},
			{name: "external TCP when everything else is absent", srv: deviceOrder[5:], want: `
external-tcp edge06.contoso.com 10.0.0.16:5060 tcp ok`},

			{name: "DHCP TLS when internal TLS refuses", srv: deviceOrder, dhcp: full,
				faults: map[place]string{internalTLS: refuses}, want: `
internal-tls fe01.contoso.com 10.0.0.11:5061 tls failed connect-refused
dhcp-tls pool.contoso.com 10.0.0.12:5061 tls ok`},
			{name: "internal TCP when both TLS steps fail", srv: deviceOrder, dhcp: full,
				faults: map[place]string{internalTLS: resets, dhcpTLS: refuses}, want: `
internal-tls fe01.contoso.com 10.0.0.11:5061 tls failed connect-reset
dhcp-tls pool.contoso.com 10.0.0.12:5061 tls failed connect-refused
internal-tcp fe03.contoso.com 10.0.0.13:5060 tcp ok`},
			{name: "DHCP TCP when internal TCP fails too", srv: deviceOrder, dhcp: full,
				faults: map[place]string{internalTLS: refuses, dhcpTLS: refuses, internalTCP: resets}, want: `
internal-tls fe01.contoso.com 10.0.0.11:5061 tls failed connect-refused
dhcp-tls pool.contoso.com 10.0.0.12:5061 tls failed connect-refused
internal-tcp fe03.contoso.com 10.0.0.13:5060 tcp failed connect-reset
dhcp-tcp pool.contoso.com 10.0.0.12:5060 tcp ok`},
			{name: "external TLS when everything internal fails", srv: deviceOrder, dhcp: full,
				faults: map[place]string{internalTLS: blackHole, dhcpTLS: refuses, internalTCP: refuses, dhcpTCP: refuses}, want: `
internal-tls fe01.contoso.com 10.0.0.11:5061 tls failed connect-timeout
dhcp-tls pool.contoso.com 10.0.0.12:5061 tls failed connect-refused
internal-tcp fe03.contoso.com 10.0.0.13:5060 tcp failed connect-refused
dhcp-tcp pool.contoso.com 10.0.0.12:5060 tcp failed connect-refused
external-tls edge05.contoso.com 10.0.0.15:443 tls ok`},
			{name: "external TCP when everything else fails", srv: deviceOrder, dhcp: full,
				faults: map[place]string{internalTLS: refuses, dhcpTLS: refuses, internalTCP: refuses, dhcpTCP: refuses, externalTLS: resets}, want: `
internal-tls fe01.contoso.com 10.0.0.11:5061 tls failed connect-refused
dhcp-tls pool.contoso.com 10.0.0.12:5061 tls failed connect-refused
internal-tcp fe03.contoso.com 10.0.0.13:5060 tcp failed connect-refused
dhcp-tcp pool.contoso.com 10.0.0.12:5060 tcp failed connect-refused
external-tls edge05.contoso.com 10.0.0.15:443 tls failed connect-reset
external-tcp edge06.contoso.com 10.0.0.16:5060 tcp ok`},

			{name: "a certificate for another name sends the device on", srv: deviceOrder, dhcp: full,
				names: map[string]string{internalTLS.host: "fe01.example.org"}, want: `
internal-tls fe01.contoso.com 10.0.0.11:5061 tls failed tls-name
dhcp-tls pool.contoso.com 10.0.0.12:5061 tls ok`},
			{name: "a first target that is a black hole gives way to the second", srv: []place{internalTLS, second}, dhcp: full,
				faults: map[place]string{internalTLS: blackHole}, want: `
internal-tls fe01.contoso.com 10.0.0.11:5061 tls failed connect-timeout
internal-tls fe02.contoso.com 10.0.0.14:5061 tls ok`},
			{name: "a first target that resets gives way to the second", srv: []place{internalTLS, second}, dhcp: full,
				faults: map[place]string{internalTLS: resets}, want: `
internal-tls fe01.contoso.com 10.0.0.11:5061 tls failed connect-reset
internal-tls fe02.contoso.com 10.0.0.14:5061 tls ok`},
		} {
			t.Run(pair.name+"/"+c.name, func(t *testing.T) {
				s := newSite(t)
				pair.dns(t, s.dns, zoneWith(c.srv...))
				pair.dhcp(t, s.dhcp, c.dhcp)
				r := startKamailio(t, s, settings{names: c.names})
				for p, fault := range c.faults {
					s.registrar.fault(t, p.match()+fault)
				}
				startDhclient(t, s.device)
				d := newDevice(t, s)
				d.boot(t)
				got := d.awaitRegistered(t)
				if got.attempts() != c.want[1:]+"\n" {
					t.Errorf("attempts\n%swant%s", got.attempts(), c.want)
				}
				last := c.want[strings.LastIndex(c.want, "\n")+1:]
				if used := got.Registrar.String() + " ok"; used != last {
					t.Errorf("uses %s, want %s", used, last)
				}
				if n := len(r.bindings(t)); n != 1 {
					t.Errorf("the Registrar has %d bindings", n)
				}
			})
		}
	}
}

// TestPlan: the plan names all six places, in order, beside the running DHCP client, and registers nowhere.
func TestPlan(t *testing.T) {
	for _, pair := range pairs {
		t.Run(pair.name, func(t *testing.T) {
			s := newSite(t)
			pair.dns(t, s.dns, zoneWith(deviceOrder...))
			pair.dhcp(t, s.dhcp, full)
			r := startKamailio(t, s, settings{})
			startDhclient(t, s.device)
			d := newDevice(t, s)
			var plan struct {
				Try []struct {
					Step, Host, Transport string
					Port                  int
					Addresses             []string
				}
			}
			d.json(t, &plan, "plan", "--json")
			var got, want strings.Builder
			for _, c := range plan.Try {
				fmt.Fprintf(&got, "%s %s %s:%d %s\n", c.Step, c.Host, strings.Join(c.Addresses, " "), c.Port, c.Transport)
			}
			for _, p := range deviceOrder {
				fmt.Fprintln(&want, p)
			}
			if got.String() != want.String() {
				t.Errorf("plan\n%swant\n%s", got.String(), want.String())
			}
			if n := r.registers(t); n != 0 {
				t.Errorf("the Registrar saw %d REGISTER requests", n)
			}
		})
	}
}

// TestTCPNotAllowed: with allow_tcp = false no TCP step is tried, nor is its name asked for (row T4).
func TestTCPNotAllowed(t *testing.T) {
	tcpNames := []string{at("internal-tcp").srv, at("external-tcp").srv}
	tlsNames := []string{at("internal-tls").srv, at("external-tls").srv}
	for _, pair := range pairs {
		for allowed, asked := range map[bool][]string{true: append(tlsNames, tcpNames...), false: tlsNames} {
			t.Run(fmt.Sprintf("%s/allow_tcp is %v", pair.name, allowed), func(t *testing.T) {
				s := newSite(t)
				queries := pair.dns(t, s.dns, zoneWith(deviceOrder...))
				pair.dhcp(t, s.dhcp, full)
				startKamailio(t, s, settings{})
				for _, p := range deviceOrder[:4] {
					s.registrar.fault(t, p.match()+refuses)
				}
				startDhclient(t, s.device)
				d := newDevice(t, s, fmt.Sprintf("allow_tcp = %v", allowed))
				d.boot(t)
				if got, want := d.awaitRegistered(t).Registrar.String(), at("external-tls").String(); got != want {
					t.Errorf("uses %s, want %s", got, want)
				}
				log := queries.output(t)
				for _, name := range append(tlsNames, tcpNames...) {
					got, want := strings.Contains(log, name), strings.Contains(strings.Join(asked, " "), name)
					if got != want {
						t.Errorf("%s asked for: %v, want %v", name, got, want)
					}
				}
			})
		}
	}
}
