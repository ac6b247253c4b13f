package service

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"io"
	"log/slog"
	"os"
	"sync"
	"sync/atomic"
	"syscall"
	"time"

	"homeward/internal/safefile"
	"homeward/provisioning"
)

// writeAgain is how soon a file that could not be written is tried again: a full disk must not keep the phone where it was.
const writeAgain = 30 * time.Second

// stateFileMode lets every phone stack of the device read it; there is no secret in it.
const stateFileMode = 0o644

// StateFile keeps registrar.json: what to use now, for the phone's SIP stack. It is replaced as a whole, and
// only when its content changes, or is no longer what was written. Its Run and RunCommand are two tasks.
type StateFile struct {
	path    string
	status  func() provisioning.Status
	story   *Story   // says when to look
	command []string // started after each change, with path as last argument; empty: none
	log     *slog.Logger

	full    atomic.Bool
	mu      sync.Mutex // one at a time writes
	written []byte     // content of the file, without updated_at
	text    []byte     // all of it

	changed chan struct{} // one place: changes while the command runs make it run once more
	final   chan struct{} // closed when the file will not change any more
}

// NewStateFile returns a state file that has not been written yet. story says when to look at status. command
// is a program and its arguments, started after each change with the path as last argument; none if empty.
func NewStateFile(path string, status func() provisioning.Status, story *Story, command []string, log *slog.Logger) *StateFile {
	return &StateFile{
		path: path, status: status, story: story, command: command, log: log,
		changed: make(chan struct{}, 1), final: make(chan struct{}),
	}
}

// RegistrarFile is what registrar.json holds: what to use now.
type RegistrarFile struct {
	Version     int                       `json:"version"`
	State       provisioning.State        `json:"state"`
	Degraded    bool                      `json:"degraded"`
	Registrar   *provisioning.Registrar   `json:"registrar,omitempty"`
	Home        []provisioning.Registrar  `json:"home,omitempty"`
	MediaRelays []provisioning.MediaRelay `json:"media_relays,omitempty"`
	Update      *provisioning.Update      `json:"update,omitempty"`    // where the updater of the phone may ask for firmware
	UpdatedAt   time.Time                 `json:"updated_at,omitzero"` // when any of this changed
}

// Run writes the file whenever something has happened that changes it, and once more at the end, which is after
// the end of the agent: the file must not promise a registration that is gone. It is called once.
func (f *StateFile) Run(ctx context.Context) error {
	defer close(f.final)
	var seen uint64
	for {
		wait, cancel := ctx, func() {}
		if !f.write() {
			wait, cancel = context.WithTimeout(ctx, writeAgain)
		}
		_, next, err := f.story.Next(wait, seen)
		cancel()
		if err != nil && ctx.Err() != nil {
			f.write()
			return err
		}
		seen = next
	}
}

// Look writes the file again if somebody has removed or altered it. It is called when the process is awake anyway.
func (f *StateFile) Look() { f.write() }

// Full says whether the file could not be written the last time because there was no space.
func (f *StateFile) Full() bool { return f.full.Load() }

// write says whether the file is as it should be.
func (f *StateFile) write() bool {
	f.mu.Lock()
	defer f.mu.Unlock()
	s := f.status()
	c := RegistrarFile{Version: 1, State: s.State, Degraded: s.Degraded, Registrar: s.Registrar, Home: s.Home, MediaRelays: append([]provisioning.MediaRelay(nil), s.MediaRelays...)}
	for i := range c.MediaRelays { // whether one answered a probe is for techs: the phone will find out, and must not be woken for it
		c.MediaRelays[i].UDPAnswers, c.MediaRelays[i].TCPAnswers = nil, nil
	}
	if s.Provisioning != nil {
		c.Update = s.Provisioning.Update
	}
	same, err := json.Marshal(c)
	if err != nil {
		return true // a status always has a JSON form: the control socket and its golden files say so
	}
	text := f.text
	switch known := bytes.Equal(same, f.written); {
	case known && f.stands():
		return true
	case known:
		f.log.Warn("registrar.json was removed or altered, and is written again")
	default:
		c.UpdatedAt = time.Now().UTC().Truncate(time.Millisecond)
		text, _ = json.MarshalIndent(c, "", "  ") // as above
		text = append(text, '\n')
	}
	err = safefile.Replace(f.path, text, stateFileMode)
	f.full.Store(errors.Is(err, syscall.ENOSPC))
	if err != nil {
		f.log.Warn("registrar.json not written", "err", err)
		return false
	}
	f.written, f.text = same, text
	select {
	case f.changed <- struct{}{}:
	default:
	}
	return true
}

// stands says whether what was written is still what there is to read.
func (f *StateFile) stands() bool {
	file, err := safefile.Open(f.path, os.O_RDONLY, 0)
	if err != nil {
		return false
	}
	defer file.Close()
	text, err := io.ReadAll(io.LimitReader(file, int64(len(f.text))+1))
	return err == nil && bytes.Equal(text, f.text)
}
