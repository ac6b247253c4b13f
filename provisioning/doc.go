// Package provisioning is the domain of homeward: it answers, for as long as the device lives, which SIP
// Registrar and Media Relays this device shall use.
//
// It gathers (DNS and DHCP, at the same time), plans (a pure function that puts the answers into the Lync
// device order), tries (in that order, until a Registrar accepts) and commits (one transaction in the store).
// Whatever happens on the way is told as one [Event]; where the device stands is one [Status].
//
//	a := provisioning.New(policy, wire, store, func(e provisioning.Event) { fmt.Println(e) })
//	err := a.Run(ctx) // returns when ctx ends
//
// It does not read configuration, log, print, serve or install anything: that is cmd/agent and service.
// Read phases.go first: from top to bottom it is the Lync device text (TechNet gg398713).
package provisioning
