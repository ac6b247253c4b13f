package anchor

import (
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"sync"
	"time"

	"homeward/internal/safefile"
)

// Our choices.
const (
	format  = 1
	maxFile = 64 << 10
	maxKept = 32 // a site has one authority, and at times a second one
	file    = "anchors.json"
)

// Anchor is an authority that was accepted.
type Anchor struct {
	Fingerprint string    `json:"fingerprint"`       // "sha256:" and 64 hexadecimal digits
	Subject     string    `json:"subject,omitempty"` // as who made it has it
	SIPDomain   string    `json:"sip_domain"`        // for which it is trusted
	By          string    `json:"by"`                // "tech", "first-use"
	At          time.Time `json:"at"`
}

// Who has accepted an authority.
const (
	Tech     = "tech"
	FirstUse = "first-use"
)

// aFingerprint is the SHA-256 of a certificate, as Parse accepts it.
var aFingerprint = sync.OnceValue(func() *regexp.Regexp { return regexp.MustCompile(`^sha256:[0-9a-f]{64}$`) })

// Parse reads a fingerprint as people write it, with or without "sha256:" before it: in hexadecimal digits, with or without colons
// in between, or in base64.
func Parse(s string) (string, error) {
	bare := s
	if len(s) > len("sha256:") && strings.EqualFold(s[:len("sha256:")], "sha256:") {
		bare = s[len("sha256:"):]
	}
	digits := "sha256:" + strings.ReplaceAll(strings.ToLower(bare), ":", "")
	if sum, err := base64.StdEncoding.DecodeString(bare); err == nil && len(sum) == sha256.Size {
		digits = "sha256:" + hex.EncodeToString(sum)
	}
	if !aFingerprint().MatchString(digits) {
		return "", fmt.Errorf("%q is not the SHA-256 of a certificate: \"sha256:\" and 64 hexadecimal digits", s)
	}
	return digits, nil
}

// Store is the directory trust of a state directory. One process writes at a time.
type Store struct{ dir string }

// In returns the store of a state directory, which must exist when something is kept.
func In(stateDir string) Store { return Store{filepath.Join(stateDir, "trust")} }

// content is the file.
type content struct {
	Version int      `json:"version"`
	Anchors []Anchor `json:"anchors"`
}

// All returns the authorities that are kept, of whatever SIP domain. A file that is not whole holds none.
func (s Store) All() ([]Anchor, error) {
	f, err := safefile.Open(filepath.Join(s.dir, file), os.O_RDONLY, 0)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	defer f.Close()
	if err := safefile.Private(f, 0o022); err != nil {
		return nil, err
	}
	text, err := io.ReadAll(io.LimitReader(f, maxFile+1))
	if err != nil {
		return nil, err
	}
	var c content
	if err := json.Unmarshal(text, &c); err != nil {
		return nil, fmt.Errorf("%s: %w", f.Name(), err)
	}
	bad := func(a Anchor) bool {
		return !aFingerprint().MatchString(a.Fingerprint) || a.By != Tech && a.By != FirstUse
	}
	if c.Version != format || len(c.Anchors) > maxKept || slices.ContainsFunc(c.Anchors, bad) {
		return nil, fmt.Errorf("%s is not what homeward writes", f.Name())
	}
	return c.Anchors, nil
}

// Of returns the authorities that are kept for a SIP domain.
func (s Store) Of(sipDomain string) (kept []Anchor, err error) {
	all, err := s.All()
	for i := range all {
		a := &all[i]
		if a.SIPDomain == sipDomain {
			kept = append(kept, *a)
		}
	}
	return kept, err
}

// Keep keeps an authority, in the place of the same one.
func (s Store) Keep(a Anchor) error {
	before, err := s.All()
	if err != nil {
		return err
	}
	var all []Anchor
	for i := range before {
		b := &before[i]
		if b.Fingerprint != a.Fingerprint || b.SIPDomain != a.SIPDomain {
			all = append(all, *b)
		}
	}
	all = append(all, a)
	if len(all) > maxKept {
		return fmt.Errorf("there are %d already", maxKept)
	}
	text, err := json.MarshalIndent(content{format, all}, "", "  ")
	if err != nil {
		return err
	}
	if err := safefile.MakeDir(s.dir); err != nil {
		return err
	}
	return safefile.Keep(s.dir, file, append(text, '\n'), 0o600)
}

// Forget takes all authorities away. It says whether there was any.
func (s Store) Forget() (bool, error) {
	err := os.Remove(filepath.Join(s.dir, file))
	if errors.Is(err, fs.ErrNotExist) {
		return false, nil
	}
	return err == nil, err
}
