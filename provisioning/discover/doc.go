// Package discover asks DNS and DHCP where a Registrar is, all at the same time and under one deadline, and answers with
// Findings as they are decided. It asks for the addresses of names, too, and surveys a link for people.
//
//	found := discover.Discover(ctx, policy, wire.System(), floor) // what `homeward plan` shows
//
// It decides nothing about the order, which is PlanStep's in package provisioning, and registers nowhere.
//
// Read verdict.go first, then servers.go, gathering.go, dhcp.go, heard.go, ask_dhcp.go, disagree.go, discover.go, and what
// people and Registrars have asked for: resolve.go, survey.go, enquiry.go.
package discover
