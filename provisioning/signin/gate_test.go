package signin

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"log"
	"net"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"slices"
	"sync/atomic"
	"testing"
	"time"

	"homeward/internal/trust"
	"homeward/provisioning"
	"homeward/provisioning/wire"
)

var contoso = provisioning.Policy{SIPAddress: provisioning.SIPAddress{User: "phone1", Domain: "contoso.com"}, AllowTCP: true, TLSFloor: true}

// Whoever has let a Candidate so far: no packet goes to an address that cannot be a Registrar's, to the port of another
// service, or to an address in place of a name where the rules do not take one.
func TestTheLastGate(t *testing.T) {
	policy := contoso
	policy.Manual = []provisioning.ManualServer{{Host: "127.0.0.1"}, {Host: "lync.fabrikam.com"}}
	own := netip.MustParseAddr("10.0.0.21")
	for _, test := range []struct {
		name string
		step provisioning.Step
		at   provisioning.Endpoint
		addr string
		want provisioning.Reason
	}{
		{"a Registrar", provisioning.InternalTLS, provisioning.Endpoint{Host: "fe01.contoso.com", Port: 5061}, "10.0.0.5", ""},
		{"loopback", provisioning.InternalTLS, provisioning.Endpoint{Host: "fe01.contoso.com", Port: 5061}, "127.0.0.1", provisioning.AddressNotAllowed},
		{"link-local", provisioning.Redirect, provisioning.Endpoint{Host: "fe01.contoso.com", Port: 5061}, "169.254.169.254", provisioning.AddressNotAllowed},
		{"this device, named by DHCP", provisioning.DHCPTLS, provisioning.Endpoint{Host: "fe01.contoso.com", Port: 5061}, own.String(), provisioning.AddressNotAllowed},
		{"this device, named by DNS", provisioning.InternalTLS, provisioning.Endpoint{Host: "fe01.contoso.com", Port: 5061}, own.String(), ""},
		{"mail", provisioning.InternalTLS, provisioning.Endpoint{Host: "fe01.contoso.com", Port: 25}, "10.0.0.5", provisioning.AddressNotAllowed},
		{"mail, as configured", provisioning.Manual, provisioning.Endpoint{Host: "lync.fabrikam.com", Port: 25}, "10.0.0.5", ""},
		{"an address from SRV", provisioning.InternalTLS, provisioning.Endpoint{Host: "10.0.0.5", Port: 5061}, "10.0.0.5", provisioning.RegistrarNotProven},
		{"an address from a redirect", provisioning.Redirect, provisioning.Endpoint{Host: "10.0.0.5", Port: 5061}, "10.0.0.5", ""},
		{"the same over TCP", provisioning.Redirect, provisioning.Endpoint{Host: "10.0.0.5", Port: 5060, Transport: provisioning.TCP}, "10.0.0.5", provisioning.RegistrarNotProven},
		{"loopback, as configured", provisioning.Manual, provisioning.Endpoint{Host: "127.0.0.1", Port: 5061}, "127.0.0.1", ""},
	} {
		reached := errors.New("a packet went")
		g := gate{
			policy: policy, clockFloor: func() time.Time { return time.Time{} },
			ground: func() *provisioning.Ground {
				return &provisioning.Ground{Policy: policy, Own: func() []netip.Addr { return []netip.Addr{own} }}
			},
			wire: wire.Wire{Dial: func(context.Context, string, string) (net.Conn, error) { return nil, reached }},
		}
		_, _, err := g.open(t.Context(), &provisioning.Candidate{Step: test.step, Endpoint: test.at}, netip.MustParseAddr(test.addr))
		if errors.Is(err, reached) != (test.want == "") || test.want != "" && ReasonOf(err) != test.want {
			t.Errorf("%s: got %v, want %q", test.name, err, test.want)
		}
	}
}

// A certificate must prove the name dialled; where an address stands in place of a name, a name that the rule allows; a
// configured address, itself.
func TestWhatACertificateMustProve(t *testing.T) {
	policy := contoso
	policy.Manual = []provisioning.ManualServer{{Host: "10.0.0.9"}}
	built := time.Date(2026, 3, 1, 0, 0, 0, 0, time.UTC)
	g := gate{policy: policy, clockFloor: func() time.Time { return built }}
	for host, byRule := range map[string]bool{"fe01.contoso.com": false, "10.0.0.9": false, "10.0.0.5": true} {
		settings := g.proof(&provisioning.Candidate{Endpoint: provisioning.Endpoint{Host: host, Port: 5061}})
		if (settings.Allowed != nil) != byRule || !settings.Floor.Equal(built) {
			t.Errorf("%s: %+v", host, settings)
		}
		if byRule && (!settings.Allowed("fe01.contoso.com") || settings.Allowed("fe01.fabrikam.com")) {
			t.Errorf("%s: fe01.contoso.com will do: %t, fe01.fabrikam.com: %t", host, settings.Allowed("fe01.contoso.com"), settings.Allowed("fe01.fabrikam.com"))
		}
	}
}

// A server that fails as soon as a session is offered to it is asked once more, without.
func TestAServerThatTakesNoSession(t *testing.T) {
	const preSharedKey = 41 // RFC 8446 section 4.2
	var offered atomic.Int32
	server := httptest.NewUnstartedServer(http.NotFoundHandler())
	server.Config.ErrorLog = log.New(io.Discard, "", 0)
	server.TLS = &tls.Config{GetConfigForClient: func(hello *tls.ClientHelloInfo) (*tls.Config, error) {
		if slices.Contains(hello.Extensions, preSharedKey) {
			offered.Add(1)
			return nil, errors.New("what is that?")
		}
		return nil, nil
	}}
	server.StartTLS()
	defer server.Close()
	policy := contoso
	policy.Roots = x509.NewCertPool()
	policy.Roots.AddCert(server.Certificate())
	dials := 0
	g := gate{
		policy: policy, clockFloor: func() time.Time { return time.Time{} }, sessions: &trust.Sessions{},
		ground: func() *provisioning.Ground { return &provisioning.Ground{Policy: policy} },
		wire: wire.Wire{Dial: func(ctx context.Context, network, _ string) (net.Conn, error) {
			dials++
			return new(net.Dialer).DialContext(ctx, network, server.Listener.Addr().String())
		}},
	}
	at := provisioning.Candidate{Endpoint: provisioning.Endpoint{Host: "example.com", Port: 5061}}
	for i, want := range []int{1, 3} {
		conn, met, err := g.open(t.Context(), &at, netip.MustParseAddr("10.0.0.5"))
		if err != nil {
			t.Fatal(err)
		}
		fmt.Fprint(conn, "GET / HTTP/1.0\r\n\r\n")
		if answer, err := io.ReadAll(conn); err != nil || len(answer) == 0 {
			t.Fatalf("answer %q, error %v", answer, err)
		}
		conn.Close()
		if dials != want || met.Offered || met.Resumed || int(offered.Load()) != i {
			t.Errorf("%d: %d connections, session offered %d times: %+v", i, dials, offered.Load(), met)
		}
	}
}
