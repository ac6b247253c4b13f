// Package drill rehearses an outage on the live network: the daemon's own code runs once over a wire on which the named thing
// is dead, and really signs in. The result is that of the real outage, if the Registrar or the power was lost as well: how
// long the device would be without a Registrar, step by step, and what to fix beforehand.
//
//	report := drill.Run(ctx, drill.Options{Case: drill.DNS, Policy: policy, Wire: wire.System(), Record: record})
//	fmt.Println(report.Registered, report.WithoutMS)
//
// It leaves nothing behind: it signs in under an endpoint id of its own, so that a daemon beside it keeps its registration,
// takes the binding back, and writes no record. With the certificate of the device, which belongs to the endpoint id of the daemon, it signs
// in only while the daemon does not run.
//
// Read report.go first, then dead.go, drill.go.
package drill
