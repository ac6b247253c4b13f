package cache

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"hash/fnv"
	"os"
	"path/filepath"
	"slices"
	"testing"
)

// resum gives both meta pages a right checksum, as somebody who edits the file on purpose would.
func resum(image []byte) []byte {
	for page := 0; page+pageSize <= len(image) && page <= pageSize; page += pageSize {
		h := fnv.New64a()
		h.Write(image[page+16:][:56])
		binary.NativeEndian.PutUint64(image[page+72:], h.Sum64())
	}
	return image
}

// Some of these files end a process that opens them with bbolt, whatever it guards itself with (the
// stack overflows, memory ends); the others panic, or spoil the record with the next commit.
func TestFilesThatBboltMustNotSee(t *testing.T) {
	put64, put32, put16 := binary.NativeEndian.PutUint64, binary.NativeEndian.PutUint32, binary.NativeEndian.PutUint16
	for _, tt := range []struct {
		name  string
		spoil func(image, root, freelist []byte)
		want  string
	}{
		{"the root is a branch page that names itself: recursion until the stack ends", func(image, root, _ []byte) {
			put16(root[8:], 0x01)
			put64(root[24:], native.word(root))
		}, "page 3 is not the page it should be"},
		{"the bucket is its own root page", func(image, root, _ []byte) {
			put64(entry(root), native.word(root))
		}, "page 3 is used twice, or does not exist"},
		{"no freelist: bbolt looks for free pages in a goroutine that nobody can guard", func(image, _, _ []byte) {
			put64(image[16+32:], 1<<64-1)
			put64(image[pageSize+16+32:], 1<<64-1)
		}, "page 18446744073709551615 does not exist"},
		{"the freelist claims to be 8 TB long", func(_, _, freelist []byte) {
			put16(freelist[10:], 0xFFFF)
			put64(freelist[16:], 1<<40)
		}, "the list of free pages is cut short"},
		{"the freelist offers the page of the record: the next commit would spoil it", func(_, root, freelist []byte) {
			put64(freelist[16:], native.word(root))
		}, "page 3 is used twice, or does not exist"},
		{"the freelist offers a page beyond the end", func(_, _, freelist []byte) { put64(freelist[16:], 1<<40) },
			"page 1099511627776 is used twice, or does not exist"},
		{"the freelist offers nothing, and pages are lost", func(_, _, freelist []byte) { put16(freelist[10:], 0) },
			"page 4 is lost"},
		{"an entry begins beyond the mapping", func(_, root, _ []byte) { put32(root[20:], 1<<31) }, "an entry reaches beyond its page"},
		{"a value of 4 GB", func(_, root, _ []byte) { put32(root[28:], 1<<32-1) }, "an entry reaches beyond its page"},
		{"65,535 entries in one page", func(_, root, _ []byte) { put16(root[10:], 0xFFFF) }, "a page holds 65535 entries instead of one"},
		{"a page that overflows into all others", func(_, root, _ []byte) { put32(root[12:], 1<<30) }, "page 3 is cut short"},
		{"pages of 2 GB", func(image, _, _ []byte) { put32(image[24:], 1<<31); put32(image[pageSize+24:], 1<<31) }, "page size 2147483648"},
		{"pages of no bytes", func(image, _, _ []byte) { put32(image[24:], 0) }, "page size 0"},
		{"a format of next year", func(image, _, _ []byte) { put32(image[20:], 3); put32(image[pageSize+20:], 3) },
			"version mismatch"},
		{"more pages than the file has", func(image, _, _ []byte) { put64(image[56:], 1<<20); put64(image[pageSize+56:], 1<<20) }, "it is cut short"},
		{"the last transaction there can be", func(image, _, _ []byte) { put64(image[64:], 1<<64-1) }, "its transaction number is beyond reach"},
		{"a meta page where bbolt looks for small pages", func(image, _, _ []byte) {
			copy(image[1024:], image[:80])
			put64(image[:], 0)
			clear(image[:80])
			put32(image[1024+24:], 1024)
			h := fnv.New64a()
			h.Write(image[1024+16:][:56])
			put64(image[1024+72:], h.Sum64())
			clear(image[16:80])
		}, "its pages have another size"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			dir := deviceAfter(t, 3)
			path := filepath.Join(dir, "homeward.db")
			image := mustRead(t, dir, "homeward.db")
			m := must(native.newestMeta(image))
			tt.spoil(image, image[m.root*pageSize:], image[m.freelist*pageSize:])
			mustWrite(t, dir, "homeward.db", resum(image))
			if _, err := readDatabase(os.OpenFile, path); fmt.Sprint(err) != tt.want && sound(image).Error() != tt.want {
				t.Errorf("%v, want %s", err, tt.want)
			}
			db := Open(dir)
			if notes := db.Notes(); load(db).Generation != 3 || len(notes) == 0 {
				t.Errorf("generation %d, notes %v", load(db).Generation, notes)
			}
		})
	}
}

