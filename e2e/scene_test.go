//go:build linux

package e2e

import (
	"bytes"
	"fmt"
	"testing"

	"github.com/insomniacslk/dhcp/dhcpv4"
)

// Places besides those of the device order.
var (
	fe01   = at("internal-tls")
	pool   = at("dhcp-tls") // its host has a port for TCP besides
	edge05 = at("external-tls")
	// sipHost is the host name that Communicator falls back on.
	sipHost = place{"host-name", "", "sip.contoso.com", "10.0.0.17", 5061, "tls"}
	// clearPort is a port for TLS on which a Registrar speaks without.
	clearPort = place{"internal-tls", fe01.srv, "fe08.contoso.com", "10.0.0.18", 5061, "tcp"}
	// pool01 is where a row starts a server of its own.
	pool01 = place{"internal-tls", fe01.srv, "pool01.contoso.com", "10.0.0.20", 5061, "tls"}
)

// scene is the site of one row while it is made: the DNS zone has addresses and no service, DHCP is not asked, and all
// Registrars are well.
type scene struct {
	*site
	dns2, dhcp2 *host // for a second server each
	registrars  *registrar
	zone        zone
	nameServer  func(testing.TB, *host, zone) *process // starts the DNS server
	named       *process                               // what it has started
	dhcpServer  func(testing.TB, *host)                // starts the DHCP server; nil: the device does not ask, which saves seconds
	config      []string                               // lines of the device's configuration
	device      []func(testing.TB, *device)            // what is changed on the device before it starts
	alone       *registrar                             // a Registrar that is a process of its own
	later       []given                                // what happens when the device has registered once and stopped
}

// given is one thing that is so on a site.
type given func(testing.TB, *scene)

func with(all ...given) []given { return all }

// plugIn gives the device of the site an address that no DHCP server had to lease.
func plugIn(t testing.TB, s *site) {
	t.Helper()
	mustIP(t, "-n", s.device.name, "address", "replace", "10.0.0.90/24", "dev", "eth0")
	mustIP(t, "-n", s.device.name, "route", "replace", "default", "via", bridgeAddr)
}

// DNS.

// published has SRV records lead to the places, the first one first, and gives their hosts an address.
func published(places ...place) given {
	return func(_ testing.TB, c *scene) {
		for _, p := range places {
			c.zone.addrs[p.host] = p.addr
			if p.srv != "" {
				c.zone.srv = append(c.zone.srv, srv{p.srv, uint16(len(c.zone.srv)), 0, p.port, p.host})
			}
		}
	}
}

// srvFor has the SRV record of internal TLS name a target, whether there is such a host or not.
func srvFor(target string, port uint16) given {
	return func(_ testing.TB, c *scene) {
		c.zone.srv = append(c.zone.srv, srv{name: fe01.srv, port: port, target: target})
	}
}

func address(host, addr string) given {
	return func(_ testing.TB, c *scene) { c.zone.addrs[host] = addr }
}

// record adds a line to the zone file.
func record(line string) given {
	return func(_ testing.TB, c *scene) { c.zone.more = append(c.zone.more, line) }
}

func nameServer(start func(testing.TB, *host, zone) *process) given {
	return func(_ testing.TB, c *scene) { c.nameServer = start }
}

// dnsNowNames has another zone in place of the one before.
func dnsNowNames(places ...place) given {
	return func(t testing.TB, c *scene) {
		c.named.stop(t)
		c.zone = zoneWith(places...)
		address(pool01.host, pool01.addr)(t, c)
		c.named = c.nameServer(t, c.dns, c.zone)
	}
}

func refusingDNS(t testing.TB, h *host, _ zone) *process { return startRefusingDNS(t, h) }

// dnsWith does something to the machine of the name server of the site, when that runs.
func dnsWith(do func(t testing.TB, h *host)) given {
	return func(_ testing.TB, c *scene) {
		start := c.nameServer
		c.nameServer = func(t testing.TB, h *host, z zone) *process {
			t.Helper()
			p := start(t, h, z)
			do(t, h)
			return p
		}
	}
}

// dnsBehind has a firewall in front of it, with one rule of nftables.
func dnsBehind(rule string) given {
	return dnsWith(func(t testing.TB, h *host) { h.fault(t, rule) })
}

// dnsIsSilent, dnsOverTCPAlone, dnsOverUDPAlone and dnsLosesQueries, one in ten, are what firewalls do to a name server.
var (
	dnsIsSilent     = dnsBehind(silentDNS)
	dnsOverTCPAlone = dnsBehind("udp dport 53 drop")
	dnsOverUDPAlone = dnsBehind("tcp dport 53 reject with tcp reset")
	dnsLosesQueries = dnsBehind("udp dport 53 numgen inc mod 10 == 3 drop")
)

// dnsAnswersFrom has the name server answer from another address than the one asked, as one does that has several, or behind a NAT.
func dnsAnswersFrom(addr string) given {
	return dnsWith(func(t testing.TB, h *host) {
		h.run(t, "nft", "add table inet fault; add chain inet fault elsewhere { type filter hook output priority -300; }; add rule inet fault elsewhere udp sport 53 ip saddr set "+addr)
	})
}

func dnsIsClosed(_ testing.TB, c *scene) {
	c.nameServer = func(testing.TB, *host, zone) *process { return nil }
}

// secondNameServer asks two name servers; the second one is another machine with a zone of its own.
func secondNameServer(z zone) given {
	return func(t testing.TB, c *scene) {
		startNamed(t, c.dns2, z)
		c.config = append(c.config, fmt.Sprintf("dns_servers = [%q, %q]", c.dns.addr, c.dns2.addr))
	}
}

