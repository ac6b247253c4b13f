package service

import (
	"bytes"
	"fmt"
	"log/slog"
	"strings"
	"testing"
)

func TestLogTail(t *testing.T) {
	var stderr bytes.Buffer
	var tail LogTail
	log := slog.New(slog.NewMultiHandler(JournalHandler(&stderr, slog.LevelWarn), slog.NewTextHandler(&tail, &slog.HandlerOptions{Level: slog.LevelInfo})))
	log.Debug("not asked for")
	for i := range logTailLines + 7 {
		log.Info("line", "n", i)
	}
	log.Warn("last")
	if want := "<4>msg=last\n"; stderr.String() != want {
		t.Errorf("stderr has %q, want %q", &stderr, want)
	}
	lines := strings.Split(strings.TrimSuffix(string(tail.Text()), "\n"), "\n")
	if len(lines) != logTailLines {
		t.Fatalf("%d lines are kept, want %d", len(lines), logTailLines)
	}
	for i, want := range map[int]string{0: "level=INFO msg=line n=8", logTailLines - 1: "level=WARN msg=last"} {
		if !strings.HasSuffix(lines[i], want) {
			t.Errorf("line %d is %q, want %q", i, lines[i], want)
		}
	}
}

func TestLogTailIsBounded(t *testing.T) {
	var tail LogTail
	for i := range 100 {
		fmt.Fprintf(&tail, "%d %s\n", i, strings.Repeat("x", 1000))
	}
	text := tail.Text()
	if len(text) > logTailBytes || len(text) < logTailBytes-2000 {
		t.Errorf("%d bytes are kept, want nearly %d", len(text), logTailBytes)
	}
	if !bytes.HasPrefix(text[bytes.LastIndexByte(text[:len(text)-1], '\n')+1:], []byte("99 ")) {
		t.Error("the last line is not the last")
	}
	fmt.Fprintf(&tail, "%s\n", strings.Repeat("y", 2*logTailBytes))
	if text := tail.Text(); len(text) != logTailBytes || !bytes.HasSuffix(text, []byte("y\n")) {
		t.Errorf("of a line without end %d bytes are kept, ending in %q", len(text), text[len(text)-2:])
	}
}
