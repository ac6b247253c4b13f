package srv

import (
	"sort"
)

// order arranges targets as RFC 2782 tells: lower priorities first; among equals, draw by weight until none is left. The
// function draw returns a number from 0 to n, both included, each as likely as the other.
func order(targets []Target, draw func(n int) int) {
	// The algorithm prefers what stands first when weights are zero, so nothing may stand first for a reason.
	for i := len(targets) - 1; i > 0; i-- {
		j := draw(i)
		targets[i], targets[j] = targets[j], targets[i]
	}
	sort.SliceStable(targets, func(i, j int) bool {
		a, b := &targets[i], &targets[j]
		if a.Priority != b.Priority {
			return a.Priority < b.Priority
		}
		return min(a.Weight, 1) < min(b.Weight, 1) // RFC 2782: those with weight 0 at the beginning
	})
	for len(targets) > 0 {
		group, sum := 0, 0
		for group < len(targets) && targets[group].Priority == targets[0].Priority {
			sum += int(targets[group].Weight)
			group++
		}
		// RFC 2782: the first whose running sum reaches the number drawn.
		rest, chosen := draw(sum), 0
		for rest -= int(targets[0].Weight); rest > 0; rest -= int(targets[chosen].Weight) {
			chosen++
		}
		t := targets[chosen]
		copy(targets[1:chosen+1], targets[:chosen]) // the others keep their order
		targets[0] = t
		targets = targets[1:]
	}
}
