//go:build linux

package e2e

import (
	"cmp"
	"fmt"
	"io"
	"os"
	"runtime"
	"slices"
	"strings"
	"time"
)

// measured is a row with its measurements.
type measured struct {
	row   benchRow
	way   string
	trip  time.Duration
	own   []time.Duration
	trips []int
	peers []time.Duration // of benchPhones; none: not measured
}

// sorted are the times; never is longer than anything.
func (m measured) sorted() []time.Duration {
	return slices.SortedFunc(slices.Values(m.own), func(a, b time.Duration) int {
		if (a == never) != (b == never) {
			return map[bool]int{true: 1, false: -1}[a == never]
		}
		return cmp.Compare(a, b)
	})
}

// middleTrips is the median of the round trips that were counted. How long they take alone is the limit.
func (m measured) middleTrips() int { return slices.Sorted(slices.Values(m.trips))[len(m.trips)/2] }

// line is the row in Markdown.
func (m measured) line() string {
	all := m.sorted()
	middle := all[len(all)/2]
	cells := []string{m.row.name, m.path(), "", "", inMS(middle), inMS(all[0]), inMS(all[len(all)-1]), fmt.Sprint(len(all)), m.within(), ""}
	if middle != never && m.row.after == nil { // else much goes on that nobody waits for
		cells[2], cells[3] = fmt.Sprint(m.middleTrips()), inMS(time.Duration(m.middleTrips())*m.trip)
	}
	if m.way == "20" && m.row.goal > 0 {
		cells[9] = inMS(m.row.goal)
	}
	for i := range benchPhones {
		peer := ""
		if i < len(m.peers) {
			peer = inMS(m.peers[i])
		}
		cells = append(cells, peer)
	}
	return "| " + strings.Join(cells, " | ") + " |"
}

// path is the path in words.
func (m measured) path() string {
	trip, loss, lossy := strings.Cut(m.way, "/")
	if lossy {
		return trip + ", " + loss + " % lost"
	}
	return trip
}

// within is how many of the runs were over in 5 s, for what is a matter of chance.
func (m measured) within() string {
	if !m.row.chance {
		return ""
	}
	n := 0
	for _, t := range m.own {
		if t != never && t <= 5*time.Second {
			n++
		}
	}
	return fmt.Sprintf("%d of %d", n, len(m.own))
}

func inMS(d time.Duration) string {
	switch {
	case d == never:
		return "never"
	case d == absent:
		return "not installed"
	}
	return fmt.Sprintf("%.0f", d.Seconds()*1000)
}

// benchReport is the table.
type benchReport struct{ rows []measured }

func (r *benchReport) add(m measured) { r.rows = append(r.rows, m) }

func (r *benchReport) print(w io.Writer) {
	var load float64
	text, _ := os.ReadFile("/proc/loadavg") // unknown is no harm
	_, _ = fmt.Sscan(string(text), &load)
	kernel, _ := os.ReadFile("/proc/sys/kernel/osrelease")
	fmt.Fprintf(w, "\n%s, %s/%s, Linux %s, %s, %d processors, load %.1f, %s\n\n", time.Now().UTC().Format(time.DateOnly), runtime.GOOS, runtime.GOARCH,
		strings.TrimSpace(string(kernel)), processor(), runtime.NumCPU(), load, runtime.Version())
	head := []string{"case", "RTT", "round trips", "limit", "median", "min", "max", "n", "in 5 s", "goal"}
	for _, c := range benchPhones {
		head = append(head, c.name)
	}
	fmt.Fprintf(w, "| %s |\n|%s\n", strings.Join(head, " | "), strings.Repeat("---|", len(head)))
	for _, m := range r.rows {
		fmt.Fprintln(w, m.line())
	}
	fmt.Fprintln(w)
}

// processor is the model of the processor.
func processor() string {
	text, _ := os.ReadFile("/proc/cpuinfo")
	for line := range strings.Lines(string(text)) {
		if what, model, ok := strings.Cut(line, ":"); ok && strings.TrimSpace(what) == "model name" {
			return strings.TrimSpace(model)
		}
	}
	return "an unknown processor"
}
