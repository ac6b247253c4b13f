package srv

import (
	"context"
	"fmt"
	"net"
	"net/netip"
	"strings"
	"testing"
	"time"

	"github.com/miekg/dns"
)

// samePort opens a port of loopback for TCP and UDP.
func samePort() (net.Listener, net.PacketConn, error) {
	tcp, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return nil, nil, err
	}
	udp, err := net.ListenPacket("udp", tcp.Addr().String())
	if err != nil {
		tcp.Close()
	}
	return tcp, udp, err
}

// loopback runs a real DNS server on 127.0.0.1, on the same port for UDP and TCP, and returns a resolver that asks it.
func loopback(t *testing.T, handler dns.HandlerFunc) *Resolver {
	t.Helper()
	tcp, udp, err := samePort()
	for range 10 { // somebody else may have the one port or the other
		if err == nil {
			break
		}
		tcp, udp, err = samePort()
	}
	if err != nil {
		t.Fatal(err)
	}
	for _, server := range []*dns.Server{{Listener: tcp, Handler: handler}, {PacketConn: udp, Handler: handler}} {
		ready, done := make(chan struct{}), make(chan error)
		server.NotifyStartedFunc = func() { close(ready) }
		go func() { done <- server.ActivateAndServe() }()
		<-ready
		t.Cleanup(func() {
			if err := server.Shutdown(); err != nil {
				t.Error(err)
			}
			<-done
		})
	}
	return &Resolver{Servers: []netip.AddrPort{netip.MustParseAddrPort(tcp.Addr().String())}, Dial: new(net.Dialer).DialContext, Usable: usable}
}

func within5s(t *testing.T) context.Context {
	ctx, cancel := context.WithTimeout(t.Context(), 5*time.Second)
	t.Cleanup(cancel)
	return ctx
}

func TestLoopbackTruncation(t *testing.T) {
	r := loopback(t, func(w dns.ResponseWriter, q *dns.Msg) {
		m := new(dns.Msg).SetReply(q)
		for i := range 200 {
			m.Answer = append(m.Answer, zoneAnswer(fmt.Sprintf("%s 60 IN SRV %d 0 5061 fe%d.contoso.com.", q.Question[0].Name, i, i))...)
		}
		if w.LocalAddr().Network() == "udp" {
			m.Truncate(1232)
		}
		if err := w.WriteMsg(m); err != nil {
			t.Error(err)
		}
	})
	targets, err := r.SRV(within5s(t), internalTLS)
	if err != nil {
		t.Fatal(err)
	}
	if len(targets) != maxTargets || targets[0].Host != "fe0.contoso.com" || targets[15] != (Target{Host: "fe15.contoso.com", Port: 5061, Priority: 15}) {
		t.Errorf("got %v", targets)
	}
}

func TestUsableDependsOnTheServer(t *testing.T) {
	r := loopback(t, func(w dns.ResponseWriter, q *dns.Msg) {
		m := new(dns.Msg).SetReply(q)
		if q.Question[0].Qtype == dns.TypeA {
			m.Answer = zoneAnswer("fe.contoso.com. 60 IN A 127.0.0.1")
		}
		if err := w.WriteMsg(m); err != nil {
			t.Error(err)
		}
	})
	if got, _, err := r.Addrs(within5s(t), "fe.contoso.com"); fmt.Sprint(got, err) != "[127.0.0.1] <nil>" {
		t.Errorf("got %v, %v", got, err)
	}
}

func TestLoopbackPortUnreachable(t *testing.T) {
	udp, err := net.ListenPacket("udp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	nobody := netip.MustParseAddrPort(udp.LocalAddr().String())
	udp.Close()
	r := &Resolver{Servers: []netip.AddrPort{nobody}, Dial: new(net.Dialer).DialContext}
	_, err = r.SRV(within5s(t), internalTLS)
	if err == nil || !strings.HasSuffix(err.Error(), ": connection refused") {
		t.Errorf("got %v", err)
	}
}

// D03: a connected socket never delivers what another address says.
func TestLoopbackStrangerIsNotHeard(t *testing.T) {
	var lc net.ListenConfig
	server, err := lc.ListenPacket(t.Context(), "udp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer server.Close()
	stranger, err := lc.ListenPacket(t.Context(), "udp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer stranger.Close()

	done := make(chan struct{})
	go func() {
		defer close(done)
		buf := make([]byte, 4096)
		n, client, err := server.ReadFrom(buf)
		if err != nil {
			t.Error(err)
			return
		}
		q := new(dns.Msg)
		if err := q.Unpack(buf[:n]); err != nil {
			t.Error(err)
			return
		}
		for _, answer := range []struct {
			from   net.PacketConn
			record string
		}{{stranger, fe2}, {server, fe}} {
			m := new(dns.Msg).SetReply(q)
			m.Answer = zoneAnswer(answer.record)
			if _, err := answer.from.WriteTo(pack(m), client); err != nil {
				t.Error(err)
			}
		}
	}()
	r := &Resolver{Servers: []netip.AddrPort{netip.MustParseAddrPort(server.LocalAddr().String())}, Dial: new(net.Dialer).DialContext}
	targets, err := r.SRV(within5s(t), internalTLS)
	<-done
	if err != nil || len(targets) != 1 || targets[0].Host != "fe.contoso.com" {
		t.Errorf("got %v, %v", targets, err)
	}
}
