//go:build linux

package e2e

import (
	"net"
	"os"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

// delay makes every frame to and from the machine late by d, in user space: many kernels lack netem. The machine's
// port leaves the bridge, and two goroutines carry frames between it and a port of their own.
func (h *host) delay(t testing.TB, d time.Duration) {
	t.Helper()
	port, wire := "port-"+h.name, "wire-"+h.name
	mustIP(t, "link", "add", wire, "up", "type", "veth", "peer", "name", "late-"+h.name)
	t.Cleanup(func() { mustIP(t, "link", "del", wire) })
	mustIP(t, "link", "set", "late-"+h.name, "master", "br0", "up")
	mustIP(t, "link", "set", port, "nomaster")
	a, b := rawSocket(t, port), rawSocket(t, wire)
	go carry(a, b, d)
	go carry(b, a, d)
}

// rawSocket opens a packet socket on an interface of ours that sees what arrives there. Each frame has the kernel's
// offload header in front: segments not yet cut and checksums not yet computed pass as they are.
func rawSocket(t testing.TB, name string) *os.File {
	t.Helper()
	ifi, err := net.InterfaceByName(name)
	if err != nil {
		t.Fatal(err)
	}
	const all = unix.ETH_P_ALL<<8&0xff00 | unix.ETH_P_ALL>>8 // network byte order
	fd, err := unix.Socket(unix.AF_PACKET, unix.SOCK_RAW|unix.SOCK_NONBLOCK|unix.SOCK_CLOEXEC, 0)
	if err == nil {
		err = unix.SetsockoptInt(fd, unix.SOL_PACKET, unix.PACKET_VNET_HDR, 1)
	}
	if err == nil {
		err = unix.SetsockoptInt(fd, unix.SOL_PACKET, unix.PACKET_IGNORE_OUTGOING, 1)
	}
	if err == nil {
		err = unix.Bind(fd, &unix.SockaddrLinklayer{Protocol: all, Ifindex: ifi.Index})
	}
	if err != nil {
		t.Fatalf("packet socket on %s: %v", name, err)
	}
	f := os.NewFile(uintptr(fd), name)
	t.Cleanup(func() { f.Close() })
	return f
}

// carry moves frames, each d after it came, until a socket is closed.
func carry(from, to *os.File, d time.Duration) {
	type frame struct {
		due  time.Time
		data []byte
	}
	queue := make(chan frame, 4096)
	defer close(queue)
	go func() {
		for f := range queue {
			time.Sleep(time.Until(f.due))
			to.Write(f.data)
		}
	}()
	for {
		buf := make([]byte, 65536+64)
		n, err := from.Read(buf)
		if err != nil {
			return
		}
		queue <- frame{time.Now().Add(d), buf[:n]}
	}
}
