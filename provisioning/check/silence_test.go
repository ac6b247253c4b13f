package check

import (
	"context"
	"fmt"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"golang.org/x/tools/txtar"

	"homeward/cache"
	"homeward/provisioning"
	"homeward/provisioning/agent"
)

// TestMend75WhatTheSilentShare: where nobody answers behind one gateway, the daemon rests for the fault that a check finds, and what did not
// answer follows from it. Where the silent are reached in several ways, or one of them may be at fault itself, it does not; nor where
// anything behind that gateway has answered.
func TestMend75WhatTheSilentShare(t *testing.T) {
	for _, test := range []struct {
		site   string
		fault  provisioning.Fault
		follow int // of the sources and attempts of the last cycle
	}{
		{site: "mend-174-gateway-alone-and-last-good", fault: provisioning.FaultNothingBehind, follow: 3},
		{site: "gateway-alone-to-registrars", fault: provisioning.FaultNothingBehind, follow: 2},
		{site: "fault-link.nothing-behind-gateway", fault: provisioning.FaultNothingBehind, follow: 4},
		{site: "fault-link.silent-behind-gateway", fault: provisioning.FaultSilentBehind, follow: 4},
		{site: "mend-68-nothing-on-the-link", fault: provisioning.FaultDNSNoGateway, follow: 3},
		{site: "name-server-alone-behind-the-gateway", fault: provisioning.FaultDNSSilent},
		{site: "mend-75-silent-in-two-ways", fault: provisioning.FaultDNSSilent}, // 253: as check says
		{site: "mend-92-name-server-behind-answers", fault: provisioning.FaultAlike},
		{site: "mend-93-one-question-on-the-link", fault: provisioning.FaultNothingBehind, follow: 2},
		{site: "mend-92-name-server-on-the-link-answers", fault: provisioning.FaultNoGateway, follow: 1},
		{site: "mend-128-a-router-says-so", fault: provisioning.FaultRejectedBehind, follow: 2},
		{site: "fault-link.rejected-behind-gateway", fault: provisioning.FaultRejectedBehind, follow: 3},
		{site: "mend-173-two-registrars", fault: provisioning.FaultRejectedBehind, follow: 2},
		{site: "refused", fault: provisioning.FaultRefused},
		{site: "all-alike-hello", fault: provisioning.FaultAlike}, // 170
		{site: "all-alike-cut", fault: provisioning.FaultAlike},
		{site: "all-alike-pool", fault: provisioning.FaultAlike},
		{site: "all-alike-deaf", fault: provisioning.FaultAlike},
		{site: "all-alike-mute", fault: provisioning.FaultAlike},
		{site: "all-alike-silent", fault: provisioning.FaultAlike},
		{site: "all-alike-one-address", fault: provisioning.FaultAlike},
	} {
		t.Run(test.site, func(t *testing.T) {
			file := "testdata/" + test.site + ".txtar"
			archive, err := txtar.ParseFile(file)
			if err != nil {
				t.Fatal(err)
			}
			synctest.Test(t, func(t *testing.T) {
				status, rested := rest(t, archive, file)
				follow := 0
				for _, s := range status.Cycle.Sources {
					if s.Follows {
						follow++
					}
				}
				for _, a := range status.Cycle.Attempts {
					if a.Follows {
						follow++
					}
				}
				if status.Fault != string(test.fault) || follow != test.follow {
					t.Errorf("it rests for %s: %s; %d follow, want %s and %d\n%+v\n%+v", status.Fault, status.What, follow, string(test.fault), test.follow, status.Cycle.Sources, status.Cycle.Attempts)
				}
				if strings.HasPrefix(test.site, "mend-92") && strings.Contains(status.What, provisioning.NorDHCP) {
					t.Errorf("it says that nothing answers, although the name server has: %s", status.What)
				}
				if want := fmt.Sprintf("%s %v", string(test.fault), test.follow > 0); rested != want {
					t.Errorf("the history has %s, want %s", rested, want)
				}
			})
		})
	}
}

// rest is the status of a daemon that has come to rest at a site, with the fault of its last rest and whether that explains others.
func rest(t *testing.T, archive *txtar.Archive, file string) (status provisioning.Status, rested string) {
	t.Helper()
	site, o := deviceAt(t, archive, file)
	defer site.Close()
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	waits := make(chan string, 100)
	a := agent.New(o.Policy, o.Wire, cache.InMemory(o.Record), func(e *provisioning.Event) {
		if e.Kind == provisioning.Waiting {
			waits <- fmt.Sprintf("%s %v", e.Why().Fault, e.Explains)
		}
	})
	ended := make(chan struct{})
	go func() { defer close(ended); _ = a.Run(ctx) }()
	select {
	case rested = <-waits:
	case <-time.After(time.Minute):
		t.Fatal("it does not rest")
	}
	status = a.Status()
	cancel()
	<-ended
	return status, rested
}
