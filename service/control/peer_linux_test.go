package control

import (
	"io"
	"net"
	"os"
	"syscall"
	"testing"
)

// passDescriptors sends n descriptors along with some text (SCM_RIGHTS, unix(7)).
func passDescriptors(t *testing.T, conn *net.UnixConn, n int, text string) {
	t.Helper()
	null, err := os.Open(os.DevNull)
	if err != nil {
		t.Fatal(err)
	}
	defer null.Close()
	fds := make([]int, n)
	for i := range fds {
		fds[i] = int(null.Fd())
	}
	if _, _, err := conn.WriteMsgUnix([]byte(text), syscall.UnixRights(fds...), nil); err != nil {
		t.Fatal(err)
	}
}

func TestPeerUID(t *testing.T) {
	s := serve(t)
	conn, err := net.Dial("unix", s.socket)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	if uid, err := peerUID(conn); err != nil || uid != os.Geteuid() {
		t.Errorf("got %d, %v; want %d", uid, err, os.Geteuid())
	}
	pipe, _ := net.Pipe()
	if _, err := peerUID(pipe); err == nil {
		t.Error("a pipe has no peer, and got one")
	}
}

// K14 descriptors that are passed along are closed by the kernel: nobody asks for them.
func TestPassedDescriptors(t *testing.T) {
	s := serve(t)
	conn, err := net.DialUnix("unix", nil, &net.UnixAddr{Name: s.socket, Net: "unix"})
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	before := descriptors(t)
	passDescriptors(t, conn, 250, "GET /v1/status HTTP/1.1\r\nHost: homeward\r\n\r\n")
	if _, err := io.ReadAll(conn); err != nil {
		t.Fatal(err)
	}
	if after := descriptors(t); after > before+2 {
		t.Errorf("%d descriptors are open, %d were before", after, before)
	}
}

func descriptors(t *testing.T) int {
	t.Helper()
	open, err := os.ReadDir("/proc/self/fd")
	if err != nil {
		t.Fatal(err)
	}
	return len(open)
}
