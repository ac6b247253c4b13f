package discover

import (
	"cmp"
	"context"
	"fmt"
	"net/netip"
	"slices"
	"sync"
	"time"

	"homeward/internal/srv"
	"homeward/provisioning"
	"homeward/provisioning/wire"
)

// Our choices.
const (
	verdictWithLastGood = 1800 * time.Millisecond // the client timer of RFC 8767: then something better than waiting exists
	verdictWithNothing  = 5 * time.Second         // nothing else to try: give slow sites their time
)

// VerdictLimit is how long DNS and DHCP may take: less, when there is something to fall back on.
func VerdictLimit(m *provisioning.Memory) time.Duration {
	if _, ok := m.Record(); ok {
		return verdictWithLastGood
	}
	return verdictWithNothing
}

// HostNames are the names of the Communicator order when no SRV record exists, to be followed by the SIP domain (TechNet
// dd572514).
var HostNames = []string{"sipinternal.", "sip.", "sipexternal."}

// Discover asks every source once and returns all that was found, in device order: what `homeward plan` shows.
// floor: this SIP domain has registered over TLS before. It registers nowhere.
func Discover(ctx context.Context, policy *provisioning.Policy, wire wire.Wire, floor bool) provisioning.Findings {
	var conflicts []string
	var disagree map[provisioning.Step]Disagreement
	var names sync.WaitGroup
	names.Go(func() { disagree = disagreements(ctx, policy, wire, policy.Steps()) })
	g := Gather(ctx, policy, wire, floor, nil, nil, Patience{Limit: verdictWithNothing}, func(t provisioning.Trouble) {
		if t.Reason() == provisioning.DHCPConflict {
			conflicts = append(conflicts, fmt.Sprint(t.Facts["problem"]))
		}
	})
	found := g.all(ctx)
	g.Linger(ctx)
	names.Wait()
	for i := range found {
		if t := disagree[found[i].Step].Trouble; !t.None() {
			said := &found[i].Source
			said.Reason, said.Detail, said.Trouble = t.Reason(), "", t
			*said = said.Told()
		}
		if found[i].Source.Source == "dhcp" && len(conflicts) > 0 {
			said := &found[i].Source
			said.Reason, said.Detail = provisioning.DHCPConflict, conflicts[0]
			said.Trouble = DHCPTrouble(said.Reason, said.Detail)
			*said = said.Told()
		}
	}
	return found
}

// Gather starts asking. What before has decided is not asked for again; known are host names whose addresses are wanted
// besides. Either End or Linger must be called, and waits for all that is started here.
func Gather(ctx context.Context, policy *provisioning.Policy, wire wire.Wire, floor bool, before provisioning.Findings, known []string, patience Patience, notice func(provisioning.Trouble)) *Gathering {
	g := &Gathering{policy: *policy, wire: wire, steps: policy.Steps(), before: before, patience: patience, notice: notice}
	g.start(ctx, floor)
	for _, host := range known {
		g.resolve(host)
	}
	return g
}

// start starts asking, all steps that are not closed at the same time.
func (g *Gathering) start(ctx context.Context, floor bool) {
	ctx, g.cancelAll = context.WithCancel(ctx)
	g.names, g.cancelNames = context.WithTimeout(ctx, g.patience.Limit)
	g.started, g.ground = time.Now(), GroundOf(&g.policy, &g.wire)
	g.resolver = resolverOn(g.ground, &g.wire)
	g.resolver.Pace = srv.NewPace(g.patience.InVain)
	g.answers, g.hosts = map[provisioning.Step]*answer{}, map[string]*resolution{}
	asked := slices.DeleteFunc(slices.Clone(g.steps), func(s provisioning.Step) bool { return g.policy.Shut(s, floor) != "" })
	for _, step := range asked {
		g.answers[step] = &answer{foreseen: make(chan provisioning.Finding, 1), done: make(chan struct{})}
	}
	for _, step := range asked {
		g.tasks.Go(func() { g.ask(ctx, step) })
	}
}

