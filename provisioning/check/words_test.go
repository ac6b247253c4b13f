package check

import (
	"bytes"
	"context"
	"crypto/x509"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"net"
	"net/netip"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"golang.org/x/tools/txtar"

	"homeward/cache"
	"homeward/internal/sitetest"
	"homeward/provisioning"
	"homeward/provisioning/agent"
	"homeward/provisioning/wire"
)

// A fault that a check finds at a site, and the daemon, too, is told in the same words by both: the check's tree, the
// daemon's status, and the events of which history and log are made. The test goes through all sites, and so through
// the catalogue; those that only one of them can find (the link, another port, the daemon itself) are told once.
func TestSameWords(t *testing.T) {
	files, err := filepath.Glob("testdata/*.txtar")
	if err != nil || len(files) == 0 {
		t.Fatalf("no sites: %v", err)
	}
	shared := map[string]bool{}
	for _, file := range files {
		archive, err := txtar.ParseFile(file)
		if err != nil {
			t.Fatal(err)
		}
		var byCheck, byDaemon words
		synctest.Test(t, func(t *testing.T) { byCheck, byDaemon = checkWords(t, archive, file), daemonWords(t, archive, file) })
		for fault, said := range byCheck {
			if len(byDaemon[fault]) == 0 {
				continue
			}
			shared[fault] = true
			for text := range said {
				if strings.HasSuffix(text, ": with smaller packets the handshake succeeds") { // only a check tries them
					continue
				}
				if !slices.ContainsFunc(slices.Collect(maps.Keys(byDaemon[fault])), func(said string) bool {
					said = strings.Replace(said, " does not answer: the server is down, hangs (or its service does) or", " does not answer at all: the server is down, hangs or", 1) // only a check asks other ports
					more, same := strings.CutPrefix(text, said)
					return same && (more == "" || strings.HasPrefix(more, ": TLS 1.0 at most") || strings.HasPrefix(more, ", but TLS 1.") || strings.HasPrefix(more, ", and 10.") || strings.HasPrefix(more, "; 10.0.0.53:53 gives no answer here") || strings.HasPrefix(more, ", which it has from DHCP option 6 of ") || strings.HasPrefix(more, "; 10.0.0.67 gives the gateway") || strings.HasPrefix(more, "; its former DHCP server, 10.0.0.67, serves") || strings.HasPrefix(more, "; the former network is probably on this link, too: the DHCP server 10.0.0.67") || strings.HasPrefix(more, "; what answers at pool01.contoso.com:443 (10.0.0.5) shows a certificate") || strings.HasPrefix(more, "; the name server 10.98.0.54:53, which DHCP gives")) // only a check asks for these
				}) {
					t.Errorf("%s, %s: a check says\n\t%s\nand the daemon\n\t%q", file, fault, text, slices.Sorted(maps.Keys(byDaemon[fault])))
				}
			}
		}
	}
	t.Logf("%d faults are told by both: %v", len(shared), slices.Sorted(maps.Keys(shared)))
	if len(shared) < 20 {
		t.Errorf("only %d faults are told by both", len(shared))
	}
}

