package drill

import (
	"context"
	"fmt"
	"time"

	"github.com/homeward-agent/homeward/provisioning"
	"github.com/homeward-agent/homeward/provisioning/discover"
	"github.com/homeward-agent/homeward/provisioning/signin"
)

// withoutClock says how a device would fare that starts without a clock: it judges certificates by the latest moment that it
// knows to have passed, which is its last registration, or the day this program was built.
func withoutClock(ctx context.Context, o Options, memory provisioning.Memory) Report {
	began := time.Now()
	r := Report{Version: 1, Case: Clock, Held: true, Steps: []Step{}, Mend: []string{}}
	step := func(format string, args ...any) {
		r.Steps = append(r.Steps, Step{since(began), fmt.Sprintf(format, args...)})
	}
	floor := memory.ClockFloor()
	if floor.IsZero() {
		floor = time.Unix(0, 0) // where clocks without a battery begin
	}
	step("a device without a clock believes that it is %s", floor.UTC().Format("2006-01-02 15:04 UTC"))
	found := discover.Discover(ctx, o.Policy, o.Wire, memory.Floor())
	signer := signin.New(o.Policy, o.Wire, signin.FreshEndpointID(), memory.Vouched(), signin.Owner{
		Tell: func(provisioning.Event) {}, Pass: func() {}, Floor: memory.Floor, ClockFloor: memory.ClockFloor,
		Ground: func() provisioning.Ground { return discover.GroundOf(o.Policy, o.Wire) },
	})
	asked := false
	for _, c := range provisioning.MakePlan(found, o.Policy, memory.Floor()).Try {
		if c.Transport != provisioning.TLS || len(c.Addrs) == 0 {
			continue
		}
		asked = true
		probe := signer.Probe(ctx, c, c.Addrs[0])
		switch {
		case !probe.Secured:
			step("%s: %s", c.HostPort(), probe.Trouble.What())
			continue
		case floor.Before(probe.TLS.NotBefore):
			step("%s: its certificate begins on %s, and would not be accepted", c.HostPort(), probe.TLS.NotBefore.UTC().Format(time.DateOnly))
			r.Mend = append(r.Mend, fmt.Sprintf("register once with %s, so that the device stores a more recent date", c.HostPort()))
		case floor.After(probe.TLS.NotAfter):
			step("%s: its certificate ended on %s", c.HostPort(), probe.TLS.NotAfter.UTC().Format(time.DateOnly))
		default:
			step("%s: its certificate would be accepted", c.HostPort())
			r.Registered = true
		}
		if r.Registered {
			registrar := c.Registrar(probe.Addr)
			r.Registrar, r.WithoutMS = &registrar, since(began)
			return r
		}
	}
	r.WithoutMS = since(began)
	switch {
	case len(r.Mend) > 0:
	case asked:
		r.Mend = append(r.Mend, "run homeward check: no Registrar presents a valid certificate")
	default:
		r.Mend = append(r.Mend, "run homeward check: neither DNS nor DHCP leads to a Registrar over TLS")
	}
	return r
}
