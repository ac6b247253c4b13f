package service

import (
	"context"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/homeward-agent/homeward/provisioning"
	"github.com/homeward-agent/homeward/service/control"
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
		{"resting", control.Entry{Event: "state", State: "resting"}, false},
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
	s.Tell(provisioning.Event{At: noon, Kind: provisioning.Lost, Reason: provisioning.BindingLost})
	var saved uint64
	for i := range 20 {
		for j := range 100 {
			s.Tell(provisioning.Event{
				At: noon.Add(time.Duration(100*i+j) * time.Second), Kind: provisioning.Refreshed,
				Host: fmt.Sprintf("fe%d-%d.contoso.com", i, j), Detail: strings.Repeat("d", textLimit),
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

func TestDamagedHistory(t *testing.T) {
	const good = `{"at":"2026-11-20T12:00:00Z","event":"state","state":"registered"}`
	want := []control.Entry{{At: noon, Event: "state", State: "registered"}}
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

// A history that cannot be written never stops the daemon.
func TestHistoryThatCannotBeWritten(t *testing.T) {
	s := openStory(filepath.Join(t.TempDir(), "missing", "history.jsonl"))
	outageOf(s, 1)
	end(t, s)
	if got := len(s.History(false)); got != 6 {
		t.Errorf("%d entries in memory, want 6", got)
	}
}
