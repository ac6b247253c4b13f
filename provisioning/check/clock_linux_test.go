package check

import (
	"context"
	"net"
	"net/netip"
	"testing"
	"time"

	"homeward/provisioning"
	"homeward/provisioning/wire"
)

// A time server that answers from another address than the one asked is not silent, and its time is not used.
func TestTimeFromElsewhere(t *testing.T) {
	t.Parallel()
	var servers [2]net.PacketConn
	for i, at := range []string{"127.0.0.1:0", "127.0.0.2:0"} {
		server, err := net.ListenPacket("udp", at)
		if err != nil {
			t.Fatal(err)
		}
		defer server.Close()
		servers[i] = server
	}
	go func() {
		for question := make([]byte, 512); ; {
			n, from, err := servers[0].ReadFrom(question)
			if err != nil {
				return
			}
			if n == ntpSize {
				servers[1].WriteTo([]byte("nonsense"), from)
				servers[1].WriteTo(ntpAnswer(string(question[40:48]), time.Now(), nil), from)
			}
		}
	}()
	dial := func(ctx context.Context, network, _ string) (net.Conn, error) {
		return wire.System().Dial(ctx, network, servers[0].LocalAddr().String())
	}
	e := &eye{wire: wire.Wire{Dial: dial}}
	addr := netip.MustParseAddr("10.0.0.1")
	_, err := e.clockAhead(t.Context(), provisioning.Name{Host: addr.String(), Port: ntpPort, Addrs: []netip.Addr{addr}})
	if want := "does not answer, but " + servers[1].LocalAddr().String() + " does in its place"; err == nil || err.Error() != want {
		t.Errorf("got %v, want %s", err, want)
	}
}
