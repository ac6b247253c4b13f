package config

import (
	"bytes"
	"fmt"
	"io"
	"io/fs"
	"os"

	"homeward/internal/safefile"
)

// byteOrderMark is what some editors put in front of text.
var byteOrderMark = []byte("\ufeff")

// openAny opens a file for reading that may be named by a link.
var openAny = safefile.Follow

// openOwn opens a file for reading, and follows no link.
func openOwn(path string) (*os.File, error) { return safefile.Open(path, os.O_RDONLY, 0) }

// readText returns what a small regular file holds, without a byte order mark, if believe has nothing against the file. What
// is larger than limit, in bytes, is an error: the first half of it would be another text.
func readText(path string, limit int, open func(string) (*os.File, error), believe func(fs.FileInfo) error) ([]byte, error) {
	f, err := open(path)
	if err != nil {
		return nil, safefile.Unopened(path, err)
	}
	defer f.Close()
	info, err := f.Stat()
	if err != nil {
		return nil, safefile.Unopened(path, err)
	}
	if err := believe(info); err != nil {
		return nil, err
	}
	text, err := io.ReadAll(io.LimitReader(f, int64(limit)+1))
	if err != nil {
		return nil, safefile.Unopened(path, err)
	}
	if len(text) > limit {
		return nil, fmt.Errorf("%s is larger than %d bytes", path, limit)
	}
	return bytes.TrimPrefix(text, byteOrderMark), nil
}

// anybodys is for files that are believed whosever they are.
func anybodys(fs.FileInfo) error { return nil }

// checkPlainText refuses what is not UTF-8 but two bytes a letter, as Windows likes to write it, or no text at all.
func checkPlainText(path string, text []byte) error {
	if bytes.ContainsRune(text, 0) {
		return fmt.Errorf("%s is not plain text: write it in UTF-8", path)
	}
	return nil
}
