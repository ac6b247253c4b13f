package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"path/filepath"
	"strings"
	"syscall"

	"github.com/spf13/cobra"

	"homeward/cache"
	"homeward/internal/config"
	"homeward/internal/safefile"
	"homeward/provisioning"
	"homeward/service/control"
)

// The two copies of the record in state_dir (package cache).
const (
	databaseFile = "homeward.db"
	secondCopy   = "last-good.json"
)

// recordAnswer is `cache show --json`.
type recordAnswer struct {
	Version int `json:"version"`
	cache.Record
	Source string `json:"source"` // "daemon", "database", "last-good.json", or the path that was given
}

// origin is where a record was read.
type origin struct {
	source string   // as JSON says it: "daemon", "database", "last-good.json", or the path that was given
	file   string   // "": none, the daemon has said it
	kind   string   // which of the two copies file is
	doubts []string // what else was looked at, and could not be used
}

func (o origin) String() string {
	if o.file == "" {
		return o.source
	}
	return fmt.Sprintf("%s (%s)", printable(o.file), o.kind)
}

// chosenRecord returns the record of a file, or of this device.
func chosenRecord(c *cobra.Command, file string) (*cache.Record, origin, error) {
	places, err := loadPlaces(c)
	if err != nil {
		return nil, origin{}, err
	}
	if file != "" {
		record, kind, err := cache.ReadFile(file)
		if errors.Is(err, fs.ErrNotExist) || errors.Is(err, fs.ErrPermission) {
			err = safefile.Unopened(file, err)
		}
		return &record, origin{source: file, file: file, kind: kind}, recordFailure(err)
	}
	record, from, err := lastGood(c.Context(), places)
	return record, from, recordFailure(err)
}

// lastGood returns the record of this device: as the daemon knows it; without a daemon, that of the copy with the
// higher generation, which may be that there is none.
func lastGood(ctx context.Context, places *config.Config) (record *cache.Record, from origin, err error) {
	record = &cache.Record{}
	text, err := daemon(places).Record(ctx)
	switch {
	case err == nil:
		if err := json.Unmarshal(text, record); err != nil {
			return &cache.Record{}, from, fmt.Errorf("read the record: %w", err)
		}
		return record, origin{source: "daemon"}, nil
	case errors.Is(err, control.ErrNoRecord):
		return record, from, cache.ErrNoRecord
	}
	refused := err
	if !errors.Is(refused, control.ErrNotRunning) {
		from.doubts = append(from.doubts, refused.Error()+"; the files were read instead")
	}
	var troubles []error
	err = nil
	for _, name := range []string{databaseFile, secondCopy} {
		path := filepath.Join(places.StateDir, name)
		r, kind, errFile := cache.ReadFile(path)
		switch {
		case errFile != nil && !errors.Is(errFile, cache.ErrNoRecord):
			troubles = append(troubles, errFile)
			if !errors.Is(errFile, fs.ErrNotExist) {
				from.doubts = append(from.doubts, finding(errFile))
			}
		case from.file == "" || r.Generation > record.Generation:
			record, err = &r, errFile
			from.source, from.file, from.kind = kind, path, kind
		}
	}
	switch {
	case from.file != "":
		return record, from, err
	case errors.Is(troubles[0], fs.ErrNotExist) && errors.Is(troubles[1], fs.ErrNotExist):
		return record, from, cache.ErrNoRecord
	case errors.Is(troubles[1], fs.ErrPermission) && !errors.Is(refused, control.ErrNotRunning):
		return record, origin{}, refused // the socket would have been the way
	default:
		return record, origin{}, &unreadable{places.StateDir, troubles}
	}
}

// recall is lastGood for a command that goes on without it, and says so. unread: there may be one.
func (e env) recall(ctx context.Context, conf *config.Config, without string) (record *cache.Record, unread bool) {
	record, _, err := lastGood(ctx, conf)
	if unread = err != nil && !errors.Is(err, cache.ErrNoRecord); unread {
		e.remark("hint", without+": "+err.Error())
	}
	return record, unread
}

// unreadable says why neither copy of the record can be read.
type unreadable struct {
	dir      string
	troubles []error
}

func (u *unreadable) Unwrap() []error { return u.troubles }

func (u *unreadable) Error() string {
	lines := []string{fmt.Sprintf("%s contains neither a readable %s nor a readable %s", u.dir, databaseFile, secondCopy)}
	for _, err := range u.troubles {
		lines = append(lines, finding(err))
	}
	return strings.Join(lines, "\n")
}

// finding is what is wrong with a copy, with its reason if it has one.
func finding(err error) string {
	switch {
	case errors.Is(err, cache.ErrTooNew):
		return fmt.Sprintf("%s: %v", provisioning.CacheTooNew, err)
	case damaged(err):
		return fmt.Sprintf("%s: %v", provisioning.CacheDamaged, err)
	default:
		return err.Error()
	}
}

// damaged says whether a file could be read and holds no record of ours.
func damaged(err error) bool {
	var trouble syscall.Errno
	return err != nil && !errors.As(err, &trouble) && !errors.Is(err, fs.ErrNotExist) && !errors.Is(err, fs.ErrPermission) &&
		!errors.Is(err, cache.ErrLocked) && !errors.Is(err, cache.ErrNoRecord) && !errors.Is(err, cache.ErrTooNew)
}

// recordFailure gives an error of reading the record its exit code.
func recordFailure(err error) error {
	var refusal *control.Refusal
	var both *unreadable
	fail := func(err error, hints ...string) error { return &failure{code: exitFailed, err: err, hints: hints} }
	switch {
	case err == nil:
		return nil
	case errors.Is(err, cache.ErrNoRecord):
		return &failure{code: exitNotRegistered, err: errors.New("there is no last good record"), hints: []string{"the device has not registered yet, or its record was deleted"}}
	case errors.As(err, &refusal):
		return daemonFailure(err)
	case errors.Is(err, fs.ErrPermission):
		return fail(err, asWhom(runAsRoot))
	case errors.Is(err, cache.ErrTooNew):
		return fail(err, provisioning.CacheTooNew.Hint())
	case errors.As(err, &both) && (damaged(both.troubles[0]) || damaged(both.troubles[1])):
		return fail(err, "the daemon sets a damaged copy aside and writes a new one; if it recurs, look for failing flash or power cuts")
	case errors.Is(err, cache.ErrLocked):
		return fail(err, "read "+secondCopy+" in the same directory: it contains the same record")
	case both == nil && damaged(err):
		return fail(fmt.Errorf("%w; it is neither a readable %s nor a readable %s", err, databaseFile, secondCopy))
	default:
		return fail(err)
	}
}
