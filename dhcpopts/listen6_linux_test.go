package dhcpopts

import (
	"context"
	"encoding/binary"
	"errors"
	"io/fs"
	"net"
	"net/netip"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	"github.com/insomniacslk/dhcp/dhcpv6"
	"golang.org/x/net/bpf"
	"golang.org/x/net/ipv6"
	"golang.org/x/sys/unix"

	"github.com/homeward-agent/homeward/e2e/needs"
	"github.com/homeward-agent/homeward/e2e/netns"
)

// packet6 is an IPv6 packet to the client port.
func packet6(payload string) []byte {
	p := make([]byte, udp6+udpHeader, udp6+udpHeader+len(payload))
	p[0], p[nextHeader6] = 0x60, unix.IPPROTO_UDP
	copy(p[source6:], server6.AsSlice())
	binary.BigEndian.PutUint16(p[4:], uint16(udpHeader+len(payload)))
	binary.BigEndian.PutUint16(p[udp6:], serverPort6)
	binary.BigEndian.PutUint16(p[udp6+2:], clientPort6)
	binary.BigEndian.PutUint16(p[udp6+4:], uint16(udpHeader+len(payload)))
	return append(p, payload...)
}

func TestAnswers6(t *testing.T) {
	vm, err := bpf.NewVM(answers6Only()[3:]) // see TestAnswersOnly
	if err != nil {
		t.Fatal(err)
	}
	good := packet6("good")
	change := func(at int, b ...byte) []byte { return slices.Replace(slices.Clone(good), at, at+len(b), b...) }
	for _, test := range []struct {
		name            string
		packet          []byte
		passes, accepts bool
	}{
		{"an answer", good, true, true},
		{"with nothing in it", packet6(""), true, true},
		{"padding behind it", append(slices.Clone(good), 0, 0), true, true},
		{"TCP", change(nextHeader6, 6), false, false},
		{"a header in between", change(nextHeader6, 0), false, false},
		{"another port", change(udp6+2, 0, 68), false, true},
		{"IPv4", change(0, 0x45), true, false},
		{"H24 a UDP length beyond the packet", change(udp6+4, 0xff, 0xff), true, false},
		{"H24 a UDP length below its own header", change(udp6+4, 0, 7), true, false},
		{"cut in the UDP header", good[:udp6+4], true, false},
		{"nothing", nil, false, false},
	} {
		if n, err := vm.Run(test.packet); n > 0 != test.passes || err != nil {
			t.Errorf("%s: passed %v, %v", test.name, n > 0, err)
		}
		payload, from, ok := datagram6(test.packet)
		if ok != test.accepts || ok && (string(payload) != strings.TrimRight(string(test.packet[udp6+udpHeader:]), "\x00") || from != server6) {
			t.Errorf("%s: %v, %q from %s", test.name, ok, payload, from)
		}
	}
}

// A device whose DHCP client owns port 546 asks, with no privilege but CAP_NET_RAW, and is answered.
func TestNamespace6(t *testing.T) {
	if !netns.Enter(t) {
		return
	}
	if err := os.WriteFile("/proc/sys/net/ipv6/conf/default/accept_dad", []byte("0"), 0); err != nil {
		needs.Missing(t, "ipv6", err.Error())
	}
	run(t, "ip link add six0 type veth peer name six1")
	if _, err := Listen6(t.Context(), "six0"); !errors.Is(err, ErrNoAddress) {
		t.Errorf("an interface that is down: %v", err)
	}
	run(t, "ip link set six0 up")
	run(t, "ip link set six1 up")
	server := serve6(t, "six1")
	owner, err := net.ListenPacket("udp6", "[::]:546")
	if err != nil {
		t.Fatal(err)
	}
	defer owner.Close()

	done := make(chan struct{})
	var got []Answer
	go func() {
		defer close(done)
		onlyCapability(t, unix.CAP_NET_RAW)
		ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
		defer cancel()
		c, err := Listen6(ctx, "six0")
		if err != nil {
			t.Error(err)
			return
		}
		defer c.Close()
		if err := Inform6(ctx, c, func(a Answer) { got = append(got, a); cancel() }); err != nil {
			t.Error(err)
		}
	}()
	<-done
	names := mustHex(pool01)
	want := []Answer{{Server: server, Type: "reply", SIP: SIPServers{Raw: names, Names: []string{pool01s}}}}
	if diff := cmp.Diff(want, got, equateAddrs, cmpopts.IgnoreFields(Answer{}, "Took")); diff != "" {
		t.Errorf("answers (-want +got):\n%s", diff)
	}

	done = make(chan struct{})
	go func() {
		defer close(done)
		onlyCapability(t, -1)
		if _, err := Listen6(t.Context(), "six0"); !errors.Is(err, fs.ErrPermission) {
			t.Errorf("no privilege: %v", err)
		}
	}()
	<-done
}

// serve6 answers every Information-request on iface with option 21, and returns its address.
func serve6(t *testing.T, iface string) netip.Addr {
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
			to := &net.UDPAddr{IP: from.(*net.UDPAddr).IP, Port: clientPort6, Zone: iface} // whatever port it came from
			_, _ = c.WriteTo(reply6(t, q, 1, map[dhcpv6.OptionCode][]byte{21: mustHex(pool01)}), to)
		}
	}()
	return own
}
