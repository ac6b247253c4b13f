package identity

import (
	"bytes"
	"crypto/rsa"
	"crypto/x509"
	"encoding/json"
	"encoding/pem"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"time"

	"homeward/internal/safefile"
)

// format is the version of the files.
const format = 1

// Store is the directory identity of a state directory. Each pair has a directory of its own in it, named by a number that
// rises: the highest is the newest. One process writes at a time.
type Store struct{ dir string }

// In returns the store of a state directory, which must exist when something is saved.
func In(stateDir string) Store { return Store{filepath.Join(stateDir, "identity")} }

// Load returns the newest pair that can be used by its owner now: one that Registrars have refused only where there is no
// other; and one of a fingerprint that is to be avoided. now is a time that is known not to be too early. The error is an
// *Error, about the newest pair.
func (s Store) Load(of Owner, now time.Time, avoid ...string) (Pair, error) {
	all, err := s.all()
	if err != nil {
		return Pair{}, err
	}
	var first error
	var refused Pair
	for _, found := range all {
		if found.err == nil {
			if kind, ok := found.fits(of, now); !ok {
				found.err = &Error{Kind: kind, Path: found.path, Pair: found.Pair}
			}
		}
		switch {
		case found.err != nil && first == nil:
			first = found.err
		case found.err != nil:
		case !found.Refused && !slices.Contains(avoid, found.Fingerprint()):
			return found.Pair, nil
		case refused.None():
			refused = found.Pair
		}
	}
	if !refused.None() {
		return refused, nil
	}
	return Pair{}, first
}

// Newest returns the newest pair, whoever it belongs to. The error is an *Error.
func (s Store) Newest() (Pair, error) {
	all, err := s.all()
	if err != nil {
		return Pair{}, err
	}
	return all[0].Pair, all[0].err
}

// Save keeps a new pair beside those that are there. After it, the pair is on the disk; before its end, nothing has changed.
func (s Store) Save(p Pair) error {
	numbers, err := s.numbers()
	if errors.Is(err, fs.ErrNotExist) {
		err = safefile.MakeDir(s.dir)
	}
	if err != nil {
		return err
	}
	s.sweep()
	next := 1
	if len(numbers) > 0 {
		next = numbers[0] + 1
		if err := s.keep(numbers, numbers[0]); err != nil { // a power cut may have left more
			return err
		}
	}
	name := strconv.Itoa(next)
	unfinished := filepath.Join(s.dir, unborn+name)
	if err := os.RemoveAll(unfinished); err != nil {
		return err
	}
	if err := p.write(unfinished); err != nil {
		_ = os.RemoveAll(unfinished)
		return err
	}
	if err := os.Rename(unfinished, filepath.Join(s.dir, name)); err != nil {
		return err
	}
	return errors.Join(safefile.SyncDir(s.dir), s.keep(numbers))
}

// keep takes away all pairs but the spare and those given.
func (s Store) keep(numbers []int, besides ...int) error {
	spare := s.spare(numbers)
	var errs []error
	for _, n := range numbers {
		if n != spare && !slices.Contains(besides, n) {
			errs = append(errs, s.remove(strconv.Itoa(n)))
		}
	}
	return errors.Join(errs...)
}

// spare is the pair to fall back on when a newer one does not work: the newest whole one that a Registrar has accepted, or
// else the newest whole one; 0: there is none.
func (s Store) spare(numbers []int) (spare int) {
	for _, n := range numbers {
		p, err := readPair(filepath.Join(s.dir, strconv.Itoa(n)))
		switch {
		case err != nil:
		case p.Proven:
			return n
		case spare == 0:
			spare = n
		}
	}
	return spare
}

// Confirm takes note that a Registrar has accepted a pair: those before it have had their time.
func (s Store) Confirm(p Pair) error {
	return s.mark(p, func(path string, older []int) error {
		if !exists(filepath.Join(path, provenFile)) {
			if err := errors.Join(create(filepath.Join(path, provenFile), nil), safefile.SyncDir(path)); err != nil {
				return err
			}
		}
		errs := []error{os.RemoveAll(filepath.Join(path, refusedFile))}
		for _, n := range older {
			errs = append(errs, s.remove(strconv.Itoa(n)))
		}
		return errors.Join(errs...)
	})
}

// Refuse takes note that Registrars have refused a pair. It stays, and is used where there is nothing else.
func (s Store) Refuse(p Pair) error {
	return s.mark(p, func(path string, _ []int) error {
		if exists(filepath.Join(path, refusedFile)) {
			return nil
		}
		return errors.Join(create(filepath.Join(path, refusedFile), nil), safefile.SyncDir(path))
	})
}

func (s Store) mark(p Pair, do func(path string, older []int) error) error {
	all, err := s.all()
	if err != nil {
		return err
	}
	i := slices.IndexFunc(all, func(f found) bool { return f.err == nil && f.Fingerprint() == p.Fingerprint() })
	if i < 0 {
		return &Error{Kind: Absent, Path: s.dir}
	}
	var older []int
	for _, f := range all[i+1:] {
		older = append(older, f.number)
	}
	return do(all[i].path, older)
}

// Forget takes all pairs away. It says whether there was any.
func (s Store) Forget() (bool, error) {
	numbers, err := s.numbers()
	if errors.Is(err, fs.ErrNotExist) {
		return false, nil
	}
	if err != nil {
		return false, err
	}
	s.sweep()
	errs := make([]error, 0, len(numbers))
	for _, n := range slices.Backward(numbers) { // the newest last: an older one must not come back
		errs = append(errs, s.remove(strconv.Itoa(n)))
	}
	return len(numbers) > 0, errors.Join(errs...)
}

// found is one pair of the store, or why it is none.
type found struct {
	Pair
	number int
	path   string
	err    error
}

