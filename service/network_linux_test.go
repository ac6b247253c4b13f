package service

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"io/fs"
	"log/slog"
	"net/netip"
	"os"
	"os/exec"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"homeward/e2e/needs"
	"homeward/e2e/netns"
)

func TestRoutesInWords(t *testing.T) {
	for _, test := range []struct{ read, line, want string }{
		{"IPv6", "20010db8000000000000000000000000 40 00000000000000000000000000000000 00 00000000000000000000000000000000 00000100 00000001 00000000 00000001     eth0", "route 2001:db8::/64 on eth0"},
		{"IPv6", "00000000000000000000000000000000 00 00000000000000000000000000000000 00 20010db8000000000000000000000001 00000400 00000002 00000007 00000003     eth0", "default route via 2001:db8::1 on eth0"},
		{"IPv6", "20010db8000000000000000000000021 80 00000000000000000000000000000000 00 00000000000000000000000000000000 00000000 00000003 00000000 80200001     eth0", ""},
		{"IPv6", "fe800000000000000000000000000000 40 00000000000000000000000000000000 00 00000000000000000000000000000000 00000100 00000002 00000000 00000001     eth0", ""},
		{"IPv6", "ff000000000000000000000000000000 08 00000000000000000000000000000000 00 00000000000000000000000000000000 00000100 00000003 00000000 00000001     eth0", ""},
		{"IPv6", "00000000000000000000000000000000 00 00000000000000000000000000000000 00 00000000000000000000000000000000 ffffffff 00000001 00000000 00200200       lo", ""},
		{"IPv6", "20010db8 40 00 00 00 0 0 0 00000001 eth0", ""},
		{"IPv4", "Iface	Destination	Gateway 	Flags	RefCnt	Use	Metric	Mask", ""},
		{"IPv4", "eth0	00000000	00000000	0201	0	0	0	00000000	0	0	0", ""},
		{"IPv4", "eth0	0000", ""},
	} {
		read := map[string]func([]string) string{"IPv4": routeIPv4, "IPv6": routeIPv6}[test.read]
		if got := read(strings.Fields(test.line)); got != test.want {
			t.Errorf("%s %s: got %q, want %q", test.read, test.line, got, test.want)
		}
	}
}

// wakingTimer is a timer that the kernel cancels (timerfd_create(2)).
type wakingTimer chan struct{}

func (w wakingTimer) Read([]byte) (int, error) {
	if _, open := <-w; !open {
		return 0, os.ErrClosed
	}
	return 0, &fs.PathError{Op: "read", Path: "timerfd", Err: syscall.ECANCELED}
}

func (w wakingTimer) Close() error { close(w); return nil }

// A device that wakes is told so at once, each time; a clock that is set is nothing.
func TestWakingIsToldAtOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var slept atomic.Int64
		timer := make(wakingTimer)
		w := NewNetworkWatch(func() ([]netip.AddrPort, error) { return nil, nil }, noWay, &Awake{}, slog.New(slog.DiscardHandler))
		for _, events := range w.events {
			events.Close()
		}
		w.events, w.slept = []io.ReadCloser{timer}, func() time.Duration { return time.Duration(slept.Load()) }
		w.told = w.look(network{})
		ctx, cancel := context.WithCancel(t.Context())
		go w.Run(ctx)
		for range 2 {
			slept.Add(int64(8 * time.Hour))
			woken := time.Now()
			timer <- struct{}{}
			if got := <-w.Changes(); got != "the device has slept for 8h0m0s" {
				t.Errorf("told: %s", got)
			}
			if late := time.Since(woken); late > networkQuiet {
				t.Errorf("told after %v", late)
			}
			timer <- struct{}{} // the clock is set
			select {
			case got := <-w.Changes():
				t.Errorf("told: %s", got)
			case <-time.After(2 * networkPoll):
			}
		}
		cancel()
	})
}

// The kernel takes the timer as it is meant: nothing is to be read of it while nobody sets the clock.
func TestWakingTimerIsSilent(t *testing.T) {
	timer, err := wakings()
	if err != nil {
		t.Fatal(err)
	}
	defer timer.Close()
	info, err := os.ReadFile(fmt.Sprintf("/proc/self/fdinfo/%d", timer.(*os.File).Fd()))
	if err != nil || !strings.Contains(string(info), "clockid: 0\nticks: 0\nsettime flags: 03\n") {
		t.Errorf("the timer is %s, %v", info, err)
	}
}

// ip runs lines of ip(8) in one batch.
func ip(t *testing.T, lines ...string) {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), needs.Program(t, "ip"), "-batch", "-")
	cmd.Stdin = strings.NewReader(strings.Join(lines, "\n"))
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("ip: %v\n%s", err, out)
	}
}

// deviceNetwork is a network that a test watches: a link dev0 with the address 10.79.0.20.
type deviceNetwork struct {
	*NetworkWatch
	t       *testing.T
	log     bytes.Buffer
	mu      sync.Mutex
	servers []netip.AddrPort
}

