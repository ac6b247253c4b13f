// Package provisioning has the words of homeward and its pure decisions. homeward answers, for as long as the device lives,
// which SIP Registrar and Media Relays this device shall use.
//
// The words: [Policy] is what the site decided; a [Finding] is what a source said about a [Step]; a [Plan] is the
// [Candidate]s in the order in which they are tried, and each [Skip] with its [Reason]; whatever happens is one [Event], and
// where the device stands is one [Status].
//
// The decisions: [PlanStep] and [MakePlan] put Findings into the Lync device order; [RecallPlan] and [OutagePlan] are what
// may be used of last good; [Ground] says where a packet may go.
//
//	plan := provisioning.MakePlan(found, policy, floor)
//
// Nothing here touches the network, the disk or the clock of others: discover asks, signin signs in, agent goes from phase to
// phase, and check judges.
//
// The faults: a [Fault] is declared once, in the files faults_*.go; a [Trouble] is one that was met, with the facts of the case.
//
// Read step.go first, then reason.go, fault.go, faults_general.go, faults_device.go, faults_discovery.go, faults_registrar.go,
// faults_signin.go, faults_diagnostics.go, endpoint.go, policy.go, rule.go, plan.go, ground.go, event.go, status.go,
// remembered.go, memory.go, record.go.
package provisioning
