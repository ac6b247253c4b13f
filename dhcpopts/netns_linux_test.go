package dhcpopts

import (
	"bufio"
	"context"
	"errors"
	"io/fs"
	"net"
	"net/netip"
	"os/exec"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	"github.com/insomniacslk/dhcp/dhcpv4"
	socket "github.com/mdlayher/packet"
	"golang.org/x/sys/unix"

	"homeward/e2e/needs"
	"homeward/e2e/netns"
)

func run(t *testing.T, command string) {
	t.Helper()
	args := strings.Fields(command)
	needs.Program(t, args[0])
	if out, err := exec.CommandContext(t.Context(), args[0], args[1:]...).CombinedOutput(); err != nil {
		t.Fatalf("%s: %v\n%s", command, err, out)
	}
}

// onlyCapability leaves this goroutine's thread no privilege but one capability, or none (-1). The thread
// ends with the goroutine.
func onlyCapability(t *testing.T, capability int) {
	t.Helper()
	runtime.LockOSThread()
	header := unix.CapUserHeader{Version: unix.LINUX_CAPABILITY_VERSION_3}
	var data [2]unix.CapUserData
	if capability >= 0 {
		data[0].Effective, data[0].Permitted = 1<<capability, 1<<capability
	}
	if err := unix.Capset(&header, &data[0]); err != nil {
		t.Fatal(err)
	}
}

// askReally asks on iface for the window, with no privilege but CAP_NET_RAW.
func askReally(t *testing.T, iface string, window time.Duration) (answers []Answer) {
	t.Helper()
	done := make(chan struct{})
	go func() {
		defer close(done)
		onlyCapability(t, unix.CAP_NET_RAW)
		ctx, cancel := context.WithTimeout(t.Context(), window)
		defer cancel()
		c, err := Listen(ctx, iface)
		if err != nil {
			t.Error(err)
			return
		}
		defer c.Close()
		if _, err := Inform(ctx, c, func(a Answer) { answers = append(answers, a) }); err != nil {
			t.Error(err)
		}
	}()
	<-done
	return answers
}

// A device whose DHCP client owns port 68 asks dnsmasq, over a link that goes to another namespace.
func TestNamespaceDnsmasq(t *testing.T) {
	if !netns.Enter(t) {
		return
	}
	needs.Program(t, "dnsmasq")
	runtime.LockOSThread() // dnsmasq dies with the thread that starts it, and askReally ends threads
	startDnsmasq(t)
	owner, err := net.ListenPacket("udp4", ":68")
	if err != nil {
		t.Fatal(err)
	}
	defer owner.Close()

	want := []Answer{{Server: netip.MustParseAddr("10.77.0.1"), Type: "ack",
		SIP:    ParseSIPServers(mustHex("00" + pool01 + "06706F6F6C3032C007")),
		Vendor: ParseVendor(mustHex(goldenVendor + "FF"))}}
	for _, iface := range []string{"dev0", ""} {
		got := askReally(t, iface, 1500*time.Millisecond) // long enough for a second question
		if diff := cmp.Diff(want, got, equateAddrs, cmpopts.IgnoreFields(Answer{}, "Took")); diff != "" {
			t.Errorf("answers on %q (-want +got):\n%s", iface, diff)
		}
	}
}

