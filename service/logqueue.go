package service

import (
	"context"
	"log/slog"
	"sync/atomic"
	"time"
)

// Our choices.
const (
	logQueueLength = 256                    // lines: a cycle of a large site with every detail
	logFlushLimit  = 500 * time.Millisecond // for what is left at the end
)

// LogQueue stands between the daemon and whoever reads its log: a stderr that nobody reads must not hold up a
// registration. Lines wait here for their one writer; those that find no room are dropped and counted.
type LogQueue struct {
	out       slog.Handler
	lines     chan func()
	dropped   atomic.Int64
	end, done chan struct{}
}

// NewLogQueue returns a queue in front of out, and starts its writer; Close ends it.
func NewLogQueue(out slog.Handler) *LogQueue {
	q := &LogQueue{out: out, lines: make(chan func(), logQueueLength), end: make(chan struct{}), done: make(chan struct{})}
	go q.write()
	return q
}

// Handler returns the handler that never waits.
func (q *LogQueue) Handler() slog.Handler { return queued{q.out, q} }

// Close writes what is left, for half a second at most: a writer that hangs by then is left behind. It is called
// once.
func (q *LogQueue) Close() {
	close(q.end)
	select {
	case <-q.done:
	case <-time.After(logFlushLimit):
	}
}

func (q *LogQueue) write() {
	defer close(q.done)
	for {
		select {
		case line := <-q.lines:
			line()
		case <-q.end:
			for len(q.lines) > 0 { // there is no other reader
				(<-q.lines)()
			}
			return
		}
	}
}

// queued is a handler whose lines are written by the queue.
type queued struct {
	slog.Handler
	queue *LogQueue
}

func (h queued) Handle(ctx context.Context, r slog.Record) error {
	r = r.Clone()
	line := func() {
		_ = h.Handler.Handle(ctx, r) // a log that cannot be written has nobody to complain to
		h.queue.confess(ctx)
	}
	select {
	case h.queue.lines <- line:
	default:
		h.queue.dropped.Add(1)
	}
	return nil
}

// confess says how many lines are missing, as soon as somebody reads again.
func (q *LogQueue) confess(ctx context.Context) {
	if n := q.dropped.Swap(0); n > 0 {
		r := slog.NewRecord(time.Now(), slog.LevelWarn, "lines of the log were dropped because nobody read them", 0)
		r.Add("count", n)
		_ = q.out.Handle(ctx, r) // as above
	}
}

func (h queued) WithAttrs(attrs []slog.Attr) slog.Handler {
	return queued{h.Handler.WithAttrs(attrs), h.queue}
}

func (h queued) WithGroup(name string) slog.Handler {
	return queued{h.Handler.WithGroup(name), h.queue}
}
