package service

import (
	"context"
	"errors"
	"io/fs"
	"os"
	"slices"
	"sort"
	"syscall"
	"time"

	"homeward/internal/safefile"
	"homeward/provisioning"
	"homeward/service/control"
)

// Run keeps the history file: what is new is appended when last good was committed, when the process starts,
// when the device registers, enters an outage or gives up for a while, and at the end; never for each event. What
// could not be written is tried again after a while.
func (s *Story) Run(ctx context.Context) error {
	seen := s.begin(ctx)
	saved := seen
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
		s.full.Store(errors.Is(err, syscall.ENOSPC))
		return after
	}
	s.full.Store(false)
	if !s.failedAt.IsZero() {
		s.log.Info("history written again")
	}
	s.failedAt = time.Time{}
	return last
}

// Full says whether the file could not be written the last time because there was no space.
func (s *Story) Full() bool { return s.full.Load() }

// append adds lines to the file, or writes the file anew when it would become too large. It is not synced: what
// a power cut takes is a story, not a registration.
func (s *Story) append(lines []byte) error {
	f, err := safefile.Open(s.file, os.O_RDWR|os.O_APPEND, 0)
	if errors.Is(err, fs.ErrNotExist) {
		f, err = safefile.Create(s.file, os.O_RDWR|os.O_APPEND, historyMode)
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
	kept := append(newest(s.failures, historySize/4), newest(s.entries, historySize/4)...)
	sort.Slice(kept, func(i, j int) bool { return kept[i].Number < kept[j].Number })
	lines := linesOf(plain(slices.Compact(kept)))
	s.mu.Unlock()
	return safefile.Replace(s.file, lines, historyMode)
}

// newest returns the last lines that take at most room bytes in the file, the last one first. One that would take a quarter of it is left
// out: it must not cost the others their place.
func newest(lines []*line, room int) (kept []*line) {
	left := room
	for i := range slices.Backward(lines) {
		size := len(linesOf(plain(lines[i : i+1])))
		if size > room/4 {
			continue
		}
		if left -= size; left < 0 {
			break
		}
		kept = append(kept, lines[i])
	}
	return kept
}
