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
	h := &journalHandler{out: w}
	h.Handler = slog.NewTextHandler(&h.line, &slog.HandlerOptions{Level: level, ReplaceAttr: withoutTimeAndLevel})
	return h
}

type journalHandler struct {
	slog.Handler
	mu   sync.Mutex // one line at a time passes through line
	line bytes.Buffer
	out  io.Writer
}

func (h *journalHandler) Handle(ctx context.Context, r slog.Record) error {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.line.Reset()
	fmt.Fprintf(&h.line, "<%d>", priority(r.Level))
	if err := h.Handler.Handle(ctx, r); err != nil {
		return err
	}
	_, err := h.out.Write(h.line.Bytes())
	return err
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