// DHCP.

func dhcpSaysNothing(_ testing.TB, c *scene) {
	c.dhcpServer = func(t testing.TB, h *host) { startDnsmasqDHCP(t, h, options{}) }
}

func dhcpIsSilent(_ testing.TB, c *scene) { c.dhcpServer = func(testing.TB, *host) {} }

func dhcpRefuses(_ testing.TB, c *scene) {
	c.dhcpServer = func(t testing.TB, h *host) { startNAK(t, h) }
}

// dhcpSays has a DHCP server tell the options, and proves that a phone gets them.
func dhcpSays(start func(testing.TB, *host, options) *process, o options) given {
	return func(_ testing.TB, c *scene) {
		c.dhcpServer = func(t testing.TB, h *host) {
			t.Helper()
			start(t, h, o)
			o := o
			if o.vendor() != vendorClass {
				o.webServer, o.value43 = "", nil
				if o.classOnly {
					o.sipServer, o.value120 = "", nil
				}
			}
			ack, err := inform(t.Context(), vendorClass)
			if err != nil {
				t.Fatal(err)
			}
			if got := ack.Options.Get(dhcpv4.GenericOptionCode(120)); !bytes.Equal(got, o.option120()) {
				t.Fatalf("option 120 is % x, want % x", got, o.option120())
			}
			if got := ack.Options.Get(dhcpv4.OptionVendorSpecificInformation); !bytes.Equal(got, o.option43()) {
				t.Fatalf("option 43 is % x, want % x", got, o.option43())
			}
		}
	}
}

// secondDHCPServer has another machine answer as well.
func secondDHCPServer(o options) given {
	return func(_ testing.TB, c *scene) {
		start := c.dhcpServer
		c.dhcpServer = func(t testing.TB, h *host) {
			t.Helper()
			start(t, h)
			startDnsmasqDHCP(t, c.dhcp2, o)
		}
	}
}

// strangeDHCPServer has a router answer that somebody has connected: it names itself as the gateway and the name server, and knows
// nothing of the site.
func strangeDHCPServer(_ testing.TB, c *scene) {
	start := c.dhcpServer
	c.dhcpServer = func(t testing.TB, h *host) {
		t.Helper()
		start(t, h)
		r := c.dhcp2
		p := startDnsmasq(t, r, []string{"no-resolv", "no-hosts", "local=/" + sipDomain + "/", "no-ping", "dhcp-authoritative", "dhcp-leasefile=" + t.TempDir() + "/leases",
			"dhcp-range=10.0.0.200,10.0.0.250,255.255.255.0,1h", "dhcp-option=option:router," + r.addr, "dhcp-option=option:dns-server," + r.addr})
		eventually(t, "the stranger serves", contains(t, p.log, "DHCP, IP range")) // a question would be answered by the other one
	}
}

// Registrars.

// the has something happen to what is sent to a place; see the faults of a host.
func the(p place, fault string) given {
	return func(t testing.TB, c *scene) { c.registrar.fault(t, p.match()+fault) }
}

// pool01Has has internal TLS lead to a server of the row's own, with such a certificate; args are for openssl s_server.
func pool01Has(certificate flaw, args ...string) given {
	return func(t testing.TB, c *scene) { c.startPool01(t, certificate, args...) }
}

func (c *scene) startPool01(t testing.TB, certificate flaw, args ...string) *process {
	t.Helper()
	published(pool01)(t, c)
	leaf := leafFor(pool01.host)
	cert, key := certificate(t, c.site, leaf).issueLeaf(t, t.TempDir(), leaf)
	return startTLS(t, c.site, pool01, cert, key, args...)
}

// pool01Is has internal TLS lead to a web server; see startWeb.
func pool01Is(kind string) given {
	return func(t testing.TB, c *scene) {
		published(pool01)(t, c)
		startWeb(t, c.site, pool01, kind)
	}
}

func pool01Hangs(t testing.TB, c *scene) { c.startPool01(t, nothingWrong).hang() }

// says has a Registrar answer every REGISTER so.
func says(p place, status string, headers ...string) given {
	return converses(p, said{status, headers})
}

func diagnostics(id int, reason string) string {
	return fmt.Sprintf(`ms-diagnostics: %d;reason=%q;source="fe01.contoso.com"`, id, reason)
}

// publicDiagnostics are what an Edge lets out: they do not name the server.
func publicDiagnostics(id int, reason string) string {
	return fmt.Sprintf("ms-diagnostics-public: %d;reason=%q", id, reason)
}

// redirects has a Registrar send every device to another one.
func redirects(p place, contact string) given {
	return says(p, "301 Redirect request to Home Server", "Contact: <sip:"+contact+">;q=0.7")
}

func unauthorized(headers ...string) said { return said{"401 Unauthorized", headers} }

// converses has a Registrar answer one after another; see registrar.says.
func converses(p place, answers ...said) given {
	return func(t testing.TB, c *scene) {
		published(p)(t, c)
		c.registrars.says(t, p, answers...)
	}
}

// The device.

// set is a line of the configuration file.
func set(line string) given {
	return func(_ testing.TB, c *scene) { c.config = append(c.config, line) }
}

func unset(key string) given {
	return onDevice(func(t testing.TB, d *device) { d.without(t, key) })
}

func onDevice(change func(testing.TB, *device)) given {
	return func(_ testing.TB, c *scene) { c.device = append(c.device, change) }
}

// later is what happens after the device has registered once and stopped.
func later(what ...given) given {
	return func(_ testing.TB, c *scene) { c.later = append(c.later, what...) }
}
