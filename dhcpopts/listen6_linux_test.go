package dhcpopts

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"net"
	"net/netip"
	"os"
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	"github.com/insomniacslk/dhcp/dhcpv6"
	"golang.org/x/net/bpf"
	"golang.org/x/net/ipv6"
	"golang.org/x/sys/unix"

	"homeward/e2e/needs"
	"homeward/e2e/netns"
)

// packet6 is an IPv6 packet to the client port.
func packet6(payload string) []byte {
	return datagram6(netip.AddrPortFrom(server6, serverPort6), netip.AddrPortFrom(netip.MustParseAddr("fe80::20"), clientPort6), []byte(payload))
}

func TestAnswers6(t *testing.T) {
	vm, err := bpf.NewVM(answers6Only()[3:]) // see TestAnswersOnly
	if err != nil {
		t.Fatal(err)
	}
	good := packet6("good")
	change := func(at int, b ...byte) []byte { return slices.Replace(slices.Clone(good), at, at+len(b), b...) }
	part := func(proto byte, bits ...byte) []byte {
		p := slices.Concat(good[:ip6Header], []byte{proto, 0}, bits, []byte{0, 0, 0, 7}, good[ip6Header:])
		p[5], p[nextHeader] = byte(len(p)-ip6Header), protoPart
		return p
	}
	for _, test := range []struct {
		name            string
		packet          []byte
		passes, accepts bool
	}{
		{"an answer", good, true, true},
		{"with nothing in it", packet6(""), true, true},
		{"padding behind it", append(slices.Clone(good), 0, 0), true, true},
		{"a fragment that is all", part(17, 0, 0), true, true},
		{"a first fragment", part(17, 0, 1), true, false},
		{"a fragment of TCP", part(6, 0, 1), false, false},
		{"TCP", change(nextHeader, 6), false, false},
		{"a header in between", change(nextHeader, 0), false, false},
		{"another port", change(ip6Header, 0, 53, 0, 68), false, false},
		{"another port, from a server", change(ip6Header+2, 0, 68), true, false},
		{"IPv4", change(0, 0x45), true, false},
		{"H24 a UDP length beyond the packet", change(ip6Header+4, 0xff, 0xff), true, false},
		{"H24 a UDP length below its own header", change(ip6Header+4, 0, 7), true, false},
		{"cut in the UDP header", good[:ip6Header+4], true, false},
		{"nothing", nil, false, false},
	} {
		if n, err := vm.Run(test.packet); n > 0 != test.passes || err != nil {
			t.Errorf("%s: passed %v, %v", test.name, n > 0, err)
		}
		d := datagrams{PacketConn: &packets{list: [][]byte{test.packet}}, server: serverPort6, client: clientPort6, packet: readPacket6}
		payload, from, err := d.next()
		if ok := err == nil; ok != test.accepts || ok && (!slices.Contains([]string{"good", ""}, string(payload)) || from != netip.AddrPortFrom(server6, serverPort6)) {
			t.Errorf("%s: %v, %q from %s", test.name, ok, payload, from)
		}
	}
}

// A device whose DHCP client owns port 546 asks, with no privilege but CAP_NET_RAW, and is answered.
func TestNamespace6(t *testing.T) {
	if !netns.Enter(t) {
		return
	}
	run(t, "ip link add six0 type veth peer name six1")
	if _, err := Listen6(t.Context(), "six0"); !errors.Is(err, ErrDown) {
		t.Errorf("an interface that is down: %v", err)
	}
	connect6(t)
	names := mustHex(pool01)
	server := serve6(t, "six1", map[dhcpv6.OptionCode][]byte{21: names}, true)
	owner, err := net.ListenPacket("udp6", "[::]:546")
	if err != nil {
		t.Fatal(err)
	}
	defer owner.Close()
	want := []Answer{{Server: server, Type: "reply", SIP: SIPServers{Raw: names, Names: []string{pool01s}}}}
	if diff := cmp.Diff(want, askReally6(t, "six0"), equateAddrs, cmpopts.IgnoreFields(Answer{}, "Took")); diff != "" {
		t.Errorf("answers (-want +got):\n%s", diff)
	}

	done := make(chan struct{})
	go func() {
		defer close(done)
		onlyCapability(t, -1)
		if _, err := Listen6(t.Context(), "six0"); !errors.Is(err, fs.ErrPermission) {
			t.Errorf("no privilege: %v", err)
		}
	}()
	<-done
}

