package service

import (
	"bytes"
	"slices"
	"sync"
)

// Our choices: what a support bundle shows of the log.
const (
	logTailLines = 200
	logTailBytes = 64 << 10
)

// LogTail keeps the last lines of the log in memory: stderr cannot be read back. It is the writer of a handler of
// its own, which calls Write once a line, as those of log/slog do. Its zero value is empty.
type LogTail struct {
	mu    sync.Mutex
	lines [][]byte // oldest first
	size  int      // bytes of all lines
}

// Write adds a line and lets the oldest go. A line that alone is too long is cut.
func (t *LogTail) Write(line []byte) (int, error) {
	kept := bytes.Clone(line)
	if len(kept) > logTailBytes {
		kept = append(kept[:logTailBytes-1], '\n')
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	t.lines, t.size = append(t.lines, kept), t.size+len(kept)
	for len(t.lines) > logTailLines || t.size > logTailBytes {
		t.size -= len(t.lines[0])
		t.lines = slices.Delete(t.lines, 0, 1)
	}
	return len(line), nil
}

// Text returns the lines, oldest first.
func (t *LogTail) Text() []byte {
	t.mu.Lock()
	defer t.mu.Unlock()
	return bytes.Join(t.lines, nil)
}
