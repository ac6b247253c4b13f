package cache

import (
	"errors"
	"os"
	"path/filepath"
	"runtime"
	"testing"

	"go.etcd.io/bbolt"

	"homeward/e2e/needs"
)

func TestAFaultOfMemoryIsDamage(t *testing.T) {
	if runtime.GOOS == "windows" {
		needs.Missing(t, "platform", "a mapped file cannot be cut short on Windows")
	}
	path := filepath.Join(deviceAfter(t, 3), "homeward.db")
	err := safely(func() error {
		b, err := openBolt(path, os.OpenFile, true)
		if err != nil {
			return err
		}
		if err := os.Truncate(path, 0); err != nil { // the mapping stays, and has nothing behind it
			return err
		}
		return b.View(func(*bbolt.Tx) error { return nil })
	})
	var d damage
	if !errors.As(err, &d) {
		t.Errorf("%v, want damage", err)
	}
}