// entry returns the value of the only entry of a page.
func entry(p []byte) []byte {
	pos, key := binary.NativeEndian.Uint32(p[20:]), binary.NativeEndian.Uint32(p[24:])
	return p[16+pos+key:]
}

// What bbolt leaves is what sound expects: for records of every size, and with a torn meta page.
func TestEverySoundFileIsAccepted(t *testing.T) {
	dir := t.TempDir()
	db := Open(dir)
	for n := range 60 {
		r := record(n)
		for i := range n % maxEntries {
			r.Home = append(r.Home, Registrar{Host: fmt.Sprintf("h%d.contoso.com", i), Port: 1, Transport: "tcp", Via: string(bytes.Repeat([]byte("x"), n))})
		}
		if _, err := db.Commit(r); err != nil {
			t.Fatal(err)
		}
		image := mustRead(t, dir, "homeward.db")
		if err := sound(image); err != nil {
			t.Fatalf("after commit %d: %v", n, err)
		}
		if err := sound(spoilNewestMeta(image)); err != nil {
			t.Fatalf("commit %d with a torn meta page: %v", n, err)
		}
	}
	if notes := db.Notes(); len(notes) > 0 {
		t.Error(notes)
	}
}

// otherOrder rewrites a sound database as a machine of the other byte order would have written it.
func otherOrder(image []byte) []byte {
	image = bytes.Clone(image)
	swap := func(b []byte, sizes ...int) {
		for _, size := range sizes {
			slices.Reverse(b[:size])
			b = b[size:]
		}
	}
	var page func(p []byte)
	page = func(p []byte) {
		count, kind := native.count(p), native.flags(p)
		swap(p, 8, 2, 2, 4)
		switch kind {
		case freelistPage:
			for i := range count {
				swap(p[headerSize+8*i:], 8)
			}
		case leafPage:
			for i := range count {
				e := p[headerSize*(1+i):]
				value := e[native.halfWord(e[4:])+native.halfWord(e[8:]):]
				if native.halfWord(e) == bucketFlag {
					if native.word(value) == 0 {
						page(value[headerSize:])
					}
					swap(value, 8, 8)
				}
				swap(e, 4, 4, 4, 4)
			}
		default: // a meta page
			swap(p[headerSize:], 4, 4, 4, 4, 8, 8, 8, 8, 8)
		}
	}
	m, err := native.newestMeta(image)
	if err != nil {
		panic(err)
	}
	bucket := image[m.root*pageSize:]
	inner := native.word(entry(bucket))
	for _, id := range []uint64{m.root, m.freelist, inner} {
		if id != 0 {
			page(image[id*pageSize:])
		}
	}
	other, _ := foreign(nil)
	for id := range 2 {
		p := image[id*pageSize:]
		page(p)
		h := fnv.New64a()
		h.Write(p[headerSize:][:56])
		other.PutUint64(p[headerSize+56:], h.Sum64())
	}
	return image
}

// What a machine of the other byte order has written is read, in all three forms that bbolt gives a record, and
// damage to it is seen.
func TestDatabaseOfTheOtherByteOrder(t *testing.T) {
	for n := 1; n <= 16; n++ {
		t.Run(fmt.Sprint(n), func(t *testing.T) {
			dir := deviceAfter(t, n)
			image := otherOrder(mustRead(t, dir, "homeward.db"))
			mustWrite(t, dir, "copy", image)
			r, source, err := ReadFile(filepath.Join(dir, "copy"))
			if d := diff(committed(n), r); d != "" || source != "database" || err != nil {
				t.Fatalf("source %q, error %v, %s", source, err, d)
			}
			m := must(native.newestMeta(mustRead(t, dir, "homeward.db")))
			image[m.root*pageSize] ^= 1
			mustWrite(t, dir, "copy", image)
			if _, _, err := ReadFile(filepath.Join(dir, "copy")); !isDamage(err) {
				t.Errorf("damaged: %v", err)
			}
		})
	}
}
