package cache

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"io/fs"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"testing/synctest"
	"time"
)

// start is everything that opening a directory led to.
type start struct {
	Generation uint64   // of the record; 0: none
	Notes      []string // "code: text", with the directory cut away
	Files      []string
}

func startOf(t *testing.T, dir string, db *DB) start {
	t.Helper()
	r, ok := db.Load()
	if ok != (r.Generation > 0) {
		t.Errorf("Load = %+v, %v", r, ok)
	}
	if ok && diff(committed(int(r.Generation)), r) != "" {
		t.Errorf("a value that was never committed: %s", diff(committed(int(r.Generation)), r))
	}
	s := start{Generation: r.Generation, Files: files(t, dir)}
	for _, n := range db.Notes() {
		s.Notes = append(s.Notes, n.Code+": "+strings.ReplaceAll(n.Text, dir+string(filepath.Separator), ""))
	}
	return s
}

const (
	fromSecond = "cache-damaged: homeward.db: missing, damaged or older; it was written again from last-good.json"
	fromDB     = "cache-damaged: last-good.json: missing, damaged or older; it was written again from homeward.db"
	tooNew     = ": made by a newer version of homeward; both copies are left as they are, the record is kept in memory only"
)

// healed is the start of a device whose database was set aside and written again.
func healed(why string) start {
	return start{3, []string{"cache-damaged: homeward.db: " + why + "; it was set aside as homeward.db.damaged-1", fromSecond},
		[]string{"homeward.db", "homeward.db.damaged-1", "last-good.json"}}
}

func untouched(generation uint64, notes ...string) start {
	return start{generation, notes, []string{"homeward.db", "last-good.json"}}
}

