package check

import (
	"cmp"
	"context"
	"net/netip"
	"slices"
	"sync/atomic"
	"time"

	"homeward/cache"
	"homeward/provisioning"
	"homeward/provisioning/discover"
	"homeward/provisioning/signin"
	"homeward/provisioning/wire"
)

// eye does once what the daemon does all the time, and leaves nothing behind: it signs in under an endpoint id of
// its own, and writes no record. Beside a daemon that may hold a binding it makes none, as with binding = "release" (ADR 63); else it
// takes the binding back. A certificate belongs to the endpoint id of the daemon: where the eye signs in with it, there is no daemon.
type eye struct {
	*discover.Enquiry
	policy provisioning.Policy
	wire   wire.Wire
	memory *provisioning.Memory
	signer *signin.Signer
	cycle  provisioning.Cycle // what the sign-in has told

	resolve func(ctx context.Context, hosts []string) []provisioning.Name
	service string                                                       // the certificate service that a Registrar has named; "": none
	refused provisioning.Trouble                                         // what was wrong with the certificate of the device
	alone   func() bool                                                  // whether there is no daemon under the same endpoint id
	led     atomic.Pointer[map[provisioning.Endpoint]provisioning.Facts] // where names led earlier, once that has been looked at: see Facts.Earlier
	beside  bool                                                         // it makes no binding since there is a daemon; without one it would
}

// newEye returns the eye of a device.
func newEye(o *Options) *eye {
	policy, wire := o.Policy, o.Wire
	policy.Accept = nil // a check leaves nothing behind
	beside := o.Daemon.MayBeBound() && !policy.Release
	policy.Release = policy.Release || beside
	m := policy.Memory(cache.InMemory(o.Record))
	e := &eye{Enquiry: discover.NewEnquiry(&policy, &wire, m.Floor()), policy: policy, wire: wire, memory: m, cycle: provisioning.Cycle{Attempts: []provisioning.Attempt{}}, beside: beside}
	e.resolve = func(ctx context.Context, hosts []string) []provisioning.Name {
		return discover.ResolveAll(ctx, &policy, &wire, m, hosts)
	}
	// A Lync Registrar would take us for the daemon under its endpoint id.
	endpoint := cmp.Or(o.EndpointID, signin.FreshEndpointID())
	e.alone = func() bool { return o.EndpointID == "" || o.Alone() }
	e.signer = signin.New(policy, wire, endpoint, m.Vouched(), signin.Owner{
		Tell: e.take, Pass: func() {}, Floor: m.Floor, ClockFloor: m.ClockFloor,
		Ground: func() *provisioning.Ground { return discover.GroundOf(&policy, &wire) },
		Led: func(c *provisioning.Candidate) provisioning.Facts {
			if led := e.led.Load(); led != nil {
				return (*led)[c.Endpoint]
			}
			return nil
		},
		Worked: func(at provisioning.Endpoint, addr netip.Addr) provisioning.Past {
			past := m.Worked(o.Losses, at, addr, time.Now())
			if d := &o.Daemon; d.registered() && d.Newer == "" && d.Since.After(past.Written) { // with what was in the file, also in an outage
				past.Written = time.Time{}
			}
			return past
		},
		Resolve: e.resolve, CertificateService: func(url, _ string) { e.service = url },
	})
	return e
}

// take notes an event of the sign-in.
func (e *eye) take(event *provisioning.Event) {
	if event.Kind == provisioning.NotCertified {
		e.refused = event.Trouble
	}
	if event.Trouble.Fault == provisioning.FaultNoQuery && e.beside { // the daemon asks otherwise
		event.Trouble.Fault = provisioning.FaultNoQueryBeside
	}
	e.cycle.Note(event)
}

// askClosed asks for the records of the steps over plain TCP that a device asks no more, since its SIP domain has registered over TLS: for what a tech may
// still find there.
func (e *eye) askClosed(ctx context.Context, steps []provisioning.Step) provisioning.Findings {
	closed := slices.DeleteFunc(slices.Clone(steps), func(s provisioning.Step) bool {
		return !s.BySRV() || e.policy.Shut(s, e.memory.Floor()) != provisioning.TLSFloor
	})
	return discover.NewEnquiry(&e.policy, &e.wire, false).Survey(ctx, closed, func(provisioning.Finding) {})
}

// candidates are those of one finding, also of a step that the policy does not ask.
func (e *eye) candidates(f provisioning.Finding) []provisioning.Candidate {
	return provisioning.PlanStep(f.Step, provisioning.Findings{f}, &e.policy, e.memory.Floor()).Try
}

// plan is what the daemon would make of the findings.
func (e *eye) plan(found provisioning.Findings) provisioning.Plan {
	var used provisioning.Findings
	for i := range found {
		if e.policy.Asks(found[i].Step) {
			used = append(used, found[i])
		}
	}
	return provisioning.PlanOf(e.memory, used)
}

// outage is the plan that the daemon would follow if DNS and DHCP said nothing.
func (e *eye) outage() provisioning.Plan {
	record, ok := e.memory.Record()
	if !ok {
		return provisioning.Plan{}
	}
	return discover.GroundOf(&e.policy, &e.wire).Tidy(provisioning.OutagePlan(&record, &e.policy, nil, e.memory.Vouched()))
}

// signIn does what the daemon would do with these Candidates, where found has led to them, and takes the binding back.
func (e *eye) signIn(ctx context.Context, try []provisioning.Candidate, found provisioning.Findings) signin.SignedIn {
	var trip time.Duration
	for i := range found {
		trip = cmp.Or(trip, found[i].Trip())
	}
	done := e.signer.SignInOnce(ctx, try, trip, e.memory, &e.cycle, e.alone)
	done.CertificateService, done.NotCertified = e.service, e.refused
	return done
}
