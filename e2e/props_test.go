//go:build linux

package e2e

import (
	"fmt"
	"net"
	"net/http"
	"net/netip"
	"os"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/insomniacslk/dhcp/dhcpv4"
	"github.com/insomniacslk/dhcp/dhcpv4/server4"
)

// startNAK runs a DHCP server on h that refuses every DHCPINFORM, as some real ones do; no server we can install
// does. It runs in a process of its own, this test binary once more, because a namespace belongs to a thread.
func startNAK(t testing.TB, h *host) *process {
	t.Helper()
	return startProp(t, h, "nak")
}

// startSlowDHCP runs a DHCP server on h that takes three seconds to answer a DHCPINFORM, as one behind a busy relay does.
func startSlowDHCP(t testing.TB, h *host) *process {
	t.Helper()
	return startProp(t, h, "slowdhcp")
}

// startProp runs a prop without arguments, and waits until it listens.
func startProp(t testing.TB, h *host, prop string) *process {
	t.Helper()
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	p := start(t, h, "env", envProp+"="+prop, self)
	eventually(t, "the prop "+prop+" listens", contains(t, p.log, "listening"))
	return p
}

// startWeb runs a web server at a place of the Registrars' host: kind is "http", or "https" with a certificate that is in
// order. A REGISTER is a bad request to it.
func startWeb(t testing.TB, s *site, p place, kind string) *process {
	t.Helper()
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	cert, key := s.ca.issue(t, t.TempDir(), p.host)
	server := start(t, s.registrar, "env", fmt.Sprintf("%s=%s %s:%d %s %s", envProp, kind, p.addr, p.port, cert, key), self)
	listens(t, server, p)
	return server
}

// runProp is main of a prop's process. The prop comes with its arguments, blanks in between.
func runProp(prop string) (code int) {
	var err error
	switch args := strings.Fields(prop); args[0] {
	case "nak":
		err = serveDHCP(refuse)
	case "slowdhcp":
		err = serveDHCP(answerLate)
	case "http":
		err = http.ListenAndServe(args[1], nil)
	case "https":
		err = http.ListenAndServeTLS(args[1], args[2], args[3], nil)
	case "hung":
		err = fillQueue(args[1])
	case "banner":
		err = serveBanner(args[1], args[2])
	case "dns":
		err = serveOddDNS(args[1], args[2])
	case "confined":
		err = runConfined(os.Args[1:])
	case "refusals":
		if err = tryRefusals(); err == nil {
			return 0
		}
	case "hold":
		holdSocket(args[1])
	case "appliance":
		err = becomeInit(os.Getenv(envRoot), strings.Split(os.Getenv(envInit), "\n"))
	}
	fmt.Println(err)
	return 1
}

// serveBanner greets everybody.
func serveBanner(addr, text string) error {
	listener, err := net.Listen("tcp", addr)
	if err != nil {
		return err
	}
	fmt.Println("listening")
	for {
		conn, err := listener.Accept()
		if err != nil {
			return err
		}
		fmt.Fprintf(conn, "%s\r\n", text) // the next one is not kept waiting by who hangs up
		conn.Close()
	}
}

func serveDHCP(answer server4.Handler) error {
	server, err := server4.NewServer("eth0", &net.UDPAddr{Port: dhcpv4.ServerPort}, answer)
	if err != nil {
		return err
	}
	fmt.Println("listening")
	return server.Serve()
}

// answerLate answers three seconds late.
func answerLate(conn net.PacketConn, _ net.Addr, m *dhcpv4.DHCPv4) {
	if m.MessageType() != dhcpv4.MessageTypeInform {
		return
	}
	ack, err := dhcpv4.NewReplyFromRequest(m, dhcpv4.WithMessageType(dhcpv4.MessageTypeAck), dhcpv4.WithServerIP(net.ParseIP(dhcpAddr)),
		dhcpv4.WithOption(dhcpv4.OptServerIdentifier(net.ParseIP(dhcpAddr))), dhcpv4.WithOption(dhcpv4.OptGeneric(dhcpv4.GenericOptionCode(120), full.option120())))
	if err != nil {
		fmt.Println(err)
		return
	}
	time.AfterFunc(3*time.Second, func() { conn.WriteTo(ack.ToBytes(), &net.UDPAddr{IP: net.IPv4bcast, Port: dhcpv4.ClientPort}) })
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

// hung has a server in the place of pool01 that listens, and accepts nothing any more: its queue is full, and the system drops what
// comes to its port.
func hung(t testing.TB, c *scene) {
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	p := start(t, c.registrar, "env", fmt.Sprintf("%s=hung %s:%d", envProp, pool01.addr, pool01.port), self)
	eventually(t, "the queue is full", contains(t, p.log, "listening"))
}

// fillQueue listens at an address, and connects to it until the system takes no more.
func fillQueue(addr string) error {
	at, err := netip.ParseAddrPort(addr)
	if err != nil {
		return err
	}
	fd, err := syscall.Socket(syscall.AF_INET, syscall.SOCK_STREAM, 0)
	if err != nil {
		return err
	}
	if err := syscall.Bind(fd, &syscall.SockaddrInet4{Port: int(at.Port()), Addr: at.Addr().As4()}); err != nil {
		return err
	}
	if err := syscall.Listen(fd, 1); err != nil {
		return err
	}
	var waiting []net.Conn
	for {
		conn, err := net.DialTimeout("tcp", addr, time.Second)
		if err != nil {
			break
		}
		waiting = append(waiting, conn)
	}
	fmt.Println("listening, with", len(waiting), "connections in the queue")
	select {}
}
