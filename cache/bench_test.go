package cache

import "testing"

// A device commits a few times a day: what counts is that a commit is done within 100 ms on a slow
// SD card, and that it writes about 16 KB.
func BenchmarkCommit(b *testing.B) {
	db := Open(b.TempDir())
	for n := 0; b.Loop(); n++ {
		if _, err := db.Commit(record(n)); err != nil {
			b.Fatal(err)
		}
	}
}

// A start must not wait for its own store: 5 ms on a small device.
func BenchmarkOpen(b *testing.B) {
	dir := deviceAfter(b, 3)
	for b.Loop() {
		if _, ok := Open(dir).Load(); !ok {
			b.Fatal("no record")
		}
	}
}