// X01 to X32 are those of docs/rules.md. X19 to X22 need a disk that fails, X30
// a process that dies: see below, and crash_test.go.
func TestDamagedFiles(t *testing.T) {
	const notADatabase = "it is not a database, or neither of its first pages is valid"
	for _, tt := range []struct {
		name  string
		spoil func(t *testing.T, dir string)
		want  start
	}{
		{"X00 nothing is wrong", func(*testing.T, string) {}, untouched(3)},
		{"X01 the database has 0 bytes", database(func(b []byte) []byte { return nil }), healed("it is empty")},
		{"X02 the database has 1 byte", database(func(b []byte) []byte { return b[:1] }), healed("invalid database")},
		{"X03 the database is all zeros", database(func(b []byte) []byte { return make([]byte, len(b)) }), healed("invalid database")},
		{"X04 the database is noise", database(func(b []byte) []byte { return noise(64 << 10) }), healed("invalid database")},
		{"X05 the database ends after its first pages", database(func(b []byte) []byte { return b[:3*pageSize] }), healed(notADatabase)},
		{"X06 both meta pages are bad", database(func(b []byte) []byte { return flip(flip(b, 16), pageSize+16) }), healed("invalid database")},
		{"X07 the newest meta page is bad: the second copy knows more", database(spoilNewestMeta), untouched(3, fromSecond)},
		{"X08 the freelist is no freelist", database(func(b []byte) []byte { return flip(b, int(must(native.newestMeta(b)).freelist)*pageSize+8) }),
			healed("page 6 is not the page it should be")},
		{"X09 one bit of the record is wrong", database(func(b []byte) []byte {
			return flip(b, bytes.LastIndex(b, []byte("fe03")))
		}), healed("the checksum of the record does not match")},
		{"X10 two pages are swapped", database(func(b []byte) []byte {
			root, free := int(must(native.newestMeta(b)).root)*pageSize, int(must(native.newestMeta(b)).freelist)*pageSize
			page := bytes.Clone(b[root:][:pageSize])
			copy(b[root:][:pageSize], b[free:][:pageSize])
			copy(b[free:], page)
			return b
		}), healed("page 3 is not the page it should be")},
		{"X11 the database is the one of two commits ago", func(t *testing.T, dir string) {
			mustWrite(t, dir, "homeward.db", mustRead(t, deviceAfter(t, 1), "homeward.db"))
		}, untouched(3, fromSecond)},
		{"X12 the database has the other byte order", database(func(b []byte) []byte {
			for _, page := range []int{0, pageSize} {
				for i := page + 16; i < page+32; i += 4 {
					binary.LittleEndian.PutUint32(b[i:], binary.BigEndian.Uint32(b[i:]))
				}
			}
			return b
		}), healed("invalid database")},
		{"X13 the second copy was made by a newer version", second(func(b []byte) []byte { return reseal(b, `"version": 1`, `"version": 2`) }),
			untouched(3, "cache-too-new: last-good.json"+tooNew)},
		{"X13 the database was made by a newer version", func(t *testing.T, dir string) {
			plant(t, dir, reseal(mustRead(t, dir, "last-good.json"), `"version": 1`, `"version": 2`))
		}, untouched(3, "cache-too-new: homeward.db"+tooNew)},
		{"X14 a version that never was", func(t *testing.T, dir string) {
			plant(t, dir, reseal(mustRead(t, dir, "last-good.json"), `"version": 1`, `"version": 0`))
		}, healed("the record has no version")},
		{"X16 a directory in the place of the database", replaced(func(path string) error { return os.Mkdir(path, 0o700) }), healed("it is not a regular file")},
		{"X17 a link in the place of the database", replaced(func(path string) error { return os.Symlink("last-good.json", path) }), healed("it is not a regular file")},
		{"X17 a pipe in the place of the database", replaced(mkfifo), healed("it is not a regular file")},
		{"X23 a database of 1 GB, nearly all of it a hole", func(t *testing.T, dir string) {
			if err := os.Truncate(filepath.Join(dir, "homeward.db"), 1<<30); err != nil {
				t.Fatal(err)
			}
		}, healed("it has 1073741824 bytes, which is too large")},
		{"X24 a right checksum over an absurd port", func(t *testing.T, dir string) {
			plant(t, dir, reseal(mustRead(t, dir, "last-good.json"), `"port": 5061`, `"port": 0`))
		}, healed("the record makes no sense: registrar: fe03.contoso.com has port 0")},
		{"X24 a right checksum over bytes of another type", func(t *testing.T, dir string) {
			plant(t, dir, reseal(mustRead(t, dir, "last-good.json"), `"port": 5061`, `"port": 99999`))
		}, healed("the record cannot be read: json: cannot unmarshal number 99999 into Go struct field Registrar.registrar.port of type uint16")},
		{"X25 the second copy is newer", func(t *testing.T, dir string) {
			mustWrite(t, dir, "last-good.json", mustRead(t, deviceAfter(t, 5), "last-good.json"))
		}, untouched(5, fromSecond)},
		{"X26 both copies are damaged: a clean start", func(t *testing.T, dir string) {
			database(func(b []byte) []byte { return b[:1] })(t, dir)
			second(func(b []byte) []byte { return b[:100] })(t, dir)
		}, start{0, []string{
			"cache-damaged: homeward.db: invalid database; it was set aside as homeward.db.damaged-1",
			"cache-damaged: last-good.json: the checksum of the record does not match; it was set aside as last-good.json.damaged-1",
		}, []string{"homeward.db", "homeward.db.damaged-1", "last-good.json.damaged-1"}}},
		{"X27 50 files were set aside before: two are kept", func(t *testing.T, dir string) {
			for n := range 50 {
				mustWrite(t, dir, fmt.Sprintf("homeward.db.damaged-%d", n+1), nil)
			}
			database(func(b []byte) []byte { return nil })(t, dir)
		}, start{3, []string{"cache-damaged: homeward.db: it is empty; it was set aside as homeward.db.damaged-51", fromSecond},
			[]string{"homeward.db", "homeward.db.damaged-50", "homeward.db.damaged-51", "last-good.json"}}},
		{"X28 a generation that would overflow", func(t *testing.T, dir string) {
			plant(t, dir, reseal(mustRead(t, dir, "last-good.json"), `"generation": 3`, `"generation": 18446744073709551615`))
		}, healed("the record makes no sense: generation 18446744073709551615 is beyond reach")},
		{"X29 a planted Registrar that is no host name", func(t *testing.T, dir string) {
			plant(t, dir, reseal(mustRead(t, dir, "last-good.json"), "fe03.contoso.com", "fe03.contoso.com;reboot"))
		}, healed(`the record makes no sense: registrar: host "fe03.contoso.com;reboot"`)},
		{"X31 power was cut between the database and the second copy", func(t *testing.T, dir string) {
			mustWrite(t, dir, "last-good.json", mustRead(t, deviceAfter(t, 2), "last-good.json"))
		}, untouched(3, fromDB)},
		{"the second copy is missing", func(t *testing.T, dir string) { os.Remove(filepath.Join(dir, "last-good.json")) }, untouched(3, fromDB)},
		{"the database is missing", func(t *testing.T, dir string) { os.Remove(filepath.Join(dir, "homeward.db")) }, untouched(3, fromSecond)},
		{"a temporary directory is in the way", func(t *testing.T, dir string) {
			must(0, os.MkdirAll(filepath.Join(dir, "homeward.db.tmp", "full"), 0o700))
			database(func(b []byte) []byte { return nil })(t, dir)
		}, healed("it is empty")},
		{"a temporary file of a killed start is in the way", func(t *testing.T, dir string) {
			mustWrite(t, dir, "homeward.db.tmp", noise(100))
			database(func(b []byte) []byte { return nil })(t, dir)
		}, healed("it is empty")},
	} {
		t.Run(tt.name, func(t *testing.T) {
			dir := deviceAfter(t, 3)
			tt.spoil(t, dir)
			db := Open(dir)
			if d := diff(tt.want, startOf(t, dir, db)); d != "" {
				t.Fatal(d)
			}
			if strings.Contains(fmt.Sprint(tt.want.Notes), tooNew) {
				return
			}
			if _, err := db.Commit(record(9)); err != nil {
				t.Errorf("the commit after it: %v", err)
			}
			after := Open(dir)
			want := record(9)
			want.Generation = tt.want.Generation + 1
			if d := diff(want, load(after)); d != "" || len(after.Notes()) > 0 {
				t.Errorf("the start after it: %s%v", d, after.Notes())
			}
		})
	}
}