// startDnsmasq makes the link dev0 (10.77.0.20, default route) and a DHCP server at its other end, 10.77.0.1.
func startDnsmasq(t *testing.T) {
	run(t, "ip link add dev0 type veth peer name site0")
	cmd := exec.CommandContext(t.Context(), "sh", "-c", "read go && ip addr add 10.77.0.1/24 dev site0 && ip link set site0 up && exec \"$@\"", "sh",
		"dnsmasq", "--no-daemon", "--conf-file=/dev/null", "--port=0", "--pid-file=", "--leasefile-ro", "--log-facility=-",
		"--interface=site0", "--bind-interfaces", "--log-dhcp", "--dhcp-range=10.77.0.100,10.77.0.200,1h",
		"--dhcp-option=option:sip-server,pool01.contoso.com,pool02.contoso.com",
		// dnsmasq sends them last to first; a port in digits would become a number, so it is given as bytes.
		"--dhcp-option=vendor:MS-UC-Client,5,/CertProv/CertProvisioningService.svc", "--dhcp-option=vendor:MS-UC-Client,4,34:34:33",
		"--dhcp-option=vendor:MS-UC-Client,3,pool01.contoso.com", "--dhcp-option=vendor:MS-UC-Client,2,https",
		"--dhcp-option=vendor:MS-UC-Client,1,MS-UC-Client")
	cmd.SysProcAttr = &syscall.SysProcAttr{Cloneflags: syscall.CLONE_NEWNET, Pdeathsig: syscall.SIGKILL}
	stdin, err := cmd.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	logs, err := cmd.StderrPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = cmd.Process.Kill()
		_ = cmd.Wait()
	})
	run(t, "ip link set site0 netns "+strconv.Itoa(cmd.Process.Pid))
	run(t, "ip addr add 10.77.0.20/24 dev dev0")
	run(t, "ip link set dev0 up")
	run(t, "ip route add default via 10.77.0.1")
	if _, err := stdin.Write([]byte("\n")); err != nil {
		t.Fatal(err)
	}
	lines := bufio.NewScanner(logs)
	for lines.Scan() && !strings.Contains(lines.Text(), "sockets bound exclusively") {
	}
	if lines.Err() != nil || lines.Text() == "" {
		t.Fatalf("dnsmasq did not start: %v", lines.Err())
	}
	go func() { // so that it never waits for us; ends with the process
		for lines.Scan() {
		}
	}()
}

// Two servers on loopback, as cmd/lab has them: both hear the broadcast, each answers from its own address.
func TestNamespaceLoopback(t *testing.T) {
	if !netns.Enter(t) {
		return
	}
	if err := netns.RaiseLoopback(); err != nil {
		t.Fatal(err)
	}
	share := net.ListenConfig{Control: func(_, _ string, c syscall.RawConn) (err error) {
		cerr := c.Control(func(fd uintptr) { err = unix.SetsockoptInt(int(fd), unix.SOL_SOCKET, unix.SO_REUSEADDR, 1) })
		return errors.Join(cerr, err)
	}}
	listen := func(addr string) net.PacketConn {
		c, err := share.ListenPacket(t.Context(), "udp4", addr)
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { c.Close() })
		return c
	}
	var want []Answer
	for _, addr := range []string{"127.0.0.67", "127.0.0.68"} {
		hear, say := listen("255.255.255.255:67"), listen(addr+":67")
		want = append(want, Answer{Server: netip.MustParseAddr(addr), Type: "ack", SIP: ParseSIPServers(mustHex("01 7F000005"))})
		go func() { // ends when hear closes
			b := make([]byte, bufferSize)
			for {
				n, _, err := hear.ReadFrom(b)
				if err != nil {
					return
				}
				q, err := dhcpv4.FromBytes(b[:n])
				if err != nil {
					t.Error(err)
					return
				}
				_, _ = say.WriteTo(reply(t, b[:n], ack, with120(mustHex("01 7F000005"))), &net.UDPAddr{IP: q.ClientIPAddr, Port: clientPort})
			}
		}()
	}
	got := askReally(t, "lo", 1500*time.Millisecond)
	slices.SortFunc(got, func(a, b Answer) int { return a.Server.Compare(b.Server) })
	if diff := cmp.Diff(want, got, equateAddrs, cmpopts.IgnoreFields(Answer{}, "Took")); diff != "" {
		t.Errorf("answers (-want +got):\n%s", diff)
	}
}

