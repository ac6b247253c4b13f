package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"time"

	"github.com/spf13/cobra"

	"github.com/homeward-agent/homeward/cache"
	"github.com/homeward-agent/homeward/provisioning"
	"github.com/homeward-agent/homeward/service/control"
)

// The two copies of the record in state_dir (package cache).
const (
	databaseFile = "homeward.db"
	secondCopy   = "last-good.json"
)

func cacheCommand(e env) *cobra.Command {
	return group("cache", "Show, export or forget the last good record", []*cobra.Command{
		cacheShowCommand(e), cacheExportCommand(e), cacheForgetCommand(e),
	})
}

// recordAnswer is `cache show --json`.
type recordAnswer struct {
	Version int `json:"version"`
	cache.Record
	Source string `json:"source"`
}

func cacheShowCommand(e env) *cobra.Command {
	var asJSON bool
	var file string
	c := verb("show [--file PATH] [--json]", "Show what the device remembers, and where that comes from", func(c *cobra.Command) error {
		record, source, err := chosenRecord(c, file)
		if err != nil {
			return err
		}
		if asJSON {
			return printJSON(e.stdout, recordAnswer{1, record, source})
		}
		return printRecord(newPage(e.stdout), record, source, time.Now())
	})
	c.Flags().BoolVar(&asJSON, "json", false, "print JSON")
	addFileFlag(c, &file)
	return c
}

func cacheExportCommand(e env) *cobra.Command {
	var file string
	c := verb("export [--file PATH]", "Print the record as JSON, with the key names of last-good.json", func(c *cobra.Command) error {
		record, _, err := chosenRecord(c, file)
		if err != nil {
			return err
		}
		return printJSON(e.stdout, struct {
			Version int `json:"version"`
			cache.Record
		}{1, record})
	})
	c.Flags().Bool("json", true, "print JSON, which it always does")
	addFileFlag(c, &file)
	return c
}

func cacheForgetCommand(e env) *cobra.Command {
	var file string
	c := verb("forget [--file PATH]", "Forget the last good record, and open the TLS floor", func(c *cobra.Command) error {
		places, err := loadPlaces(c)
		if err != nil {
			return err
		}
		if file != "" {
			return forgetFile(e, file)
		}
		switch err := daemon(places).Forget(c.Context()); {
		case errors.Is(err, control.ErrNotRunning):
			return forgetIn(e, places.stateDir)
		case err != nil:
			return daemonFailure(err)
		}
		newPage(e.stdout).printf("forgotten\n")
		return nil
	})
	c.Long = c.Short + ".\n\nThe record is kept in two copies, " + databaseFile + " and " + secondCopy + " beside it. With --file PATH the record of\nthat directory is forgotten: both copies, whichever of them PATH names."
	addFileFlag(c, &file)
	return c
}

func addFileFlag(c *cobra.Command, file *string) {
	c.Flags().StringVar(file, "file", "", "a copied homeward.db or last-good.json, instead of this device's record")
}

// chosenRecord returns the record of a file, or of this device.
func chosenRecord(c *cobra.Command, file string) (cache.Record, string, error) {
	places, err := loadPlaces(c)
	if err != nil {
		return cache.Record{}, "", err
	}
	if file != "" {
		record, _, err := cache.ReadFile(file)
		return record, file, recordFailure(err)
	}
	record, source, err := lastGood(c.Context(), places)
	return record, source, recordFailure(err)
}

// lastGood returns the record of this device: as the daemon knows it; without a daemon, the newer of the two
// copies. source is "daemon", "database" or "last-good.json".
func lastGood(ctx context.Context, places *site) (record cache.Record, source string, err error) {
	text, err := daemon(places).Record(ctx)
	switch {
	case err == nil:
		if err := json.Unmarshal(text, &record); err != nil {
			return cache.Record{}, "", fmt.Errorf("read the record: %w", err)
		}
		return record, "daemon", nil
	case errors.Is(err, control.ErrNoRecord):
		return cache.Record{}, "", cache.ErrNoRecord
	}
	refused := err
	second, source, err := cache.ReadFile(filepath.Join(places.stateDir, secondCopy))
	database, databaseSource, errDatabase := cache.ReadFile(filepath.Join(places.stateDir, databaseFile))
	switch {
	case errDatabase == nil && (err != nil || database.Generation > second.Generation):
		return database, databaseSource, nil
	case err == nil:
		return second, source, nil
	case errors.Is(err, fs.ErrNotExist) && errors.Is(errDatabase, fs.ErrNotExist):
		return cache.Record{}, "", cache.ErrNoRecord
	case errors.Is(err, fs.ErrPermission) && !errors.Is(refused, control.ErrNotRunning):
		return cache.Record{}, "", refused // the socket would have been the way
	default:
		return cache.Record{}, "", &unreadable{places.stateDir, errDatabase, err}
	}
}

// unreadable says why neither copy of the record can be read.
type unreadable struct {
	dir              string
	database, second error
}

func (u *unreadable) Unwrap() []error { return []error{u.database, u.second} }

func (u *unreadable) Error() string {
	lines := []string{fmt.Sprintf("%s holds neither a %s nor a %s that can be read", u.dir, databaseFile, secondCopy)}
	for _, err := range u.Unwrap() {
		if damaged(err) {
			err = fmt.Errorf("%s: %w", provisioning.CacheDamaged, err)
		}
		lines = append(lines, err.Error())
	}
	return strings.Join(lines, "\n")
}

