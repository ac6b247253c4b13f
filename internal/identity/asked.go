package identity

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"path/filepath"
	"time"

	"homeward/internal/safefile"
)

const (
	askedFile  = "asked.json"
	maxSeconds = 3600 // an hour, as certprov has it
)

// Asked is what is kept of the tries to get a certificate, so that a restart does not begin them anew: a PIN and an account are
// locked by a few wrong ones.
type Asked struct {
	Version  int       `json:"version"`
	At       time.Time `json:"at"`       // when the last one began; zero: there was none
	Failures int       `json:"failures"` // in a row, that one included until it has succeeded
	// Seconds is for how long the service has asked then to be left alone; 0: it has not.
	Seconds int `json:"seconds,omitempty"`
}

// Asked returns what NoteAsked has kept.
func (s Store) Asked() (Asked, error) {
	text, err := read(filepath.Join(s.dir, askedFile))
	if errors.Is(err, fs.ErrNotExist) {
		return Asked{}, nil
	}
	if err != nil {
		return Asked{}, err
	}
	var a Asked
	if err := json.Unmarshal(text, &a); err != nil {
		return Asked{}, fmt.Errorf("%s: %w", askedFile, err)
	}
	switch {
	case a.Version != format:
		return Asked{}, fmt.Errorf("%s has version %d, not %d", askedFile, a.Version, format)
	case a.Failures < 0: // no pause would come after it
		return Asked{}, fmt.Errorf("%s counts %d failures", askedFile, a.Failures)
	case a.Seconds < 0 || a.Seconds > maxSeconds:
		return Asked{}, fmt.Errorf("%s: a service asked for %d s", askedFile, a.Seconds)
	}
	return a, nil
}

// NoteAsked keeps what is known of the tries. After it, that is on the disk.
func (s Store) NoteAsked(a Asked) error {
	a.Version = format
	text, err := json.Marshal(a)
	if err != nil {
		return err
	}
	if err := safefile.MakeDir(s.dir); err != nil {
		return err
	}
	return safefile.Keep(s.dir, askedFile, append(text, '\n'), 0o600)
}
