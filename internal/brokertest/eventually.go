package brokertest

import (
	"testing"
	"time"
)

const lookEvery = 50 * time.Millisecond

// Eventually waits until something is so, for what happens in other processes; what is names it.
func Eventually(t testing.TB, what string, within time.Duration, is func() error) {
	t.Helper()
	tick, end := time.NewTicker(lookEvery), time.After(within)
	defer tick.Stop()
	for {
		err := is()
		if err == nil {
			return
		}
		select {
		case <-tick.C:
		case <-end:
			t.Fatalf("%s: %v", what, err)
		}
	}
}
