package check

import (
	"slices"
	"strings"

	"homeward/provisioning"
)

// besides are the nodes with a problem that is another one than that of the verdict: sources, the clock, space to store, and Registrars. What the verdict
// tells, and what it explains, is not told again. That DHCP is silent, or says nothing of Registrars, is how sites look that use DNS.
func besides(r *Report, verdict provisioning.Trouble) []string {
	var ids []string
	reasons := map[string]provisioning.Reason{}
	several := slices.Contains(ofSeveral, verdict.Fault) || slices.ContainsFunc(verdict.Others(), isLikewise)
	for i := range r.Checks {
		c := &r.Checks[i]
		_, isRegistrar := strings.CutPrefix(c.ID, "registrar.")
		if c.From != "" && !isRegistrar { // it is the node below
			continue
		}
		reasons[c.ID] = c.Reason
		wrong := (c.Result == Warn || c.Result == Bad) && !follows(verdict, c)
		switch {
		case !wrong:
		case isRegistrar && (c.Under != "" || c.Needs != "" || c.Reason == r.Reason && several):
		case isRegistrar:
			ids = append(ids, c.ID)
		case !isSource(c.ID), c.Reason == r.Reason, slices.Contains(usual, c.Reason), c.Reason != "" && c.Reason == reasons[c.Under]:
		case strings.HasPrefix(c.ID, "name.") && c.Reason == reasons["dhcp"]: // which has given it
		default:
			ids = append(ids, c.ID)
		}
	}
	return ids
}

// ofSeveral are the faults of all Registrars at which the same happens.
var ofSeveral = []provisioning.Fault{provisioning.FaultAlike, provisioning.FaultAllLoseLarge, provisioning.FaultAllOfOne, provisioning.FaultAllOfOneIssuer}

func isLikewise(t provisioning.Trouble) bool { return t.Fault == provisioning.FaultLikewise }

// usual are what sources say of a site that does without them.
var usual = []provisioning.Reason{provisioning.DHCPSilent, provisioning.DHCPNoOption, provisioning.DNSNoRecord}

// isSource says whether a node is about what leads to a Registrar, about the clock, or about space to store.
func isSource(id string) bool {
	return id == "clock" || id == "store" || slices.ContainsFunc([]string{"dhcp", "dns", "autodiscover", "name."}, func(source string) bool { return strings.HasPrefix(id, source) })
}

// follows says whether what is wrong at a node is what the verdict tells, or comes of it.
func follows(verdict provisioning.Trouble, c *Check) bool {
	if verdict.None() {
		return false
	}
	root, _, _ := strings.Cut(c.ID, ".")
	slow := provisioning.Among(verdict, provisioning.FaultSlowPath, provisioning.FaultTooLate)
	switch {
	case c.Fault == string(provisioning.FaultDNSSlow) && !slow.None(), verdict.Area() == "clock" && slices.Contains(byClock, c.Reason),
		verdict.Fault == provisioning.FaultLossyWay && slices.Contains(silence, c.Reason):
		return true
	case slices.Contains(verdict.Fault.Explains(), root) && mayCause(verdict, c.Reason):
		return true
	default:
		return tells(verdict, provisioning.OfWhoAsks(verdict), c)
	}
}

// byClock are what a wrong clock makes of a certificate.
var byClock = []provisioning.Reason{provisioning.TLSNotYetValid, provisioning.TLSExpired, provisioning.ClockWrong}

// mayCause says whether a fault may be why that is wrong. One that loses packets makes nobody refuse anything.
func mayCause(t provisioning.Trouble, reason provisioning.Reason) bool {
	rejected := t.Fault == provisioning.FaultRejectedBehind && reason == provisioning.ConnectUnreachable
	return !slices.Contains(losing, t.Fault) || slices.Contains(silence, reason) || rejected
}

// losing are the faults of the link by which packets get lost, and silence is what comes of it.
var (
	losing  = []provisioning.Fault{provisioning.FaultOwnAddressTwice, provisioning.FaultAddressTwice, provisioning.FaultNothingBehind, provisioning.FaultSilentBehind, provisioning.FaultRejectedBehind, provisioning.FaultAnswersLate}
	silence = []provisioning.Reason{provisioning.DNSTimeout, provisioning.ConnectTimeout, provisioning.ConnectReset, provisioning.SIPNoAnswer, provisioning.Lossy, provisioning.Slow}
)

// tells says whether a Trouble, what it comes from, or what is said in the same breath is what is wrong at a node. Of a Registrar it tells
// what is wrong with the one that it names; if it names none, or if it is about who asks, whom each of them refuses, the same at all.
func tells(t provisioning.Trouble, ofWhoAsks bool, c *Check) bool {
	host, isRegistrar := strings.CutPrefix(c.ID, "registrar.")
	same := c.Fault == string(t.Fault) || c.Reason != "" && c.Reason == t.Reason() && (isRegistrar || !t.Specific() || c.Fault == "")
	everywhere := ofWhoAsks || t.Host() == "" || provisioning.DeadForDNS[t.Fault] != ""
	switch {
	case isRegistrar && (t.Host() == host || t.Facts["alias"] == host || same && everywhere), !isRegistrar && same:
		return true
	}
	parts := t.Others()
	if t.More != nil && t.More.Cause != nil {
		parts = append(slices.Clip(parts), *t.More.Cause)
	}
	return slices.ContainsFunc(parts, func(part provisioning.Trouble) bool { return !part.None() && tells(part, ofWhoAsks, c) })
}
