package manager

import (
	"os"
	"path/filepath"
	"sync"

	"homeward/internal/safefile"
)

// Our choice: twice as much is kept, in the file and in the one before.
const (
	logFileSize = 512 << 10 // bytes
	logFileMode = 0o640
)

// LogFile is the log where there is no stderr: a file that is put aside when it is full, in place of the one before. It is
// the writer of a handler, which calls Write once a line.
type LogFile struct {
	path string
	mu   sync.Mutex
	file *os.File // nil: it could not be opened
	size int64
}

// OpenLogFile opens the log, and goes on where it ends.
func OpenLogFile(path string) (*LogFile, error) {
	if err := os.MkdirAll(filepath.Dir(path), 0o750); err != nil {
		return nil, err
	}
	f := &LogFile{path: path}
	return f, f.open()
}

func (f *LogFile) open() error {
	file, err := safefile.Open(f.path, os.O_WRONLY|os.O_APPEND|os.O_CREATE, logFileMode)
	if err != nil {
		return err
	}
	at, err := file.Stat()
	if err != nil {
		file.Close()
		return err
	}
	f.file, f.size = file, at.Size()
	return nil
}

// Write adds a line.
func (f *LogFile) Write(line []byte) (int, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.file != nil && f.size+int64(len(line)) > logFileSize {
		f.file.Close()
		f.file = nil
		if err := os.Rename(f.path, f.path+".1"); err != nil { // somebody reads it, on Windows: it is shortened where it is
			if whole, err := safefile.Open(f.path, os.O_WRONLY, 0); err == nil { // what may be appended to may not be shortened there
				_ = whole.Truncate(0)
				whole.Close()
			}
		}
	}
	if f.file == nil {
		if err := f.open(); err != nil {
			return 0, err
		}
	}
	n, err := f.file.Write(line)
	f.size += int64(n)
	return n, err
}

// Close closes the file.
func (f *LogFile) Close() error {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.file == nil {
		return nil
	}
	return f.file.Close()
}
