package service

import (
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"io"
	"io/fs"
	"maps"
	"os"
	"slices"
	"time"

	"github.com/homeward-agent/homeward/internal/safefile"
	"github.com/homeward-agent/homeward/provisioning"
	"github.com/homeward-agent/homeward/service/control"
	"github.com/homeward-agent/homeward/service/internal/replace"
)

// Our choices: flash has a limited number of writes, so that the file grows by what is new and is written anew
// only when it is full.
const (
	historySize = 256 << 10 // bytes; more is never kept
	historyMode = 0o640
	maxNumber   = 1 << 53 // beyond it JSON numbers lose their last digit
)

// Run keeps the history file: what is new is appended when last good was committed, when the process starts,
// when the device registers, enters an outage or gives up for a while, and at the end; never for each event. What
// could not be written is tried again after a while.
func (s *Story) Run(ctx context.Context) error {
	saved, seen := s.loaded, s.loaded
	for {
		wait, cancel := ctx, func() {}
		if !s.failedAt.IsZero() {
			wait, cancel = context.WithDeadline(ctx, s.failedAt.Add(writeAgain))
		}
		entries, next, err := s.Next(wait, seen)
		cancel()
		if err != nil && ctx.Err() != nil {
			s.save(saved)
			return context.Cause(ctx)
		}
		seen = next
		if err != nil || slices.ContainsFunc(entries, worthSaving) {
			saved = s.save(saved)
		}
	}
}

func worthSaving(e control.Entry) bool {
	switch provisioning.EventKind(e.Event) {
	case provisioning.Committed, control.Started:
		return true
	case provisioning.StateChanged:
		return e.Count <= 1 && e.State != provisioning.Recalling.String() && e.State != provisioning.Discovering.String()
	default:
		return false
	}
}

// save writes what has happened after the entry numbered after, and returns the number of the last one
// written. A history that cannot be written is a pity, not a reason to stop, and said once.
func (s *Story) save(after uint64) uint64 {
	s.mu.Lock()
	fresh, last := s.since(after), s.last
	s.mu.Unlock()
	if len(fresh) == 0 {
		return after
	}
	if err := s.append(linesOf(fresh)); err != nil {
		if s.failedAt.IsZero() {
			s.log.Warn("history not written, it is tried again and again", "err", err)
		}
		s.failedAt = time.Now()
		return after
	}
	if !s.failedAt.IsZero() {
		s.log.Info("history written again")
	}
	s.failedAt = time.Time{}
	return last
}

// append adds lines to the file, or writes the file anew when it would become too large. It is not synced: what
// a power cut takes is a story, not a registration.
func (s *Story) append(lines []byte) error {
	f, err := safefile.Open(s.file, os.O_RDWR|os.O_APPEND, 0)
	if errors.Is(err, fs.ErrNotExist) {
		f, err = replace.Create(s.file, os.O_RDWR|os.O_APPEND, historyMode)
	}
	if err != nil {
		return err
	}
	defer f.Close()
	at, err := f.Stat()
	if err != nil {
		return err
	}
	if at.Size()+int64(len(lines)) > historySize {
		return s.rewrite()
	}
	last := []byte{'\n'}
	if at.Size() > 0 {
		_, _ = f.ReadAt(last, at.Size()-1) // unread, it counts as whole
	}
	if last[0] != '\n' { // a power cut has left a line half written
		lines = append([]byte{'\n'}, lines...)
	}
	if _, err := f.Write(lines); err != nil {
		return err
	}
	return f.Close()
}

// rewrite leaves half of the room to what is to come. The last failures have a quarter for themselves.
func (s *Story) rewrite() error {
	s.mu.Lock()
	kept := slices.Concat(newest(s.failures, historySize/4), newest(s.entries, historySize/4))
	slices.SortFunc(kept, func(a, b *line) int { return cmp.Compare(a.Number, b.Number) })
	lines := linesOf(plain(slices.Compact(kept)))
	s.mu.Unlock()
	return replace.File(s.file, lines, historyMode)
}

// newest returns the last lines that take at most room bytes in the file.
func newest(lines []*line, room int) []*line {
	for i := range slices.Backward(lines) {
		if room -= len(linesOf(plain(lines[i : i+1]))); room < 0 {
			return lines[i+1:]
		}
	}
	return lines
}

func linesOf(entries []control.Entry) []byte {
	var b bytes.Buffer
	lines := json.NewEncoder(&b)
	lines.SetEscapeHTML(false)
	for _, e := range entries {
		_ = lines.Encode(e) // cannot fail: plain data into memory
	}
	return b.Bytes()
}

// ReadHistory reads a history file, oldest first. Lines that a power cut or a failing flash has damaged are
// passed over; an entry that was counted further is returned once. A file that does not exist is an empty
// history.
func ReadHistory(file string) ([]control.Entry, error) {
	f, err := safefile.Open(file, os.O_RDONLY, 0)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	defer f.Close()
	text, err := io.ReadAll(io.LimitReader(f, 2*historySize))
	if err != nil {
		return nil, err
	}
	latest := map[uint64]control.Entry{}
	for raw := range bytes.Lines(text) {
		var e control.Entry
		if json.Unmarshal(raw, &e) != nil || e.Number == 0 || e.Number > maxNumber || e.At.IsZero() || e.Event == "" {
			continue
		}
		latest[e.Number] = e
	}
	return slices.SortedFunc(maps.Values(latest), func(a, b control.Entry) int { return cmp.Compare(a.Number, b.Number) }), nil
}
