package cache

import (
	"errors"
	"fmt"
	"io/fs"
	"slices"
	"sync"
)

// DB is the last good record: in memory always, on disk as far as the disk allows.
// Its methods may be called from any goroutine.
type DB struct {
	writer sync.Mutex // one change at a time
	store  *store     // belongs to the disk operation under way

	mu      sync.Mutex // guards what follows
	rec     Record
	unsaved bool // rec is newer than the disk, or not known to be on it
	notes   []Note
	hung    bool // a disk operation was given up and has not come back
	closed  bool

	settled chan struct{} // closed when the disk was brought in order, or could not be, for the first time
}

// Open returns the record kept in dir, which is created if it is missing. It never fails and takes
// at most 3 s: what is damaged is set aside and restored from the other copy, and without a usable
// disk the record is kept in memory. Notes tells. A healthy directory is left as it is. What root makes
// belongs to the owner of dir.
func Open(dir string) *DB { return openWith(dir, openOwned) }

// InMemory returns a DB that holds r and never touches a disk: for who looks, and changes nothing.
func InMemory(r Record) *DB {
	db := &DB{rec: r, closed: true, settled: make(chan struct{})}
	close(db.settled)
	return db
}

// OpenAfter is Open for who is in a hurry: it reads, and sets aside what is damaged. What is missing is written only after begin is
// closed, or by the first Commit; Settled tells. begin is closed in any case.
func OpenAfter(dir string, begin <-chan struct{}) *DB { return openAfter(dir, openOwned, begin) }

func openWith(dir string, open opener) *DB {
	db := &DB{store: newStore(dir, open), settled: make(chan struct{})}
	_ = db.settle(nil) // what went wrong is in the notes
	return db
}

func openAfter(dir string, open opener, begin <-chan struct{}) *DB {
	db := &DB{store: newStore(dir, open), settled: make(chan struct{})}
	_ = db.disk(func() error { db.store.look(false); return nil })
	go func() {
		<-begin
		db.writer.Lock()
		defer db.writer.Unlock()
		select {
		case <-db.settled:
		default:
			_ = db.settle(nil)
		}
	}()
	return db
}

// Settled is closed when the disk was brought in order, or could not be, for the first time since Open: Notes says all of it.
func (db *DB) Settled() <-chan struct{} { return db.settled }

// Load returns the newest record. Without one it says false, and the record holds at most the EndpointID.
func (db *DB) Load() (Record, bool) {
	db.mu.Lock()
	defer db.mu.Unlock()
	return db.rec.clone(), !db.rec.empty()
}

// Commit makes r the record, drops everything it does not hold, and says whether that changed
// anything. Generation and Flushed are set here; an empty EndpointID stands for the one already known. Nothing is
// written while r differs only in RegisteredAt, by less than a day. The error is a Note when the
// record is in memory only, and plain when it makes no sense and was not taken; a later Commit tries
// the disk again.
func (db *DB) Commit(r Record) (changed bool, err error) {
	db.writer.Lock()
	defer db.writer.Unlock()
	r = r.clone()
	leftOut := r.leaveOut()
	if r.empty() {
		return false, errors.New("commit: the record names no Registrar")
	}
	before, _ := db.Load()
	if r.EndpointID == "" {
		r.EndpointID = before.EndpointID
	}
	r.Flushed = before.Flushed
	changed = !sameMeaning(before, r)
	if changed && !before.empty() {
		r.Flushed = flush(before, r)
		r = r.clone() // which cuts what was flushed
	}
	if err := r.check(); err != nil {
		return false, fmt.Errorf("commit: %w", err)
	}
	err = db.replace(before, r, changed, leftOut...)
	after, _ := db.Load()
	return changed || after.Generation != before.Generation, err
}