func TestX13ANewerVersionKeepsItsFiles(t *testing.T) {
	dir := deviceAfter(t, 3)
	newer := reseal(mustRead(t, dir, "last-good.json"), `"version": 1`, `"version": 2`)
	plant(t, dir, newer)
	mustWrite(t, dir, "last-good.json", newer)
	before := fingerprint(t, dir)
	db := Open(dir)
	changed, err := db.Commit(record(7))
	var note Note
	if !changed || !errors.As(err, &note) || note.Code != "cache-too-new" {
		t.Errorf("Commit = %v, %v", changed, err)
	}
	want := record(7)
	want.Generation = 1
	if d := diff(want, load(db)); d != "" {
		t.Error(d)
	}
	if d := diff(before, fingerprint(t, dir)); d != "" {
		t.Error(d)
	}
	if err := db.Forget(); err != nil { // the way out that the hint names
		t.Error(err)
	}
	if _, err := db.Commit(record(8)); err != nil || load(Open(dir)).Registrar.Host != record(8).Registrar.Host {
		t.Error(err, db.Notes())
	}
	if !bytes.Equal(newer, mustRead(t, dir, "last-good.json.damaged-1")) {
		t.Error("the newer record was lost")
	}
}

func TestX05TruncationAtEverySector(t *testing.T) {
	dir := deviceAfter(t, 3)
	whole, healthy := mustRead(t, dir, "homeward.db"), mustRead(t, dir, "last-good.json")
	for size := 0; size < len(whole); size += 512 {
		mustWrite(t, dir, "homeward.db", whole[:size])
		mustWrite(t, dir, "last-good.json", healthy)
		if db := Open(dir); load(db).Generation != 3 {
			t.Errorf("%d bytes: generation %d, %v", size, load(db).Generation, db.Notes())
		}
	}
	for size := 0; size < len(healthy); size += 64 {
		mustWrite(t, dir, "homeward.db", whole)
		mustWrite(t, dir, "last-good.json", healthy[:size])
		if db := Open(dir); load(db).Generation != 3 || len(db.Notes()) == 0 {
			t.Errorf("%d bytes of JSON: generation %d, %v", size, load(db).Generation, db.Notes())
		}
	}
}

