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

	"github.com/google/go-cmp/cmp"
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
		{"another port, from a server", change(22, 4, 4), true},
		{"another port, from another one", change(20, 0, 53, 4, 4), false},
		{"to the client port, from another one", change(20, 4, 4), true},
		{"a first fragment", change(6, 0x20), true},
		{"a later fragment", change(7, 1), true},
		{"may not be fragmented", change(6, 0x40), true},
		{"H24 a UDP length that leaves no room for a message", change(24, 0, 247), true},
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
	first, second := fragments(good)
	sock := &packets{list: [][]byte{ // H24: each of these is counted, none may panic
		change(2, 0xff, 0xff),    // IP length beyond the packet
		change(2, 0, 20),         // IP length without UDP header
		change(2, 0, 27),         // IP length cuts the UDP header
		change(0, 0x4f),          // IP header beyond the packet
		change(0, 0x41),          // IP header below its least length
		change(0, 0x65),          // IPv6
		good[:10],                // cut
		change(24, 0xff, 0xff),   // UDP length beyond the packet
		change(24, 0, 7),         // UDP length below its own header
		change(22, 4, 4),         // another port
		second,                   // the rest follows
		append(good, 0, 0, 0, 0), // Ethernet padding, which is no part of the message
		first,
	}}
	c := &datagrams{PacketConn: sock, server: serverPort, client: clientPort, packet: readPacket4}
	var dropped []Dropped
	b := make([]byte, 100)
	for range 2 {
		n, from, err := c.ReadFrom(b)
		for refused := new(Dropped); errors.As(err, &refused); n, from, err = c.ReadFrom(b) {
			dropped = count(dropped, *refused)
		}
		if err != nil || string(b[:n]) != "good" || source(from) != server67 {
			t.Errorf("got %q from %v, %v, %d packets left", b[:n], from, err, len(sock.list))
		}
	}
	want := []Dropped{{server67, Damaged, 0, 8}, {netip.Addr{}, Damaged, 0, 1}, {server67, OtherPort, 0x404, 1}}
	if diff := cmp.Diff(want, dropped, equateAddrs); diff != "" {
		t.Errorf("dropped (-want +got):\n%s", diff)
	}
}

// fragments cuts a packet into two.
func fragments(whole []byte) (first, second []byte) {
	const cut = ipHeader + 8
	first, second = slices.Clone(whole[:cut]), slices.Concat(whole[:ipHeader], whole[cut:])
	first[2], first[3], first[6] = 0, cut, 0x20
	second[2], second[3], second[7] = byte(len(second)>>8), byte(len(second)), 1
	return first, second
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
