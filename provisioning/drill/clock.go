package drill

import (
	"context"
	"fmt"
	"slices"
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
		if c.Transport != provisioning.TLS {
			continue
		}
		for _, addr := range c.Addrs {
			asked = true
			probe := signer.Probe(ctx, c, addr)
			text, mend := atFloor(c, probe, floor)
			step("%s (%s): %s", c.HostPort(), addr, text)
			if mend != "" && !slices.Contains(r.Mend, mend) {
				r.Mend = append(r.Mend, mend)
			}
			if probe.Secured && probe.TLS.ValidAt(floor) {
				registrar := c.Registrar(addr)
				r.Registered, r.Registrar, r.WithoutMS, r.Mend = true, &registrar, since(began), []string{}
				return r
			}
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

// atFloor says what a device that believes that it is floor would make of the certificate of one address, and what would have to be done
// before. A chain is as old as the youngest certificate in it.
func atFloor(c provisioning.Candidate, probe signin.Probe, floor time.Time) (text, mend string) {
	switch {
	case !probe.Secured:
		return probe.Trouble.What(), ""
	case probe.TLS.ValidAt(floor):
		return "its certificate would be accepted", ""
	}
	whose, chain := "its certificate", probe.TLS.Chains[0]
	if !floor.Before(probe.TLS.NotBefore) && !floor.After(probe.TLS.NotAfter) {
		whose = "the certificate of an authority above its own"
	}
	if floor.After(chain.Until) {
		return fmt.Sprintf("%s ended on %s", whose, chain.Until.UTC().Format(time.DateOnly)), ""
	}
	return fmt.Sprintf("%s begins on %s, and would not be accepted", whose, chain.From.UTC().Format(time.DateOnly)),
		fmt.Sprintf("register once with %s, so that the device stores a more recent date", c.HostPort())
}
