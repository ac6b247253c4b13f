package cache

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"homeward/e2e/needs"
)

const daemonUser = 65534 // any user but root

// asDaemon runs f as the user of the daemon.
func asDaemon(t *testing.T, f func()) {
	t.Helper()
	become := func(uid int) {
		if err := syscall.Setresuid(-1, uid, -1); err != nil { // of all threads
			t.Fatal(err)
		}
	}
	become(daemonUser)
	defer become(0)
	f()
}

// stateDir returns a state directory that belongs to the user of the daemon, who can reach it.
func stateDir(t *testing.T) string {
	t.Helper()
	if os.Geteuid() != 0 {
		needs.Missing(t, "root", "")
	}
	dir, err := os.MkdirTemp("/tmp", "homeward")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(dir) })
	if err := errors.Join(os.Chown(dir, daemonUser, daemonUser), os.Chmod(dir, 0o750)); err != nil {
		t.Fatal(err)
	}
	return dir
}

func TestWhatRootMakesBelongsToTheDaemon(t *testing.T) {
	dir := stateDir(t)
	db := Open(dir)
	if _, err := db.Commit(record(1)); err != nil {
		t.Fatal(err)
	}
	mustWrite(t, dir, "homeward.db", nil)
	if err := Open(dir).Forget(); err != nil { // both files are made anew
		t.Fatal(err)
	}
	for _, name := range []string{"homeward.db", "last-good.json"} {
		info, err := os.Stat(filepath.Join(dir, name))
		if err != nil {
			t.Fatal(err)
		}
		if of := info.Sys().(*syscall.Stat_t); of.Uid != daemonUser || of.Gid != daemonUser {
			t.Errorf("%s belongs to %d:%d", name, of.Uid, of.Gid)
		}
	}
	asDaemon(t, func() {
		db := Open(dir)
		if _, err := db.Commit(record(2)); err != nil {
			t.Error(err)
		}
		for _, n := range db.Notes() {
			if n.Code != "cache-damaged" || strings.Contains(n.Text, "denied") {
				t.Error(n)
			}
		}
	})
}

// As left by a version that did not give them away.
func TestFilesThatBelongToRoot(t *testing.T) {
	dir, from := stateDir(t), deviceAfter(t, 3)
	for _, name := range []string{"homeward.db", "last-good.json"} {
		mustWrite(t, dir, name, mustRead(t, from, name))
		if err := os.Chmod(filepath.Join(dir, name), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	note := func(name, where string) string {
		return fmt.Sprintf("cache-write: %s: permission denied (it belongs to user 0; run: chown %d %s); the record is kept in %s", name, daemonUser, name, where)
	}
	give := func(name string) {
		if err := os.Chown(filepath.Join(dir, name), daemonUser, daemonUser); err != nil {
			t.Fatal(err)
		}
	}
	asDaemon(t, func() {
		if d := diff(untouched(0, note("homeward.db", "memory only"), note("last-good.json", "memory only")), startOf(t, dir, Open(dir))); d != "" {
			t.Error(d)
		}
	})
	give("last-good.json")
	asDaemon(t, func() {
		if d := diff(untouched(3, note("homeward.db", "last-good.json alone")), startOf(t, dir, Open(dir))); d != "" {
			t.Error(d)
		}
	})
	give("homeward.db")
	asDaemon(t, func() {
		if d := diff(untouched(3), startOf(t, dir, Open(dir))); d != "" {
			t.Error(d)
		}
	})
}

// A directory that belongs to root: it is the cause, said once, and what its files may hold stays.
func TestMend60DirectoryOfAnother(t *testing.T) {
	for _, test := range []struct {
		name    string
		mode    os.FileMode // of the directory
		records int
		want    string
	}{
		{"restored as root", 0o700, 3, "homeward.db: permission denied; nothing can be stored there"},
		{"which others may read", 0o755, 3, "homeward.db: permission denied; the record of " + record(3).RegisteredAt.UTC().Format("2006-01-02 15:04 UTC") + " is kept as it is, only newer changes are not stored"},
		{"without a record", 0o755, 0, "homeward.db: permission denied; nothing can be stored there"},
	} {
		t.Run(test.name, func(t *testing.T) {
			dir := stateDir(t)
			if test.records > 0 {
				from := deviceAfter(t, test.records)
				for _, name := range []string{"homeward.db", "last-good.json"} {
					mustWrite(t, dir, name, mustRead(t, from, name))
					os.Chmod(filepath.Join(dir, name), 0o644)
				}
			}
			os.Chown(dir, 0, 0)
			os.Chmod(dir, test.mode)
			asDaemon(t, func() {
				db := Open(dir)
				defer db.Close()
				for range 2 { // after the start, and when there is something to store
					var said []Note
					for _, n := range db.Notes() {
						if n.Dir != "" {
							said = append(said, n)
						}
					}
					if len(said) != 1 || len(db.Notes()) != 1 || said[0].Text != dir+"/"+test.want || said[0].Dir != dir || said[0].Owner != "root" || said[0].User == "root" || said[0].Code != "cache-read-only" {
						t.Errorf("got %q", db.Notes())
					}
					if _, err := db.Commit(record(7)); !errors.As(err, new(Note)) {
						t.Errorf("Commit: %v", err)
					}
				}
			})
		})
	}
}
