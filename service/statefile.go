package service

import (
	"bytes"
	"context"
	"encoding/json"
	"log/slog"
	"slices"
	"time"

	"github.com/homeward-agent/homeward/provisioning"
	"github.com/homeward-agent/homeward/service/internal/replace"
)

// writeAgain is how soon a file that could not be written is tried again: a full disk must not keep the phone where it was.
const writeAgain = 30 * time.Second

// stateFileMode lets every phone stack of the device read it; there is no secret in it.
const stateFileMode = 0o644

// StateFile keeps registrar.json: what to use now, for the phone's SIP stack. It is replaced as a whole, and
// only when its content changes. Its Run and RunCommand are two tasks.
type StateFile struct {
	path    string
	status  func() provisioning.Status
	story   *Story   // says when to look
	command []string // started after each change, with path as last argument; empty: none
	log     *slog.Logger

	written []byte        // content of the file, without updated_at
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

// content is registrar.json.
type content struct {
	Version     int                       `json:"version"`
	State       provisioning.State        `json:"state"`
	Degraded    bool                      `json:"degraded"`
	Registrar   *provisioning.Endpoint    `json:"registrar,omitempty"`
	Home        []provisioning.Endpoint   `json:"home,omitempty"`
	MediaRelays []provisioning.MediaRelay `json:"media_relays,omitempty"`
	UpdatedAt   time.Time                 `json:"updated_at,omitzero"`
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

// write says whether the file is as it should be.
func (f *StateFile) write() bool {
	s := f.status()
	c := content{Version: 1, State: s.State, Degraded: s.Degraded, Registrar: s.Registrar, Home: s.Home, MediaRelays: slices.Clone(s.MediaRelays)}
	for i := range c.MediaRelays { // whether one answered a probe is for techs: the phone will find out, and must not be woken for it
		c.MediaRelays[i].UDPAnswers, c.MediaRelays[i].TCPAnswers = nil, nil
	}
	same, err := json.Marshal(c)
	if err != nil || bytes.Equal(same, f.written) {
		return true // a status always has a JSON form: the control socket and its golden files say so
	}
	c.UpdatedAt = time.Now().UTC().Truncate(time.Millisecond)
	text, err := json.MarshalIndent(c, "", "  ")
	if err == nil {
		err = replace.File(f.path, append(text, '\n'), stateFileMode)
	}
	if err != nil {
		f.log.Warn("registrar.json not written", "err", err)
		return false
	}
	f.written = same
	select {
	case f.changed <- struct{}{}:
	default:
	}
	return true
}