// TestMend161OwnAddressTwice: where connections are cut since another device has the address of this one, too, the daemon looks, says so as a check
// does, and says so no more when that device is gone; where it may not look, it says nothing of it. If nobody answers at all, that is why.
func TestMend161OwnAddressTwice(t *testing.T) {
	const site = `
-- zone --
_sipinternaltls._tcp SRV 0 0 5061 fe01
fe01 A 10.0.0.5
-- registrars --
10.0.0.5:5061 tls fe01.contoso.com %s
-- homeward.toml --
dhcp = "off"
-- device --
link eth0 10.0.0.21/24
neighbour 10.0.0.21 %s
neighbour 10.0.0.5 02:00:00:00:00:05
`
	const mac, twice = "02:00:00:00:00:99", "the address 10.0.0.21 of this device is used twice: another device on this link, with the MAC 02:00:00:00:00:99, has it, too"
	for name, test := range map[string]struct {
		registrar, neighbour string
		paced, rests         bool
	}{
		"connections are cut":                    {"accept idle=15s", mac, true, false},
		"connections are cut, of another reason": {"accept idle=15s", "", false, false},
		"nobody may look":                        {"accept idle=15s", mac + " unasked", false, false},
		"nothing is cut":                         {"accept", mac, false, false},
		"nobody answers":                         {"blackhole", mac, true, true},
		"a server that refuses":                  {"refuse", mac, false, false},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				served, o := deviceAt(t, txtar.Parse(fmt.Appendf(nil, site, test.registrar, test.neighbour)), "a site.txtar")
				defer served.Close()
				holders := o.Wire.Holders
				var gone atomic.Bool
				var looked atomic.Int32
				o.Wire.Holders = func(ctx context.Context, iface string, sender, addr netip.Addr) ([]string, error) {
					looked.Add(1)
					if gone.Load() {
						return nil, nil
					}
					return holders(ctx, iface, sender, addr)
				}
				a := agent.New(o.Policy, o.Wire, cache.InMemory(o.Record), func(*provisioning.Event) {})
				stop := runs(t, a)
				time.Sleep(25 * time.Second)
				s := a.Status()
				paced := slices.ContainsFunc(s.Pace, func(p provisioning.Pace) bool { return p.What == twice && p.Hint != "" })
				if paced != test.paced || (s.What == twice) != test.rests || test.registrar == "accept" && looked.Load() > 0 {
					t.Errorf("%s, %q, %+v, looked %d times", s.State, s.What, s.Pace, looked.Load())
				}
				gone.Store(true)
				time.Sleep(5 * time.Minute)
				if s := a.Status(); s.What == twice || slices.ContainsFunc(s.Pace, func(p provisioning.Pace) bool { return p.What == twice }) {
					t.Errorf("when it is gone: %s, %q, %+v", s.State, s.What, s.Pace)
				}
				stop()
			})
		})
	}
}

// runs starts a daemon; stop ends it, and waits for that.
func runs(t *testing.T, a *agent.Agent) (stop func()) {
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan struct{})
	go func() { defer close(ended); _ = a.Run(ctx) }()
	return func() { cancel(); <-ended }
}

// A daemon that is registered from outside says that the record inside is gone by which it was registered before.
func TestMend164StatusFromOutside(t *testing.T) {
	for _, row := range []struct {
		name       string
		gone, anew bool
	}{{"mend-164-outside-same-name-server", true, false}, {"mend-164-outside-elsewhere", false, false}, {"mend-164-outside-same-name-server", true, true}} {
		name, gone := row.name, row.gone
		t.Run(fmt.Sprintf("%s, anew %t", name, row.anew), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				site, err := txtar.ParseFile(filepath.Join("testdata", name+".txtar"))
				if err != nil {
					t.Fatal(err)
				}
				if row.anew { // without a connection it is visited
					site = txtar.Parse(bytes.Replace(txtar.Format(site), []byte("lync edge "), []byte("lync edge idle=20s "), 1))
				}
				served, o := deviceAt(t, site, name)
				defer served.Close()
				o.Policy.Release = row.anew
				signed := 0
				a := agent.New(o.Policy, o.Wire, cache.InMemory(o.Record), func(e *provisioning.Event) {
					if e.Kind == provisioning.StateChanged && e.State == provisioning.Registered {
						signed++
					}
				})
				stop := runs(t, a)
				time.Sleep(20 * time.Second)
				if row.anew {
					time.Sleep(12 * time.Hour)
					if signed < 2 {
						t.Error("it has not signed in anew")
					}
				}
				s := a.Status()
				tells := func(p provisioning.Pace) bool {
					return p.Fault == string(provisioning.FaultOutsideView) && p.Hint != ""
				}
				if s.State != provisioning.Registered || slices.ContainsFunc(s.Pace, tells) != gone {
					t.Errorf("%s, %q, %+v", s.State, s.What, s.Pace)
				}
				stop()
			})
		})
	}
}

