package years

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"runtime/debug"
	"testing"
	"testing/synctest"
	"time"
)

// Our choices.
const (
	DefaultEpisodes = 52 // a bad hour in every week
	DefaultDays     = 20
	heapGrowth      = 64 << 20 // from the first year of a process to any other
)

// Live lives years one after the other, and calls report after each. It needs a test, for testing/synctest.
func Live(t *testing.T, p Plan, report func(Count)) {
	t.Helper()
	before, first := runtime.NumGoroutine(), uint64(0)
	for seed := p.First; seed < p.First+uint64(p.N); seed++ { //nolint:gosec // N is not negative
		base, err := os.MkdirTemp(fast(), "homeward-year-")
		if err != nil {
			t.Fatal(err)
		}
		var c Count
		began := time.Now()
		synctest.Test(t, func(t *testing.T) { c = Year(t, base, seed, p) })
		c.Took = time.Since(began)
		os.RemoveAll(base)
		heap := heapNow()
		if first == 0 {
			first = heap
		}
		if heap > first+heapGrowth {
			c.Broken = append(c.Broken, fmt.Sprintf("bounded: the heap has grown from %d to %d bytes", first, heap))
		}
		if n := runtime.NumGoroutine(); n > before+2 {
			c.Broken = append(c.Broken, fmt.Sprintf("bounded: %d goroutines after the year, %d before the first", n, before))
		}
		report(c)
		if t.Failed() {
			return
		}
	}
}

func heapNow() uint64 {
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return m.HeapAlloc
}

// fast is a directory in memory, where there is one: nothing is asked of a real disk.
func fast() string {
	const shm = "/dev/shm"
	if f, err := os.CreateTemp(shm, "homeward-"); err == nil {
		f.Close()
		os.Remove(f.Name())
		return shm
	}
	return filepath.Clean(os.TempDir())
}

// ResultPrefix begins a line of Main that holds a Count in JSON.
const ResultPrefix = "year "

// Main lives years in this process, prints a line for each, and ends the process. testing/synctest wants a test: this is one.
func Main(p Plan) {
	os.Args = os.Args[:1]   // for package testing
	debug.SetGCPercent(400) // time counts here
	testing.Main(func(string, string) (bool, error) { return true, nil }, []testing.InternalTest{{Name: "Years", F: func(t *testing.T) {
		Live(t, p, func(c Count) {
			text, err := json.Marshal(c)
			if err != nil {
				t.Fatal(err)
			}
			fmt.Printf("%s%s\n", ResultPrefix, text)
		})
	}}}, nil, nil)
}