// looks is how often the pairs are read again where something of them is missing. (Our choice: somebody may be taking one away.)
const looks = 4

// all returns the pairs, the newest first: at least one. What another process takes away meanwhile was not there. The error is an
// *Error.
func (s Store) all() (all []found, err error) {
	for range looks {
		numbers, err := s.numbers()
		switch {
		case errors.Is(err, fs.ErrNotExist):
			return nil, &Error{Kind: Absent, Path: s.dir}
		case err != nil:
			return nil, &Error{Kind: Unreadable, Path: s.dir, Err: err}
		}
		all = nil
		missing := false
		for _, n := range numbers {
			f := s.look(n)
			missing = missing || errors.Is(f.err, fs.ErrNotExist)
			if f.err == nil || exists(f.path) {
				all = append(all, f)
			}
		}
		if !missing {
			break
		}
	}
	if len(all) == 0 {
		return nil, &Error{Kind: Absent, Path: s.dir}
	}
	return all, nil
}

// look reads one pair.
func (s Store) look(number int) found {
	f := found{number: number, path: filepath.Join(s.dir, strconv.Itoa(number))}
	var err error
	if f.Pair, err = readPair(f.path); err != nil {
		kind := Damaged
		if errors.Is(err, fs.ErrPermission) {
			kind = Unreadable
		}
		f.err = &Error{Kind: kind, Path: f.path, Err: err}
	}
	return f
}

// numbers returns the generations, the newest first.
func (s Store) numbers() ([]int, error) {
	dir, _, err := safefile.Hold(s.dir)
	if err != nil {
		return nil, err
	}
	defer dir.Close()
	entries, err := dir.ReadDir(-1)
	if err != nil {
		return nil, err
	}
	var numbers []int
	for _, e := range entries {
		if n, ok := generation(e.Name()); ok {
			numbers = append(numbers, n)
		}
	}
	slices.Sort(numbers)
	slices.Reverse(numbers)
	return numbers, nil
}

// sweep takes away what a power cut has left.
func (s Store) sweep() {
	dir, path, err := safefile.Hold(s.dir)
	if err != nil {
		return
	}
	defer dir.Close()
	entries, _ := dir.ReadDir(-1) // what is left then does no harm
	for _, e := range entries {
		if strings.HasPrefix(e.Name(), unborn) || strings.HasPrefix(e.Name(), dying) {
			_ = os.RemoveAll(filepath.Join(path, e.Name()))
		}
	}
}

// remove takes a generation away: whole under its name, or not there at all.
func (s Store) remove(name string) error {
	dir, path, err := safefile.Hold(s.dir)
	if err != nil {
		return err
	}
	defer dir.Close()
	gone := filepath.Join(path, dying+name)
	if err := os.RemoveAll(gone); err != nil {
		return err
	}
	if err := os.Rename(filepath.Join(path, name), gone); err != nil {
		if errors.Is(err, fs.ErrNotExist) {
			return nil
		}
		return err
	}
	return errors.Join(safefile.SyncDir(path), os.RemoveAll(gone))
}

func (p *Pair) write(dir string) error {
	key, err := x509.MarshalPKCS8PrivateKey(p.Certificate.PrivateKey)
	if err != nil {
		return err
	}
	defer clear(key)
	d := p.Details
	d.Version = format
	details, err := json.MarshalIndent(d, "", "  ")
	if err != nil {
		return err
	}
	if err := safefile.MakeDir(dir); err != nil {
		return err
	}
	encoded := pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: key})
	defer clear(encoded)
	return errors.Join(
		create(filepath.Join(dir, keyFile), encoded),
		create(filepath.Join(dir, certificateFile), pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: p.Certificate.Leaf.Raw})),
		create(filepath.Join(dir, detailsFile), append(details, '\n')),
		safefile.SyncDir(dir),
	)
}

func readPair(dir string) (Pair, error) {
	if at, err := os.Lstat(dir); err != nil {
		return Pair{}, err
	} else if !at.IsDir() {
		return Pair{}, errors.New("is no directory")
	}
	text, err := read(filepath.Join(dir, detailsFile))
	if err != nil {
		return Pair{}, err
	}
	var d Details
	if err := json.Unmarshal(text, &d); err != nil {
		return Pair{}, fmt.Errorf("%s: %w", detailsFile, err)
	}
	if d.Version != format {
		return Pair{}, fmt.Errorf("%s has version %d, not %d", detailsFile, d.Version, format)
	}
	certificate, err := readBlock(filepath.Join(dir, certificateFile), "CERTIFICATE")
	if err != nil {
		return Pair{}, err
	}
	secret, err := readBlock(filepath.Join(dir, keyFile), "PRIVATE KEY")
	if err != nil {
		return Pair{}, err
	}
	defer clear(secret)
	key, err := x509.ParsePKCS8PrivateKey(secret)
	if err != nil {
		return Pair{}, fmt.Errorf("%s: %w", keyFile, err)
	}
	private, ok := key.(*rsa.PrivateKey)
	if !ok {
		return Pair{}, fmt.Errorf("%s is no RSA key", keyFile)
	}
	p, err := Join(private, certificate, &d)
	p.Proven, p.Refused = exists(filepath.Join(dir, provenFile)), exists(filepath.Join(dir, refusedFile))
	return p, err
}

// readBlock reads a file that is one block of PEM, and nothing else.
func readBlock(path, kind string) ([]byte, error) {
	text, err := read(path)
	if err != nil {
		return nil, err
	}
	block, rest := pem.Decode(text)
	if block == nil || block.Type != kind || len(bytes.TrimSpace(rest)) > 0 {
		return nil, fmt.Errorf("%s is not one block %q of PEM", filepath.Base(path), kind)
	}
	return block.Bytes, nil
}
