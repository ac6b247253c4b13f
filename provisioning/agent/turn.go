package agent

import (
	"context"
	"math/rand/v2"
	"time"

	"homeward/internal/boot"
	"homeward/internal/storm"
	"homeward/provisioning"
	"homeward/provisioning/signin"
)

// turn is when this device may come, after the power has returned to all of them. The goroutine of Run alone uses it, once that
// has begun.
type turn struct {
	basis   basis
	board   *board
	pulse   pulse
	changes changes
	signer  *signin.Signer

	before *boot.Memory // of the run before; nil: nothing is known
	share  time.Duration
	began  time.Time
}

// resume takes up how the run before has ended.
func (t *turn) resume(before *boot.Memory) {
	t.before = before
	restraint := t.signer.Restraint()
	for _, left := range before.Left(time.Now(), t.basis.clockFloor(), rand.N) {
		restraint.LeaveAlone(provisioning.Endpoint{Host: left.Host, Port: left.Port, Transport: provisioning.TLS}, left.For)
	}
	times, ago := before.Refused(time.Now(), t.basis.clockFloor())
	restraint.Recall(times, ago, before.NoteRefused)
	if a, ok := before.Accepted(time.Now(), t.basis.clockFloor()); ok && a.SIPAddress == t.basis.policy.SIPAddress.String() {
		t.signer.Recall(provisioning.Endpoint{Host: a.Host, Port: a.Port, Transport: provisioning.TLS}, a.Address, a.Challenge, a.Count)
	}
	if before.PowerCut() {
		window := storm.Window(t.basis.policy.StormWindow, before.Window())
		restraint.Storm(window)
		t.share, t.began = storm.Share(t.basis.policy.SIPAddress.String()+" "+t.signer.EndpointID, window), time.Now()
	}
}

// asked keeps what a Registrar asks, for the next run.
func (t *turn) asked(of provisioning.Endpoint, wait time.Duration) {
	if t.before != nil {
		t.before.Note(boot.Asked{
			Host: of.Host, Port: of.Port, Seconds: int(wait.Seconds()), At: time.Now().UTC(), Crowded: t.signer.Restraint().Stormy(),
		})
	}
}

// returned keeps how a Registrar has just taken its binding back, for the next run.
func (t *turn) returned(reg *signin.Registration) {
	nonce := reg.Session.Nonce()
	if t.before == nil || nonce == nil || reg.Candidate.Transport != provisioning.TLS {
		return
	}
	challenge, count := nonce.Kept()
	t.before.NoteAccepted(boot.Accepted{
		SIPAddress: t.basis.policy.SIPAddress.String(), Host: reg.Candidate.Host, Port: reg.Candidate.Port, Address: reg.Addr, Challenge: challenge, Count: count, At: time.Now().UTC(),
	})
}

// comes returns how long it is until the turn comes, after a power cut; else 0.
func (t *turn) comes() time.Duration { return t.signer.Restraint().Turn(t.share, time.Since(t.began)) }

// await waits, after a power cut, for the turn of this device. Nothing is asked and nobody is connected to meanwhile; the network
// may come and go.
func (t *turn) await(ctx context.Context) {
	wait := t.comes()
	if wait == 0 {
		return
	}
	t.board.awaitsTurn(time.Now().Add(wait))
	defer t.board.rested()
	over := time.NewTimer(wait)
	defer over.Stop()
	for {
		select {
		case <-t.pulse.asked:
		case <-t.changes: // the network it comes to is the one that it looks at
		case <-over.C:
			return
		case <-ctx.Done():
			return
		}
	}
}
