//go:build linux

package e2e

import (
	"context"
	"crypto/md5"
	"crypto/sha256"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"hash"
	"net"
	"os"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/insomniacslk/dhcp/dhcpv4"
	"github.com/miekg/dns"
)

// dnsServers and dhcpServers are the servers that the cases run against.
var (
	dnsServers = []struct {
		name  string
		start func(testing.TB, *host, zone) *process
	}{
		{"dnsmasq", startDnsmasqDNS},
		{"BIND", startNamed},
	}
	dhcpServers = []struct {
		name  string
		start func(testing.TB, *host, options) *process
	}{
		{"Kea", startKea},
		{"dnsmasq", startDnsmasqDHCP},
		{"ISC", startDhcpd},
	}
)

// TestDNSServers proves the props: both servers say the same for found, absent and foreign names.
func TestDNSServers(t *testing.T) {
	for _, server := range dnsServers {
		t.Run(server.name, func(t *testing.T) {
			s := newSite(t)
			server.start(t, s.dns, zoneWith(at("internal-tls"), at("external-tls")))
			for _, network := range []string{"udp", "tcp"} {
				for _, c := range []struct {
					name string
					kind uint16
					want string
				}{
					{"_sipinternaltls._tcp.contoso.com", dns.TypeSRV, "NOERROR\n_sipinternaltls._tcp.contoso.com. SRV 0 0 5061 fe01.contoso.com."},
					{"_sip._tls.contoso.com", dns.TypeSRV, "NOERROR\n_sip._tls.contoso.com. SRV 1 0 443 edge05.contoso.com."},
					{"_sipinternal._tcp.contoso.com", dns.TypeSRV, "NXDOMAIN"},
					{"fe01.contoso.com", dns.TypeA, "NOERROR\nfe01.contoso.com. A 10.0.0.11"},
					{"fe01.contoso.com", dns.TypeAAAA, "NOERROR"},
					{"fe01.example.org", dns.TypeA, "REFUSED"},
				} {
					got, err := ask(t, s.dns, network, c.name, c.kind)
					if err != nil {
						t.Fatal(err)
					}
					if got != c.want {
						t.Errorf("%s %s over %s:\n got %s\nwant %s", c.name, dns.TypeToString[c.kind], network, got, c.want)
					}
				}
			}
		})
	}
}

// TestDHCPServers proves the props: both answer DHCPINFORM, and keep option 43 for the vendor class.
func TestDHCPServers(t *testing.T) {
	o := options{sipServer: "pool.contoso.com", webServer: "web.contoso.com"}
	for _, server := range dhcpServers {
		t.Run(server.name, func(t *testing.T) {
			s := newSite(t)
			server.start(t, s.dhcp, o)
			startDhclient(t, s.device)
			for class, want := range map[string]options{vendorClass: o, "other": {sipServer: o.sipServer}} {
				ack, err := inform(t.Context(), class)
				if err != nil {
					t.Fatal(err)
				}
				got := map[string]any{
					"server": ack.ServerIdentifier().String(), "yours": ack.YourIPAddr.String(), "lease": ack.IPAddressLeaseTime(0).String(),
					"120": ack.Options.Get(dhcpv4.GenericOptionCode(120)),
					"43":  subOptions(t, ack.Options.Get(dhcpv4.OptionVendorSpecificInformation)),
				}
				want := map[string]any{
					"server": dhcpAddr, "yours": "0.0.0.0", "lease": "0s",
					"120": want.option120(),
					"43":  subOptions(t, want.option43()),
				}
				if diff := cmp.Diff(want, got); diff != "" {
					t.Errorf("vendor class %s: -want +got\n%s", class, diff)
				}
			}
		})
	}
}

// subOptions decodes option 43; their order is the server's own.
func subOptions(t *testing.T, value []byte) map[uint8]string {
	t.Helper()
	sub := map[uint8]string{}
	for len(value) >= 2 && value[0] != 0xff {
		n := 2 + int(value[1])
		sub[value[0]], value = string(value[2:n]), value[n:]
	}
	return sub
}

// algorithms names the hashes of Digest by their size (RFC 7616).
var algorithms = map[int]string{md5.Size: "MD5", sha256.Size: "SHA-256"}

// TestRegistrar proves the prop: a challenge in each algorithm, a binding, and its end, by TLS and by TCP.
func TestRegistrar(t *testing.T) {
	for _, hash := range []func() hash.Hash{md5.New, sha256.New} {
		algorithm := algorithms[hash().Size()]
		t.Run(algorithm, func(t *testing.T) {
			s := newSite(t)
			r := startKamailio(t, s, settings{algorithm: algorithm})
			for _, p := range places() {
				c := dialPlace(t, s, p)
				if p.step == "dhcp-tcp" { // see kamailio.cfg
					r.takesAnybody(t, c, p)
					continue
				}
				challenge := exchange(t, c, p, 1, 600, "")
				nonce := regexp.MustCompile(`nonce="([^"]+)", qop="auth", algorithm=` + algorithm).FindStringSubmatch(challenge)
				if !strings.HasPrefix(challenge, "SIP/2.0 401 ") || nonce == nil {
					t.Fatalf("%v answered %s", p, challenge)
				}
				if got := exchange(t, c, p, 2, 600, digest(hash, nonce[1], 1)); !strings.HasPrefix(got, "SIP/2.0 200 ") {
					t.Fatalf("%v answered %s", p, got)
				}
				if got, want := r.bindings(t), []string{contactOf(p)}; !slices.Equal(got, want) {
					t.Errorf("%v: bindings %q, want %q", p, got, want)
				}
				if got := exchange(t, c, p, 3, 0, digest(hash, nonce[1], 2)); !strings.HasPrefix(got, "SIP/2.0 200 ") {
					t.Fatalf("%v answered %s", p, got)
				}
				if got := r.bindings(t); got != nil {
					t.Errorf("%v: bindings %q after unregistering", p, got)
				}
			}
		})
	}
}