// It says nothing about the file: it stays where it is, the other copy serves, and once it may be read it is used again.
func TestX15FileThatMayNotBeRead(t *testing.T) {
	dir, healthy := deviceAfter(t, 3), false
	foreign, err := os.Stat(filepath.Join(dir, "homeward.db"))
	if err != nil {
		t.Fatal(err)
	}
	db := openWith(dir, func(name string, flag int, perm os.FileMode) (*os.File, error) { // root may read everything
		if info, err := os.Stat(name); err == nil && os.SameFile(info, foreign) && !healthy {
			return nil, &fs.PathError{Op: "open", Path: name, Err: syscall.EACCES}
		}
		return os.OpenFile(name, flag, perm)
	})
	want := untouched(3, "cache-read-only: homeward.db: permission denied; the record is kept in last-good.json alone")
	if d := diff(want, startOf(t, dir, db)); d != "" {
		t.Error(d)
	}
	for n := 4; n <= 5; n++ {
		if changed, err := db.Commit(record(n)); !changed || err != nil {
			t.Errorf("Commit = %v, %v", changed, err)
		}
		if r, kind, err := ReadFile(filepath.Join(dir, "last-good.json")); r.Generation != uint64(n) || err != nil {
			t.Errorf("%s: generation %d, %v", kind, r.Generation, err)
		}
		healthy = true
	}
	if r, kind, err := ReadFile(filepath.Join(dir, "homeward.db")); r.Generation != 5 || err != nil {
		t.Errorf("%s, once it may be read: generation %d, %v", kind, r.Generation, err)
	}
}

// A system that refuses to open files, by the names and flags it is asked for.
func TestDisksThatRefuse(t *testing.T) {
	for _, tt := range []struct {
		name      string
		refuse    func(name string, flag int) error
		want      start
		committed error
	}{
		{"JFFS2 cannot map what can be written: the second copy alone carries the record", func(name string, flag int) error {
			if strings.Contains(name, "homeward.db") && flag&os.O_RDWR != 0 {
				return syscall.EINVAL // without a path, as mmap in bbolt says it
			}
			return nil
		}, untouched(3, "cache-write: homeward.db: this file system cannot map a file into memory (invalid argument); the record is kept in last-good.json alone"), nil},
		{"too many open files: what cannot be read now is not replaced", func(string, int) error { return syscall.EMFILE },
			untouched(0, "cache-write: homeward.db: too many open files; the record is kept in memory only",
				"cache-write: last-good.json: too many open files; the record is kept in memory only"), Note{}},
		{"the database can be read, and nothing written", func(_ string, flag int) error {
			if flag != os.O_RDONLY {
				return &fs.PathError{Op: "open", Path: "x", Err: syscall.ENOSPC}
			}
			return nil
		}, untouched(3, "cache-write: homeward.db: no space left on device; the record is kept in last-good.json alone"), Note{}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			dir, healthy := deviceAfter(t, 3), false
			db := openWith(dir, func(name string, flag int, perm os.FileMode) (*os.File, error) {
				if err := tt.refuse(name, flag); err != nil && !healthy {
					return nil, err
				}
				return os.OpenFile(name, flag, perm)
			})
			if d := diff(tt.want, startOf(t, dir, db)); d != "" {
				t.Error(d)
			}
			if changed, err := db.Commit(record(4)); !changed || errors.As(err, new(Note)) != (tt.committed != nil) {
				t.Errorf("Commit = %v, %v", changed, err)
			}
			want := generation(tt.want.Generation+1, record(4))
			if d := diff(want, load(db)); d != "" {
				t.Error(d)
			}
			healthy = true
			if _, err := db.Commit(record(4)); err != nil {
				t.Errorf("once it is healthy: %v", err)
			}
			want.Generation = 4
			if d := diff(want, load(Open(dir))); d != "" {
				t.Error(d)
			}
		})
	}
}

func TestDirectoryThatIsAFile(t *testing.T) {
	dir := t.TempDir()
	mustWrite(t, dir, "state", nil)
	db := Open(filepath.Join(dir, "state"))
	if _, err := db.Commit(record(1)); !errors.As(err, new(Note)) || !strings.HasSuffix(err.Error(), "homeward.db: not a directory; the record is kept in memory only") {
		t.Errorf("Commit: %v", err)
	}
	if d := diff(committed(1), load(db)); d != "" {
		t.Error(d)
	}
}

