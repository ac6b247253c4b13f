package cache

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"syscall"
	"time"

	"homeward/internal/safefile"
)

// Our choices.
const (
	refreshTime = 24 * time.Hour // a registration that only confirms the record is written down once a day
	maxNotes    = 32             // a disk that fails in a new way every hour must not fill the memory
)

// Note says what opening or writing found and did. It is also the error of Commit and Forget.
type Note struct {
	Code string // "cache-damaged", "cache-write", "cache-too-new" or "cache-read-only"
	Text string // one sentence, with the path
	// Fault is the part of Text that says what is wrong, where the rest says where the record is kept instead; else empty.
	Fault string
	// Dir is the directory where it is the cause: it belongs to Owner and this process runs as User, or its file system is read-only.
	// Kept says what becomes of the record.
	Dir, Owner, User, Kept string
}

// Quoted is the directory as a command takes it.
func (n Note) Quoted() string { return safefile.Quoted(n.Dir) }

// Error returns the text.
func (n Note) Error() string { return n.Text }

// keptElsewhere is a note about a copy that is of no use, and where the record is instead.
func keptElsewhere(code, fault, where string) Note {
	return Note{Code: code, Text: fault + "; the record is kept " + where, Fault: fault}
}

// store is the two files. It waits for the disk as long as that takes; one goroutine uses it at a time.
type store struct {
	dir              string
	open             opener
	database, second half
	hold             *Note  // why neither file may be written
	unmappable       bool   // bbolt cannot use this file system: not tried again in this process
	happened         []Note // what was done
}

// half is one of the two copies, as last read or written.
type half struct {
	path  string
	value []byte // the sealed record in it; nil: none
	rec   Record
	err   error // why it could not be read, or not be written
	doubt bool  // the latest write failed: what reads well may be in the memory of the system only
}

func newStore(dir string, open opener) *store {
	return &store{dir: dir, open: open,
		database: half{path: filepath.Join(dir, "homeward.db")},
		second:   half{path: filepath.Join(dir, "last-good.json")}}
}

// settle makes both copies hold *r, under a generation above everything on disk; if that would
// change nothing, or r is nil, the newer of the two is restored where it is missing. The error says
// that neither copy could be written.
func (s *store) settle(r *Record) error {
	s.look(r != nil && r.empty())
	if r != nil && s.hold == nil {
		s.vouch(r)
	}
	best := s.newest()
	value, from, news := best.value, filepath.Base(best.path), false
	if r == nil {
		r = &Record{}
	} else if r.Generation <= best.rec.Generation &&
		(!sameMeaning(*r, best.rec) || r.RegisteredAt.Sub(best.rec.RegisteredAt) >= refreshTime) {
		r.Generation, news = next(best.rec.Generation), true
	}
	if value == nil || news || r.Generation > best.rec.Generation {
		sealed, err := seal(*r)
		if err != nil {
			return err
		}
		value, from = sealed, ""
	}
	if s.hold != nil {
		return *s.hold
	}
	_ = os.MkdirAll(s.dir, 0o750) // without it the writing fails, and says so
	s.save(&s.database, value, from, s.saveDatabase)
	if r.Generation > 0 || best.rec.Generation > 0 { // a device that never registered has nothing to show
		s.save(&s.second, value, from, s.saveSecond)
	}
	if s.database.err != nil && !bytes.Equal(s.second.value, value) {
		return s.trouble(&s.database)
	}
	return nil
}

func (s *store) newest() half {
	if s.database.value == nil || s.second.rec.Generation > s.database.rec.Generation {
		return s.second
	}
	return s.database
}

// look reads both copies, and sets aside what is damaged. Beside another process nothing is touched,
// and below a newer version, or without permission to read, only when a tech wants it forgotten.
func (s *store) look(forget bool) {
	s.hold = nil
	s.database.read(func(path string) ([]byte, error) { return readDatabase(s.open, path) })
	s.second.read(func(path string) ([]byte, error) { return s.open.read(path, maxSecondCopy) })
	halves := []*half{&s.database, &s.second}
	for _, h := range halves {
		believe(s.open, s.dir, &h.rec)
		const text = "%s: %v; both copies are left as they are, the record is kept in memory only"
		switch {
		case errors.Is(h.err, ErrTooNew) && !forget:
			s.hold = &Note{Code: "cache-too-new", Text: fmt.Sprintf(text, h.path, h.err)}
			return
		case errors.Is(h.err, ErrLocked):
			s.hold = &Note{Code: "cache-write", Text: fmt.Sprintf(text, h.path, h.err)}
			return
		}
	}
	for _, h := range halves {
		// A copy that could not be read for another reason, such as too many open files, may be
		// the better one: it stays where it is, and is not replaced.
		switch mine := !errors.Is(h.err, fs.ErrPermission); {
		case isDamage(h.err), errors.Is(h.err, ErrTooNew), errors.Is(h.err, syscall.EIO), !mine && forget:
			h.err = s.quarantine(h, h.err)
		case !mine:
			if _, _, other := safefile.OfAnother(s.dir); !other {
				h.err = denied(h.path, h.err)
			}
		}
	}
}

