package service

import (
	"cmp"
	"context"
	"log/slog"
	"slices"
	"sync"
	"time"

	"github.com/homeward-agent/homeward/provisioning"
	"github.com/homeward-agent/homeward/service/control"
)

// Our choices.
const (
	storyLength    = 500 // entries kept in memory; identical ones are one entry
	failuresLength = 100 // kept apart, so that a quiet month does not push the last trouble out
	textLimit      = 256 // bytes kept of text that came from the network
)

// Story is what has happened, told once: every Event becomes a line in the log and an Entry in the history.
// What happens again with nothing new in between is counted, not repeated: an outage of a week is a few lines
// and a count. The count starts anew when the device registers and when it loses its registration.
type Story struct {
	log  *slog.Logger
	file string

	mu         sync.Mutex
	registered bool
	entries    []*line // oldest first
	failures   []*line
	repeats    map[control.Entry]*line // by what makes them the same
	last       uint64                  // number of the latest entry
	loaded     uint64                  // number of the last one that the file held already
	news       chan struct{}           // closed, and replaced, when something happens
}

// line is an entry with its place in the order of what happened last.
type line struct {
	control.Entry
	number uint64
}

// NewStory returns a story that goes on where the history file (history.jsonl) ends.
func NewStory(log *slog.Logger, file string) *Story {
	s := &Story{log: log, file: file, repeats: map[control.Entry]*line{}, news: make(chan struct{})}
	before, err := ReadHistory(file)
	if err != nil {
		log.Warn("history unreadable", "err", err)
	}
	for _, e := range before {
		s.add(e)
	}
	s.loaded = s.last
	return s
}

// Tell adds an event. It may be called from any goroutine.
func (s *Story) Tell(e provisioning.Event) {
	entry := entryOf(e)
	s.mu.Lock()
	defer s.mu.Unlock()
	now := e.Kind == provisioning.StateChanged && e.State == provisioning.Registered
	if e.Kind == provisioning.Lost || now && !s.registered {
		s.turn()
	}
	if e.Kind == provisioning.Lost || e.Kind == provisioning.StateChanged {
		s.registered = now
	}
	if l := s.repeats[same(entry)]; l != nil {
		l.Count = max(l.Count, 1) + 1
		l.LastAt, l.Detail, l.TookMS, l.Until = entry.At, entry.Detail, entry.TookMS, entry.Until
		s.last++
		l.number = s.last
	} else {
		s.repeats[same(entry)] = s.add(entry)
		logEntry(s.log, entry)
	}
	close(s.news)
	s.news = make(chan struct{})
}

// add appends an entry and lets the oldest go.
func (s *Story) add(e control.Entry) *line {
	s.last++
	l := &line{e, s.last}
	if s.entries = append(s.entries, l); len(s.entries) > storyLength {
		if oldest := same(s.entries[0].Entry); s.repeats[oldest] == s.entries[0] {
			delete(s.repeats, oldest)
		}
		s.entries = slices.Delete(s.entries, 0, 1)
	}
	if e.Failure() {
		if s.failures = append(s.failures, l); len(s.failures) > failuresLength {
			s.failures = slices.Delete(s.failures, 0, 1)
		}
	}
	return l
}

// turn ends a chapter: what comes now is new, though it may look the same.
func (s *Story) turn() {
	repeats := 0
	for _, l := range s.repeats {
		repeats += max(l.Count, 1) - 1
	}
	if repeats > 0 {
		s.log.Info("the lines since the last change were repeated", "count", repeats)
	}
	clear(s.repeats)
}

// History returns what has happened, oldest first, or the failures alone, which reach further back.
func (s *Story) History(failures bool) []control.Entry {
	s.mu.Lock()
	defer s.mu.Unlock()
	if failures {
		return plain(s.failures)
	}
	return plain(s.entries)
}

// Next waits until something has happened after the entry with number after (0: before everything), and
// returns it, oldest first, with the number to go on from. An entry that was counted again is returned again. What
// was told before ctx ended is returned even then.
func (s *Story) Next(ctx context.Context, after uint64) ([]control.Entry, uint64, error) {
	for {
		ended := ctx.Err() != nil // looked at first: what is told after this is not waited for
		s.mu.Lock()
		fresh, last, news := s.since(after), s.last, s.news
		s.mu.Unlock()
		switch {
		case len(fresh) > 0:
			return fresh, last, nil
		case ended:
			return nil, after, context.Cause(ctx)
		}
		select {
		case <-news:
		case <-ctx.Done():
		}
	}
}

// since returns the entries with a number above after, in the order of their numbers.
func (s *Story) since(after uint64) []control.Entry {
	if s.last <= after {
		return nil
	}
	var fresh []*line
	for _, l := range s.entries {
		if l.number > after {
			fresh = append(fresh, l)
		}
	}
	slices.SortFunc(fresh, func(a, b *line) int { return cmp.Compare(a.number, b.number) })
	return plain(fresh)
}

func plain(lines []*line) []control.Entry {
	entries := make([]control.Entry, len(lines))
	for i, l := range lines {
		entries[i] = l.Entry
	}
	return entries
}

// same leaves of an entry what makes two of them tell the same.
func same(e control.Entry) control.Entry {
	e.At, e.LastAt, e.Until = time.Time{}, time.Time{}, time.Time{}
	e.Detail, e.TookMS, e.Count = "", 0, 0
	return e
}

// entryOf is an event as the history shows it.
func entryOf(e provisioning.Event) control.Entry {
	entry := control.Entry{
		At: e.At.UTC().Truncate(time.Millisecond), Event: string(e.Kind), State: e.State.String(), Degraded: e.Degraded,
		Query: cut(e.Query), Host: cut(e.Host), Reason: e.Reason, Detail: cut(e.Detail), Hint: e.Hint,
		TookMS: e.Took.Milliseconds(), Until: e.Until.UTC().Truncate(time.Second),
	}
	switch e.Kind {
	case provisioning.StateChanged, provisioning.StoreNote, provisioning.ClockSkew, provisioning.Waiting:
		// not about one step
	default:
		entry.Step = e.Step.String()
	}
	if e.Kind == provisioning.LookedUp {
		entry.Verdict = e.Verdict.String()
	}
	if e.Host != "" {
		entry.Port, entry.Transport = e.Port, e.Transport.String()
	}
	if e.Addr.IsValid() {
		entry.Address = e.Addr.String()
	}
	return entry
}

func cut(text string) string {
	if len(text) > textLimit {
		return text[:textLimit-3] + "..."
	}
	return text
}