// takesAnybody: where DHCP alone leads, over plain TCP, a binding and its end take no credentials.
func (r *registrar) takesAnybody(t *testing.T, c net.Conn, p place) {
	t.Helper()
	for i, expires := range []int{600, 0} {
		if got := exchange(t, c, p, i+1, expires, ""); !strings.HasPrefix(got, "SIP/2.0 200 ") {
			t.Fatalf("%v answered %s", p, got)
		}
		if got := r.bindings(t); slices.Contains(got, contactOf(p)) != (expires > 0) {
			t.Errorf("%v: bindings %q after a REGISTER for %d s", p, got, expires)
		}
	}
}

func contactOf(p place) string { return "sip:" + sipUser + "@10.0.0.1:40000;transport=" + p.transport }

// dialPlace connects to a place and, for TLS, has its name proven.
func dialPlace(t *testing.T, s *site, p place) net.Conn {
	t.Helper()
	c, err := net.Dial("tcp", net.JoinHostPort(p.addr, strconv.Itoa(int(p.port))))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { c.Close() })
	if p.transport == "tls" {
		roots := x509.NewCertPool()
		roots.AppendCertsFromPEM([]byte(read(t, s.ca.file)))
		c = tls.Client(c, &tls.Config{RootCAs: roots, ServerName: p.host})
	}
	c.SetDeadline(time.Now().Add(patience))
	return c
}

// exchange sends one REGISTER, written by hand, and returns the answer.
func exchange(t *testing.T, c net.Conn, p place, seq, expires int, authorization string) string {
	t.Helper()
	fmt.Fprintf(c, strings.ReplaceAll(`REGISTER sip:%[1]s SIP/2.0
Via: SIP/2.0/%[2]s 10.0.0.1:40000;branch=z9hG4bK%[3]d
Max-Forwards: 70
From: <sip:%[4]s@%[1]s>;tag=1
To: <sip:%[4]s@%[1]s>
Call-ID: by-hand-%[5]s
CSeq: %[3]d REGISTER
Contact: <%[6]s>
Expires: %[7]d
%[8]sContent-Length: 0

`, "\n", "\r\n"), sipDomain, strings.ToUpper(p.transport), seq, sipUser, p.step, contactOf(p), expires, authorization)
	buf := make([]byte, 4096)
	n, err := c.Read(buf)
	if err != nil {
		t.Fatalf("%v: %v", p, err)
	}
	return string(buf[:n])
}

// digest is the Authorization line for the count-th use of a nonce (RFC 7616, section 3.4).
func digest(newHash func() hash.Hash, nonce string, count int) string {
	h := func(s string) string {
		d := newHash()
		d.Write([]byte(s))
		return fmt.Sprintf("%x", d.Sum(nil))
	}
	nc := fmt.Sprintf("%08x", count)
	ha1 := h(sipUser + ":" + sipDomain + ":" + password)
	response := h(ha1 + ":" + nonce + ":" + nc + ":c:auth:" + h("REGISTER:sip:"+sipDomain))
	return fmt.Sprintf("Authorization: Digest username=%q, realm=%q, nonce=%q, uri=\"sip:%s\", algorithm=%s, qop=auth, nc=%s, cnonce=\"c\", response=%q\r\n",
		sipUser, sipDomain, nonce, sipDomain, algorithms[newHash().Size()], nc, response)
}

// TestFaults proves the props: what the tests below break looks to a client as it shall.
func TestFaults(t *testing.T) {
	s := newSite(t)
	startNamed(t, s.dns, zoneWith())
	startKamailio(t, s, settings{})
	dial := func() error {
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		c, err := new(net.Dialer).DialContext(ctx, "tcp", net.JoinHostPort(second.addr, "5061"))
		if timeout := net.Error(nil); errors.As(err, &timeout) && timeout.Timeout() {
			return os.ErrDeadlineExceeded // of the connection or of ctx, whichever was noticed first
		}
		if err != nil {
			return err
		}
		defer c.Close()
		c.SetDeadline(time.Now().Add(time.Second))
		fmt.Fprint(c, "\r\n\r\n")
		_, err = c.Read(make([]byte, 1))
		return err
	}
	lookup := func() error {
		_, err := ask(t, s.dns, "udp", second.host, dns.TypeA)
		return err
	}
	for _, c := range []struct {
		name string
		host *host
		rule string
		try  func() error
		want error
	}{
		{"DNS is silent", s.dns, silentDNS, lookup, os.ErrDeadlineExceeded},
		{"DNS host refuses", s.dns, closedDNS, lookup, syscall.ECONNREFUSED},
		{"Registrar is a black hole", s.registrar, second.match() + " drop", dial, os.ErrDeadlineExceeded},
		{"Registrar refuses", s.registrar, second.match() + refuses, dial, syscall.ECONNREFUSED},
		{"Registrar accepts, then resets", s.registrar, second.match() + resets, dial, syscall.ECONNRESET},
	} {
		t.Run(c.name, func(t *testing.T) {
			c.host.fault(t, c.rule)
			if err := c.try(); !errors.Is(err, c.want) {
				t.Errorf("got %v, want %v", err, c.want)
			}
			c.host.heal(t)
		})
	}
}
