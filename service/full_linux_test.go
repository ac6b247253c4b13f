package service

import (
	"log/slog"
	"os"
	"path/filepath"
	"testing"

	"homeward/e2e/needs"
	"homeward/provisioning"
)

// What could not be written for want of space is known until it was written.
func TestMend112NoSpace(t *testing.T) {
	dir := needs.Mounted(t, "size=64k")
	s := openStory(filepath.Join(dir, "history.jsonl"))
	f := NewStateFile(filepath.Join(dir, "registrar.json"), func() provisioning.Status { return provisioning.Status{} }, s, nil, slog.New(slog.DiscardHandler))
	filler := filepath.Join(dir, "filler")
	if err := os.WriteFile(filler, make([]byte, 64<<10), 0o600); err != nil {
		t.Fatal(err)
	}
	outageOf(s, 1)
	s.save(0)
	if f.write() || !s.Full() || !f.Full() {
		t.Errorf("on a full file system: full %v, %v", s.Full(), f.Full())
	}
	if err := os.Remove(filler); err != nil {
		t.Fatal(err)
	}
	s.save(0)
	if !f.write() || s.Full() || f.Full() {
		t.Errorf("once there is room: full %v, %v", s.Full(), f.Full())
	}
}
