package check

import (
	"context"
	"crypto/x509"
	"io/fs"
	"maps"
	"net"
	"net/netip"
	"path/filepath"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"golang.org/x/tools/txtar"

	"github.com/homeward-agent/homeward/cache"
	"github.com/homeward-agent/homeward/internal/sitetest"
	"github.com/homeward-agent/homeward/provisioning"
	"github.com/homeward-agent/homeward/provisioning/agent"
	"github.com/homeward-agent/homeward/provisioning/wire"
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
				if !byDaemon[fault][text] {
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

// words are the sentences that were said, by the fault.
type words map[string]map[string]bool

func (w words) add(fault, what string) {
	if fault == "" {
		return
	}
	if w[fault] == nil {
		w[fault] = map[string]bool{}
	}
	w[fault][fingerprints.ReplaceAllString(what, "sha256:…")] = true
}

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
	o.Wire = wire.Wire(simulated)
	onLink(t, site, &o.Wire)
	o.Policy.Roots = x509.NewCertPool()
	o.Policy.Roots.AppendCertsFromPEM(site.Roots())
	return site, o
}

// onLink puts on the wire what lines "neighbour" say of the link. A system knows of IPv6 by itself.
func onLink(t *testing.T, site *sitetest.Site, w *wire.Wire) {
	t.Helper()
	macs, unasked := map[netip.Addr][]string{}, map[netip.Addr]bool{}
	link4, link6 := netip.MustParsePrefix("10.0.0.0/24"), netip.MustParsePrefix("2001:db8::/64")
	err := site.Section("device", func(words []string) error {
		if prefix, err := netip.ParsePrefix(words[len(words)-1]); words[0] == "link" && err == nil && prefix.Addr().Is4() {
			link4 = prefix
		}
		if words[0] != "neighbour" {
			return nil
		}
		addr, err := netip.ParseAddr(words[1])
		macs[addr] = nil
		for _, word := range words[2:] {
			if unasked[addr] = word == "unasked"; unasked[addr] {
				break
			}
			macs[addr] = append(macs[addr], word)
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	if len(macs) == 0 {
		return
	}
	w.Next = func(addr netip.Addr) (netip.Addr, net.HardwareAddr, time.Duration) {
		switch router := netip.MustParseAddr("fe80::1"); {
		case link4.Contains(addr), link6.Contains(addr), addr.IsLoopback():
			return addr, nil, 0
		case addr.Is4():
			return netip.MustParseAddr("10.0.0.1"), nil, 0
		case len(macs[router]) > 0:
			return router, net.HardwareAddr{2, 0, 0, 0, 0, 1}, 0
		default:
			return router, nil, 0
		}
	}
	w.Holders = func(_ context.Context, _ string, _, addr netip.Addr) ([]string, error) {
		if unasked[addr] {
			return nil, fs.ErrPermission
		}
		return macs[addr], nil
	}
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
	a := agent.New(o.Policy, o.Wire, cache.InMemory(o.Record), func(e provisioning.Event) {
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
