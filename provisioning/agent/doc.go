// Package agent is the daemon's one owner of state: it goes from phase to phase (recall, discover, outage, rest,
// registered), keeps the binding, commits last good, and tells whatever happens as one Event.
//
//	a := agent.New(policy, wire.System(), store, func(e provisioning.Event) { fmt.Println(e) })
//	err := a.Run(ctx) // returns when ctx ends
//
// It does not read configuration, log, print, serve or install anything: that is cmd/agent and service.
//
// Read phases.go first: with registered.go after it, it is the Lync device text (TechNet gg398713) from top to bottom. Then
// commit.go, lookout.go, network.go and alive.go; agent.go holds what they share. What the device text is about, rule by
// rule, is in testdata/scenarios.
package agent
