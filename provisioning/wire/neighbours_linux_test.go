package wire

import (
	"context"
	"net/netip"
	"strings"
	"testing"
	"time"

	"homeward/e2e/netns"
)

// An address of the own link that nobody has is told from one that somebody has who is silent, and from one behind a gateway that
// is there or is not, with both versions of IP.
func TestNobodyAnswersToAnAddress(t *testing.T) {
	if !netns.Enter(t) {
		return
	}
	configure(t,
		"link add here0 type veth peer name there0", "link set there0 up", "link set here0 up",
		"address add 10.9.0.1/24 dev here0", "address add 2001:db8:9::1/64 dev here0 nodad",
		"neighbour add 10.9.0.2 lladdr 02:00:00:00:00:02 dev here0", "neighbour add 2001:db8:9::2 lladdr 02:00:00:00:00:02 dev here0",
		"route add default via 10.9.0.2", "route add 192.0.2.128/25 via 10.9.0.4", "route add 2001:db8:99::/64 via 2001:db8:9::4",
	)
	for at, missing := range map[string]string{
		"10.9.0.3:5061": "10.9.0.3", "[2001:db8:9::3]:5061": "2001:db8:9::3",
		"192.0.2.129:5061": "10.9.0.4", "[2001:db8:99::1]:5061": "2001:db8:9::4",
		"10.9.0.2:5061": "", "[2001:db8:9::2]:5061": "", "192.0.2.1:5061": "",
	} {
		ctx, cancel := context.WithTimeout(t.Context(), 500*time.Millisecond)
		conn, err := System().Dial(ctx, "tcp", at)
		cancel()
		if err == nil {
			conn.Close()
			t.Fatalf("%s takes the connection", at)
		}
		want, _ := netip.ParseAddr(missing)
		if got := System().Absent(netip.MustParseAddrPort(at).Addr()); got != want {
			t.Errorf("%s: absent is %v, want %v (%v)", at, got, want, err)
		}
		if got, there := System().Near(netip.MustParseAddrPort(at).Addr()); there && missing != "" {
			t.Errorf("%s: %v, and somebody is there", at, got)
		} else if onLink := strings.Contains(at, "9.0.") || strings.Contains(at, "db8:9:"); got != onLink {
			t.Errorf("%s: on a link of this device: %t", at, got)
		}
	}
}