func watchNetwork(t *testing.T) *deviceNetwork {
	t.Helper()
	ip(t, "link add dev0 type veth peer name dev1", "link set dev1 up", "link set dev0 up", "address add 10.79.0.20/24 dev dev0")
	w := &deviceNetwork{t: t, servers: []netip.AddrPort{netip.MustParseAddrPort("10.79.0.53:53")}}
	w.NetworkWatch = NewNetworkWatch(func() ([]netip.AddrPort, error) {
		w.mu.Lock()
		defer w.mu.Unlock()
		return w.servers, nil
	}, noWay, &Awake{}, slog.New(slog.NewTextHandler(&w.log, nil)))
	return w
}

// run starts the watch; it ends with the test.
func (w *deviceNetwork) run() {
	ctx, cancel := context.WithCancel(w.t.Context())
	done := make(chan struct{})
	go func() { defer close(done); w.Run(ctx) }()
	w.t.Cleanup(func() {
		cancel()
		<-done
		if w.log.Len() > 0 {
			w.t.Errorf("log: %s", &w.log)
		}
	})
}

// expect takes the next change.
func (w *deviceNetwork) expect(want string) {
	w.t.Helper()
	select {
	case got := <-w.Changes():
		if diff := cmp.Diff(want, got); diff != "" {
			w.t.Error(diff)
		}
	case <-time.After(20 * time.Second): // less than the poll: events have to do
		w.t.Fatalf("not told: %s", want)
	}
}

func TestNamespaceChangesAreTold(t *testing.T) {
	if !netns.Enter(t) {
		return
	}
	w := watchNetwork(t)
	w.run()
	ip(t, "address add 10.79.0.21/24 dev dev0")
	w.expect("new: 10.79.0.21/24 on dev0")
	ip(t, "route add default via 10.79.0.1")
	w.expect("new: default route via 10.79.0.1 on dev0")
	ip(t, "address add 2001:db8::21/64 dev dev0 nodad")
	w.expect("new: 2001:db8::21/64 on dev0, route 2001:db8::/64 on dev0")
	ip(t, "link set dev1 down")
	w.expect("gone: link on dev0")
	ip(t, "link set dev1 up")
	w.expect("new: link on dev0")
	if iface, at := w.LinkLost(); iface != "dev0" || len(at) != 1 { // mend 182: that is when what is lost then has its cause
		t.Errorf("the link was lost: %q, %v", iface, at)
	}
	w.mu.Lock()
	w.servers = []netip.AddrPort{netip.MustParseAddrPort("10.79.0.54:53")}
	w.mu.Unlock()
	ip(t, "address del 10.79.0.21/24 dev dev0") // what a DHCP client does beside it
	w.expect("gone: 10.79.0.21/24 on dev0, name server 10.79.0.53; new: name server 10.79.0.54")
}

// What happens between the opening of the watch and its run is not missed, and what has become as it was is nothing.
func TestNamespaceDifferencesAloneCount(t *testing.T) {
	if !netns.Enter(t) {
		return
	}
	w := watchNetwork(t)
	ip(t, "address add 10.79.0.21/24 dev dev0", "address add 10.79.0.22/24 dev dev0")
	var flaps []string
	for range 1000 {
		flaps = append(flaps, "link set dev0 down", "link set dev0 up")
	}
	ip(t, append(flaps, "address del 10.79.0.22/24 dev dev0")...)
	w.run()
	w.expect("new: 10.79.0.21/24 on dev0")
	select {
	case change := <-w.Changes():
		t.Errorf("told: %s", change)
	case <-time.After(3 * networkQuiet): // an answer that came later would be as wrong
	}
}

// More events than the socket holds: those that are lost are found out about by looking.
func TestNamespaceOverrun(t *testing.T) {
	if !netns.Enter(t) {
		return
	}
	w := watchNetwork(t)
	var addrs []string
	for i := range 2000 {
		addrs = append(addrs, fmt.Sprintf("address add 10.80.%d.%d/32 dev dev0", i/250, i%250+1))
	}
	for i := range 2000 {
		addrs = append(addrs, fmt.Sprintf("address del 10.80.%d.%d/32 dev dev0", i/250, i%250+1))
	}
	ip(t, append(addrs, "address add 10.79.0.23/24 dev dev0")...)
	if !overrunSocket(t) {
		t.Fatal("the socket has not overrun: this test proves nothing")
	}
	w.run()
	w.expect("new: 10.79.0.23/24 on dev0")
	ip(t, "address add 10.79.0.24/24 dev dev0")
	w.expect("new: 10.79.0.24/24 on dev0") // the subscription goes on
}

// overrunSocket says whether the kernel has dropped messages of the subscription.
func overrunSocket(t *testing.T) bool {
	t.Helper()
	const groups, drops = 3, 8 // columns
	table, err := os.ReadFile("/proc/self/net/netlink")
	if err != nil {
		t.Fatal(err)
	}
	for line := range strings.Lines(string(table)) {
		column := strings.Fields(line)
		if len(column) > drops && column[groups] == "00000551" && column[drops] != "0" {
			return true
		}
	}
	return false
}
