package main

import (
	"cmp"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"time"

	"github.com/spf13/cobra"

	"homeward/cache"
	"homeward/internal/safefile"
	"homeward/provisioning"
	"homeward/service/control"
)

func cacheCommand(e env) *cobra.Command {
	return group("cache", "Show, export or delete the last good record", []*cobra.Command{
		cacheShowCommand(e), cacheExportCommand(e), cacheForgetCommand(e),
	})
}

func cacheShowCommand(e env) *cobra.Command {
	var asJSON bool
	var file string
	c := verb("show [--file PATH] [--json]", "Show the last good record, and where it was read from", func(c *cobra.Command) error {
		record, from, err := chosenRecord(c, file)
		for _, doubt := range from.doubts {
			e.remark("hint", doubt)
		}
		if err != nil {
			return err
		}
		if asJSON {
			return printJSON(e.stdout, recordAnswer{1, *record, from.source})
		}
		return printRecord(newPage(e.stdout), record, from, time.Now())
	})
	c.Flags().BoolVar(&asJSON, "json", false, "print JSON")
	addFileFlag(c, &file)
	c.Example = "homeward cache show\nhomeward cache show --file /media/usb/last-good.json"
	return c
}

// exportAnswer is the record alone.
type exportAnswer struct {
	Version int `json:"version"`
	cache.Record
}

func cacheExportCommand(e env) *cobra.Command {
	var file string
	c := verb("export [--file PATH]", "Print the record as JSON, with the key names of last-good.json", func(c *cobra.Command) error {
		record, _, err := chosenRecord(c, file)
		if err != nil {
			return err
		}
		return printJSON(e.stdout, exportAnswer{1, *record})
	})
	c.Flags().Bool("json", true, "print JSON (the default and only format)")
	addFileFlag(c, &file)
	return c
}

func cacheForgetCommand(e env) *cobra.Command {
	var file string
	c := verb("forget [--file PATH]", "Delete the last good record, and with it the TLS floor", func(c *cobra.Command) error {
		places, err := loadPlaces(c)
		if err != nil {
			return err
		}
		if file != "" {
			return forgetFile(e, file)
		}
		switch err := daemon(places).Forget(c.Context()); {
		case errors.Is(err, control.ErrNotRunning):
			return forgetIn(e, places.StateDir)
		case err != nil:
			return daemonFailure(err)
		}
		newPage(e.stdout).printf("forgotten\n")
		return nil
	})
	c.Long = "The record has two copies in the same directory, " + databaseFile + " and " + secondCopy + ". With --file PATH, both copies in the directory of that file are deleted, whichever of them PATH names."
	c.Flags().StringVar(&file, "file", "", "delete the record that `PATH` belongs to (both copies in its directory) instead of this device's")
	return c
}

func addFileFlag(c *cobra.Command, file *string) {
	c.Flags().StringVar(file, "file", "", "read a copied homeward.db or last-good.json at `PATH` instead of this device's record")
}

// forgetFile forgets the record of a state directory given by one of its files: the two copies belong together.
func forgetFile(e env, file string) error {
	if name := filepath.Base(file); name != databaseFile && name != secondCopy {
		return badUsage("forget needs the path of a %s or a %s, not %s", databaseFile, secondCopy, file)
	}
	if _, err := os.Stat(file); err != nil {
		return &failure{code: exitFailed, err: safefile.Unopened(file, err)}
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
	var why []string
	for _, err := range []error{store.Forget(), store.Close()} {
		var note cache.Note
		if errors.As(err, &note) {
			why = append(why, cmp.Or(note.Fault, note.Text)) // where the record is kept is about a daemon
		} else if err != nil {
			why = append(why, err.Error())
		}
	}
	if why != nil {
		return &failure{code: exitFailed, err: fmt.Errorf("not forgotten: %s", strings.Join(why, "\n")), hints: []string{unwritable(dir)}}
	}
	text := fmt.Sprintf("forgotten in %s: %s and %s, two copies of one record", printable(dir), databaseFile, secondCopy)
	if !known {
		text = "there was nothing to forget"
	}
	newPage(e.stdout).printf("%s\n", text)
	return nil
}

// unwritable says what to do about a directory in which something could not be written.
func unwritable(dir string) string {
	f, err := os.CreateTemp(dir, ".homeward-")
	if err == nil {
		f.Close()
		os.Remove(f.Name())
	}
	if errors.Is(err, syscall.EROFS) {
		return "no user can write there: mount the file system of " + dir + " read-write, and run the command again"
	}
	return asWhom(runAsRoot)
}

// printRecord prints the record with every address in it, and what went when it came.
func printRecord(p *page, r *cache.Record, from origin, now time.Time) error {
	p.printf("last good, registered %s (%s)\n", clock(r.RegisteredAt), ago(now, r.RegisteredAt))
	p.row("from", fmt.Sprintf("%s, generation %d", from, r.Generation))
	p.row("SIP address", printable(r.SIPAddress))
	printRegistrar(p, "Registrar", &r.Registrar)
	for i := range r.Home {
		h := &r.Home[i]
		printRegistrar(p, "home", h)
	}
	for _, m := range r.MediaRelays {
		p.row("media relay", relay(m.Host, provisioning.ListOf(m.Addresses), port{number: m.UDPPort}, port{number: m.TCPPort}, m.Location))
	}
	floor := "not set: plain TCP is possible"
	if r.TLSFloor {
		floor = "set: this SIP domain has registered over TLS"
	}
	p.row("TLS floor", floor)
	if r.Told {
		p.row("recall", "the home pair, which a Registrar named, is tried first")
	}
	for i := range r.Flushed {
		f := &r.Flushed[i]
		p.row("flushed", clock(f.At)+": "+flushed(*f))
	}
	return p.err
}

// flushed is what a commit has dropped.
func flushed(f cache.Flushed) string {
	server := fields(hostPort(f.Host, f.Port), provisioning.ListOf(f.Addresses))
	switch f.Kind {
	case cache.FlushedAddress:
		return fields(printable(f.Host), provisioning.ListOf(f.Addresses), "(stale)")
	case cache.FlushedRegistrar:
		return "Registrar " + server
	case cache.FlushedRelay:
		return "media relay " + server
	default:
		return fields(printable(f.Kind), server)
	}
}

func printRegistrar(p *page, label string, e *cache.Registrar) {
	p.row(label, strings.TrimSpace(hostPort(e.Host, e.Port)+" "+strings.ToUpper(printable(e.Transport))+" "+printable(e.Role)))
	p.row("  found by", foundBy(e.Step, e.Via))
	if e.Address.IsValid() {
		p.row("  last used", e.Address.String())
	}
	p.row("  addresses", provisioning.ListOf(e.Addresses))
}