// words are the sentences that were said, by the fault.
type words map[string]map[string]bool

func (w words) add(fault, what string) {
	if fault == "" {
		return
	}
	if w[fault] == nil {
		w[fault] = map[string]bool{}
	}
	what = inOneBreath.ReplaceAllString(what, "")
	w[fault][moments.ReplaceAllString(fingerprints.ReplaceAllString(what, "${1}…"), "at … UTC")] = true
}

// inOneBreath is what the verdict of a check says in sentences of its own, or with the place, and the daemon in the same one.
var inOneBreath = regexp.MustCompile(`; (DHCP|the last good Registrar \S+) does not answer either|; \S+ redirects the device to \S+|; it sends sha256:[^;]+| \((seen )?at \d{4}-\d\d-\d\d [0-9:]{8} UTC\)|, although \S+, in the same subnet, does`)

// moments are when something was seen: the daemon and the check look at a site one after the other.
var moments = regexp.MustCompile(`at \d\d:\d\d:\d\d UTC`)

// deviceAt is a device at the site of a file.
func deviceAt(t *testing.T, archive *txtar.Archive, file string) (*sitetest.Site, Options) {
	t.Helper()
	site, err := sitetest.Parse(filepath.Base(file), txtar.Format(archive), reportSections...)
	if err != nil {
		t.Fatal(err)
	}
	simulated, err := site.Start()
	if err != nil {
		t.Fatal(err)
	}
	o := optionsOf(t, archive, site, filepath.Base(file))
	search, asked, upstreams, losses, kept, lasting := o.Wire.Search, o.Wire.Resolvers, o.Wire.Upstreams, o.Wire.CarrierLosses, o.Wire.ClockKept, o.Wire.Lasting
	o.Wire = wire.Wire(simulated)
	o.Wire.Search, o.Wire.Upstreams, o.Wire.CarrierLosses, o.Wire.ClockKept, o.Wire.Lasting = search, upstreams, losses, kept, lasting
	if asked != nil {
		o.Wire.Resolvers = asked
	}
	o.Wire.Dial = func(ctx context.Context, network, address string) (net.Conn, error) {
		if wire.AreSmall(ctx) {
			ctx = sitetest.InSmall(ctx)
		}
		return simulated.Dial(ctx, network, address)
	}
	onLink(t, site, &o.Wire)
	if o.Policy.LateRoots == nil {
		o.Policy.Roots = x509.NewCertPool()
		o.Policy.Roots.AppendCertsFromPEM(site.Roots())
	}
	return site, o
}