// ask answers one step. DHCP outlives the names, to notice servers that disagree.
func (g *Gathering) ask(ctx context.Context, step provisioning.Step) {
	question := step
	if step == provisioning.DHCPTCP { // it has none of its own, and is open now where it may have been closed before
		question = provisioning.DHCPTLS
	}
	if f, known := g.before.Of(question); known && !f.Open() {
		g.settle(step, g.complete(f))
		return
	}
	switch step {
	case provisioning.DHCPTLS:
		g.askDHCP(ctx)
	case provisioning.DHCPTCP: // answered together with DHCPTLS
	case provisioning.Manual:
		g.settle(step, g.askManual())
	case provisioning.HostName:
		g.settle(step, g.askHostNames())
	default:
		g.settle(step, g.askSRV(step))
	}
}

func (g *Gathering) askSRV(step provisioning.Step) provisioning.Finding {
	f := provisioning.Finding{Source: provisioning.Source{Step: step, Source: "dns", Query: step.SRVName() + g.policy.SIPAddress.Domain}}
	targets, left, err := g.resolver.Targets(g.names, f.Query)
	if err != nil {
		failed(&f, err)
		return f
	}
	f.Verdict = provisioning.Found
	leftOut(&f, left)
	soon := f
	for _, t := range targets {
		f.Names = append(f.Names, provisioning.Name{Host: t.Host, Port: t.Port, Rank: int(t.Priority)})
		hinted := provisioning.Name{Host: t.Host, Port: t.Port, Rank: int(t.Priority)}
		if t.Hint.IsValid() {
			hinted.Addrs = []netip.Addr{t.Hint}
		}
		soon.Names = append(soon.Names, hinted)
	}
	g.answers[step].foreseen <- soon
	g.addresses(f.Step, f.Names)
	return f
}

func (g *Gathering) askManual() provisioning.Finding {
	f := provisioning.Finding{Source: provisioning.Source{Step: provisioning.Manual, Source: "config", Verdict: provisioning.Found}}
	for i, server := range g.policy.Manual {
		if i > 0 {
			f.Query += ", "
		}
		f.Query += server.Setting()
		port := server.Port
		if server.External {
			port = cmp.Or(port, provisioning.AccessProxyPort)
		}
		f.Names = append(f.Names, provisioning.Name{Host: server.Host, Port: port})
	}
	g.addresses(provisioning.Manual, f.Names)
	return f
}

func (g *Gathering) askHostNames() provisioning.Finding {
	var found provisioning.Findings
	for _, step := range g.steps {
		if a := g.answers[step]; a != nil && step != provisioning.HostName {
			<-a.done // the names' own deadline bounds it
			found = append(found, a.finding)
		}
	}
	if !provisioning.HostNamesAllowed(found) {
		f := HostNameFinding(nil)
		f.Reason = provisioning.SRVExists
		return f
	}
	var f provisioning.Finding
	for _, prefix := range HostNames {
		f.Names = append(f.Names, provisioning.Name{Host: prefix + g.policy.SIPAddress.Domain})
	}
	g.addresses(provisioning.HostName, f.Names)
	return HostNameFinding(f.Names)
}

// complete looks up the hosts of an earlier Finding for which no name server has answered.
func (g *Gathering) complete(f provisioning.Finding) provisioning.Finding {
	var at []int
	var open []provisioning.Name
	for i := range f.Names {
		name := &f.Names[i]
		if provisioning.Unanswered(name.Reason) {
			at, open = append(at, i), append(open, provisioning.Name{Host: name.Host, Port: name.Port})
		}
	}
	g.addresses(f.Step, open)
	f.Names = append([]provisioning.Name(nil), f.Names...)
	for i := range open {
		name := &open[i]
		f.Names[at[i]] = *name
	}
	return f
}

// HostNameFinding is what the host names say, with their addresses: found is one that has some; failed, one of which that is
// not known.
func HostNameFinding(names []provisioning.Name) provisioning.Finding {
	f := provisioning.Finding{Names: names, Source: provisioning.Source{
		Step: provisioning.HostName, Source: "dns", Query: "sipinternal, sip, sipexternal", Verdict: provisioning.Absent, Reason: provisioning.DNSNoRecord,
	}}
	for i := range names {
		name := &names[i]
		switch {
		case len(name.Addrs) > 0:
			f.Verdict, f.Reason, f.Detail, f.Trouble = provisioning.Found, "", "", provisioning.Trouble{}
			return f
		case name.Reason != provisioning.NoAddress && f.Verdict == provisioning.Absent:
			f.Verdict, f.Reason, f.Detail, f.Trouble = provisioning.Failed, name.Reason, name.Detail, name.Trouble
		}
	}
	return f
}
