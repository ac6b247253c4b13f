package wire

import (
	"context"
	"fmt"
	"net"
	"net/netip"
	"os"
	"os/exec"
	"slices"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"homeward/e2e/needs"
	"homeward/e2e/netns"
)

// answerARP has devices at there0 who answer for each address that is asked for, with hardware addresses that end so: 1 is that of this
// device, and 9, asked for 10.9.0.3, speaks of another address. asked ends that, and returns the questions, each once.
func answerARP(t *testing.T, ends ...byte) (asked func() []string) {
	t.Helper()
	fd, err := unix.Socket(unix.AF_PACKET, unix.SOCK_DGRAM|unix.SOCK_NONBLOCK|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		t.Fatal(err)
	}
	there := os.NewFile(uintptr(fd), "there0")
	card, err := net.InterfaceByName("there0")
	if err != nil {
		t.Fatal(err)
	}
	link := everybody(card.Index)
	if err := unix.Bind(fd, link); err != nil {
		t.Fatal(err)
	}
	var questions []string
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		for buf := make([]byte, 64); ; {
			n, err := there.Read(buf)
			if err != nil {
				return
			}
			if n < arpSize || buf[7] != arpRequest {
				continue
			}
			questions = append(questions, fmt.Sprintf("%v asks for %v", buf[arpSenderIP:arpSenderIP+4], buf[arpTargetIP:arpSize]))
			for _, last := range ends {
				answer := slices.Clone(buf[:arpSize])
				answer[7] = 2
				copy(answer[arpSender:], []byte{2, 0, 0, 0, 0, last})
				copy(answer[arpSenderIP:], buf[arpTargetIP:arpSize])
				if last == 9 && answer[arpSenderIP+3] == 3 { // about another address
					answer[arpSenderIP+3] = 4
				}
				_ = unix.Sendto(fd, answer, 0, link)
			}
		}
	}()
	return func() []string {
		there.Close()
		<-ended
		slices.Sort(questions)
		return slices.Compact(questions)
	}
}

// configure runs commands of ip, such as "link set here0 up".
func configure(t *testing.T, commands ...string) {
	t.Helper()
	ip := needs.Program(t, "ip")
	for _, command := range commands {
		if out, err := exec.Command(ip, strings.Fields(command)...).CombinedOutput(); err != nil {
			t.Fatalf("ip %s: %v: %s", command, err, out)
		}
	}
}

// Everybody who says that he has an address is heard, once each: not this device itself, nor who speaks of another address. Asked for an
// own address, the question names no sender: see Wire.Holders.
func TestHolders(t *testing.T) {
	if !netns.Enter(t) {
		return
	}
	configure(t,
		"link add here0 type veth peer name there0", "link set here0 address 02:00:00:00:00:01", "link set there0 arp off up", "link set here0 up", "address add 10.9.0.1/24 dev here0",
	)
	asked := answerARP(t, 1, 8, 9, 8)
	for addr, want := range map[string]string{
		"10.9.0.2": "02:00:00:00:00:08 02:00:00:00:00:09", "10.9.0.3": "02:00:00:00:00:08", "10.9.0.1": "02:00:00:00:00:08 02:00:00:00:00:09",
	} {
		got := ""
		for range 20 { // on a busy machine an answer may come too late
			sender := netip.MustParseAddr("10.9.0.1")
			if addr == "10.9.0.1" {
				sender = netip.IPv4Unspecified()
			}
			macs, err := System().Holders(t.Context(), "here0", sender, netip.MustParseAddr(addr))
			if err != nil {
				t.Fatal(err)
			}
			if got = strings.Join(macs, " "); got == want {
				break
			}
		}
		if got != want {
			t.Errorf("%s: %s, want %s", addr, got, want)
		}
	}
	stopped := false
	for range 20 {
		began := time.Now()
		ctx, cancel := context.WithTimeout(t.Context(), 10*time.Millisecond)
		_, err := System().Holders(ctx, "here0", netip.MustParseAddr("10.9.0.1"), netip.MustParseAddr("10.9.0.2"))
		if cancel(); err != nil && time.Since(began) < arpTries[0] {
			stopped = true
			break
		}
	}
	if !stopped {
		t.Error("it goes on when nobody waits for it any more")
	}
	for _, iface := range []string{"lo", "gone0"} {
		if macs, err := System().Holders(t.Context(), iface, netip.IPv4Unspecified(), netip.MustParseAddr("10.9.0.2")); err == nil {
			t.Errorf("%s: %v", iface, macs)
		}
	}
	want := []string{"[0 0 0 0] asks for [10 9 0 1]", "[10 9 0 1] asks for [10 9 0 2]", "[10 9 0 1] asks for [10 9 0 3]"}
	if got := asked(); !slices.Equal(got, want) {
		t.Errorf("asked %q, want %q", got, want)
	}
}

// Anybody on the link may answer with ever new hardware addresses: no more than a few are told.
func TestMend104ManyHolders(t *testing.T) {
	if !netns.Enter(t) {
		return
	}
	configure(t, "link add here0 type veth peer name there0", "link set there0 arp off up", "link set here0 up", "address add 10.9.0.1/24 dev here0")
	var ends []byte
	for i := range byte(100) {
		ends = append(ends, 100+i)
	}
	defer answerARP(t, ends...)()
	for range 20 { // on a busy machine an answer may come too late
		macs, err := System().Holders(t.Context(), "here0", netip.IPv4Unspecified(), netip.MustParseAddr("10.9.0.2"))
		if err != nil || len(macs) > maxHolders {
			t.Fatalf("%d are told, err %v", len(macs), err)
		}
		if len(macs) == maxHolders {
			return
		}
	}
	t.Error("none of many is told")
}

// An address that was set by hand has no end; one that a DHCP client has set has one, unless that leaves it out.
func TestMend280Lasting(t *testing.T) {
	if !netns.Enter(t) {
		return
	}
	configure(t, "link add here0 type veth peer name there0", "link set there0 up", "link set here0 up",
		"address add 10.9.0.1/24 dev here0", "address add 10.9.1.1/24 dev here0 valid_lft 3600 preferred_lft 3600", "address add 2001:db8::1/64 dev here0")
	got := fmt.Sprint(lasting())
	if want := "[10.9.0.1/24]"; strings.ReplaceAll(got, "127.0.0.1/8 ", "") != want {
		t.Errorf("%s, want %s", got, want)
	}
}

// Who is next on the way to an address, and since when that is known.
func TestNext(t *testing.T) {
	if !netns.Enter(t) {
		return
	}
	configure(t,
		"link add here0 type veth peer name there0", "link set there0 up", "link set here0 up", "address add 10.9.0.1/24 dev here0",
		"neighbour add 10.9.0.2 lladdr 02:00:00:00:00:02 dev here0 nud reachable", "neighbour add 10.9.0.4 lladdr 02:00:00:00:00:04 dev here0 nud permanent",
		"route add default via 10.9.0.2", "route add 192.0.2.0/24 via 10.9.0.4",
	)
	for addr, want := range map[string]string{
		"198.51.100.1": "10.9.0.2 02:00:00:00:00:02", "10.9.0.2": "10.9.0.2 02:00:00:00:00:02", "10.9.0.3": "10.9.0.3", "192.0.2.1": "10.9.0.4", // which is not known to be there
	} {
		hop, mac, ago := System().Next(netip.MustParseAddr(addr))
		if got := strings.TrimSpace(hop.String() + " " + mac.String()); got != want || ago > time.Hour {
			t.Errorf("%s: next is %s, %s ago, want %s", addr, got, ago, want)
		}
	}
}
