package service

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"homeward/provisioning"
	"homeward/service/control"
)

func openStory(file string) *Story { return NewStory(slog.New(slog.DiscardHandler), file) }

// end runs the task of a story that is over, which writes the file.
func end(t *testing.T, s *Story) {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if err := s.Run(ctx); err == nil {
		t.Error("Run returned before it was asked to")
	}
}

func TestHistorySurvivesARestart(t *testing.T) {
	file := filepath.Join(t.TempDir(), "history.jsonl")
	s := openStory(file)
	outageOf(s, 3)
	end(t, s)
	again := openStory(file)
	if diff := cmp.Diff(s.History(false), again.History(false)); diff != "" {
		t.Error(diff)
	}
	if diff := cmp.Diff(s.History(true), again.History(true)); diff != "" {
		t.Error(diff)
	}
	before, _ := os.ReadFile(file)
	end(t, again)
	after, _ := os.ReadFile(file)
	if diff := cmp.Diff(string(before), string(after)); diff != "" {
		t.Errorf("a run without news has written:\n%s", diff)
	}
}

// An entry that is written once and then counted further stands twice in the file, and once in the history.
func TestACountThatGrowsIsReadOnce(t *testing.T) {
	file := filepath.Join(t.TempDir(), "history.jsonl")
	s := openStory(file)
	outageOf(s, 2)
	saved := s.save(0)
	outageOf(s, 2)
	s.save(saved)
	entries, err := ReadHistory(file)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(s.History(false), entries); diff != "" {
		t.Error(diff)
	}
}

func TestHistoryIsWrittenAtTurningPointsOnly(t *testing.T) {
	for _, test := range []struct {
		name  string
		entry control.Entry
		want  bool
	}{
		{"a look-up", control.Entry{Event: "lookup"}, false},
		{"a commit", control.Entry{Event: "commit"}, true},
		{"registered", control.Entry{Event: "state", State: "registered"}, true},
		{"an outage begins", control.Entry{Event: "state", State: "outage"}, true},
		{"an outage goes on", control.Entry{Event: "state", State: "outage", Count: 2}, false},
		{"giving up for a while", control.Entry{Event: "state", State: "resting"}, true},
		{"and again", control.Entry{Event: "state", State: "resting", Count: 2}, false},
		{"discovering", control.Entry{Event: "state", State: "discovering"}, false},
		{"a start", control.Entry{Event: "start"}, true},
		{"a start, again and again", control.Entry{Event: "start", Count: 9}, true},
	} {
		t.Run(test.name, func(t *testing.T) {
			if got := worthSaving(test.entry); got != test.want {
				t.Errorf("got %t, want %t", got, test.want)
			}
		})
	}
}

func TestHistoryFileIsBounded(t *testing.T) {
	file := filepath.Join(t.TempDir(), "history.jsonl")
	s := openStory(file)
	s.Tell(&provisioning.Event{At: noon, Kind: provisioning.Lost, Reason: provisioning.BindingLost})
	var saved uint64
	for i := range 20 {
		for j := range 100 {
			s.Tell(&provisioning.Event{
				At: noon.Add(time.Duration(100*i+j) * time.Second), Kind: provisioning.Refreshed,
				Endpoint: provisioning.Endpoint{Host: fmt.Sprintf("fe%d-%d.contoso.com", i, j)}, Detail: strings.Repeat("d", textLimit),
			})
		}
		saved = s.save(saved)
		at, err := os.Stat(file)
		if err != nil || at.Size() > historySize {
			t.Fatalf("the file has %d bytes, want at most %d; err %v", at.Size(), historySize, err)
		}
	}
	entries, err := ReadHistory(file)
	if err != nil || len(entries) == 0 || entries[len(entries)-1].Host != "fe19-99.contoso.com" {
		t.Errorf("the newest entry is missing, err %v", err)
	}
}

// Of a file that somebody else has made too large the end is read: what happened last.
func TestFieldOfALargeHistoryTheLatestIsRead(t *testing.T) {
	file := filepath.Join(t.TempDir(), "history.jsonl")
	noise := strings.Repeat(strings.Repeat("x", 99)+"\n", 3*mostRead/100)
	line := func(n int) string {
		return fmt.Sprintf(`{"number":%d,"at":"2026-11-29T12:00:00Z","event":"start"}`+"\n", n)
	}
	if err := os.WriteFile(file, []byte(line(1)+noise+line(2)+line(3)), 0o600); err != nil {
		t.Fatal(err)
	}
	entries, err := ReadHistory(file)
	if err != nil || len(entries) != 2 || entries[1].Number != 3 {
		t.Errorf("%d entries, %+v, %v", len(entries), entries, err)
	}
}

