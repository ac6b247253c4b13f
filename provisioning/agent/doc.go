// Package agent is the daemon's one owner of state: it goes from phase to phase (recall, discover, outage, rest,
// registered), keeps the binding, commits last good, and emits an Event for everything that happens.
//
//	a := agent.New(policy, wire.System(), store, func(e *provisioning.Event) { fmt.Println(e) })
//	err := a.Run(ctx) // returns when ctx ends
//
// It does not read configuration, log, print, serve or install anything: that is cmd/agent and service.
//
// phases.go follows the Lync device text (TechNet gg398713) from top to bottom; read it first to learn what happens, though it
// uses all other files. testdata/scenarios has each rule of that text as a scenario.
//
// Read basis.go first, then fallback.go, board.go, measured.go, silence.go, released.go, alive.go, network.go, credential.go, gather.go, search.go, keep.go, visits.go, enrolling.go, lookout.go, certificates.go, reports.go, turn.go, agent.go, phases.go.
package agent
