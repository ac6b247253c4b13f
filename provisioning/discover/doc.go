// Package discover asks DNS and DHCP where a Registrar is, in parallel and under one deadline, and returns each Finding as soon
// as it is decided. It also looks up the addresses of names, and surveys a link for `homeward dhcp` and `homeward check`.
//
//	found := discover.Discover(ctx, &policy, wire.System(), floor) // what `homeward plan` shows
//
// It does not decide the order, which is the task of PlanStep in package provisioning, and does not register.
//
// Read verdict.go first, then servers.go, gathering.go, dhcp.go, heard.go, pace.go, ask_dhcp.go, disagree.go, discover.go, here.go, and what
// people and Registrars have asked for: resolve.go, survey.go, enquiry.go.
package discover
