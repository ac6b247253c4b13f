package wire

import (
	"context"
	"net/netip"
	"os/exec"
	"strings"
	"testing"
	"time"

	"github.com/homeward-agent/homeward/e2e/netns"
)

// An address of the own link that nobody has is told from one that somebody has who is silent, and from one behind a gateway,
// with both versions of IP.
func TestNobodyAnswersToAnAddress(t *testing.T) {
	if !netns.Enter(t) {
		return
	}
	for _, command := range []string{
		"link add here0 type veth peer name there0", "link set there0 up", "link set here0 up",
		"address add 10.9.0.1/24 dev here0", "address add 2001:db8:9::1/64 dev here0 nodad",
		"neighbour add 10.9.0.2 lladdr 02:00:00:00:00:02 dev here0", "neighbour add 2001:db8:9::2 lladdr 02:00:00:00:00:02 dev here0",
		"route add default via 10.9.0.2",
	} {
		if out, err := exec.Command("ip", strings.Fields(command)...).CombinedOutput(); err != nil {
			t.Fatalf("ip %s: %v: %s", command, err, out)
		}
	}
	for at, want := range map[string]bool{
		"10.9.0.3:5061": true, "[2001:db8:9::3]:5061": true,
		"10.9.0.2:5061": false, "[2001:db8:9::2]:5061": false, "192.0.2.1:5061": false,
	} {
		ctx, cancel := context.WithTimeout(t.Context(), 500*time.Millisecond)
		conn, err := System().Dial(ctx, "tcp", at)
		cancel()
		if err == nil {
			conn.Close()
			t.Fatalf("%s takes the connection", at)
		}
		if got := System().Absent(netip.MustParseAddrPort(at).Addr()); got != want {
			t.Errorf("%s: absent %v, want %v (%v)", at, got, want, err)
		}
	}
}
