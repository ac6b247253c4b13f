// Package cache keeps the last good record: what the device knew when it last registered.
//
// It is for a device that may lose power at any moment, with nobody there to repair it. The record lives
// in two files of one directory, with the same bytes in both:
//
//   - homeward.db, a bbolt database with one bucket and one key, written in one transaction;
//   - last-good.json, the second copy, replaced by rename, which techs may read at any time.
//
// The bytes are JSON, sealed by a SHA-256 over everything before it. Whichever copy is valid and
// has the higher generation wins, and the other is restored from it. What is damaged is set aside
// under a new name, never repaired in place. With no usable disk at all the record is kept in
// memory. Whatever was done is in [DB.Notes].
//
// bbolt maps its file and trusts its contents: a damaged page can stop the process in ways
// that recover cannot catch, or never return. So it is shown only files whose pages were checked one
// by one beforehand (shape.go), from a goroutine that may be given up. The file is opened for each
// operation and closed after it: no lock, no mapping and no goroutine lives between two commits, and
// a file that was deleted or damaged meanwhile is noticed by the next one.
//
// It decides nothing: which Registrar is tried, whose names are trusted and whether a
// record fits the configured SIP address belong to provisioning. It is not for history or counters
// either; flash wears out, and nothing is written unless the record has changed.
//
// Read record.go first, then check.go, seal.go, shape.go, opener.go, owner_unix.go, guard.go, files.go, database.go, flushed.go,
// vouched.go, store.go, cache.go, read.go.
package cache