// A server that answers to the port the question came from is heard, and so is one whose answer comes in fragments.
func TestField18AnswerToOurPort(t *testing.T) {
	if !netns.Enter(t) {
		return
	}
	run(t, "ip link add six0 type veth peer name six1")
	connect6(t)
	names := mustHex(pool01)
	server := serve6(t, "six1", map[dhcpv6.OptionCode][]byte{21: names, 59: make([]byte, 2000)}, false)
	want := []Answer{{Server: server, Type: "reply", SIP: SIPServers{Raw: names, Names: []string{pool01s}}}}
	if diff := cmp.Diff(want, askReally6(t, "six0"), equateAddrs, cmpopts.IgnoreFields(Answer{}, "Took")); diff != "" {
		t.Errorf("answers (-want +got):\n%s", diff)
	}
}

// connect6 sets six0 and six1 up, with link-local addresses of ours: the kernel's own come later, at a moment of its choice.
func connect6(t *testing.T) {
	t.Helper()
	if _, err := os.Stat("/proc/sys/net/ipv6"); err != nil {
		needs.Missing(t, "ipv6", err.Error())
	}
	for i, name := range []string{"six0", "six1"} {
		run(t, "ip link set "+name+" addrgenmode none")
		run(t, "ip link set "+name+" up")
		run(t, fmt.Sprintf("ip address add fe80::%d/64 dev %s nodad", i+1, name))
	}
}

// askReally6 asks on iface until there is an answer, with no privilege but CAP_NET_RAW.
func askReally6(t *testing.T, iface string) (got []Answer) {
	t.Helper()
	done := make(chan struct{})
	go func() {
		defer close(done)
		onlyCapability(t, unix.CAP_NET_RAW)
		ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
		defer cancel()
		c, err := Listen6(ctx, iface)
		if err != nil {
			t.Error(err)
			return
		}
		defer c.Close()
		if _, err := Inform6(ctx, c, func(a Answer) { got = append(got, a); cancel() }); err != nil {
			t.Error(err)
		}
	}()
	<-done
	return got
}

// serve6 answers every Information-request on iface with the options, to the client port or to the port that it came from, and
// returns its address.
func serve6(t *testing.T, iface string, options map[dhcpv6.OptionCode][]byte, toClient bool) netip.Addr {
	t.Helper()
	ifi, err := net.InterfaceByName(iface)
	if err != nil {
		t.Fatal(err)
	}
	addrs, err := ifi.Addrs()
	if err != nil {
		t.Fatal(err)
	}
	own, ok := linkLocal(addrs)
	if !ok {
		needs.Missing(t, "ipv6", iface+" has no link-local address")
	}
	c, err := net.ListenPacket("udp6", "[::]:547")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { c.Close() })
	if err := ipv6.NewPacketConn(c).JoinGroup(ifi, &net.UDPAddr{IP: allServers6.AsSlice()}); err != nil {
		t.Fatal(err)
	}
	go func() { // ends when c closes
		b := make([]byte, bufferSize)
		for {
			n, from, err := c.ReadFrom(b)
			if err != nil {
				return
			}
			q, err := dhcpv6.MessageFromBytes(b[:n])
			if err != nil {
				t.Error(err)
				return
			}
			to := *from.(*net.UDPAddr)
			if toClient {
				to.Port = clientPort6
			}
			_, _ = c.WriteTo(reply6(t, q, 1, options), &to)
		}
	}()
	return own
}