// read replaces h by what the disk holds; a missing file is no error.
func (h *half) read(read func(path string) ([]byte, error)) {
	*h = half{path: h.path, doubt: h.doubt}
	h.value, h.err = read(h.path)
	if h.err == nil {
		h.rec, h.err = unseal(h.value)
	}
	if h.err != nil {
		h.value = nil
	}
	if errors.Is(h.err, fs.ErrNotExist) {
		h.err = nil
	}
}

func (s *store) quarantine(h *half, why error) error {
	aside, err := setAside(s.open, h.path)
	if err != nil {
		return fmt.Errorf("%w, and it cannot be set aside: %w", bare(why), bare(err))
	}
	s.say("cache-damaged", fmt.Sprintf("%s: %v; it was set aside as %s", h.path, bare(why), filepath.Base(aside)))
	return nil
}

// save writes value to one copy. If it came from the other copy, this is a repair, and said.
func (s *store) save(h *half, value []byte, from string, write func([]byte) error) {
	if h.err != nil {
		return
	}
	repair := from != "" && !bytes.Equal(h.value, value)
	h.err = write(value)
	if h.doubt = h.err != nil; h.doubt {
		return
	}
	h.value = value
	h.rec, _ = unseal(value)
	believe(s.open, s.dir, &h.rec)
	if repair {
		s.say("cache-damaged", fmt.Sprintf("%s: missing, damaged or older; it was written again from %s", h.path, from))
	}
}

// saveDatabase writes in place if there is a sound database, and a new file otherwise.
func (s *store) saveDatabase(value []byte) error {
	h := &s.database
	if s.unmappable {
		return errUnmappable
	}
	var inPlace error
	if h.value != nil && !h.doubt {
		inPlace = updateDatabase(s.open, h.path, value, !bytes.Equal(h.value, value))
		if inPlace == nil || errors.Is(inPlace, ErrLocked) {
			return inPlace
		}
		if isDamage(inPlace) {
			_ = s.quarantine(h, inPlace) // if it cannot be moved, it cannot be replaced either
		}
	}
	err := createDatabase(s.open, h.path, value)
	if err == nil && inPlace != nil {
		s.say("cache-write", fmt.Sprintf("%s: %v; a new file was written in its place", h.path, bare(inPlace)))
	}
	s.unmappable = errors.Is(err, errUnmappable)
	return err
}

func (s *store) saveSecond(value []byte) error {
	if bytes.Equal(s.second.value, value) && !s.second.doubt {
		return nil
	}
	return writeSecondCopy(s.open, s.second.path, value)
}

// report returns what was done since the start, and what is wrong at present.
func (s *store) report() []Note {
	notes := slices.Clone(s.happened)
	if s.hold != nil {
		return append(notes, *s.hold)
	}
	for _, h := range []*half{&s.database, &s.second} {
		if h.err == nil {
			continue
		}
		n := s.trouble(h)
		notes = append(notes, n)
		if n.Dir != "" {
			break // the other copy is in it, too
		}
	}
	return notes
}

// ofDirectory is the trouble of a copy with the directory, if that is the cause.
func (s *store) ofDirectory(h *half) (Note, bool) {
	n := Note{Code: "cache-read-only", Fault: fmt.Sprintf("%s: %v", h.path, bare(h.err)), Dir: s.dir, Kept: "nothing can be stored there"}
	if best := s.newest(); best.value != nil && !best.rec.empty() {
		n.Kept = "the record of " + best.rec.RegisteredAt.UTC().Format("2006-01-02 15:04 UTC") + " is kept as it is, only newer changes are not stored"
	}
	other := false
	switch {
	case errors.Is(h.err, syscall.EROFS):
	case errors.Is(h.err, fs.ErrPermission):
		if n.Owner, n.User, other = safefile.OfAnother(s.dir); !other {
			return n, false
		}
	default:
		return n, false
	}
	n.Text = n.Fault + "; " + n.Kept
	return n, true
}

// trouble says why a copy is not used, and where the record is instead.
func (s *store) trouble(h *half) Note {
	if n, is := s.ofDirectory(h); is {
		return n
	}
	where := "in memory only"
	switch {
	case s.database.err == nil:
		where = "in homeward.db alone"
	case s.second.err == nil && (s.second.value != nil || s.unmappable):
		where = "in last-good.json alone"
	}
	code := "cache-write"
	if errors.Is(h.err, fs.ErrPermission) || errors.Is(h.err, syscall.EROFS) {
		code = "cache-read-only"
	}
	return keptElsewhere(code, fmt.Sprintf("%s: %v", h.path, bare(h.err)), where)
}

func (s *store) say(code, text string) {
	if n := (Note{Code: code, Text: text}); !slices.Contains(s.happened, n) {
		s.happened = append(s.happened, n)
	}
	s.happened = s.happened[max(0, len(s.happened)-maxNotes):]
}

// vouch seals what is vouched for in r, or drops it: without a key the device could not tell it from a forgery later.
func (s *store) vouch(r *Record) {
	if r.Vouched.empty() {
		return
	}
	key, err := makeKey(s.open, s.dir)
	if err != nil {
		s.say("cache-write", fmt.Sprintf("%s: %v; Registrars outside the SIP domain are not kept for a restart without DNS", filepath.Join(s.dir, keyName), bare(err)))
		r.Vouched = Vouched{}
		return
	}
	r.Vouched.Seal = r.Vouched.sealOf(r.SIPAddress, key)
}