func TestX18LockedByAnotherProcess(t *testing.T) {
	dir := deviceAfter(t, 3)
	synctest.Test(t, func(t *testing.T) {
		other, err := openBolt(filepath.Join(dir, "homeward.db"), os.OpenFile, false)
		if err != nil {
			t.Fatal(err)
		}
		before, began := fingerprint(t, dir), time.Now()
		db := Open(dir)
		const locked = "cache-write: homeward.db: in use by another process; both copies are left as they are, the record is kept in memory only"
		if d := diff(untouched(3, locked), startOf(t, dir, db)); d != "" {
			t.Error(d)
		}
		if took := time.Since(began); took > lockWait {
			t.Errorf("Open took %v", took)
		}
		if changed, err := db.Commit(record(4)); !changed || !errors.As(err, new(Note)) {
			t.Errorf("Commit = %v, %v", changed, err)
		}
		if _, _, err := ReadFile(filepath.Join(dir, "homeward.db")); !errors.Is(err, ErrLocked) {
			t.Errorf("ReadFile: %v, want ErrLocked", err)
		}
		if r, _, err := ReadFile(filepath.Join(dir, "last-good.json")); r.Generation != 3 || err != nil {
			t.Errorf("the second copy: generation %d, %v", r.Generation, err)
		}
		if d := diff(before, fingerprint(t, dir)); d != "" {
			t.Error(d)
		}
		if err := other.Close(); err != nil {
			t.Fatal(err)
		}
		if changed, err := db.Commit(record(4)); changed || err != nil { // tried again, though it is no news
			t.Errorf("Commit = %v, %v", changed, err)
		}
		if d := diff(untouched(4), startOf(t, dir, Open(dir))); d != "" {
			t.Error(d)
		}
	})
}

func TestX22DiskThatDoesNotAnswer(t *testing.T) {
	for _, tt := range []struct {
		name      string
		meanwhile func(*DB) error
		want      Record // once the disk has answered
	}{
		{"only the start waits for it", func(*DB) error { return Note{} }, committed(3)},
		{"a registration meanwhile is not lost", func(db *DB) error { _, err := db.Commit(record(7)); return err }, generation(4, record(7))},
		{"what was forgotten meanwhile stays so", (*DB).Forget, Record{Generation: 4, EndpointID: "a1b2c3d4"}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			dir := deviceAfter(t, 3)
			synctest.Test(t, func(t *testing.T) {
				answer, began := make(chan bool), time.Now()
				db := openWith(dir, func(name string, flag int, perm os.FileMode) (*os.File, error) {
					<-answer
					return os.OpenFile(name, flag, perm)
				})
				if took := time.Since(began); took != patience {
					t.Errorf("Open took %v", took)
				}
				hung := start{0, []string{"cache-write: " + dir + ": the disk does not answer; the record is kept in memory only"},
					[]string{"homeward.db", "last-good.json"}}
				if d := diff(hung, startOf(t, dir, db)); d != "" {
					t.Error(d)
				}
				began = time.Now()
				if err := tt.meanwhile(db); !errors.As(err, new(Note)) || time.Since(began) > 0 {
					t.Errorf("%v after %v", err, time.Since(began))
				}
				close(answer)
				synctest.Wait()
				if d := diff(tt.want, load(db)); d != "" {
					t.Error(d)
				}
				if !tt.want.empty() {
					if changed, err := db.Commit(tt.want); changed || err != nil {
						t.Errorf("Commit = %v, %v", changed, err)
					}
					if d := diff(tt.want, load(Open(dir))); d != "" {
						t.Error(d)
					}
				}
			})
		})
	}
}

func TestX32FilesChangedUnderTheRunningDaemon(t *testing.T) {
	for _, tt := range []struct {
		name  string
		spoil func(t *testing.T, dir string)
	}{
		{"the database was deleted", func(t *testing.T, dir string) { os.Remove(filepath.Join(dir, "homeward.db")) }},
		{"both were deleted", func(t *testing.T, dir string) {
			os.Remove(filepath.Join(dir, "homeward.db"))
			os.Remove(filepath.Join(dir, "last-good.json"))
		}},
		{"the directory was deleted", func(t *testing.T, dir string) { os.RemoveAll(dir) }},
		{"the database was cut short", database(func(b []byte) []byte { return b[:5*512] })},
		{"the database was replaced by an older one", func(t *testing.T, dir string) {
			mustWrite(t, dir, "homeward.db", mustRead(t, deviceAfter(t, 1), "homeward.db"))
		}},
		{"the second copy was damaged", second(func(b []byte) []byte { return flip(b, 99) })},
		{"another process committed", func(t *testing.T, dir string) { must(Open(dir).Commit(record(8))) }},
		{"a tech made it forget", func(t *testing.T, dir string) { must(0, Open(dir).Forget()) }},
	} {
		for _, n := range []int{3, 4} { // what is no news repairs the files just as well
			t.Run(fmt.Sprintf("%s, then record %d is committed", tt.name, n), func(t *testing.T) {
				dir := deviceAfter(t, 3)
				db := Open(dir)
				tt.spoil(t, dir)
				if _, err := db.Commit(record(n)); err != nil {
					t.Fatal(err)
				}
				want := load(db)
				if d := diff(record(n), generation(0, want)); d != "" {
					t.Error(d)
				}
				for _, name := range []string{"homeward.db", "last-good.json"} {
					r, _, err := ReadFile(filepath.Join(dir, name))
					if d := diff(want, r); d != "" || err != nil {
						t.Errorf("%s: %v %s", name, err, d)
					}
				}
			})
		}
	}
}