func TestNamespaceErrors(t *testing.T) {
	if !netns.Enter(t) {
		return
	}
	run(t, "ip link add bare0 type veth peer name bare1")
	down := make(chan struct{})
	go func() { // told before what this thread may not do
		defer close(down)
		onlyCapability(t, -1)
		if _, err := Listen(t.Context(), "bare0"); !errors.Is(err, ErrDown) {
			t.Errorf("an interface that is switched off: %v", err)
		}
		if _, err := Listen6(t.Context(), "bare0"); !errors.Is(err, ErrDown) {
			t.Errorf("an interface that is switched off, of DHCPv6: %v", err)
		}
	}()
	<-down
	run(t, "ip link set bare0 up")
	if _, err := Listen(t.Context(), "bare0"); !errors.Is(err, ErrNoAddress) {
		t.Errorf("an interface without an address: %v", err)
	}
	if _, err := Listen(t.Context(), ""); !errors.Is(err, ErrNoRoute) {
		t.Errorf("no default route: %v", err)
	}
	run(t, "ip addr add 10.78.0.20/24 dev bare0")
	done := make(chan struct{})
	go func() {
		defer close(done)
		onlyCapability(t, -1)
		if _, err := Listen(t.Context(), "bare0"); !errors.Is(err, fs.ErrPermission) {
			t.Errorf("no privilege: %v", err)
		}
	}()
	<-done
	c, err := Listen(t.Context(), "bare0")
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	run(t, "ip link set bare0 down") // since
	if _, err := Inform(t.Context(), c, nil); !errors.Is(err, unix.ENETDOWN) {
		t.Errorf("an interface that is down: %v", err)
	}
}

// Nothing that came vanishes: an answer in fragments is used, and what cannot be is counted, with its sender and why.
func TestField17NothingVanishes(t *testing.T) {
	if !netns.Enter(t) {
		return
	}
	run(t, "ip link add dev0 type veth peer name site0")
	run(t, "ip link set site0 up")
	run(t, "ip link set dev0 up")
	run(t, "ip addr add 10.0.0.20/24 dev dev0")
	site, err := net.InterfaceByName("site0")
	if err != nil {
		t.Fatal(err)
	}
	hear, err := socket.Listen(site, socket.Datagram, unix.ETH_P_IP, nil)
	if err != nil {
		t.Fatal(err)
	}
	defer hear.Close()
	c, err := Listen(t.Context(), "dev0")
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	go func() { // ends when hear closes
		b := make([]byte, bufferSize)
		for {
			n, _, err := hear.ReadFrom(b)
			if err != nil {
				return
			}
			_, _, question, ok := readUDP(b[ipHeader:n])
			if _, err := dhcpv4.FromBytes(question); !ok || err != nil {
				continue
			}
			answer := datagram(reply(t, question, ack, with120(goldenSIP), withServer(server67)))
			change := func(at int, b ...byte) []byte { return slices.Replace(slices.Clone(answer), at, at+len(b), b...) }
			first, second := fragments(answer)
			lost, _ := fragments(change(4, 7, 7))
			for _, packet := range [][]byte{
				lost, first, second, change(22, 4, 4), change(ipHeader+udpHeader+4, question[4]^1), change(24, 0xff, 0xff), change(24, 0, 12),
				change(9, 6),
			} {
				_, _ = hear.WriteTo(packet, &socket.Addr{HardwareAddr: net.HardwareAddr{0xff, 0xff, 0xff, 0xff, 0xff, 0xff}})
			}
		}
	}()
	ctx, cancel := context.WithTimeout(t.Context(), 900*time.Millisecond)
	defer cancel()
	var got []Answer
	dropped, err := Inform(ctx, c, func(a Answer) { got = append(got, a) })
	if err != nil {
		t.Fatal(err)
	}
	want := []Answer{{Server: server67, Type: "ack", SIP: ParseSIPServers(goldenSIP)}}
	if diff := cmp.Diff(want, got, equateAddrs, cmpopts.IgnoreFields(Answer{}, "Took")); diff != "" {
		t.Errorf("answers (-want +got):\n%s", diff)
	}
	wantDropped := []Dropped{
		{server67, OtherPort, 0x404, 1}, {server67, OtherTransaction, 0, 1}, {server67, Damaged, 0, 1}, {server67, TooShort, 0, 1}, {server67, Incomplete, 0, 1},
	}
	if diff := cmp.Diff(wantDropped, dropped, equateAddrs); diff != "" {
		t.Errorf("dropped (-want +got):\n%s", diff)
	}
}
