package discover

import (
	"context"
	"net/netip"
	"slices"
	"strings"
	"sync"
	"time"

	"homeward/internal/srv"
	"homeward/provisioning"
	"homeward/provisioning/wire"
)

// disagreeLimit is how long a name server may take that nobody has to wait for. (Our choice: a person waits.)
const disagreeLimit = 2500 * time.Millisecond

// Disagreement is how name servers disagree about an SRV record.
type Disagreement struct {
	provisioning.Trouble
	Said []Said // of those that name something
}

// Said is what one name server names.
type Said struct {
	Server netip.AddrPort
	Names  []provisioning.Name // Enquiry.Disagreement has their addresses
}

// disagreements says how the name servers disagree about the SRV records of the steps given: discovery takes what is there from
// whichever server has it, and a tech wants to know that another has not. Each server is asked by itself, and only where
// there are several.
func disagreements(ctx context.Context, policy *provisioning.Policy, wire wire.Wire, steps []provisioning.Step) map[provisioning.Step]Disagreement {
	resolver := newResolver(policy, &wire)
	if len(resolver.Servers) < 2 {
		return nil
	}
	ctx, cancel := context.WithTimeout(ctx, disagreeLimit)
	defer cancel()
	var asked sync.WaitGroup
	found := make([]Disagreement, len(steps))
	for i, step := range steps {
		if step.SRVName() == "" {
			continue
		}
		asked.Go(func() {
			query := step.SRVName() + policy.SIPAddress.Domain
			found[i] = differ(query, resolver.Each(ctx, query))
		})
	}
	asked.Wait()
	all := map[provisioning.Step]Disagreement{}
	for i, step := range steps {
		if !found[i].None() {
			all[step] = found[i]
		}
	}
	return all
}

// differ says what each server says, if they do not all say the same. One that does not answer says nothing; one that answers and
// fails is heard beside one that names something. Of two that name different places, one is out of date; one that knows less than
// another is not for this site.
func differ(query string, said []srv.Said) (d Disagreement) {
	var words, names, failing, texts []string
	add := func(all *[]string, word string) {
		if !slices.Contains(*all, word) {
			*all = append(*all, word)
		}
	}
	for i := range said {
		s := &said[i]
		word := ""
		switch {
		case s.Err == nil:
			word = "names " + strings.Join(targetsOf(s), ", ")
			add(&names, word)
			d.Said = append(d.Said, Said{Server: s.Server})
			for _, t := range s.Targets {
				one := &d.Said[len(d.Said)-1]
				one.Names = append(one.Names, provisioning.Name{Host: t.Host, Port: t.Port})
			}
		case s.Err.Kind == srv.NotOffered:
			word = "says that the service is not offered"
		case s.Err.Absent():
			word = "says that there is no such record"
		default:
			if word = failure(s.Err); word == "" || !slices.ContainsFunc(said, func(other srv.Said) bool { return other.Err == nil }) {
				continue
			}
			add(&failing, s.Server.Addr().String())
		}
		add(&words, word)
		texts = append(texts, s.Server.String()+" "+word)
	}
	if len(words) < 2 {
		return Disagreement{}
	}
	fault := provisioning.FaultDNSDisagree
	if len(names) > 1 {
		fault = provisioning.FaultDNSDisagreeRecord
	}
	d.Trouble = fault.Met(provisioning.Facts{"query": query, "problem": strings.Join(texts, "; "), "failing": failing, "unsure": query})
	return d
}

// failure is how a server fails that answers; "": it does not, or what is wrong is not its zone.
func failure(e *srv.Error) string {
	switch {
	case e.Code != 0:
		return "answers " + e.CodeName()
	case e.Kind == srv.BadTarget || e.Kind == srv.BadPort:
		return "has a record that cannot be used"
	default:
		return ""
	}
}

func targetsOf(s *srv.Said) []string {
	var all []string
	for _, t := range s.Targets {
		all = append(all, provisioning.Endpoint{Host: t.Host, Port: t.Port}.HostPort())
	}
	slices.Sort(all)
	return slices.Compact(all)
}
