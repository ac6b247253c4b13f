package provisioning

import (
	"context"
	"net/netip"
	"slices"
	"time"

	"github.com/homeward-agent/homeward/cache"
)

// Trial does once what the daemon does all the time, and leaves nothing behind: it signs in under an endpoint id of
// its own, so that a daemon beside it keeps its registration, takes the binding back, and writes no record.
type Trial struct {
	Enquiry
	policy Policy
	wire   Wire
	memory memory
	signer *signer
	cycle  Cycle // what the sign-in has told
}

// NewTrial returns a trial for a device that remembers record.
func NewTrial(policy Policy, wire Wire, record cache.Record) *Trial {
	m := policy.memory(cache.InMemory(record))
	t := &Trial{Enquiry: NewEnquiry(policy, wire, m.floor()), policy: policy, wire: wire, memory: m, cycle: Cycle{Attempts: []Attempt{}}}
	// A Lync Registrar would take us for the daemon under its endpoint id.
	t.signer = newSigner(policy, wire, freshEndpointID(), m.vouched(), owner{
		tell: t.cycle.note, pass: func() {}, floor: m.floor, clockFloor: m.clockFloor,
		ground:  func() ground { return groundOf(policy, wire) },
		resolve: func(ctx context.Context, hosts []string) []Name { return resolveAll(ctx, policy, wire, m, hosts) },
	})
	return t
}

// Candidates are those of one finding, also of a step that the policy does not ask.
func (t *Trial) Candidates(f Finding) []Candidate {
	return planStep(f.Step, Findings{f}, t.policy, t.memory.floor()).Try
}

// Plan is what the daemon would make of the findings.
func (t *Trial) Plan(found Findings) Plan {
	used := slices.DeleteFunc(slices.Clone(found), func(f Finding) bool { return !t.policy.Asks(f.Step) })
	return MakePlan(used, t.policy, t.memory.floor())
}

// Outage is the plan that the daemon would follow if DNS and DHCP said nothing.
func (t *Trial) Outage() Plan {
	record, ok := t.memory.record()
	if !ok {
		return Plan{}
	}
	return groundOf(t.policy, t.wire).tidy(OutagePlan(record, t.policy, nil, t.memory.vouched()))
}

// Probe tries one address of a Candidate without signing in.
func (t *Trial) Probe(ctx context.Context, c Candidate, addr netip.Addr) Probe {
	return t.signer.Probe(ctx, c, addr)
}

// SignIn does what the daemon would do with these Candidates, and takes the binding back.
func (t *Trial) SignIn(ctx context.Context, try []Candidate) SignedIn {
	return t.signer.SignInOnce(ctx, try, t.memory, &t.cycle)
}

// ClockFloor is the latest moment that is known to have passed: the build of this program, or the last registration.
func (t *Trial) ClockFloor() time.Time { return t.memory.clockFloor() }
