// Package discover asks DNS and DHCP where a Registrar is, all at the same time and under one deadline, and answers with
// Findings as they are decided. It asks for the addresses of names, too, and surveys a link for people.
//
//	found := discover.Discover(ctx, policy, wire.System(), floor) // what `homeward plan` shows
//
// It decides nothing about the order, which is PlanStep's in package provisioning, and registers nowhere.
//
// Read servers.go first, then resolve.go, ask_dhcp.go with dhcp.go, discover.go, and what people ask: survey.go, enquiry.go.
package discover
