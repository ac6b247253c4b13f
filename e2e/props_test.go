//go:build linux

package e2e

import (
	"fmt"
	"net"
	"os"
	"testing"

	"github.com/insomniacslk/dhcp/dhcpv4"
	"github.com/insomniacslk/dhcp/dhcpv4/server4"
)

// startNAK runs a DHCP server on h that refuses every DHCPINFORM, as some real ones do; no server we can install
// does. It runs in a process of its own, this test binary once more, because a namespace belongs to a thread.
func startNAK(t testing.TB, h *host) *process {
	t.Helper()
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	p := start(t, h, "env", envProp+"=nak", self)
	eventually(t, "the refusing DHCP server listens", contains(t, p.log, "listening"))
	return p
}

// runProp is main of a prop's process.
func runProp(string) (code int) {
	server, err := server4.NewServer("eth0", &net.UDPAddr{Port: dhcpv4.ServerPort}, refuse)
	if err != nil {
		fmt.Println(err)
		return 1
	}
	fmt.Println("listening")
	fmt.Println(server.Serve())
	return 0
}

func refuse(conn net.PacketConn, peer net.Addr, m *dhcpv4.DHCPv4) {
	fmt.Println(m.MessageType(), "from", m.ClientHWAddr)
	if m.MessageType() != dhcpv4.MessageTypeInform {
		return
	}
	nak, err := dhcpv4.NewReplyFromRequest(m, dhcpv4.WithMessageType(dhcpv4.MessageTypeNak),
		dhcpv4.WithServerIP(net.ParseIP(dhcpAddr)), dhcpv4.WithOption(dhcpv4.OptServerIdentifier(net.ParseIP(dhcpAddr))))
	if err != nil {
		fmt.Println(err)
		return
	}
	conn.WriteTo(nak.ToBytes(), &net.UDPAddr{IP: net.IPv4bcast, Port: dhcpv4.ClientPort})
}