// Forget removes the record from both copies, and the TLS floor with it; the EndpointID stays. What
// is left on disk is a record of a higher generation that names no Registrar. Files made by a newer
// version, which nothing else touches, are set aside. The error is as for Commit.
func (db *DB) Forget() error {
	db.writer.Lock()
	defer db.writer.Unlock()
	before, _ := db.Load()
	return db.replace(before, Record{EndpointID: before.EndpointID}, true)
}

// Introduce keeps an EndpointID for a device that has none yet, so that a Registrar which binds it knows it again, whatever happens
// before the first Commit. The error is as for Commit.
func (db *DB) Introduce(endpointID string) error {
	db.writer.Lock()
	defer db.writer.Unlock()
	before, _ := db.Load()
	if before.EndpointID != "" {
		return nil
	}
	r := before
	r.EndpointID = endpointID
	return db.replace(before, r, true)
}

// replace makes r the record, in memory at once and on disk if the disk answers.
func (db *DB) replace(before, r Record, changed bool, leftOut ...string) error {
	r.Generation = before.Generation
	if changed {
		r.Generation = next(r.Generation)
	}
	db.mu.Lock()
	db.rec, db.unsaved = r, db.unsaved || changed
	db.mu.Unlock()
	return db.settle(&r, leftOut...)
}

// Notes returns what opening and writing found and did since Open, oldest first, then what is wrong now.
func (db *DB) Notes() []Note {
	db.mu.Lock()
	defer db.mu.Unlock()
	notes := slices.Clone(db.notes)
	if db.hung {
		notes = append(notes, db.hungNote())
	}
	return notes
}

// Close waits for the disk, at most 3 s, and refuses what comes after it. Load goes on working.
func (db *DB) Close() error {
	db.writer.Lock()
	defer db.writer.Unlock()
	db.mu.Lock()
	defer db.mu.Unlock()
	db.closed = true
	if db.hung {
		return db.hungNote()
	}
	return nil
}

func (db *DB) hungNote() Note {
	return keptElsewhere("cache-write", fmt.Sprintf("%s: %v", db.store.dir, errHung), "in memory only")
}

// settle brings r to the disk.
func (db *DB) settle(r *Record, leftOut ...string) error {
	defer func() {
		db.mu.Lock()
		defer db.mu.Unlock()
		select {
		case <-db.settled:
		default:
			close(db.settled)
		}
	}()
	return db.disk(func() error {
		for _, reason := range leftOut {
			db.store.say("cache-write", "left out of the record: "+reason)
		}
		return db.store.settle(r)
	})
}

// disk does something with the store. When that does not come back in time, the operation keeps the store
// until it does, and whoever comes meanwhile is told so: nothing queues up behind a dying disk.
func (db *DB) disk(do func() error) error {
	db.mu.Lock()
	hung, closed := db.hung, db.closed
	db.mu.Unlock()
	if closed {
		return fmt.Errorf("commit: %w", fs.ErrClosed)
	}
	if hung {
		return db.hungNote()
	}
	finished := false
	err := within(func() error {
		defer func() {
			db.mu.Lock()
			defer db.mu.Unlock()
			finished, db.hung = true, false
			db.adopt(db.store.newest().rec)
			db.notes = db.store.report()
		}()
		return do()
	})
	db.mu.Lock()
	defer db.mu.Unlock()
	if !finished {
		db.hung = true
		return db.hungNote()
	}
	return err
}

// adopt compares memory with what the disk holds now. What was committed while the disk did not
// answer is not lost to an older record that the disk comes back with.
func (db *DB) adopt(onDisk Record) {
	db.unsaved = db.unsaved && !sameMeaning(db.rec, onDisk)
	if db.rec.EndpointID == "" {
		db.rec.EndpointID = onDisk.EndpointID
	}
	switch {
	case onDisk.Generation < db.rec.Generation:
	case db.unsaved:
		db.rec.Generation = next(onDisk.Generation)
	case onDisk.Generation > db.rec.Generation:
		db.rec = onDisk
	}
}
