package cache

import (
	"encoding/binary"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"testing"
	"time"
)

// What is at the limit can still be kept; what is beyond it, not.
func TestTheLastThatCanBeKept(t *testing.T) {
	in := func(year int) time.Time { return time.Date(year, 6, 1, 12, 0, 0, 0, time.UTC) }
	for _, test := range []struct {
		name     string
		at, past func(*Record)
	}{
		{"the first year", func(r *Record) { r.RegisteredAt = in(0) }, func(r *Record) { r.RegisteredAt = in(-1) }},
		{"the last year", func(r *Record) { r.RegisteredAt = in(9999) }, func(r *Record) { r.RegisteredAt = in(10000) }},
		{"the first year of what was flushed", func(r *Record) { r.Flushed = []Flushed{{At: in(0)}} }, func(r *Record) { r.Flushed = []Flushed{{At: in(-1)}} }},
		{"the last year of what was flushed", func(r *Record) { r.Flushed = []Flushed{{At: in(9999)}} }, func(r *Record) { r.Flushed = []Flushed{{At: in(10000)}} }},
		{"vouched hosts: the Registrar and the home pair", func(r *Record) { r.Vouched.Hosts = slices.Repeat([]string{"a.b"}, 17) },
			func(r *Record) { r.Vouched.Hosts = slices.Repeat([]string{"a.b"}, 18) }},
		{"addresses", func(r *Record) { r.Registrar.Addresses = slices.Repeat(addrs("10.0.0.5"), 16) },
			func(r *Record) { r.Registrar.Addresses = slices.Repeat(addrs("10.0.0.5"), 17) }},
	} {
		r := record(1)
		test.at(&r)
		sealed, err := seal(r)
		if err != nil {
			t.Errorf("%s: %v", test.name, err)
		}
		if back, err := unseal(sealed); err != nil || diff(r, back) != "" {
			t.Errorf("%s: read back: %v %s", test.name, err, diff(r, back))
		}
		test.past(&r)
		if _, err := seal(r); err == nil {
			t.Errorf("%s: one more is kept", test.name)
		}
	}
}

// The largest file is read; one byte more is too large.
func TestLargestFile(t *testing.T) {
	path := filepath.Join(t.TempDir(), "file")
	for size, want := range map[int64]string{0: "it is empty", 1: "<nil>", 4096: "<nil>", 4097: "it has 4097 bytes, which is too large"} {
		if err := os.WriteFile(path, make([]byte, size), 0o600); err != nil {
			t.Fatal(err)
		}
		b, err := opener(os.OpenFile).read(path, 4096)
		if fmt.Sprint(err) != want || err == nil && int64(len(b)) != size {
			t.Errorf("%d bytes: read %d, %v", size, len(b), err)
		}
	}
}

// What is set aside is cut to the size of the largest database; the two newest are kept, by number, and files of other names.
func TestSetAsideIsBounded(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "homeward.db")
	for _, name := range []string{".damaged-0", ".damaged-x", ".damaged--1", ".damaged-1073741824", ".damaged-9", ".damaged-10", ".damaged-2"} {
		mustWrite(t, dir, "homeward.db"+name, nil)
	}
	mustWrite(t, dir, "homeward.db", nil)
	for i, size := range []int64{maxDatabase + 1, maxDatabase, 10} {
		if err := os.WriteFile(path, nil, 0o600); err != nil {
			t.Fatal(err)
		}
		if err := os.Truncate(path, size); err != nil {
			t.Fatal(err)
		}
		aside, err := setAside(os.OpenFile, path)
		if want := fmt.Sprintf("%s.damaged-%d", path, 11+i); err != nil || aside != want {
			t.Fatalf("set aside as %s, %v, want %s", aside, err, want)
		}
		if info, err := os.Stat(aside); err != nil || info.Size() != min(size, maxDatabase) {
			t.Errorf("of %d bytes: %v, %v", size, info, err)
		}
	}
	entries, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	var left []string
	for _, e := range entries {
		left = append(left, e.Name()[len("homeward.db.damaged-"):])
	}
	if want := []string{"-1", "0", "1073741824", "12", "13", "x"}; !slices.Equal(left, want) {
		t.Errorf("left are %q, want %q", left, want)
	}
}

// A database has all pages that it counts, and a transaction after which there are others.
func TestSoundToTheLastPage(t *testing.T) {
	dir := deviceAfter(t, 3)
	image := mustRead(t, dir, "homeward.db")
	m := must(native.newestMeta(image))
	size := int(m.pages) * pageSize
	if err := sound(image[:size]); err != nil {
		t.Errorf("with its pages alone: %v", err)
	}
	if err := sound(image[:size-1]); err == nil {
		t.Error("one byte less is enough")
	}
	for txid, want := range map[uint64]bool{1 << 62: true, 1<<62 + 1: false} {
		changed := slices.Clone(image)
		for _, page := range []int{0, pageSize} {
			binary.NativeEndian.PutUint64(changed[page+headerSize+48:], txid)
		}
		if err := sound(resum(changed)); (err == nil) != want {
			t.Errorf("transaction %d: %v", txid, err)
		}
	}
}
