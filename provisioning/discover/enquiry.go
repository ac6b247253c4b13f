package discover

import (
	"context"
	"net/netip"
	"slices"
	"sync"
	"time"

	"homeward/dhcpopts"
	"homeward/internal/srv"
	"homeward/provisioning"
	"homeward/provisioning/wire"
)

// Our choices: a person waits.
const (
	enquiryLimit = 2500 * time.Millisecond // for what no step asks for
	lateLimit    = 4 * time.Second         // for DNS, once it has not answered in that time
)

// Enquiry asks DNS and DHCP for people, once and outside any cycle. Its methods may be called from several goroutines.
type Enquiry struct {
	policy provisioning.Policy
	wire   wire.Wire
	floor  bool
}

// NewEnquiry returns an Enquiry. floor: this SIP domain has registered over TLS before.
func NewEnquiry(policy *provisioning.Policy, wire *wire.Wire, floor bool) *Enquiry {
	return &Enquiry{*policy, *wire, floor}
}

// Survey asks DNS and DHCP for the steps given, whatever the order of the policy, as long as a device would that has nothing else; TCP steps that are closed are
// not asked for. settled is called with each Finding as soon as it is decided, from several goroutines.
func (e *Enquiry) Survey(ctx context.Context, steps []provisioning.Step, settled func(provisioning.Finding)) provisioning.Findings {
	g := &Gathering{policy: e.policy, wire: e.wire, steps: steps, patience: Patience{Limit: verdictWithNothing}, settled: settled, notice: func(provisioning.Trouble) {}}
	g.start(ctx, e.floor)
	defer g.End()
	return g.all(ctx)
}

// Disagreement says how the name servers disagree about the SRV records of the steps given, by step. It takes 2.5 s at most, and as
// long again where they name different places: each is asked for the addresses of those that it names.
func (e *Enquiry) Disagreement(ctx context.Context, steps []provisioning.Step) map[provisioning.Step]Disagreement {
	all := disagreements(ctx, &e.policy, e.wire, steps)
	ctx, cancel := context.WithTimeout(ctx, disagreeLimit)
	defer cancel()
	for step, d := range all {
		for i := range d.Said {
			for j := range d.Said[i].Names {
				n := &d.Said[i].Names[j]
				port := n.Port
				*n = e.Each(ctx, []netip.AddrPort{d.Said[i].Server}, step, n.Host)[0]
				n.Port = port
			}
		}
	}
	return all
}

// LookUp asks for the addresses of a host name. Without any, Name says why.
func (e *Enquiry) LookUp(ctx context.Context, host string) provisioning.Name {
	ctx, cancel := context.WithTimeout(ctx, enquiryLimit)
	defer cancel()
	name := provisioning.Name{Host: host}
	addrs, _, err := resolveHost(ctx, newResolver(&e.policy, &e.wire), host)
	if name.Addrs = addrs; err != nil {
		noAddress(&name, err)
	}
	return name
}

// Each asks each of these name servers by itself for the addresses of a host to which a packet of a step may go.
func (e *Enquiry) Each(ctx context.Context, servers []netip.AddrPort, step provisioning.Step, host string) []provisioning.Name {
	ctx, cancel := context.WithTimeout(ctx, disagreeLimit)
	defer cancel()
	ground := GroundOf(&e.policy, &e.wire)
	said := make([]provisioning.Name, len(servers))
	var asking sync.WaitGroup
	for i, server := range servers {
		asking.Go(func() {
			one := resolverOn(ground, &e.wire)
			one.Servers = []netip.AddrPort{server}
			said[i].Host = host
			lookUpName(ground, step, &said[i], func(host string) ([]netip.Addr, bool, error) { return resolveHost(ctx, one, host) })
		})
	}
	asking.Wait()
	return said
}

// Alias returns the name of which a host is an alias; "": it is none, or nobody says so.
func (e *Enquiry) Alias(ctx context.Context, host string) string {
	ctx, cancel := context.WithTimeout(ctx, enquiryLimit)
	defer cancel()
	resolver := newResolver(&e.policy, &e.wire)
	alias, _ := resolver.Alias(ctx, host) // unknown is not told
	return alias
}

// Measure asks each name server of this device many times.
func (e *Enquiry) Measure(ctx context.Context) []Quality {
	return e.MeasureAll(ctx, nameServers(&e.policy, &e.wire))
}

// MeasureAll asks each of these name servers many times, all at the same time.
func (e *Enquiry) MeasureAll(ctx context.Context, servers []netip.AddrPort) []Quality {
	measured := make([]Quality, len(servers))
	var asking sync.WaitGroup
	for i, server := range servers {
		asking.Go(func() { measured[i] = srv.Measure(ctx, e.wire.Dial, server, e.policy.SIPAddress.Domain) })
	}
	asking.Wait()
	return measured
}

