package dhcpopts

import (
	"context"
	"errors"
	"io"
	"net"
	"net/netip"
	"slices"
	"strings"
	"testing"

	"github.com/insomniacslk/dhcp/dhcpv4/nclient4"
	"golang.org/x/net/bpf"
)

// datagram is an IPv4 packet to the client port, without IP options; payload is that of UDP.
func datagram(payload []byte) []byte {
	n := len(payload) + 8
	return slices.Concat([]byte{0x45, 0, byte((n + 20) >> 8), byte(n + 20), 0, 0, 0, 0, 64, 17, 0, 0, 10, 0, 0, 67, 10, 0, 0, 20,
		0, 67, 0, 68, byte(n >> 8), byte(n), 0, 0}, payload)
}

func TestAnswersOnly(t *testing.T) {
	vm, err := bpf.NewVM(answersOnly()[3:]) // it cannot run the check of who the packet is for; the namespace test does
	if err != nil {
		t.Fatal(err)
	}
	good := datagram(message("", "", "350105 FF"))
	change := func(at int, b ...byte) []byte { return slices.Replace(slices.Clone(good), at, at+len(b), b...) }
	for _, test := range []struct {
		name   string
		packet []byte
		want   bool
	}{
		{"an answer", good, true},
		{"an answer behind IP options", slices.Concat([]byte{0x46}, good[1:20], []byte{1, 1, 1, 1}, good[20:]), true},
		{"TCP", change(9, 6), false},
		{"another port", change(22, 0, 67), false},
		{"a first fragment", change(6, 0x20), false},
		{"a later fragment", change(7, 1), false},
		{"may not be fragmented", change(6, 0x40), true},
		{"H24 a UDP length that leaves no room for a message", change(24, 0, 247), false},
		{"H24 a UDP length below its own header", change(24, 0, 7), false},
		{"an IP header and nothing else", good[:20], false},
		{"nothing", nil, false},
	} {
		if n, err := vm.Run(test.packet); n > 0 != test.want || err != nil {
			t.Errorf("%s: passed %v, %v", test.name, n > 0, err)
		}
	}
}

// packets is a packet socket from which the given packets arrive.
type packets struct {
	net.PacketConn
	list [][]byte
}

func (p *packets) ReadFrom(b []byte) (int, net.Addr, error) {
	if len(p.list) == 0 {
		return 0, nil, io.ErrClosedPipe
	}
	n := copy(b, p.list[0])
	p.list = p.list[1:]
	return n, nil, nil
}

func TestLyingLengths(t *testing.T) {
	good := datagram([]byte("good"))
	change := func(at int, b ...byte) []byte { return slices.Replace(slices.Clone(good), at, at+len(b), b...) }
	sock := &packets{list: [][]byte{ // H24: each of these is dropped, none may panic
		change(2, 0xff, 0xff),    // IP length beyond the packet
		change(2, 0, 20),         // IP length without UDP header
		change(2, 0, 27),         // IP length cuts the UDP header
		change(0, 0x4f),          // IP header beyond the packet
		change(0, 0x41),          // IP header below its least length
		change(0, 0x65),          // IPv6
		good[:10],                // cut
		append(good, 0, 0, 0, 0), // not dropped: Ethernet padding, which is no part of the message
	}}
	b := make([]byte, 100)
	n, from, err := nclient4.NewBroadcastUDPConn(sock, &net.UDPAddr{Port: clientPort}).ReadFrom(b)
	if err != nil || string(b[:n]) != "good" || source(from) != server67 || len(sock.list) != 0 {
		t.Errorf("got %q from %v, %v, %d packets left", b[:n], from, err, len(sock.list))
	}
}

func TestDefaultRoute(t *testing.T) {
	const header = "Iface\tDestination\tGateway\tFlags\tRefCnt\tUse\tMetric\tMask\t\tMTU\tWindow\tIRTT\n"
	for _, test := range []struct{ name, table, want string }{
		{"one default route", "eth0\t00000000\t0101A8C0\t0003\t0\t0\t100\t00000000\t0\t0\t0\n" +
			"eth0\t0001A8C0\t00000000\t0001\t0\t0\t100\t00FFFFFF\t0\t0\t0\n", "eth0"},
		{"the lowest metric wins", "wlan0\t00000000\t0101A8C0\t0003\t0\t0\t600\t00000000\t0\t0\t0\n" +
			"eth0\t00000000\t0101A8C0\t0003\t0\t0\t100\t00000000\t0\t0\t0\n", "eth0"},
		{"of equal metrics the first wins", "eth0\t00000000\t0101A8C0\t0003\t0\t0\t0\t00000000\t0\t0\t0\n" +
			"eth1\t00000000\t0101A8C0\t0003\t0\t0\t0\t00000000\t0\t0\t0\n", "eth0"},
		{"a default route without gateway", "ppp0\t00000000\t00000000\t0001\t0\t0\t0\t00000000\t0\t0\t0\n", "ppp0"},
		{"a rejecting default route", "*\t00000000\t00000000\t0200\t0\t0\t0\t00000000\t0\t0\t0\n", ""},
		{"a route to half of everything", "tun0\t00000000\t0101A8C0\t0003\t0\t0\t0\t00000080\t0\t0\t0\n", ""},
		{"a cut line", "eth0\t00000000\n", ""},
		{"numbers that are none", "eth0\t00000000\t0101A8C0\tx\t0\t0\t0\t00000000\neth0\t00000000\t0101A8C0\t0003\t0\t0\tx\t00000000\n", ""},
		{"no route", "", ""},
	} {
		if got, err := defaultRoute(strings.NewReader(header + test.table)); got != test.want || err != nil {
			t.Errorf("%s: got %q, %v, want %q", test.name, got, err, test.want)
		}
	}
}

func TestSourceAddr(t *testing.T) {
	for _, test := range []struct {
		name  string
		addrs []string
		want  string // "" means none
	}{
		{"the first IPv4 address", []string{"fe80::1/64", "10.0.0.20/24", "10.0.0.21/24"}, "10.0.0.20"},
		{"a made-up address only if there is no other", []string{"169.254.1.1/16", "10.0.0.20/24"}, "10.0.0.20"},
		{"a made-up address", []string{"169.254.1.1/16", "169.254.1.2/16"}, "169.254.1.1"},
		{"loopback", []string{"127.0.0.1/8", "::1/128"}, "127.0.0.1"},
		{"IPv6 only", []string{"fe80::1/64"}, ""},
		{"none", nil, ""},
	} {
		var addrs []net.Addr
		for _, a := range test.addrs {
			ip, n, err := net.ParseCIDR(a)
			if err != nil {
				t.Fatal(err)
			}
			addrs = append(addrs, &net.IPNet{IP: ip, Mask: n.Mask})
		}
		var want netip.Addr
		if test.want != "" {
			want = netip.MustParseAddr(test.want)
		}
		if got, ok := sourceAddr(addrs); got != want || ok != want.IsValid() {
			t.Errorf("%s: got %v, %v, want %q", test.name, got, ok, test.want)
		}
	}
}

func TestListenErrors(t *testing.T) {
	_, err := Listen(t.Context(), "no-such-if0")
	if !errors.Is(err, ErrNoInterface) {
		t.Errorf("an interface that does not exist: %v", err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := Listen(ctx, "lo"); !errors.Is(err, context.Canceled) {
		t.Errorf("after the end of ctx: %v", err)
	}
}
