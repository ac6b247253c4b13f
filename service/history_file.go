package service

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"sort"

	"homeward/internal/safefile"
	"homeward/service/control"
)

// Our choices: flash has a limited number of writes, so that the file grows by what is new and is written anew
// only when it is full.
const (
	historySize = 256 << 10       // bytes; more is never kept
	mostRead    = 2 * historySize // of a file that somebody else has written to
	historyMode = 0o640
	maxNumber   = 1 << 53 // beyond it JSON numbers lose their last digit
)

func linesOf(entries []control.Entry) []byte {
	var b bytes.Buffer
	lines := json.NewEncoder(&b)
	lines.SetEscapeHTML(false)
	for i := range entries {
		e := &entries[i]
		_ = lines.Encode(*e) // cannot fail: plain data into memory
	}
	return b.Bytes()
}

// skipOldest leaves what is read of a file that is too large: its end, which is the latest. The line that is cut there is
// passed over as a damaged one is.
func skipOldest(f *os.File) error {
	info, err := f.Stat()
	if err != nil || info.Size() <= mostRead {
		return err
	}
	_, err = f.Seek(-mostRead, io.SeekEnd)
	return err
}

// ErrUTF16 says that a history has been copied by a program that writes two bytes a letter. The text goes on behind a name.
var ErrUTF16 = errors.New("is text in UTF-16")

// isUTF16 says whether a text begins as JSON in UTF-16 does, with a byte order mark or without.
func isUTF16(text []byte) bool {
	for _, mark := range []string{"\xff\xfe", "\xfe\xff", "{\x00", "\x00{"} {
		if bytes.HasPrefix(text, []byte(mark)) {
			return true
		}
	}
	return false
}

// ReadHistory reads a history file, oldest first. Lines that a power cut or a failing flash has damaged are
// passed over; an entry that was counted further is returned once. A file that does not exist is an empty
// history.
func ReadHistory(file string) ([]control.Entry, error) {
	f, err := safefile.Open(file, os.O_RDONLY, 0)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	defer f.Close()
	if err := skipOldest(f); err != nil {
		return nil, err
	}
	text, err := io.ReadAll(io.LimitReader(f, mostRead))
	if err != nil {
		return nil, err
	}
	text = bytes.TrimPrefix(text, []byte("\ufeff"))
	if isUTF16(text) {
		return nil, fmt.Errorf("%s %w", file, ErrUTF16)
	}
	latest := map[uint64]control.Entry{}
	for raw := range bytes.Lines(text) {
		var e control.Entry
		if json.Unmarshal(raw, &e) != nil || e.Number == 0 || e.Number > maxNumber || e.At.IsZero() || e.Event == "" {
			continue
		}
		latest[e.Number] = e
	}
	var entries []control.Entry
	for _, e := range latest {
		entries = append(entries, e)
	}
	sort.Slice(entries, func(i, j int) bool { return entries[i].Number < entries[j].Number })
	return entries, nil
}
