// Package check is `homeward check`: it tests the whole sign-in of a device once, layer by layer, in the order in which a
// tech would, and says in three sentences what is wrong, whose side it is on, and what to do.
//
// First it looks at everything in parallel (look.go). Then it judges, without touching the network again: what is wrong
// (judge_*.go) and the tree (tree*.go) are pure functions of the [Facts]. The words come from the catalogue of faults in
// package provisioning, which the daemon uses too.
//
//	report := check.Run(ctx, check.Options{Policy: policy, Wire: wire.System(), Record: record})
//	fmt.Println(report.Verdict, report.Summary)
//
// It does not decide what a device does: reasons, plan, look-ups and sign-in come from provisioning, discover and signin,
// which the daemon uses too. It changes nothing: it writes no record, makes no binding beside a daemon that may hold one (ADR 63), and
// removes the one that it makes otherwise. A certificate is
// issued to the endpoint of the daemon, and a Registrar keeps one binding for an endpoint: where the daemon is registered with it, that is
// the result; where it is not running, the check signs in with the certificate itself; else it says that this was not tried.
//
// Read link.go first, then report.go, eye.go, describe.go, clock.go, autodiscover.go, webservice.go, facts.go, neighbours.go, late.go, witness.go, judge_link.go, judge_router.go, judge_route.go, upstream.go, judge_clock.go, judge_autodiscover.go, probing.go, earlier.go, look.go,
// judge_disagree.go, judge_domain.go, judge_discovery.go, judge_pace.go, judge_device.go, judge_place.go, judge_fallback.go, judge_alike.go, judge_signin.go, besides.go, tree_webservice.go, tree_certificates.go, tree.go, tree_link.go, tree_names.go, tree_autodiscover.go,
// tree_places.go, tree_signin.go, judge.go, check.go.
package check
