// Package check is the tech's eye: it walks the whole sign-in of a device once, layer by layer, in the order in which a
// tech would, and says in three sentences what is wrong, whose side it is on, and what to do.
//
// It looks first, at everything at the same time (look.go), and judges afterwards, without touching the network again: what
// is wrong (judge_*.go) and the tree (tree*.go) are pure functions of the [Facts]. The words are those of the catalogue of
// faults in package provisioning, as the daemon has them.
//
//	report := check.Run(ctx, check.Options{Policy: policy, Wire: wire.System(), Record: record})
//	fmt.Println(report.Verdict, report.Summary)
//
// It is not for deciding what a device does: reasons and plan, look-ups and sign-in are those of provisioning, discover and
// signin, which the daemon runs. It changes nothing: no record is written, and the one binding it makes is taken back.
//
// Read link.go first, then report.go, eye.go, clock.go, facts.go, probing.go, look.go, judge_discovery.go, judge_pace.go, judge_device.go,
// judge_place.go, judge_signin.go, tree.go, tree_names.go, tree_places.go, judge.go, check.go.
package check
