// Package check is the tech's eye: it walks the whole sign-in of a device once, layer by layer, in the order in which a
// tech would, and says in three sentences what is wrong, whose side it is on, and what to do.
//
// It looks first, at everything at the same time (look.go: Facts), and judges afterwards, without touching the network
// again: the tree (tree.go) and the advice (advice.go) are pure functions of the Facts.
//
//	report := check.Run(ctx, check.Options{Policy: policy, Wire: wire.System(), Record: record})
//	fmt.Println(report.Verdict, report.Summary)
//
// It is not for deciding what a device does: reasons and plan, look-ups and sign-in are those of provisioning, discover and
// signin, which the daemon runs. It changes nothing: no record is written, and the one binding it makes is taken back.
package check
