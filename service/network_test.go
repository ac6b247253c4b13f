package service

import (
	"context"
	"errors"
	"net"
	"net/netip"
	"sync"
	"testing"
	"testing/synctest"
	"time"
)

// noWay is no default route.
func noWay() (string, error) { return "", errors.ErrUnsupported }

// What is looked at besides is looked at whenever the process is awake for the network anyway.
func TestMend12LookedAtBesidesTheNetwork(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		looks := 0
		w := &NetworkWatch{
			resolvers: func() ([]netip.AddrPort, error) { return nil, nil }, slept: func() time.Duration { return 0 }, way: noWay,
			changes: make(chan string),
		}
		w.Besides(func() { looks++ })
		w.told = w.look(network{})
		ctx, cancel := context.WithCancel(t.Context())
		var running sync.WaitGroup
		running.Go(func() { w.Run(ctx) })
		time.Sleep(3*networkPoll + 1)
		cancel()
		running.Wait()
		if looks != 3 {
			t.Errorf("looked %d times in %v, want 3", looks, 3*networkPoll)
		}
	})
}

func TestDifferenceOfNetworks(t *testing.T) {
	home := network{facts: []string{"10.0.0.21/24 on eth0", "default route via 10.0.0.1 on eth0", "link on eth0", "name server 10.0.0.53"}}
	for _, test := range []struct {
		name string
		now  network
		want string
	}{
		{"nothing", home, ""},
		{
			"another address", network{facts: []string{"10.0.0.22/24 on eth0", "default route via 10.0.0.1 on eth0", "link on eth0", "name server 10.0.0.53"}},
			"gone: 10.0.0.21/24 on eth0; new: 10.0.0.22/24 on eth0",
		},
		{"the cable is pulled", network{facts: []string{"10.0.0.21/24 on eth0", "name server 10.0.0.53"}}, "gone: default route via 10.0.0.1 on eth0, link on eth0"},
		{"everything is gone", network{}, "gone: 10.0.0.21/24 on eth0, default route via 10.0.0.1 on eth0, link on eth0, name server 10.0.0.53"},
		{"a nap", network{facts: home.facts, slept: 2*time.Hour + 3*time.Millisecond}, "the device has slept for 2h0m0s"},
		{"two clocks that are read one after the other", network{facts: home.facts, slept: time.Millisecond}, ""},
	} {
		t.Run(test.name, func(t *testing.T) {
			if got := test.now.since(home); got != test.want {
				t.Errorf("got %q, want %q", got, test.want)
			}
		})
	}
}

func TestAddressesOfTheLinkAloneDoNotCount(t *testing.T) {
	for text, want := range map[string]bool{
		"10.0.0.21/24": false, "169.254.7.7/16": false, "2001:db8::21/64": false, "fd00::21/64": false, "fe80::21/64": true,
	} {
		p := netip.MustParsePrefix(text)
		addr := &net.IPNet{IP: p.Addr().AsSlice(), Mask: net.CIDRMask(p.Bits(), p.Addr().BitLen())}
		if got := local(addr); got != want {
			t.Errorf("%s: %t", text, got)
		}
	}
}
