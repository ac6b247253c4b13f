package agent

import (
	"context"
	"math/rand/v2"
	"time"

	"homeward/internal/sip"
	"homeward/provisioning/signin"
)

// visitInterval is our choice: as often as a binding of ten minutes is renewed. Each pause is drawn from its upper half.
const visitInterval = 10 * time.Minute

// outlives says whether a Registrar is there although the connection has ended over which it was watched without a binding: some
// end a connection on which nobody is bound. From then on it is visited.
func (k *keeper) outlives(ctx context.Context, w *watch, err error) bool {
	if !k.basis.policy.Release || !w.reg.Binding.Unbound || !signin.HungUp(err) || ctx.Err() != nil {
		return false
	}
	if err := k.visit(ctx, w); err != nil {
		signin.Heed(k.signer, &w.reg.Candidate, err)
		return false
	}
	w.held = w.keeping
	w.visits.anew, w.visits.over = time.After(time.Until(k.anewAt)), ctx.Done()
	return true
}

// visit asks a Registrar whether it is there.
func (k *keeper) visit(ctx context.Context, w *watch) error {
	if err := w.reg.Visit(ctx, k.signer); err != nil {
		return err
	}
	wait := visitInterval/2 + rand.N(visitInterval/2)
	w.visits.due = time.After(wait)
	released{k.board}.visited(w.reg, wait)
	return nil
}

// gaveBack shows that the binding is no longer ours. What a Registrar has not taken back expires.
func (k *keeper) gaveBack(err error) {
	k.current.Binding.Unbound = true
	released{k.board}.gaveBack(k.current, err)
}

// rebound does with a binding that was granted again what a new one is good for, where the one before was given back.
func (k *keeper) rebound(w *watch, granted sip.Binding) {
	k.renew(granted)
	if k.basis.policy.Release {
		k.begin(w)
	}
}
