package srv

import (
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"pgregory.net/rapid"
)

// share counts which host comes first in many draws, in percent.
func share(t *testing.T, targets ...Target) map[string]float64 {
	t.Helper()
	source := rand.New(rand.NewPCG(2, 7))
	const draws = 20_000
	first := map[string]float64{}
	for range draws {
		drawn := slices.Clone(targets)
		order(drawn, func(n int) int { return source.IntN(n + 1) })
		if !slices.IsSortedFunc(drawn, func(a, b Target) int { return int(a.Priority) - int(b.Priority) }) {
			t.Fatalf("priorities out of order: %v", drawn)
		}
		first[drawn[0].Host] += 100.0 / draws
	}
	return first
}

func TestOrderDistribution(t *testing.T) {
	host := func(name string, priority, weight uint16) Target {
		return Target{Host: name, Port: 5061, Priority: priority, Weight: weight}
	}
	for _, row := range []struct {
		name    string
		targets []Target
		want    map[string]float64
	}{
		{"T17 the lower priority is first, whatever the weights", []Target{host("backup", 10, 60), host("primary", 0, 0)}, map[string]float64{"primary": 100}},
		{"T17 weights 60 and 40 share 60 to 40", []Target{host("a", 10, 60), host("b", 10, 40)}, map[string]float64{"a": 60, "b": 40}},
		{"T17 the order of the answer does not matter", []Target{host("b", 10, 40), host("a", 10, 60)}, map[string]float64{"a": 60, "b": 40}},
		{"D20 weights of zero share evenly", []Target{host("a", 0, 0), host("b", 0, 0), host("c", 0, 0), host("d", 0, 0)},
			map[string]float64{"a": 25, "b": 25, "c": 25, "d": 25}},
		{"D20 weights whose sum does not fit 16 bits share evenly", []Target{host("a", 0, math.MaxUint16), host("b", 0, math.MaxUint16)},
			map[string]float64{"a": 50, "b": 50}},
		{"RFC 2782 a weight of zero beside others has a very small chance", []Target{host("a", 0, 0), host("b", 0, 999)}, map[string]float64{"a": 0, "b": 100}},
	} {
		t.Run(row.name, func(t *testing.T) {
			got := share(t, row.targets...)
			for host, want := range row.want {
				if math.Abs(got[host]-want) > 1.5 {
					t.Errorf("got %v, want %v", got, row.want)
				}
			}
		})
	}
}

func TestOrderFollowsTheDraws(t *testing.T) {
	// RFC 2782: zero weights stand first, and the first running sum that reaches the number drawn is selected.
	for _, row := range []struct {
		draws []int // what is drawn after the shuffle, which leaves all in place
		want  string
	}{
		{[]int{0, 0, 0}, "zero three one"},
		{[]int{1, 0, 0}, "three zero one"},
		{[]int{3, 0, 0}, "three zero one"},
		{[]int{4, 0, 0}, "one zero three"},
		{[]int{4, 1, 0}, "one three zero"},
	} {
		targets := []Target{{Host: "three", Weight: 3}, {Host: "one", Weight: 1}, {Host: "zero"}}
		shuffle, draws := 2, row.draws
		order(targets, func(n int) int {
			if shuffle > 0 {
				shuffle--
				return n
			}
			next := draws[0]
			draws = draws[1:]
			return next
		})
		var got []string
		for _, x := range targets {
			got = append(got, x.Host)
		}
		if strings.Join(got, " ") != row.want {
			t.Errorf("draws %v: got %v, want %v", row.draws, got, row.want)
		}
	}
}

func TestOrderLosesNothing(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		var targets []Target
		for i := range rapid.IntRange(0, 30).Draw(t, "n") {
			targets = append(targets, Target{Host: fmt.Sprint(i), Priority: rapid.Uint16Max(3).Draw(t, "priority"), Weight: rapid.Uint16().Draw(t, "weight")})
		}
		ordered := slices.Clone(targets)
		order(ordered, func(n int) int { return rapid.IntRange(0, n).Draw(t, "draw") })
		byHost := func(a, b Target) int { return strings.Compare(a.Host, b.Host) }
		if !slices.IsSortedFunc(ordered, func(a, b Target) int { return int(a.Priority) - int(b.Priority) }) {
			t.Fatalf("priorities out of order: %v", ordered)
		}
		slices.SortFunc(ordered, byHost)
		slices.SortFunc(targets, byHost)
		if !slices.Equal(ordered, targets) {
			t.Fatalf("got %v, want %v", ordered, targets)
		}
	})
}
