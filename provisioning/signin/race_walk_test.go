package signin

import (
	"bufio"
	"context"
	"flag"
	"fmt"
	"math/rand/v2"
	"net"
	"net/netip"
	"strings"
	"sync"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"homeward/internal/sip"
	"homeward/internal/trust"
	"homeward/provisioning"
	"homeward/provisioning/wire"
)

var raceWalks = flag.Int("race-walks", 300, "how many random plans TestWalkIsTheRace goes through")

// For every plan, the walk of leg.go, with its openings and a Registrar that speaks SIP, ends where the model of it ends that
// TestRaceIsTheSerialWalk compares with the serial walk, and at the same moment. (Two timers of the walk that end at one moment have
// no order: then it may be sooner or later than the model, but not later than the serial walk.)
func TestWalkIsTheRace(t *testing.T) {
	for seed := range *raceWalks {
		d := rand.New(rand.NewPCG(uint64(seed), 57))
		plan := randomPlan(d, 1+d.IntN(9), 1+d.IntN(4))
		for at, f := range plan.fates { // no two things happen at the same moment: their order would be chance
			f.connect -= time.Duration(d.IntN(int(time.Millisecond)))
			f.answer -= time.Duration(d.IntN(int(time.Millisecond)))
			if f.handshake > 0 {
				f.handshake -= time.Duration(d.IntN(int(time.Millisecond)))
			}
			plan.fates[at] = f
		}
		before := []time.Duration{0, 5 * time.Millisecond, 100 * time.Millisecond, time.Second}[d.IntN(4)]
		r := newRaceRun(t, plan)
		r.race.pace.before = before
		r.walk()
		serial := serialWalk{plan: plan, patience: r.patience, over: map[attempted]bool{}}
		serial.walk()
		synctest.Test(t, func(t *testing.T) {
			chosen, took, accepted := plan.walk(t, before)
			if accepted != r.accepted || accepted && chosen != r.chosen || took != r.now.Sub(raceBegan) && took > serial.took {
				for _, rank := range plan.ranks {
					for _, at := range rank {
						t.Logf("%v %+v", at, plan.fates[at])
					}
				}
				t.Fatalf("plan %d: the walk has %v %v after %v, the model %v %v after %v\n%s", seed, accepted, chosen, took, r.accepted, r.chosen, r.now.Sub(raceBegan), strings.Join(r.log, "\n"))
			}
		})
	}
}

// walk goes through the plan with the real walk; what is played is the network.
func (p racePlan) walk(t *testing.T, before time.Duration) (chosen attempted, took time.Duration, accepted bool) {
	silence := wire.Wire{Dial: func(ctx context.Context, _, _ string) (net.Conn, error) { <-ctx.Done(); return nil, ctx.Err() }}
	policy := contoso
	policy.User, policy.Password, policy.Auth = "phone1", "Secret1", []string{"digest"}
	s := New(policy, silence, "a1b2c3d4e5", map[string]bool{}, Owner{
		Tell: func(*provisioning.Event) {}, Pass: func() {}, Floor: func() bool { return false }, ClockFloor: func() time.Time { return time.Time{} },
		Ground: func() *provisioning.Ground { return &provisioning.Ground{Policy: policy} },
	})
	s.pace.before = before
	var candidates []provisioning.Candidate
	for _, rank := range p.ranks {
		c := provisioning.Candidate{Step: provisioning.InternalTLS, Endpoint: rank[0].endpoint}
		for _, at := range rank {
			c.Addrs = append(c.Addrs, at.addr)
		}
		candidates = append(candidates, c)
	}
	var registrars sync.WaitGroup
	defer registrars.Wait()
	w, began := s.NewWalk(nil), time.Now()
	w.Begin(t.Context(), nil)
	w.opener.open = func(c provisioning.Candidate, addr netip.Addr) *opening {
		return p.fates[attempted{c.Endpoint, addr}].open(t.Context(), &s.gate, c, addr, &registrars, func() { wake(w.wake) })
	}
	reg := w.Step(t.Context(), candidates)
	if reg == nil {
		reg = w.LookBack(t.Context())
	}
	took = time.Since(began)
	w.End()
	if reg == nil {
		return chosen, took, false
	}
	reg.Session.Close()
	return attempted{reg.Candidate.Endpoint, reg.Addr}, took, true
}

// open is newOpening for an address whose fate is known.
func (f fate) open(ctx context.Context, g *gate, c provisioning.Candidate, addr netip.Addr, registrars *sync.WaitGroup, wake func()) *opening {
	now := time.Now()
	p := &opening{gate: *g, c: c, addr: addr, wake: wake, far: laneProgress{dialling, 1, now, now, 0}}
	p.ctx, p.cancel = context.WithCancel(ctx)
	p.dialing, p.dialed = context.WithCancel(p.ctx)
	p.tasks.Go(func() {
		if !passes(p.ctx, f.connect) {
			return
		}
		p.dialed()
		p.mu.Lock()
		p.far.trip = f.trip()
		if f.handshake > 0 {
			p.far.state, p.far.sockets, p.far.since = securing, 1, time.Now()
		}
		p.mu.Unlock()
		p.wake()
		if f.handshake > 0 && !passes(p.ctx, f.handshake) {
			return
		}
		switch {
		case !f.dead:
			ours, theirs := net.Pipe()
			registrars.Go(func() { f.register(theirs) })
			p.comes(ready, ours, &trust.Met{}, nil)
		case f.ends:
			p.comes(failed, nil, &trust.Met{}, &attemptError{stage: registering, err: &sip.StatusError{Code: 404}})
		default:
			p.comes(failed, nil, &trust.Met{}, &attemptError{stage: connecting, err: syscall.ECONNREFUSED})
		}
	})
	return p
}

// passes waits; false: ctx has ended before.
func passes(ctx context.Context, d time.Duration) bool {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return ctx.Err() == nil
	case <-ctx.Done():
		return false
	}
}

// register is a Registrar that answers one REGISTER, or none if it is mute.
func (f fate) register(conn net.Conn) {
	defer conn.Close()
	var same []string
	in := bufio.NewScanner(conn)
	for in.Scan() && in.Text() != "" {
		for _, name := range []string{"Via:", "From:", "To:", "Call-ID:", "CSeq:", "Contact:"} {
			if line := in.Text(); strings.HasPrefix(line, name) {
				if name == "To:" {
					line += ";tag=registrar"
				}
				same = append(same, line)
			}
		}
	}
	if len(same) > 0 && !f.mute() {
		status := "503 Service Unavailable"
		switch {
		case f.accepts:
			status = "200 OK"
		case f.ends:
			status = "404 Not Found"
		}
		time.Sleep(f.answer)
		fmt.Fprintf(conn, "SIP/2.0 %s\r\n%s\r\nExpires: 600\r\nContent-Length: 0\r\n\r\n", status, strings.Join(same, "\r\n"))
	}
	for in.Scan() { // until the other side hangs up
	}
}
