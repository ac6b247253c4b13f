// Package signin signs a device in: from a Plan to a Registration. It walks through the Candidates in their order, and
// each attempt proves the name before it says a word; it follows redirects, asks a Lync Registrar for what it tells in
// band, and says what is left of a registration in one record. What an agent may not do (hammer, burn a password, fall for a
// downgrade) is its restraint.
//
//	s := signin.New(policy, wire.System(), endpointID, vouched, owner)
//	reg := s.NewWalk().Try(ctx, plan.Try) // nil: nobody accepted
//
// It asks neither DNS nor DHCP, keeps no state of the device, and writes nothing: that is package agent.
//
// Read errors.go and diagnostics.go first, then restraint.go with distrust.go, signer.go, attempt.go, walk.go, relays.go,
// inband.go, remember.go, path.go; probe.go and once.go are for checks.
package signin