// What succeeds pushes the last failures out neither of memory nor, when the file is full, of the file.
func TestFailuresOutliveAFullFile(t *testing.T) {
	file := filepath.Join(t.TempDir(), "history.jsonl")
	s := openStory(file)
	long := strings.Repeat("d", textLimit)
	for i := range 2 * failuresLength {
		s.Tell(&provisioning.Event{
			At: noon.Add(time.Duration(i) * time.Second), Kind: provisioning.Attempted, Endpoint: provisioning.Endpoint{Host: fmt.Sprintf("fe%d.contoso.com", i)},
			Reason: provisioning.ConnectRefused, Detail: long[:100],
		})
	}
	saved := s.save(0)
	for i := range 3000 {
		s.Tell(&provisioning.Event{At: noon.Add(time.Duration(i) * time.Hour), Kind: provisioning.Refreshed, Endpoint: provisioning.Endpoint{Host: fmt.Sprintf("pool%d.contoso.com", i)}, Detail: long})
		if i%100 == 0 {
			saved = s.save(saved)
		}
	}
	s.save(saved)
	again := openStory(file)
	if diff := cmp.Diff(s.History(true), again.History(true)); diff != "" || len(s.History(true)) != failuresLength {
		t.Error(diff)
	}
	if entries := again.History(false); entries[len(entries)-1].Host != "pool2999.contoso.com" {
		t.Errorf("the newest entry is %+v", entries[len(entries)-1])
	}
}

// The clock of many a phone starts anew with each boot.
func TestTheOrderOfTheHistoryIsNotThatOfTheClock(t *testing.T) {
	file := filepath.Join(t.TempDir(), "history.jsonl")
	for i, at := range []time.Time{noon, time.Unix(60, 0), noon.Add(time.Hour), time.Unix(60, 0)} {
		s := openStory(file)
		s.Tell(&provisioning.Event{At: at, Kind: provisioning.Lost, Endpoint: provisioning.Endpoint{Host: fmt.Sprint(i)}, Reason: provisioning.BindingLost})
		s.save(s.loaded)
	}
	s := openStory(file)
	if err := s.rewrite(); err != nil {
		t.Fatal(err)
	}
	entries, err := ReadHistory(file)
	if err != nil || len(entries) != 4 {
		t.Fatalf("%d entries, err %v", len(entries), err)
	}
	for i, e := range entries {
		if e.Host != fmt.Sprint(i) {
			t.Errorf("in place %d is entry %s", i, e.Host)
		}
	}
}

