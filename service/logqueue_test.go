package service

import (
	"bytes"
	"log/slog"
	"strings"
	"testing"
	"testing/synctest"
	"time"
)

// gate is a stderr that is read only when it is opened.
type gate struct {
	bytes.Buffer
	open chan struct{}
}

func (g *gate) Write(p []byte) (int, error) { <-g.open; return g.Buffer.Write(p) }

func TestLogThatNobodyReads(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		stderr := &gate{open: make(chan struct{})}
		queue := NewLogQueue(JournalHandler(stderr, slog.LevelInfo))
		story := NewStory(slog.New(queue.Handler()), t.TempDir()+"/history.jsonl")
		story.Tell(registered(noon))
		synctest.Wait() // the writer hangs with this line
		for range logQueueLength + 7 {
			story.log.Info("something happened")
		}
		if got := len(story.History(false)); got != 1 {
			t.Errorf("the story has %d entries, want 1", got)
		}
		began := time.Now() // of the bubble
		queue.Close()
		if took := time.Since(began); took != logFlushLimit {
			t.Errorf("the end took %v, want %v", took, logFlushLimit)
		}
		close(stderr.open)
		<-queue.done
		lines := strings.Split(strings.TrimSpace(stderr.String()), "\n")
		if len(lines) != 1+1+logQueueLength {
			t.Errorf("%d lines were written", len(lines))
		}
		if want := `<4>msg="lines of the log were dropped because nobody read them" count=7`; lines[1] != want {
			t.Errorf("got %s, want %s", lines[1], want)
		}
	})
}

func TestLogIsWholeAtTheEnd(t *testing.T) {
	var stderr bytes.Buffer
	queue := NewLogQueue(JournalHandler(&stderr, slog.LevelInfo))
	log := slog.New(queue.Handler()).With("a", 1).WithGroup("g")
	log.Debug("not asked for")
	log.Info("one", "b", 2)
	log.Error("two")
	queue.Close()
	if want := "<6>msg=one a=1 g.b=2\n<3>msg=two a=1\n"; stderr.String() != want {
		t.Errorf("got %q, want %q", &stderr, want)
	}
}
