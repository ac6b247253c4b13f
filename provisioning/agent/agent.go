package agent

import (
	"context"
	"crypto/tls"
	"net/netip"
	"time"

	"homeward/cache"
	"homeward/internal/boot"
	"homeward/internal/identity"
	"homeward/provisioning"
	"homeward/provisioning/enrol"
	"homeward/provisioning/signin"
	"homeward/provisioning/wire"
)

// Agent finds a Registrar, registers, and keeps registered. One goroutine, the one in Run, owns its state; the
// others read a Status.
type Agent struct {
	basis        basis
	board        *board
	pulse        pulse
	changes      changes
	reports      reports
	signer       *signin.Signer
	search       *search
	keeper       *keeper
	preferred    string // the Registrar we were sent to
	certificates *certificates
	turn         *turn
}

// New returns an agent that has not started. emit is called for every Event, from several goroutines.
func New(policy provisioning.Policy, wire wire.Wire, store *cache.DB, emit func(*provisioning.Event)) *Agent {
	own := &certificates{}
	if policy.Identity == nil {
		policy.Identity = func() (*tls.Certificate, error) { return own.identity(), nil }
	}
	basis, board, pulse := basis{policy, wire, store}, newBoard(policy, emit), pulse{make(chan struct{})}
	turn := &turn{basis: basis, board: board, pulse: pulse, changes: make(changes, 1)}
	signer := signin.New(policy, wire, endpointID(store), basis.memory().Vouched(), signin.Owner{
		Tell: func(e *provisioning.Event) { board.tell(e); own.noticed(e) }, Pass: pulse.pass, Ground: basis.ground, Floor: basis.floor, ClockFloor: basis.clockFloor, Resolve: basis.resolve,
		CertificateService: own.offered,
		Asked:              turn.asked,
		Led:                func(c *provisioning.Candidate) provisioning.Facts { return basis.memory().Earlier(c) },
		Worked: func(at provisioning.Endpoint, addr netip.Addr) provisioning.Past {
			return worked(board, basis.memory(), at, addr)
		},
	})
	turn.signer = signer
	return &Agent{
		basis: basis, board: board, pulse: pulse, signer: signer, changes: turn.changes, reports: reports{heeded: make(chan struct{}, 1)},
		search:       &search{gatherer: gatherer{basis: basis, board: board, pulse: pulse, signer: signer}},
		keeper:       &keeper{basis: basis, board: board, signer: signer, returned: turn.returned},
		certificates: own,
		turn:         turn,
	}
}

// introduce keeps the endpoint id before a Registrar binds it: the binding of a process that was killed is replaced by that of the
// next one, and not joined by it.
func (a *Agent) introduce() {
	if !a.basis.policy.Release {
		return
	}
	if err := a.basis.store.Introduce(a.signer.EndpointID); err != nil {
		a.board.tell(noteEvent(&cache.Note{Code: string(provisioning.CacheWrite), Text: err.Error()}))
	}
}

// Status returns where the agent stands. It may be called at any time, from any goroutine.
func (a *Agent) Status() provisioning.Status {
	s := a.board.snapshot(a.basis.store.Notes())
	var often []provisioning.Trouble
	if t := a.basis.linkLostOften(); !t.None() {
		often = append(often, t)
	}
	s.Paced(plugArea, often)
	return s
}

// Alive returns nil as soon as the goroutine of Run passes by, and the cause of ctx if that ends first. Run passes
// by at once while it waits, and between any two things it does otherwise: an attempt, whose stages usually have 26 s together, passes
// by every 10 s where it waits for longer. A Registrar that is down, a silent DNS and a disk that hangs are no reason not to.
func (a *Agent) Alive(ctx context.Context) error { return a.pulse.felt(ctx) }

// Identify gives the agent a place for certificates for sign-in. It is called before Run.
func (a *Agent) Identify(store identity.Store) {
	if record, _ := a.basis.store.Load(); record.EndpointID == "" { // a certificate belongs to an endpoint
		if pair, err := store.Newest(); err == nil && pair.Details.SIPAddress == a.basis.policy.SIPAddress.String() {
			a.signer.EndpointID = pair.Details.EndpointID
		}
	}
	owner := identity.Owner{SIPAddress: a.basis.policy.SIPAddress.String(), EndpointID: a.signer.EndpointID}
	a.certificates.enrolling = &enrolling{
		credential: &credential{basis: a.basis, board: a.board, store: store, owner: owner},
		offers:     make(chan enrol.Service, 1), asked: make(chan struct{}, 1), refused: a.signer.Restraint().Refused,
		wake: func() { a.changes.noticed("the device has a certificate for sign-in") },
		enroller: enrol.Enroller{
			Policy: a.basis.policy, Store: store, Owner: owner, Agent: a.signer.UserAgent(), Now: a.basis.now, Resolve: a.basis.resolve, Connect: a.signer.ConnectForPassword,
			Rest: a.signer.Restraint().PasswordRest,
		},
	}
}

// Resume tells the agent how the run before this one has ended. It is called before Run.
func (a *Agent) Resume(before *boot.Memory) { a.turn.resume(before) }

// Turn is how long it is until this device may come, after a power cut; else 0. It is asked before Run.
func (a *Agent) Turn() time.Duration { return a.turn.comes() }

// Enrol asks for a certificate now, whenever the last one came. What comes of it is told as an event.
func (a *Agent) Enrol() {
	if c := a.certificates; c.enrolling != nil {
		latest(c.asked)(struct{}{})
	}
}

// ReportFailed takes note that the phone's own registration has failed: while the device is registered, its Registrar is asked at once.
// In every other state the device looks for one anyway, or leaves all of them alone, which a report does not change.
func (a *Agent) ReportFailed() provisioning.Report {
	s := a.Status()
	report := provisioning.Report{State: s.State, Until: s.NextAttempt}
	until, heeded := a.reports.heed()
	switch registered := s.State == provisioning.Registered; {
	case registered && heeded:
		report.Looks = true
		latest(a.reports.heeded)(struct{}{})
	case registered:
		report.Until = shownTime(until)
	}
	if heeded {
		released{a.board}.reported(report)
	}
	return report
}
