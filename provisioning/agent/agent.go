package agent

import (
	"context"

	"github.com/homeward-agent/homeward/cache"
	"github.com/homeward-agent/homeward/provisioning"
	"github.com/homeward-agent/homeward/provisioning/signin"
	"github.com/homeward-agent/homeward/provisioning/wire"
)

// Agent finds a Registrar, registers, and keeps registered. One goroutine, the one in Run, owns its state; the
// others read a Status.
type Agent struct {
	basis     basis
	board     *board
	pulse     pulse
	changes   changes
	signer    *signin.Signer
	search    *search
	keeper    *keeper
	preferred string // the Registrar we were sent to
}

// New returns an agent that has not started. emit is called for every Event, from several goroutines.
func New(policy provisioning.Policy, wire wire.Wire, store *cache.DB, emit func(provisioning.Event)) *Agent {
	basis, board, pulse := basis{policy, wire, store}, newBoard(policy, emit), pulse{make(chan struct{})}
	signer := signin.New(policy, wire, endpointID(store), basis.memory().Vouched(), signin.Owner{
		Tell: board.tell, Pass: pulse.pass, Ground: basis.ground, Floor: basis.floor, ClockFloor: basis.clockFloor, Resolve: basis.resolve,
	})
	return &Agent{
		basis: basis, board: board, pulse: pulse, signer: signer, changes: make(changes, 1),
		search: &search{gatherer: gatherer{basis: basis, board: board, pulse: pulse, signer: signer}},
		keeper: &keeper{basis: basis, board: board, signer: signer},
	}
}

// Status returns where the agent stands. It may be called at any time, from any goroutine.
func (a *Agent) Status() provisioning.Status { return a.board.snapshot(a.basis.store.Notes()) }

// Alive returns nil as soon as the goroutine of Run passes by, and the cause of ctx if that ends first. Run passes
// by at once while it waits, and between any two things it does otherwise: the longest of them is one attempt, whose
// stages have 26 s together. A Registrar that is down, a silent DNS and a disk that hangs are no reason not to.
func (a *Agent) Alive(ctx context.Context) error { return a.pulse.felt(ctx) }
