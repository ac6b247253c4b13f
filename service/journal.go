package service

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"log/slog"
	"sync"
)

// JournalHandler writes lines for the systemd journal: a priority prefix (sd-daemon(3)) in place of the time
// and the level, which the journal knows.
func JournalHandler(w io.Writer, level slog.Leveler) slog.Handler {
	j := &journal{out: w}
	return journalHandler{slog.NewTextHandler(&j.line, &slog.HandlerOptions{Level: level, ReplaceAttr: withoutTimeAndLevel}), j}
}

// journal is where the lines of a handler, and of all made from it, go.
type journal struct {
	mu   sync.Mutex // one line at a time passes through line
	line bytes.Buffer
	out  io.Writer
}

type journalHandler struct {
	slog.Handler
	journal *journal
}

func (h journalHandler) Handle(ctx context.Context, r slog.Record) error {
	j := h.journal
	j.mu.Lock()
	defer j.mu.Unlock()
	j.line.Reset()
	fmt.Fprintf(&j.line, "<%d>", priority(r.Level))
	if err := h.Handler.Handle(ctx, r); err != nil {
		return err
	}
	_, err := j.out.Write(j.line.Bytes())
	return err
}

func (h journalHandler) WithAttrs(attrs []slog.Attr) slog.Handler {
	return journalHandler{h.Handler.WithAttrs(attrs), h.journal}
}

func (h journalHandler) WithGroup(name string) slog.Handler {
	return journalHandler{h.Handler.WithGroup(name), h.journal}
}

// priority is the level in the words of syslog (RFC 5424 §6.2.1).
func priority(level slog.Level) int {
	switch {
	case level >= slog.LevelError:
		return 3
	case level >= slog.LevelWarn:
		return 4
	case level >= slog.LevelInfo:
		return 6
	default:
		return 7
	}
}

func withoutTimeAndLevel(groups []string, a slog.Attr) slog.Attr {
	if len(groups) == 0 && (a.Key == slog.TimeKey || a.Key == slog.LevelKey) {
		return slog.Attr{}
	}
	return a
}