// A tech sees restarts, and whether the end before was a clean one.
func TestStartsAndStops(t *testing.T) {
	file := filepath.Join(t.TempDir(), "history.jsonl")
	nothing := Task{"agent", func(context.Context) error { return nil }}
	fails := Task{"agent", func(context.Context) error { panic("index out of range") }}
	lives := []func(*Story){
		func(s *Story) { s.Life("1.0", nothing).Run(t.Context()) },
		func(s *Story) { s.Life("1.1", fails).Run(t.Context()) },
		func(s *Story) { s.start("1.1"); s.Tell(registered(time.Now())) }, // and is killed
		func(s *Story) { s.start("1.1") },                                 // killed at once
		func(s *Story) { s.start("1.1") },
		func(s *Story) { s.start("1.1") },
		func(s *Story) { s.Life("1.1", nothing).Run(t.Context()) },
	}
	for _, life := range lives {
		s := openStory(file)
		life(s)
		s.save(s.loaded)
	}
	entries, err := ReadHistory(file)
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, e := range entries {
		got = append(got, strings.TrimSpace(fmt.Sprint(e.Event, " ", e.Version, " ", e.Count, " ", e.Detail)))
	}
	const unclean = "the run before it did not stop cleanly: the power was cut, or the process was killed"
	want := []string{
		"start 1.0 0", "stop 1.0 0", "start 1.1 0", "stop 1.1 0 panic: index out of range", "start 1.1 0", "state  0", "start 1.1 4 " + unclean, "stop 1.1 0",
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
}

func TestDamagedHistory(t *testing.T) {
	const good = `{"at":"2026-11-20T12:00:00Z","event":"state","state":"registered","number":1}`
	want := []control.Entry{{Number: 1, At: noon, Event: "state", State: "registered"}}
	for _, test := range []struct {
		name, text string
		want       []control.Entry
	}{
		{"nothing in it", "", nil},
		{"noise", "\x00\xff\x13\x37\n\n\n{", nil},
		{"a half line in front", `{"at":"2026-11-20T11:5` + "\n" + good + "\n", want},
		{"a half line at the end", good + "\n" + good[:20], want},
		{"no line feed at the end", good, want},
		{"other JSON between", "[1,2]\n\"x\"\n{}\n" + good + "\n", want},
		{"zeros, as some file systems leave them", strings.Repeat("\x00", 4096) + "\n" + good + "\n", want},
		{"a number beyond reach", good + "\n" + strings.Replace(good, ":1}", ":18446744073709551615}", 1) + "\n", want},
		{"the same entry twice", good + "\n" + good + "\n", want},
	} {
		t.Run(test.name, func(t *testing.T) {
			file := filepath.Join(t.TempDir(), "history.jsonl")
			if err := os.WriteFile(file, []byte(test.text), 0o600); err != nil {
				t.Fatal(err)
			}
			got, err := ReadHistory(file)
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(test.want, got); diff != "" {
				t.Error(diff)
			}
			s := openStory(file) // and it can be gone on with
			s.Tell(registered(noon.Add(time.Hour)))
			end(t, s)
			if got, err = ReadHistory(file); err != nil || len(got) != len(test.want)+1 {
				t.Errorf("after one more entry: %v, err %v", got, err)
			}
		})
	}
}

func TestHistoryIsNotReadFromAnythingButAFile(t *testing.T) {
	dir := t.TempDir()
	if _, err := ReadHistory(dir); err == nil {
		t.Error("a directory was read")
	}
	if got, err := ReadHistory(filepath.Join(dir, "missing")); got != nil || err != nil {
		t.Errorf("a missing file gives %v, %v; want an empty history", got, err)
	}
}

// A history that may not be used for a while is gone on with, and what it held stays. It is said once.
func TestHistoryHeals(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		dir := t.TempDir()
		file, away := filepath.Join(dir, "history.jsonl"), filepath.Join(dir, "away")
		before := openStory(file)
		outageOf(before, 1)
		before.save(0)
		if err := errors.Join(os.Rename(file, away), os.Mkdir(file, 0o700)); err != nil {
			t.Fatal(err)
		}
		var log bytes.Buffer
		s := NewStory(slog.New(slog.NewTextHandler(&log, nil)), file)
		ctx, cancel := context.WithCancel(t.Context())
		ended := make(chan error)
		go func() { ended <- s.Run(ctx) }()
		s.start("1.0")
		time.Sleep(10*writeAgain + writeAgain/2) // of the bubble
		if err := errors.Join(os.Remove(file), os.Rename(away, file)); err != nil {
			t.Fatal(err)
		}
		s.Tell(&provisioning.Event{At: time.Now(), Kind: provisioning.Refreshed}) // which does not put it off
		time.Sleep(writeAgain/2 + time.Second)
		synctest.Wait()
		got, err := ReadHistory(file)
		if diff := cmp.Diff(append(before.History(false), s.History(false)...), got); diff != "" || err != nil {
			t.Error(diff, err)
		}
		cancel()
		<-ended
		for text, want := range map[string]int{"history unreadable": 1, "history not written": 1, "history written again": 1} {
			if got := strings.Count(log.String(), text); got != want {
				t.Errorf("%q: %d lines, want %d\n%s", text, got, want, &log)
			}
		}
	})
}

// A history that cannot be written never stops the daemon.
func TestHistoryThatCannotBeWritten(t *testing.T) {
	s := openStory(filepath.Join(t.TempDir(), "missing", "history.jsonl"))
	outageOf(s, 1)
	end(t, s)
	if got := len(s.History(false)); got != 6 {
		t.Errorf("%d entries in memory, want 6", got)
	}
}