// Trip is how long a name server takes to answer.
type Trip struct {
	Server netip.AddrPort
	Took   time.Duration // 0: none has answered
}

// Nearest asks all name servers of this device for a name, or, if that is "", for what they need not ask others: that takes as long as the way does. It
// returns the trip to the one that answers first, after 4 s at most.
func (e *Enquiry) Nearest(ctx context.Context, name string) Trip {
	ctx, enough := context.WithCancel(ctx)
	defer enough()
	servers := nameServers(&e.policy, &e.wire)
	trips := make(chan Trip, len(servers))
	for _, server := range servers {
		go func() { trips <- Trip{server, srv.Trip(ctx, e.wire.Dial, server, name)} }()
	}
	var nearest Trip
	for range servers {
		if trip := <-trips; trip.Took > 0 && nearest.Took == 0 {
			nearest = trip
			enough()
		}
	}
	return nearest
}

// Records asks for the SRV records of a name that is no step: the clock's, say.
func (e *Enquiry) Records(ctx context.Context, name string) provisioning.Finding {
	ctx, cancel := context.WithTimeout(ctx, enquiryLimit)
	defer cancel()
	started := time.Now()
	f := provisioning.Finding{Source: provisioning.Source{Source: "dns", Query: name, Verdict: provisioning.Found}}
	resolver := newResolver(&e.policy, &e.wire)
	targets, err := resolver.SRV(ctx, name)
	if err != nil {
		failed(&f, err)
	}
	for _, target := range targets {
		f.Names = append(f.Names, provisioning.Name{Host: target.Host, Port: target.Port})
	}
	f.TookMS = provisioning.Milliseconds(time.Since(started))
	return f
}

// AnswersLate says whether DNS, which has not answered in time, does answer, whatever it says. (A name server may have
// found out meanwhile what took it so long.)
func (e *Enquiry) AnswersLate(ctx context.Context, name string) bool {
	ctx, cancel := context.WithTimeout(ctx, lateLimit)
	defer cancel()
	err := e.fails(ctx, name, false)
	return err == nil || lookupTrouble(err).Reason() != provisioning.DNSTimeout
}

// OnlyUnvalidated says whether DNS, which cannot look up a name (SERVFAIL), answers for it when asked not to validate by DNSSEC, and still
// does not otherwise.
func (e *Enquiry) OnlyUnvalidated(ctx context.Context, name string) bool {
	ctx, cancel := context.WithTimeout(ctx, enquiryLimit)
	defer cancel()
	if err := e.fails(ctx, name, true); err != nil && !err.Absent() {
		return false
	}
	err := e.fails(ctx, name, false)
	return err != nil && err.Kind == srv.ServFail
}

// OfThese asks these name servers for the SRV records of a name, by TCP alone if so, and says why they do not give them; none: one does.
func (e *Enquiry) OfThese(ctx context.Context, servers []netip.AddrPort, name string, byTCP bool) provisioning.Trouble {
	resolver := newResolver(&e.policy, &e.wire)
	resolver.Servers, resolver.TCP = servers, byTCP
	_, err := resolver.SRV(ctx, name)
	if err == nil {
		return provisioning.Trouble{}
	}
	return lookupTrouble(lookUpError(err))
}

// fails is why DNS does not have the SRV records of a name; nil: it has them.
func (e *Enquiry) fails(ctx context.Context, name string, unvalidated bool) *srv.Error {
	resolver := newResolver(&e.policy, &e.wire)
	resolver.Unvalidated = unvalidated
	_, err := resolver.SRV(ctx, name)
	if err == nil {
		return nil
	}
	return lookUpError(err)
}

// DHCPPace asks DHCP once more, for as long as nobody waits for it, and says how slow the first server is; nothing: nobody has
// answered, or not slowly.
func (e *Enquiry) DHCPPace(ctx context.Context) provisioning.Trouble {
	s := surveyor{wire: &e.wire}
	_ = s.askAll(ctx, e.policy.Interface, dhcpopts.Question{}, dhcpLimit) // why it cannot be asked has been told
	if len(s.Answers) == 0 {
		return provisioning.Trouble{}
	}
	return SlowDHCP(&s.Answers[0])
}

// Pace measures the name servers of this device, and says what is dead, lossy or slow about them; each is the fact "server". It takes some seconds.
// What is cut short by ctx tells nothing.
func (e *Enquiry) Pace(ctx context.Context) (quality []Quality, found []provisioning.Trouble) {
	quality = e.Measure(ctx)
	found = append(found, DeadServer(quality))
	for i := range quality {
		q := &quality[i]
		found = append(found, LossyServer(q), SlowServer(q))
	}
	return quality, slices.DeleteFunc(found, provisioning.Trouble.None)
}
