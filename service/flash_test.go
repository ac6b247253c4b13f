package service

import (
	"io/fs"
	"os"
	"path/filepath"
	"testing"
	"testing/synctest"
	"time"
)

// What a normal day may cost the flash of a device. (Our choice: a device has ten years of it.)
const (
	commitsADay = 16
	bytesADay   = 1 << 20
)

// On a normal day, with a restart of the device, one of the Registrar, and refreshes every few minutes, next to nothing is
// written.
func TestADayOnFlash(t *testing.T) {
	dir := t.TempDir()
	w := writes{last: map[string]fs.FileInfo{}}
	synctest.Test(t, func(t *testing.T) {
		d := device{file: filepath.Join(dir, "history.jsonl"), dir: dir}
		d.start(t)
		w.watch(t, dir, 8*time.Hour)
		d.end()
		w.look(t, dir)
		d.start(t)
		w.watch(t, dir, 8*time.Hour)
		d.apply(t, "reset 10.0.0.5:5061", "reset 10.0.0.6:5061")
		w.watch(t, dir, 8*time.Hour)
		d.end()
		w.look(t, dir)
	})
	t.Logf("%d commits, %d bytes", w.commits, w.bytes)
	if w.commits == 0 || w.commits > commitsADay || w.bytes > bytesADay {
		t.Errorf("%d commits of %d bytes together, want some, and at most %d of %d", w.commits, w.bytes, commitsADay, bytesADay)
	}
}

// writes counts how often the files of a directory have changed, each time as a whole, which is more than is written.
type writes struct {
	commits int
	bytes   int64
	last    map[string]fs.FileInfo
}

// watch looks once in 10 s of fake time: nothing that is regular happens more often.
func (w *writes) watch(t *testing.T, dir string, while time.Duration) {
	t.Helper()
	for range while / (10 * time.Second) {
		time.Sleep(10 * time.Second)
		w.look(t, dir)
	}
}

func (w *writes) look(t *testing.T, dir string) {
	t.Helper()
	entries, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range entries {
		now, err := e.Info()
		if err != nil {
			t.Fatal(err)
		}
		before, known := w.last[e.Name()]
		w.last[e.Name()] = now
		if !known || !os.SameFile(before, now) || !before.ModTime().Equal(now.ModTime()) || before.Size() != now.Size() {
			w.commits++
			w.bytes += now.Size()
		}
	}
}