// onLink puts on the wire what lines "neighbour" and "route" say of the links. A system knows of IPv6 by itself.
func onLink(t *testing.T, site *sitetest.Site, w *wire.Wire) {
	t.Helper()
	macs, unasked := map[netip.Addr][]string{}, map[netip.Addr]bool{}
	routes := []*wire.Route{
		{To: netip.MustParsePrefix("10.0.0.0/24"), Interface: "eth0"}, {To: netip.MustParsePrefix("2001:db8::/64"), Interface: "eth0"},
		{To: netip.MustParsePrefix("::/0"), Via: netip.MustParseAddr("fe80::1"), Interface: "eth0"}, {To: netip.MustParsePrefix("127.0.0.0/8"), Interface: "lo"},
	}
	default4 := &wire.Route{To: netip.MustParsePrefix("0.0.0.0/0"), Via: netip.MustParseAddr("10.0.0.1"), Interface: "eth0"}
	known, alone, only6 := len(routes), false, false
	var own []netip.Addr
	err := site.Section("device", func(words []string) error {
		switch prefix, err := netip.ParsePrefix(words[len(words)-1]); {
		case words[0] == "link" && err == nil && prefix.Addr().Is4():
			own = append(own, prefix.Addr())
			routes[0].To, routes[0].Interface = prefix.Masked(), words[1]
		case words[0] == "link" && err == nil:
			routes[1].To = prefix.Masked()
		case words[0] == "card" && len(words) > 2:
			if card, err := netip.ParsePrefix(words[2]); err == nil && card.Addr().Is4() {
				own = append(own, card.Addr())
			}
		case words[0] == "link-lacks" && words[1] == "default-route":
			alone = true
		case words[0] == "network":
			if only6 = only6 || slices.Contains(words, "no-ipv4"); only6 {
				routes[0].Interface = "lo"
			}
			return site.Apply(strings.Join(words, " "))
		case words[0] == "route":
			r, err := routeLine(words[1:])
			routes = append(routes, r)
			return err
		case words[0] == "neighbour":
			addr, err := netip.ParseAddr(words[1])
			macs[addr] = nil
			for _, word := range words[2:] {
				if unasked[addr] = word == "unasked"; unasked[addr] {
					break
				}
				macs[addr] = append(macs[addr], word)
			}
			return err
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	if len(macs) == 0 && len(routes) == known && !alone {
		return
	}
	leasing := map[netip.Addr]bool{} // the DHCP servers
	if err := site.Section("dhcp", func(words []string) error {
		addr, _ := netip.ParseAddr(words[0])
		leasing[addr] = true
		return nil
	}); err != nil {
		t.Fatal(err)
	}
	if !alone && !only6 && !slices.ContainsFunc(routes[known:], func(r *wire.Route) bool { return r.To == default4.To && r.Table == 0 }) {
		routes = append(routes, default4)
	}
	w.Route = func(addr netip.Addr) (best *wire.Route) {
		for _, r := range routes {
			if !r.To.IsValid() && !routes[0].To.Contains(addr) {
				return r
			}
			if r.To.Contains(addr) && (best == nil || r.To.Bits() > best.To.Bits() || r.To.Bits() == best.To.Bits() && (r.Metric < best.Metric || r.Table > best.Table)) {
				best = r
			}
		}
		return best
	}
	w.Routes = func() []*wire.Route {
		all := slices.DeleteFunc(slices.Clone(routes), func(r *wire.Route) bool { return r.Table != 0 || r.Refuses != "" })
		slices.SortStableFunc(all, func(a, b *wire.Route) int { return a.To.Addr().BitLen() - b.To.Addr().BitLen() })
		return all
	}
	w.Next = func(addr netip.Addr) (netip.Addr, net.HardwareAddr, time.Duration) {
		hop := addr
		switch r := w.Route(addr); {
		case r == nil:
			return netip.Addr{}, nil, 0
		case r.Via.IsValid():
			hop = r.Via
		}
		if hop.Is6() && len(macs[hop]) > 0 {
			return hop, net.HardwareAddr{2, 0, 0, 0, 0, 1}, 0
		}
		return hop, nil, 0
	}
	ours := w.Own
	w.Own = func() []netip.Addr { return append(ours(), own...) }
	dial := w.Dial
	w.Dial = func(ctx context.Context, network, address string) (net.Conn, error) {
		if at, err := netip.ParseAddrPort(address); err == nil && w.Route(at.Addr()) == nil {
			return nil, &net.OpError{Op: "dial", Net: network, Err: os.NewSyscallError("connect", syscall.ENETUNREACH)}
		}
		return dial(ctx, network, address)
	}
	absent, near := w.Absent, w.Near
	listed := func(addr netip.Addr) bool { _, is := macs[addr]; return is }
	w.Near = func(addr netip.Addr) (onLink, there bool) {
		onLink, there = near(addr)
		return onLink, there && (!listed(addr) || len(macs[addr]) > 0)
	}
	w.Absent = func(addr netip.Addr) netip.Addr {
		if who := absent(addr); !who.IsValid() || who == addr {
			return who
		}
		hop, _, _ := w.Next(addr)
		return hop
	}
	if len(macs) == 0 {
		return
	}
	w.Holders = func(_ context.Context, _ string, _, addr netip.Addr) ([]string, error) {
		if unasked[addr] {
			return nil, fs.ErrPermission
		}
		servers, _ := w.Resolvers()
		server := slices.ContainsFunc(servers, func(s netip.AddrPort) bool { return s.Addr() == addr }) || leasing[addr]
		if _, there := w.Near(addr); (server || there) && !listed(addr) && absent(addr) != addr {
			return []string{"02:00:00:00:00:05"}, nil
		}
		return macs[addr], nil
	}
}

// routeLine reads a line "route".
func routeLine(words []string) (r *wire.Route, err error) {
	r = &wire.Route{}
	if len(words) < 3 {
		return r, errors.New("want route NETWORK/N GATEWAY INTERFACE [metric=N] [table=N] [refuses=WORD] [tunnel] [down]")
	}
	r.Interface = words[2]
	if words[0] != "-" {
		if r.To, err = netip.ParsePrefix(words[0]); err != nil {
			return r, err
		}
	}
	if words[1] != "-" {
		if r.Via, err = netip.ParseAddr(words[1]); err != nil {
			return r, err
		}
	}
	for _, word := range words[3:] {
		name, value, _ := strings.Cut(word, "=")
		switch name {
		case "tunnel":
			r.Tunnel = true
		case "down":
			r.Down = true
		case "refuses":
			if r.Refuses = value; r.To.IsValid() {
				r.Refuses += " " + r.To.String()
			}
		case "metric", "table":
			n, err := strconv.ParseUint(value, 10, 32)
			if err != nil {
				return r, err
			}
			if r.Metric = uint32(n); name == "table" {
				r.Metric, r.Table = 0, uint32(n)
			}
		default:
			return r, fmt.Errorf("not known: %q", word)
		}
	}
	return r, nil
}

func checkWords(t *testing.T, archive *txtar.Archive, file string) words {
	t.Helper()
	site, o := deviceAt(t, archive, file)
	defer site.Close()
	said := words{}
	for _, c := range Run(t.Context(), o).Checks {
		if c.Result != Skipped || c.Under == "plan" { // where no device comes, the daemon has nothing to tell
			said.add(c.Fault, c.What)
		}
	}
	return said
}

// daemonWords are what the daemon of a device that was just plugged in says in its first half minute.
func daemonWords(t *testing.T, archive *txtar.Archive, file string) words {
	t.Helper()
	site, o := deviceAt(t, archive, file)
	defer site.Close()
	said, statuses := words{}, words{}
	var mu sync.Mutex
	a := agent.New(o.Policy, o.Wire, cache.InMemory(o.Record), func(e *provisioning.Event) {
		mu.Lock()
		defer mu.Unlock()
		said.add(e.Why().Fault, e.Why().What)
	})
	ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
	defer cancel()
	ended := make(chan struct{})
	go func() { defer close(ended); _ = a.Run(ctx) }()
	time.Sleep(29 * time.Second)
	status := a.Status()
	if status.State == provisioning.Resting { // of a device that is degraded, the headline is about its cycle as a whole
		statuses.add(status.Fault, status.What)
	}
	if status.Cycle != nil {
		for _, attempt := range status.Cycle.Attempts {
			statuses.add(attempt.Fault, attempt.What)
		}
		for _, source := range status.Cycle.Sources {
			statuses.add(source.Fault, source.What)
		}
	}
	<-ended
	mu.Lock()
	defer mu.Unlock()
	for fault, texts := range statuses {
		for text := range texts {
			if !said[fault][text] {
				t.Errorf("%s, %s: status says\n\t%s\nand history\n\t%q", file, fault, text, slices.Sorted(maps.Keys(said[fault])))
			}
		}
	}
	return said
}