// damaged says whether a file could be read and holds no record of ours.
func damaged(err error) bool {
	var trouble syscall.Errno
	return err != nil && !errors.As(err, &trouble) && !errors.Is(err, fs.ErrNotExist) && !errors.Is(err, fs.ErrPermission) &&
		!errors.Is(err, cache.ErrLocked) && !errors.Is(err, cache.ErrNoRecord) && !strings.Contains(err.Error(), "newer version")
}

// recordFailure gives an error of reading the record its exit code.
func recordFailure(err error) error {
	var refusal *control.Refusal
	var both *unreadable
	switch {
	case err == nil:
		return nil
	case errors.Is(err, cache.ErrNoRecord):
		return &failure{code: exitNotRegistered, err: errors.New("there is no last good record"), hints: []string{"the device has not registered yet, or was told to forget"}}
	case errors.Is(err, cache.ErrLocked):
		return &failure{code: exitFailed, err: err, hints: []string{"last-good.json beside it holds the same record"}}
	case errors.As(err, &refusal):
		return daemonFailure(err)
	case errors.Is(err, fs.ErrPermission):
		return &failure{code: exitFailed, err: err, hints: []string{"run the command as root, or as the user of the daemon"}}
	case errors.As(err, &both) && (damaged(both.database) || damaged(both.second)):
		return &failure{code: exitFailed, err: err, hints: []string{"the daemon sets a damaged copy aside and writes it anew; look for failing flash or power cuts if it recurs"}}
	case both == nil && damaged(err):
		return &failure{code: exitFailed, err: fmt.Errorf("%w; it is neither a %s nor a %s that can be read", err, databaseFile, secondCopy)}
	default:
		return &failure{code: exitFailed, err: err}
	}
}

// forgetFile forgets the record of a state directory given by one of its files: the two copies belong together.
func forgetFile(e env, file string) error {
	if name := filepath.Base(file); name != databaseFile && name != secondCopy {
		return badUsage("forget needs the path of a %s or a %s, not %s", databaseFile, secondCopy, file)
	}
	if _, err := os.Stat(file); err != nil {
		return &failure{code: exitFailed, err: err}
	}
	return forgetIn(e, filepath.Dir(file))
}

// forgetIn forgets the record in a directory that no daemon is using.
func forgetIn(e env, dir string) error {
	if _, err := os.Stat(dir); errors.Is(err, fs.ErrNotExist) {
		newPage(e.stdout).printf("there was nothing to forget\n")
		return nil
	}
	store := cache.Open(dir)
	_, known := store.Load()
	err := errors.Join(store.Forget(), store.Close())
	if err != nil {
		return &failure{code: exitFailed, err: err, hints: []string{"run the command as root, or as the user of the daemon"}}
	}
	text := fmt.Sprintf("forgotten in %s: %s and %s, two copies of one record", printable(dir), databaseFile, secondCopy)
	if !known {
		text = "there was nothing to forget"
	}
	newPage(e.stdout).printf("%s\n", text)
	return nil
}

// printRecord prints the record with every address in it.
func printRecord(p *page, r cache.Record, source string, now time.Time) error {
	p.printf("last good, registered %s (%s)\n", clock(r.RegisteredAt), ago(now, r.RegisteredAt))
	p.row("from", source+fmt.Sprintf(", generation %d", r.Generation))
	p.row("SIP address", printable(r.SIPAddress))
	printEndpoint(p, "Registrar", r.Registrar)
	for _, h := range r.Home {
		printEndpoint(p, "home", h)
	}
	for _, m := range r.MediaRelays {
		p.row("media relay", relay(m.Host, addresses(m.Addresses), port{number: m.UDPPort}, port{number: m.TCPPort}, m.Location))
	}
	floor := "open: plain TCP is possible"
	if r.TLSFloor {
		floor = "set: this SIP domain has registered over TLS"
	}
	p.row("TLS floor", floor)
	if r.Told {
		p.row("told", "the home pair was named by a Registrar, and is tried first")
	}
	return p.err
}

func printEndpoint(p *page, label string, e cache.Endpoint) {
	p.row(label, strings.TrimSpace(place(e.Host, e.Port)+" "+strings.ToUpper(printable(e.Transport))+" "+printable(e.Role)))
	p.row("  found by", foundBy(e.Step, e.Via))
	if e.Address.IsValid() {
		p.row("  last used", e.Address.String())
	}
	p.row("  addresses", addresses(e.Addresses))
}

// daemonFailure gives an error of the control socket its exit code and its hint.
func daemonFailure(err error) error {
	var refusal *control.Refusal
	switch {
	case errors.Is(err, control.ErrNotRunning):
		return &failure{code: exitNotRunning, err: err, hints: []string{"start it as a service, or with: homeward run"}}
	case errors.Is(err, control.ErrGone):
		return &failure{code: exitNotRunning, err: err}
	case errors.As(err, &refusal) && refusal.Hint != "":
		return &failure{code: exitFailed, err: err, hints: []string{refusal.Hint}}
	default:
		return &failure{code: exitFailed, err: err}
	}
}
