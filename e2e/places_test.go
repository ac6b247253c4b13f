//go:build linux

package e2e

import (
	"fmt"
	"slices"
)

const sipDomain = "contoso.com"

// place is where one step of the device order leads on our site. Each has an address of its own, so that it can
// be made to fail alone.
type place struct {
	step      string
	srv       string // the SRV name that leads there; "" for the steps of DHCP
	host      string
	addr      string
	port      uint16
	transport string
}

// deviceOrder lists the six places in the order of the steps.
var deviceOrder = []place{
	{"internal-tls", "_sipinternaltls._tcp.contoso.com", "fe01.contoso.com", "10.0.0.11", 5061, "tls"},
	{"dhcp-tls", "", "pool.contoso.com", "10.0.0.12", 5061, "tls"},
	{"internal-tcp", "_sipinternal._tcp.contoso.com", "fe03.contoso.com", "10.0.0.13", 5060, "tcp"},
	{"dhcp-tcp", "", "pool.contoso.com", "10.0.0.12", 5060, "tcp"},
	{"external-tls", "_sip._tls.contoso.com", "edge05.contoso.com", "10.0.0.15", 443, "tls"},
	{"external-tcp", "_sip._tcp.contoso.com", "edge06.contoso.com", "10.0.0.16", 5060, "tcp"},
}

// second is a further Registrar of internal TLS, for tests that take the first away.
var second = place{"internal-tls", "_sipinternaltls._tcp.contoso.com", "fe02.contoso.com", "10.0.0.14", 5061, "tls"}

// mistyped is fe01 at an address that nobody has.
var mistyped = at("internal-tls").movedTo("10.0.0.99")

func (p place) movedTo(addr string) place {
	p.addr = addr
	return p
}

// places returns everything that listens on the site.
func places() []place { return append(slices.Clone(deviceOrder), second) }

// at returns the place of a step.
func at(step string) place {
	return deviceOrder[slices.IndexFunc(deviceOrder, func(p place) bool { return p.step == step })]
}

func (p place) String() string {
	return fmt.Sprintf("%s %s %s:%d %s", p.step, p.host, p.addr, p.port, p.transport)
}

// match is the packet filter expression for what goes to the place.
func (p place) match() string { return fmt.Sprintf("ip daddr %s tcp dport %d", p.addr, p.port) }

// zone is what the DNS server of the site knows: the SRV records, and an address for every host.
type zone struct {
	srv   []srv
	addrs map[string]string
	more  []string // further records in the form of a zone file; BIND only
}

type srv struct {
	name             string
	priority, weight uint16
	port             uint16
	target           string
}

// zoneWith has the SRV records that lead to the places, in order of preference, and all addresses.
func zoneWith(services ...place) zone {
	z := zone{addrs: map[string]string{}}
	for _, p := range places() {
		z.addrs[p.host] = p.addr
	}
	for i, p := range services {
		z.addrs[p.host] = p.addr
		if p.srv != "" {
			z.srv = append(z.srv, srv{p.srv, uint16(i), 0, p.port, p.host})
		}
	}
	return z
}
