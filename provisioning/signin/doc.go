// Package signin signs a device in: from a Plan to a Registration. It walks through the Candidates in their order, and
// each attempt proves the name before it says a word; it follows redirects, asks a Lync Registrar for what it tells in
// band, and makes one value of what a registration gives the device: status and last good are views of it. What an agent may not do (hammer, burn a password, fall for a
// downgrade) is its restraint.
//
//	s := signin.New(policy, wire.System(), endpointID, vouched, owner)
//	reg := s.NewWalk(nil).Try(ctx, plan.Try) // nil: nobody accepted
//
// It asks neither DNS nor DHCP, keeps no state of the device, and writes nothing: that is package agent.
//
// Read stage.go first, then errors.go, judge_connection.go, judge_tls.go, judge_sip.go, judge.go, distrust.go, restraint.go, lesson.go,
// registration.go, gate.go, signer.go, standing.go, attempt.go, walk.go, relays.go, inband.go, path.go, probe.go, once.go. The
// last two are for checks.
package signin
