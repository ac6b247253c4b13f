package wire

import (
	"errors"
	"net"
	"net/netip"
	"syscall"
	"testing"
	"time"
)

// listening opens a UDP socket of another machine, as it were.
func listening(t *testing.T, at string) *net.UDPConn {
	t.Helper()
	conn, err := net.ListenUDP("udp", net.UDPAddrFromAddrPort(netip.MustParseAddrPort(at)))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { conn.Close() })
	return conn
}

// A socket reads what comes from the address that it is connected to, and nothing else; what others send to its port is told
// apart from that, from the first question on. ICMP is noticed as before.
func TestOthersAreOverheard(t *testing.T) {
	asked, other := listening(t, "127.0.0.1:0"), listening(t, "127.0.0.2:0")
	conn, err := System().Dial(t.Context(), "udp", asked.LocalAddr().String())
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	device := conn.LocalAddr().(*net.UDPAddr)
	listener, buf := conn.(Overhearing), make([]byte, 16)
	send := func(from *net.UDPConn, text string) {
		if _, err := from.WriteTo([]byte(text), device); err != nil {
			t.Fatal(err)
		}
	}
	overheard := func(want string, from net.Addr) {
		t.Helper()
		switch n, who := listener.Overheard(buf); {
		case string(buf[:n]) != want, from != nil && who.String() != from.String(), from == nil && who.IsValid():
			t.Errorf("overheard %q from %v, want %q from %v", buf[:n], who, want, from)
		}
	}
	send(other, "before")
	overheard("", nil)
	send(other, "one")
	send(asked, "answer")
	send(other, "two")
	overheard("one", other.LocalAddr())
	overheard("two", other.LocalAddr())
	overheard("", nil)
	conn.SetReadDeadline(time.Now().Add(10 * time.Second))
	if n, err := conn.Read(buf); string(buf[:n]) != "answer" {
		t.Errorf("read %q, %v", buf[:n], err)
	}
	asked.Close()
	if _, err := conn.Write([]byte("question")); err != nil {
		t.Fatal(err)
	}
	if _, err := conn.Read(buf); !errors.Is(err, syscall.ECONNREFUSED) {
		t.Errorf("the port is closed: %v", err)
	}
	conn.Close()
	overheard("", nil)
	if again, err := net.ListenUDP("udp", device); err != nil {
		t.Errorf("a socket was left behind: %v", err)
	} else {
		again.Close()
	}
}
