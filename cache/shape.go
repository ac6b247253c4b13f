package cache

import (
	"encoding/binary"
	"fmt"
	"hash/fnv"
)

// Specification constants: the file format of bbolt, version 2 (internal/common of go.etcd.io/bbolt
// v1.5.0). All numbers are in the byte order of the machine that wrote the file.
const (
	boltMagic    = 0xED0CDAED
	boltVersion  = 2
	headerSize   = 16 // of a page (id, flags, count, overflow), a leaf element (flags, pos, ksize, vsize) and a bucket (root, sequence)
	leafPage     = 0x02
	freelistPage = 0x10
	bucketFlag   = 0x01
)

// Our choices.
const (
	pageSize    = 4096    // also on kernels with pages of 64 KB, where bbolt would begin with half a megabyte
	maxDatabase = 8 << 20 // a record is 2 KB, the file 32 KB: what is larger is not ours
	bucketName  = "homeward"
	recordKey   = "last-good"
)

// meta is the part of a meta page that says where everything is.
type meta struct{ root, freelist, pages, txid uint64 }

// sound says whether the bytes of a file are a database exactly as this package leaves it: one
// bucket, one key, and every page used once or free. bbolt itself checks none of this: it follows a
// page that names itself until memory ends, hands out a page that is in use, and panics in goroutines
// of its own. A file that passes holds no branch page, so there is nothing to go round in.
func sound(image []byte) error {
	_, err := native.valueIn(image)
	return err
}

// layout is the byte order of the machine that wrote a file.
type layout struct{ binary.ByteOrder }

var native = layout{binary.NativeEndian}

// foreign returns the byte order that this machine does not have, and whether the bytes are a database in it.
// bbolt refuses them.
func foreign(image []byte) (layout, bool) {
	other := layout{binary.BigEndian}
	if native.Uint16([]byte{0, 1}) == 1 {
		other = layout{binary.LittleEndian}
	}
	_, err := other.newestMeta(image)
	return other, err == nil
}

// valueIn returns the value of the one key, if the bytes are sound.
func (l layout) valueIn(image []byte) ([]byte, error) {
	m, err := l.newestMeta(image)
	if err != nil {
		return nil, err
	}
	w := &walk{layout: l, image: image, used: make([]bool, m.pages)}
	root, err := w.claim(m.root, leafPage)
	if err != nil {
		return nil, err
	}
	bucket, err := w.onlyEntry(root, bucketName, bucketFlag)
	if err != nil {
		return nil, err
	}
	if len(bucket) < headerSize {
		return nil, damage("the bucket is cut short")
	}
	inner := bucket[headerSize:] // bbolt keeps a small bucket inside the entry that names it
	if id := w.word(bucket); id != 0 {
		if inner, err = w.claim(id, leafPage); err != nil {
			return nil, err
		}
	} else if len(inner) < headerSize || w.flags(inner) != leafPage {
		return nil, damage("the inner page of the bucket is no leaf page")
	}
	value, err := w.onlyEntry(inner, recordKey, 0)
	if err != nil {
		return nil, err
	}
	return value, w.claimFree(m.freelist)
}

// newestMeta returns the valid meta page of the higher transaction, as bbolt chooses it. One of the
// two may be torn: that is what a power cut during a commit leaves, and no damage.
func (l layout) newestMeta(image []byte) (newest meta, err error) {
	found := false
	for _, offset := range []int{0, pageSize} {
		if len(image) < 4*pageSize {
			break
		}
		b := image[offset+headerSize:]
		h := fnv.New64a()
		h.Write(b[:56])
		if l.halfWord(b) != boltMagic || l.halfWord(b[4:]) != boltVersion || l.word(b[56:]) != h.Sum64() {
			continue
		}
		if size := l.halfWord(b[8:]); size != pageSize {
			return meta{}, damage(fmt.Sprintf("page size %d", size))
		}
		m := meta{root: l.word(b[16:]), freelist: l.word(b[32:]), pages: l.word(b[40:]), txid: l.word(b[48:])}
		if !found || m.txid > newest.txid {
			newest, found = m, true
		}
	}
	switch {
	case !found:
		return meta{}, damage("it is not a database, or neither of its first pages is valid")
	case newest.pages > uint64(len(image)/pageSize):
		return meta{}, damage("it is cut short")
	case newest.txid > 1<<62:
		return meta{}, damage("its transaction number is beyond reach")
	}
	return newest, nil
}

// walk visits each page once.
type walk struct {
	layout
	image []byte
	used  []bool
}

// claim returns the page with its overflow pages, after checking that it is what it is taken for.
func (w *walk) claim(id uint64, flag uint16) ([]byte, error) {
	pages := uint64(len(w.used))
	if id < 2 || id >= pages {
		return nil, damage(fmt.Sprintf("page %d does not exist", id))
	}
	p := w.image[id*pageSize:]
	if w.word(p) != id || w.flags(p) != flag {
		return nil, damage(fmt.Sprintf("page %d is not the page it should be", id))
	}
	span := 1 + uint64(w.halfWord(p[12:]))
	if span > pages-id {
		return nil, damage(fmt.Sprintf("page %d is cut short", id))
	}
	for i := id; i < id+span; i++ {
		if err := w.use(i); err != nil {
			return nil, err
		}
	}
	return p[:span*pageSize], nil
}

func (w *walk) use(id uint64) error {
	if id < 2 || id >= uint64(len(w.used)) || w.used[id] {
		return damage(fmt.Sprintf("page %d is used twice, or does not exist", id))
	}
	w.used[id] = true
	return nil
}

// claimFree checks the list of free pages: together with the pages in use they are all there are.
func (w *walk) claimFree(id uint64) error {
	p, err := w.claim(id, freelistPage)
	if err != nil {
		return err
	}
	n := w.count(p)
	if headerSize+8*n > len(p) {
		return damage("the list of free pages is cut short")
	}
	for i := range n {
		if err := w.use(w.word(p[headerSize+8*i:])); err != nil {
			return err
		}
	}
	for id, used := range w.used[2:] {
		if !used {
			return damage(fmt.Sprintf("page %d is lost", id+2))
		}
	}
	return nil
}

// onlyEntry returns the value of the single entry of a leaf page.
func (l layout) onlyEntry(p []byte, key string, flag uint32) ([]byte, error) {
	if l.count(p) != 1 || len(p) < 2*headerSize {
		return nil, damage(fmt.Sprintf("a page holds %d entries instead of one", l.count(p)))
	}
	e := p[headerSize:]
	start, keySize, valueSize := uint64(l.halfWord(e[4:])), uint64(l.halfWord(e[8:])), uint64(l.halfWord(e[12:]))
	if start < headerSize || start+keySize+valueSize > uint64(len(e)) {
		return nil, damage("an entry reaches beyond its page")
	}
	if l.halfWord(e) != flag || string(e[start:start+keySize]) != key {
		return nil, damage("an entry is not the one it should be")
	}
	return e[start+keySize:][:valueSize], nil
}

func (l layout) word(b []byte) uint64     { return l.Uint64(b) }
func (l layout) halfWord(b []byte) uint32 { return l.Uint32(b) }
func (l layout) flags(p []byte) uint16    { return l.Uint16(p[8:]) }
func (l layout) count(p []byte) int       { return int(l.Uint16(p[10:])) }
