package service

import (
	"context"
	"log/slog"
	"slices"
	"sort"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"homeward/provisioning"
	"homeward/service/control"
)

// Our choices.
const (
	storyLength    = 500  // entries kept in memory; identical ones are one entry
	failuresLength = 100  // kept apart, so that a quiet month does not push the last trouble out
	textLimit      = 256  // bytes kept of text that came from the network
	whatLimit      = 1024 // of a sentence of ours in which such text may stand more than once
	hintLimit      = 2048 // of several of them

	steady   = 10 * time.Minute // a registration that is lost sooner did not hold
	flapping = 3                // of those in a row are told; the others are counted

	uncleanEnd = "the run before it did not stop cleanly: the power was cut, or the process was killed"
)

// Story is what has happened, told once: every Event becomes a line in the log and an Entry in the history.
// What happens again with nothing new in between is counted, not repeated: an outage of a week is a few lines
// and a count. The count starts anew with the process, when the device registers and when it loses its
// registration; not when that goes on and on.
type Story struct {
	log      *slog.Logger
	file     string
	gate     <-chan struct{} // closed when the file may be read
	reading  sync.Once
	failedAt time.Time // when the file could not be written, which was said; zero: it could. The task's alone
	full     atomic.Bool

	mu         sync.Mutex
	registered bool
	acceptedAt time.Time // when the device registered last
	brief      int       // registrations in a row that did not hold
	entries    []*line   // oldest first
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

// again counts the line once more: the entry tells the same.
func (l *line) again(entry *control.Entry, number uint64) {
	l.Count = max(l.Count, 1) + 1
	l.LastAt, l.What, l.Detail, l.Hint, l.TookMS, l.Until, l.Follows = entry.At, entry.What, entry.Detail, entry.Hint, entry.TookMS, entry.Until, false
	l.number = number
}

// NewStory returns a story that goes on where the history file (history.jsonl) ends.
func NewStory(log *slog.Logger, file string) *Story {
	s := NewStoryAfter(log, file, nil)
	s.recall()
	return s
}

// NewStoryAfter returns a story as NewStory does, which takes what happens at once and reads the file later: when somebody
// asks for the History, or after gate is closed. Reading takes longer than all that lies before the first question to DNS.
func NewStoryAfter(log *slog.Logger, file string, gate <-chan struct{}) *Story {
	return &Story{log: log, file: file, gate: gate, repeats: map[control.Entry]*line{}, news: make(chan struct{})}
}

// begin waits until the file may be read, or ctx ends, reads it, and returns the number of its last entry.
func (s *Story) begin(ctx context.Context) uint64 {
	if s.gate != nil {
		select {
		case <-s.gate:
		case <-ctx.Done(): // what was told is written even then, behind what the file holds
		}
	}
	s.recall()
	return s.loaded
}

// recall reads the file, once.
func (s *Story) recall() { s.reading.Do(s.read) }

// read puts what the file holds in front of what was told meanwhile, which gets new numbers: nobody has seen them.
func (s *Story) read() {
	before, err := ReadHistory(s.file)
	if err != nil {
		s.log.Warn("history unreadable", "err", err)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	told, last := s.entries, s.last
	s.entries, s.failures, s.last = nil, nil, 0
	if err != nil {
		s.last = uint64(theTime().UnixMilli()) // above the numbers in the file, which may be gone on with later
	}
	for i := range before {
		e := &before[i]
		s.add(e)
	}
	s.loaded = s.last
	unclean := len(before) > 0 && before[len(before)-1].Event != control.Stopped
	if unclean && len(told) > 0 && told[0].Event == control.Started { // as start would have done
		told[0].Detail = uncleanEnd
		if latest := s.entries[len(s.entries)-1]; same(latest.Entry) == same(told[0].Entry) {
			latest.again(&told[0].Entry, s.loaded+told[0].number)
			told = told[1:]
		}
	}
	for _, l := range told {
		l.Number, l.number = s.loaded+l.Number, s.loaded+l.number
		s.keep(l)
	}
	s.last += last
}

// Life returns the main task of the process; the story tells its start and its stop.
func (s *Story) Life(version string, main Task) Task {
	return Task{main.Name, func(ctx context.Context) error {
		s.start(version)
		err := main.guarded(ctx)
		s.stop(version, err)
		return err
	}}
}

// start begins a chapter. A process that ends before it has told more, and is started again by the service manager
// over and over, is one line and a count.
func (s *Story) start(version string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	entry := control.Entry{At: theTime(), Event: control.Started, Version: version}
	if n := len(s.entries); n > 0 {
		if last := s.entries[n-1]; last.Event != control.Stopped {
			entry.Detail = uncleanEnd
			s.repeats[same(last.Entry)] = last
		}
	}
	s.tell(&entry)
	clear(s.repeats)
}

func (s *Story) stop(version string, why error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	entry := control.Entry{At: theTime(), Event: control.Stopped, Version: version}
	if why != nil {
		entry.Detail, _, _ = strings.Cut(cut(why.Error()), "\n") // below it is a stack
	}
	s.tell(&entry)
}

// theTime is now, as an entry holds it.
func theTime() time.Time { return time.Now().UTC().Truncate(time.Millisecond) }

// Tell adds an event. It may be called from any goroutine.
func (s *Story) Tell(e *provisioning.Event) {
	entry := entryOf(e)
	s.mu.Lock()
	defer s.mu.Unlock()
	s.follow(e)
	s.mark(e.Follow)
	if s.tell(entry) {
		logEntry(s.log, entry)
	}
}

// follow notices where a chapter ends.
func (s *Story) follow(e *provisioning.Event) {
	now := e.Kind == provisioning.StateChanged && e.State == provisioning.Registered
	switch {
	case e.Kind == provisioning.Lost:
		if s.brief++; e.At.Sub(s.acceptedAt) >= steady {
			s.brief = 0
		}
	case now && !s.registered:
		s.acceptedAt = e.At
	case e.Kind == provisioning.StateChanged:
		s.registered = now
		return
	default:
		return
	}
	s.registered = now
	if s.brief < flapping {
		s.turn()
	}
}

// mark marks the entries of what follows from that for which the device rests, and that of the loss of a registration with one of those who
// have not answered since.
func (s *Story) mark(follow []provisioning.Event) {
	silent := map[string]bool{} // addresses
	for i := range follow {
		e := &follow[i]
		told := entryOf(e)
		for _, l := range slices.Backward(s.entries) {
			if l.Event == told.Event && l.Step == told.Step && l.Query == told.Query && l.Host == told.Host && l.Port == told.Port && l.Address == told.Address && l.Fault == told.Fault {
				l.Follows = true
				break
			}
		}
		silent[told.Address] = true
	}
	var lost *line
	for _, l := range s.entries {
		registers := l.Event == string(provisioning.StateChanged) && l.State == provisioning.Registered.String()
		switch {
		case lost != nil && l.Latest().Before(lost.Latest()):
		case registers:
			lost = nil
		case l.Event == string(provisioning.Lost):
			lost = l
		}
	}
	if lost != nil && lost.Address != "" && silent[lost.Address] && lost.Reason == provisioning.SIPNoAnswer {
		lost.Follows = true
	}
}

// tell adds an entry, or counts it if it is known; it says whether it is news.
func (s *Story) tell(entry *control.Entry) (news bool) {
	if l := s.repeats[same(*entry)]; l != nil {
		s.last++
		l.again(entry, s.last)
	} else {
		s.repeats[same(*entry)] = s.add(entry)
		news = true
	}
	close(s.news)
	s.news = make(chan struct{})
	return news
}

// add makes the next line of an entry.
func (s *Story) add(e *control.Entry) *line {
	if s.last++; e.Number > s.last { // of the file
		s.last = e.Number
	}
	l := &line{*e, s.last}
	l.Number = s.last
	s.keep(l)
	return l
}

// keep appends a line and lets the oldest go.
func (s *Story) keep(l *line) {
	if s.entries = append(s.entries, l); len(s.entries) > storyLength {
		if oldest := same(s.entries[0].Entry); s.repeats[oldest] == s.entries[0] {
			delete(s.repeats, oldest)
		}
		s.entries = slices.Delete(s.entries, 0, 1)
	}
	if l.Failure() {
		if s.failures = append(s.failures, l); len(s.failures) > failuresLength {
			s.failures = slices.Delete(s.failures, 0, 1)
		}
	}
}

// turn ends a chapter: what comes now is new, though it may look the same.
func (s *Story) turn() {
	repeats := 0
	for _, l := range s.repeats {
		repeats += max(l.Count, 1) - 1
	}
	if repeats > 0 {
		s.log.Info("lines repeated since the last change", "count", repeats)
	}
	clear(s.repeats)
}

// History returns what has happened, oldest first, or the failures alone, which reach further back.
func (s *Story) History(failures bool) []control.Entry {
	s.recall()
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
	s.begin(ctx)
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

// since returns what is kept, entries and the older failures, with a number above after, in the order of their
// numbers.
func (s *Story) since(after uint64) []control.Entry {
	if s.last <= after {
		return nil
	}
	var fresh []*line
	for _, lines := range [][]*line{s.failures, s.entries} {
		for _, l := range lines {
			if l.number > after {
				fresh = append(fresh, l)
			}
		}
	}
	sort.Slice(fresh, func(i, j int) bool { return fresh[i].number < fresh[j].number })
	return plain(slices.Compact(fresh))
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
	e.Number, e.At, e.LastAt, e.Until = 0, time.Time{}, time.Time{}, time.Time{}
	e.What, e.Detail, e.Hint, e.TookMS, e.Count, e.Follows = "", "", "", 0, 0, false
	return e
}

// entryOf is an event as the history shows it.
func entryOf(e *provisioning.Event) *control.Entry {
	why := e.Why()
	entry := &control.Entry{
		At: e.At.UTC().Truncate(time.Millisecond), Event: string(e.Kind), State: e.State.String(), Degraded: e.Degraded,
		Query: cut(e.Query), Host: cut(e.Host), Reason: e.Reason, Fault: why.Fault, What: cutAt(why.What, whatLimit), Detail: cut(e.Detail), Hint: cutAt(why.Hint, hintLimit), Explains: e.Explains,
		TookMS: e.Took.Milliseconds(), Until: e.Until.UTC().Truncate(time.Second),
	}
	switch e.Kind {
	case provisioning.StateChanged, provisioning.StoreNote, provisioning.ClockSkew, provisioning.Paced, provisioning.Well, provisioning.Waiting, provisioning.NetworkChanged, provisioning.Enrolled, provisioning.Reported:
		// not about one step
	default:
		entry.Step = e.Step.String()
	}
	if e.Kind == provisioning.LookedUp || e.Kind == provisioning.Well && e.Verdict == provisioning.Absent {
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

func cut(text string) string { return cutAt(text, textLimit) }

func cutAt(text string, limit int) string {
	if len(text) > limit {
		return text[:limit-3] + "..."
	}
	return text
}
