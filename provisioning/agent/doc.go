// Package agent is the daemon's one owner of state: it goes from phase to phase (recall, discover, outage, rest,
// registered), keeps the binding, commits last good, and tells whatever happens as one Event.
//
//	a := agent.New(policy, wire.System(), store, func(e provisioning.Event) { fmt.Println(e) })
//	err := a.Run(ctx) // returns when ctx ends
//
// It does not read configuration, log, print, serve or install anything: that is cmd/agent and service.
//
// phases.go is the Lync device text (TechNet gg398713) from top to bottom, and the story to begin with; it uses what stands
// in the other files. What the device text is about, rule by rule, is in testdata/scenarios.
//
// Read basis.go first, then board.go, alive.go, network.go, gather.go, search.go, keep.go, lookout.go, agent.go, phases.go.
package agent
