// Package signin signs a device in: from a Plan to a Registration. It walks through the Candidates in their order. Each attempt
// verifies the name before it sends anything. It follows redirects, asks a Lync Registrar for in-band provisioning, and makes one
// value of what a registration gives the device; status and last good are views of that value. Its restraint keeps it from
// hammering Registrars, locking an account, and accepting a downgrade.
//
//	s := signin.New(policy, wire.System(), endpointID, vouched, owner)
//	reg := s.NewWalk(nil).Try(ctx, plan.Try) // nil: nobody accepted
//
// It asks neither DNS nor DHCP, owns no state of the device, and writes nothing: package agent does that.
//
// Read stage.go first, then errors.go, judge_connection.go, judge_tls.go, judge_chain.go, judge_certificate.go, judge_sip.go, judge.go, distrust.go,
// restraint.go, lesson.go, endings.go, registration.go, pace.go, gate.go, identity.go, signer.go, update.go, standing.go, firstuse.go, race.go, opening.go,
// opener.go, knock.go, walk.go, attempt.go, redirect.go, leg.go, relays.go, inband.go, path.go, visit.go, probe.go, once.go. The last two are
// for checks.
package signin