func generation(n uint64, r Record) Record { r.Generation = n; return r }

func mkfifo(path string) error { return exec.Command("mkfifo", path).Run() }

func database(change func([]byte) []byte) func(*testing.T, string) {
	return func(t *testing.T, dir string) {
		mustWrite(t, dir, "homeward.db", change(mustRead(t, dir, "homeward.db")))
	}
}

func second(change func([]byte) []byte) func(*testing.T, string) {
	return func(t *testing.T, dir string) {
		mustWrite(t, dir, "last-good.json", change(mustRead(t, dir, "last-good.json")))
	}
}

func replaced(by func(path string) error) func(*testing.T, string) {
	return func(t *testing.T, dir string) {
		path := filepath.Join(dir, "homeward.db")
		if err := errors.Join(os.Remove(path), by(path)); err != nil {
			t.Fatal(err)
		}
	}
}

// plant writes a sealed value as somebody with the right tools would: into a sound database.
func plant(t *testing.T, dir string, sealed []byte) {
	t.Helper()
	if err := createDatabase(os.OpenFile, filepath.Join(dir, "homeward.db"), sealed); err != nil {
		t.Fatal(err)
	}
}

// reseal changes a sealed record and gives it a right checksum.
func reseal(sealed []byte, old, new string) []byte {
	body := sealed[:bytes.LastIndex(sealed, []byte(checksumMember))]
	body = bytes.Replace(body, []byte(old), []byte(new), 1)
	return append(body, checksumLine(body)...)
}

func spoilNewestMeta(b []byte) []byte {
	if native.word(b[pageSize+64:]) > native.word(b[64:]) {
		return flip(b, pageSize+64)
	}
	return flip(b, 64)
}

func flip(b []byte, at int) []byte { b[at] ^= 1; return b }

func must[T any](v T, err error) T {
	if err != nil {
		panic(err)
	}
	return v
}

func noise(n int) []byte {
	b := make([]byte, n)
	rand.NewChaCha8([32]byte{}).Read(b)
	return b
}

// The last generation that a reader takes is used again and again: nothing is acknowledged that the next start would refuse.
func TestMend11LastGeneration(t *testing.T) {
	for _, gone := range []string{"nothing", "homeward.db", "last-good.json"} {
		t.Run(gone+" is gone", func(t *testing.T) {
			dir := t.TempDir()
			last := generation(maxGeneration, record(1))
			sealed, err := seal(last)
			if err != nil {
				t.Fatal(err)
			}
			plant(t, dir, sealed)
			Open(dir) // makes the other copy
			if err := os.Remove(filepath.Join(dir, gone)); err != nil && gone != "nothing" {
				t.Fatal(err)
			}
			for n := 2; n <= 3; n++ {
				db := Open(dir)
				if changed, err := db.Commit(record(n)); !changed || err != nil {
					t.Fatalf("Commit = %v, %v", changed, err)
				}
				want := load(db)
				if again := load(Open(dir)); diff(want, again) != "" || again.Registrar.Host != record(n).Registrar.Host {
					t.Errorf("commit %d, after a start: %s", n, diff(want, again))
				}
			}
			if err := Open(dir).Forget(); err != nil {
				t.Error(err)
			}
			if r, known := Open(dir).Load(); known {
				t.Errorf("forgotten, and there is %+v", r)
			}
			if _, err := os.Stat(filepath.Join(dir, "last-good.json.damaged-1")); err == nil {
				t.Error("a copy was set aside")
			}
		})
	}
	if _, err := seal(generation(maxGeneration+1, record(1))); err == nil {
		t.Error("a record is sealed that nobody would read")
	}
}
