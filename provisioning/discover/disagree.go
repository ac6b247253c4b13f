package discover

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/homeward-agent/homeward/internal/srv"
	"github.com/homeward-agent/homeward/provisioning"
	"github.com/homeward-agent/homeward/provisioning/wire"
)

// disagreeLimit is how long a name server may take that nobody has to wait for. (Our choice: a person waits.)
const disagreeLimit = 2500 * time.Millisecond

// disagreements says how the name servers disagree about the SRV records of the steps given: discovery takes what is there from
// whichever server has it, and a tech wants to know that another has not. Each server is asked by itself, and only where
// there are several.
func disagreements(ctx context.Context, policy *provisioning.Policy, wire wire.Wire, steps []provisioning.Step) map[provisioning.Step]provisioning.Trouble {
	resolver := newResolver(policy, wire)
	if len(resolver.Servers) < 2 {
		return nil
	}
	ctx, cancel := context.WithTimeout(ctx, disagreeLimit)
	defer cancel()
	var asked sync.WaitGroup
	found := make([]provisioning.Trouble, len(steps))
	for i, step := range steps {
		if step.SRVName() == "" {
			continue
		}
		asked.Go(func() {
			query := step.SRVName() + policy.SIPAddress.Domain
			if problem := differ(resolver.Each(ctx, query)); problem != "" {
				found[i] = provisioning.FaultDNSDisagree.Met(provisioning.Facts{"query": query, "problem": problem})
			}
		})
	}
	asked.Wait()
	all := map[provisioning.Step]provisioning.Trouble{}
	for i, step := range steps {
		if !found[i].None() {
			all[step] = found[i]
		}
	}
	return all
}

// differ says what each server says, if they do not all say the same; a server that fails says nothing.
func differ(said []srv.Said) string {
	var words, texts []string
	for _, s := range said {
		word := ""
		switch {
		case s.Err == nil:
			word = "names " + strings.Join(targetsOf(s), ", ")
		case s.Err.Kind == srv.NotOffered:
			word = "says that the service is not offered"
		case s.Err.Absent():
			word = "says that there is no such record"
		default:
			continue
		}
		words = append(words, word)
		texts = append(texts, fmt.Sprintf("%s %s", s.Server, word))
	}
	slices.Sort(words)
	if len(slices.Compact(words)) < 2 {
		return ""
	}
	return strings.Join(texts, "; ")
}

func targetsOf(s srv.Said) []string {
	var all []string
	for _, t := range s.Targets {
		all = append(all, provisioning.Endpoint{Host: t.Host, Port: t.Port}.HostPort())
	}
	slices.Sort(all)
	return slices.Compact(all)
}
