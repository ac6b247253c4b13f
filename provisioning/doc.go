// Package provisioning has the vocabulary of homeward and its pure decisions. homeward decides, for as long as the device lives,
// which SIP Registrar and Media Relays it should use. ARCHITECTURE.md has a glossary.
//
// The vocabulary: [Policy] is the configuration; a [Finding] is what a source said about a [Step]; a [Plan] has the
// [Candidate]s in the order in which they are tried, and each [Skip] with its [Reason]; everything that happens is an [Event],
// and the state of the device is one [Status].
//
// The decisions: [PlanStep] and [MakePlan] put Findings into the Lync device order; [RecallPlan] and [OutagePlan] say what of
// last good may be used; [Ground] says where a packet may go.
//
//	plan := provisioning.MakePlan(found, &policy, floor)
//
// Nothing here touches the network or the disk: discover asks, signin signs in, agent goes from phase to phase, and check
// judges.
//
// The faults: a [Fault] is declared once, in faults.txt; a [Trouble] is a fault that was met, with its facts.
//
// Read step.go first, then reason.go, faults.go, catalogue.go, fault.go, general.go, worked.go, endpoint.go, anchor.go, policy.go, rule.go, plan.go, ground.go, event.go,
// losses.go, ending.go, status.go, fallback.go, remembered.go, ways.go, alike.go, memory.go, record.go, former.go, lacking.go.
package provisioning