// A file that is read later changes nothing of what is told, though much has happened by then: a story that has read it at once
// holds the same, and so does the next one.
func TestHistoryReadLater(t *testing.T) {
	for name, before := range map[string]func(*Story){
		"none":           func(*Story) {},
		"a clean end":    func(s *Story) { s.start("1.0"); outageOf(s, 2); s.stop("1.0", nil) },
		"a power cut":    func(s *Story) { s.start("1.0"); outageOf(s, 2) },
		"ended at once":  func(s *Story) { s.start("1.0") },
		"again and anew": func(s *Story) { s.start("1.0"); outageOf(s, 2); s.start("1.0"); s.start("1.0") },
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				var held [2][]control.Entry
				for i := range held {
					file := filepath.Join(t.TempDir(), "history.jsonl")
					first := openStory(file)
					before(first)
					first.save(0)
					gate := make(chan struct{})
					s := NewStoryAfter(slog.New(slog.DiscardHandler), file, gate)
					if i == 0 {
						s.recall()
					}
					ctx, cancel := context.WithCancel(t.Context())
					ended := make(chan error)
					go func() { ended <- s.Run(ctx) }()
					s.start("1.0")
					outageOf(s, 3)
					synctest.Wait()
					if i == 1 && s.loaded != 0 {
						t.Error("it was read before its time")
					}
					close(gate)
					synctest.Wait()
					outageOf(s, 1)
					s.stop("1.0", nil)
					cancel()
					<-ended
					held[i] = s.History(false)
					if got := openStory(file).History(false); !cmp.Equal(held[i], got) {
						t.Error("written is something else: ", cmp.Diff(held[i], got))
					}
				}
				if diff := cmp.Diff(held[0], held[1]); diff != "" {
					t.Error(diff)
				}
			})
		})
	}
}

// What was told is written also by a process that ends before the file was to be read, and a damaged file is told then.
func TestHistoryReadAtTheEnd(t *testing.T) {
	file := filepath.Join(t.TempDir(), "history.jsonl")
	first := openStory(file)
	outageOf(first, 2)
	first.save(0)
	s := NewStoryAfter(slog.New(slog.DiscardHandler), file, make(chan struct{}))
	s.start("1.0")
	s.stop("1.0", nil)
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	_ = s.Run(ctx)
	got, err := ReadHistory(file)
	if want := len(first.History(false)) + 2; len(got) != want || err != nil {
		t.Errorf("%d entries, want %d: %v", len(got), want, err)
	}
	var log bytes.Buffer
	damaged := filepath.Join(t.TempDir(), "history.jsonl")
	if err := os.Mkdir(damaged, 0o700); err != nil {
		t.Fatal(err)
	}
	s = NewStoryAfter(slog.New(slog.NewTextHandler(&log, nil)), damaged, make(chan struct{}))
	_ = s.Run(ctx)
	if got := strings.Count(log.String(), "history unreadable"); got != 1 {
		t.Errorf("said %d times that it is unreadable\n%s", got, &log)
	}
}

// What somebody has put into a certificate costs no other line its place in the file, not even a line that is longer than it may be.
func TestMend103LongHint(t *testing.T) {
	s, _ := newStory(t)
	for i := range 200 {
		s.Tell(&provisioning.Event{Kind: provisioning.Attempted, At: noon, Endpoint: provisioning.Endpoint{Host: fmt.Sprint("fe", i), Port: 5061}, Reason: provisioning.ConnectTimeout})
	}
	before := len(newest(s.entries, historySize/4))
	if before != 200 {
		t.Fatalf("%d lines are kept", before)
	}
	long := provisioning.FaultStrangeIssuer.Met(provisioning.Facts{"at": "fe:5061", "host": "fe", "port": 5061, "own": "own", "issuer": strings.Repeat("\x01", 200_000), "others": "none", "root": "root"})
	s.Tell(&provisioning.Event{Kind: provisioning.Attempted, At: noon, Endpoint: provisioning.Endpoint{Host: "fe"}, Reason: long.Reason(), Trouble: long})
	last := s.History(false)[200]
	if len(last.Hint) > hintLimit || len(last.What) > whatLimit || last.Fault == "" {
		t.Errorf("%d bytes of advice are kept, and %d of what it is", len(last.Hint), len(last.What))
	}
	s.add(&control.Entry{At: noon, Event: "attempt", Hint: strings.Repeat("6b", 200_000)}) // of a file, say
	s.Tell(registered(noon))
	if err := s.rewrite(); err != nil {
		t.Fatal(err)
	}
	kept, err := ReadHistory(s.file)
	if err != nil || len(kept) < before || kept[len(kept)-1].State != "registered" {
		t.Errorf("%d lines are kept, there were %d; err %v", len(kept), before, err)
	}
}
