package wire

import (
	"net"
	"net/netip"
	"runtime"
	"slices"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

// A Registrar that is gone without a word is noticed by the kernel: after 8 s in which
// nothing came and no probe was answered, and after 8 s in which nothing that was sent was acknowledged.
func TestConnectionsNoticeADeadPeer(t *testing.T) {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer listener.Close()
	conn, err := System().Dial(t.Context(), "tcp", listener.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	raw, err := conn.(syscall.Conn).SyscallConn()
	if err != nil {
		t.Fatal(err)
	}
	option := func(level, name int) (value int) {
		var failed error
		if err := raw.Control(func(fd uintptr) { value, failed = unix.GetsockoptInt(int(fd), level, name) }); err != nil || failed != nil {
			t.Fatal(err, failed)
		}
		return value
	}
	idle := option(unix.IPPROTO_TCP, unix.TCP_KEEPIDLE)
	probes := option(unix.IPPROTO_TCP, unix.TCP_KEEPCNT) * option(unix.IPPROTO_TCP, unix.TCP_KEEPINTVL)
	unacknowledged := option(unix.IPPROTO_TCP, unix.TCP_USER_TIMEOUT)
	if option(unix.SOL_SOCKET, unix.SO_KEEPALIVE) == 0 || idle+probes != 8 || unacknowledged != 8_000 {
		t.Errorf("a dead peer is noticed after %d+%d s, or %d ms", idle, probes, unacknowledged)
	}
	datagrams, err := System().Dial(t.Context(), "udp", listener.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	datagrams.Close()
}

// What was sent has arrived once it is acknowledged, whether anybody reads it or not. Before anything is sent, nothing is known.
func TestAcknowledged(t *testing.T) {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer listener.Close()
	for _, sends := range []bool{false, true} {
		conn, err := System().Dial(t.Context(), "tcp", listener.Addr().String())
		if err != nil {
			t.Fatal(err)
		}
		want := NoLoss
		if sends {
			want = Acknowledged
			if _, err := conn.Write([]byte("hello")); err != nil {
				t.Fatal(err)
			}
			for range 1000 {
				if infoOf(conn).Unacked == 0 {
					break
				}
				runtime.Gosched()
			}
		}
		watched := &Watched{Conn: conn}
		watched.Close()
		if got := watched.Loss(); got != want {
			t.Errorf("sends %t: lost %d, want %d", sends, got, want)
		}
	}
}

// Segments are kept small where that is asked for, those of the other side too; else they are as large as the link takes.
func TestSmallSegments(t *testing.T) {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer listener.Close()
	for _, small := range []bool{false, true} {
		ctx := t.Context()
		if small {
			ctx = SmallSegments(ctx)
		}
		here, err := System().Dial(ctx, "tcp", listener.Addr().String())
		if err != nil {
			t.Fatal(err)
		}
		there, err := listener.Accept()
		if err != nil {
			t.Fatal(err)
		}
		for _, end := range []net.Conn{here, there} {
			if size := infoOf(end).Snd_mss; size == 0 || size <= segmentSize != small {
				t.Errorf("small %t: segments have up to %d bytes", small, size)
			}
			end.Close()
		}
	}
}

// Of a version of IP a device has nothing if it has only link-local addresses of it, and the way leads through a router or nowhere.
// What it has of neither is no matter of the version, and what is on the link can be reached from any address.
func TestMend50WhatADeviceLacks(t *testing.T) {
	const v4, v6, local6, local4 = "10.0.0.21", "2001:db8::21", "fe80::21", "169.254.0.21"
	far4, far6 := netip.MustParseAddr("10.9.0.5"), netip.MustParseAddr("2001:db8:9::5")
	for _, test := range []struct {
		own      []string
		onLink   bool
		no4, no6 bool
	}{
		{own: []string{v4, v6}},
		{own: []string{v4, local6}, no6: true},
		{own: []string{v4}, no6: true},
		{own: []string{v4, local6}, onLink: true},
		{own: []string{v6}, no4: true},
		{own: []string{v6, local4}, no4: true},
		{own: []string{v6, local4}, onLink: true},
		{own: []string{"127.0.0.1", "::1", v4}, no6: true},
		{own: []string{"127.0.0.1", "::1", local4, local6}},
		{},
	} {
		var own []netip.Addr
		for _, addr := range test.own {
			own = append(own, netip.MustParseAddr(addr))
		}
		hop := func(addr netip.Addr) (netip.Addr, net.HardwareAddr, time.Duration) {
			if test.onLink {
				return addr, nil, 0
			}
			return netip.MustParseAddr("fe80::1"), nil, 0
		}
		if no4, no6 := lacking(far4, own, hop), lacking(far6, own, hop); no4 != test.no4 || no6 != test.no6 {
			t.Errorf("with %v, on the link %t: IPv4 lacks %t, IPv6 %t", test.own, test.onLink, no4, no6)
		}
	}
	for _, here := range []string{"127.0.0.1", "::1"} {
		if System().Lacks(netip.MustParseAddr(here)) {
			t.Errorf("this device lacks the way to itself, %s", here)
		}
	}
}

// The addresses of this device are known without their prefixes, and IPv4 as IPv4.
func TestOwnAddresses(t *testing.T) {
	own := System().Own()
	if !slices.Contains(own, netip.MustParseAddr("127.0.0.1")) {
		t.Errorf("got %v, without that of loopback", own)
	}
	for _, addr := range own {
		if addr != addr.Unmap() || !addr.IsValid() {
			t.Errorf("%s is in another form", addr)
		}
	}
}
