package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"homeward/internal/config"
	"homeward/internal/safefile"
	"homeward/provisioning"
	"homeward/service"
	"homeward/service/control"
)

func historyCommand(e env) *cobra.Command {
	var asJSON bool
	var wanted control.Excerpt
	var file, since string
	c := verb("history [--failures] [-n N] [--since TIME] [--follow | --file PATH] [--json]", "Show what happened, oldest first", func(c *cobra.Command) error {
		places, err := loadPlaces(c)
		if err != nil {
			return err
		}
		if wanted.Follow && file != "" {
			return badUsage("--follow needs the daemon of this device: a file does not change")
		}
		switch {
		case wanted.Last < 0:
			return badUsage("-n: %d is negative", wanted.Last)
		case c.Flags().Changed("since"):
			if wanted.Since, err = parseSince(since, time.Now()); err != nil {
				return badUsage("--since: %v", err)
			}
		case wanted.Follow && wanted.Last == 0: // what was before is shown on request
			wanted.Since = time.Now().Truncate(time.Millisecond) // as entries are told
		}
		tell := source{e, places, file}
		out := newPage(e.stdout)
		print, shown := printEntry(out, wanted.Follow), []control.Entry(nil)
		each := func(entry control.Entry) error {
			if wanted.Failures && !wanted.Follow {
				shown = append(shown, entry)
			}
			return print(entry)
		}
		if asJSON {
			each = func(entry control.Entry) error { return printJSONLine(e.stdout, entry) }
		}
		if err := tell.history(c.Context(), wanted, each); err != nil {
			return err
		}
		if !wanted.Failures || wanted.Follow || asJSON {
			return out.err
		}
		err = printHints(out, shown, tell.all(c.Context()), tell.status(c.Context()))
		if len(shown) == 0 && err == nil {
			what := "nothing"
			if len(out.hinted) > 0 { // something is wrong all the same
				what = "nothing else"
			}
			out.printf("%s has failed%s\n", what, tell.begin(c.Context(), wanted.Since))
			err = out.err
		}
		return err
	})
	c.Long = `If the daemon is not running, or hangs, it shows the history that is stored in state_dir.`
	c.Example = "homeward history --failures\nhomeward history -n 20 --follow\nhomeward history --since 2h --json\nhomeward history --file /media/usb/history.jsonl"
	c.Flags().BoolVar(&asJSON, "json", false, "print JSON, one object per line")
	c.Flags().BoolVar(&wanted.Failures, "failures", false, "show only failures, including some older than the rest of the history")
	c.Flags().BoolVar(&wanted.Follow, "follow", false, "show new events until interrupted; with -n or --since, earlier ones too")
	c.Flags().IntVarP(&wanted.Last, "lines", "n", 0, "show only the last `N` entries (default: all)")
	c.Flags().StringVar(&since, "since", "", "show only what happened since `TIME`: 2h or 3d (so long ago), \"2026-11-29 08:15\", or RFC 3339")
	c.Flags().StringVar(&file, "file", "", "read a copied history.jsonl at `PATH` instead of this device's history")
	return c
}

// source is where a history comes from: the daemon of this device, what it has left behind, or a copied file.
type source struct {
	env
	places *config.Config
	file   string // "": the daemon's
}

// history calls each for every entry that is wanted.
func (t source) history(ctx context.Context, wanted control.Excerpt, each func(control.Entry) error) error {
	if t.file != "" {
		return copiedHistory(t.file, wanted, each)
	}
	err := daemon(t.places).History(ctx, wanted, each)
	if left(err) && !wanted.Follow {
		err = leftHistory(t.env, filepath.Join(t.places.StateDir, historyFile), wanted, each, err)
	}
	if err != nil {
		return daemonFailure(err)
	}
	return nil
}

// begin is " since" when what was asked for begins, or, zero, when all that happened is known; or "".
func (t source) begin(ctx context.Context, first time.Time) string {
	if all := t.all(ctx); first.IsZero() && len(all) > 0 {
		first = all[0].At
	}
	if first.IsZero() {
		return ""
	}
	return " since " + moment(first)
}

// all is all that is known to have happened.
func (t source) all(ctx context.Context) (entries []control.Entry) {
	t.stderr = io.Discard
	_ = t.history(ctx, control.Excerpt{}, func(entry control.Entry) error { // what cannot be read now could be before
		entries = append(entries, entry)
		return nil
	})
	return entries
}

// status is how the daemon stands; nil: that is not known.
func (t source) status(ctx context.Context) *provisioning.Status {
	if t.file != "" {
		return nil
	}
	s, err := daemon(t.places).Status(ctx)
	if err != nil {
		return nil
	}
	return s
}

// copiedHistory shows the history in a file, whoever has written it.
func copiedHistory(file string, wanted control.Excerpt, each func(control.Entry) error) error {
	path, err := filepath.EvalSymlinks(file)
	if err != nil {
		return &failure{code: exitFailed, err: safefile.Unopened(file, err)}
	}
	entries, err := service.ReadHistory(path)
	if err == nil && len(entries) == 0 {
		err = fmt.Errorf("%s contains no homeward history", file)
	}
	if errors.Is(err, service.ErrUTF16) {
		err = &advised{err, "save it in UTF-8, or copy the file as it is on the device"}
	}
	if err != nil {
		return &failure{code: exitFailed, err: safefile.Unopened(file, err)}
	}
	return eachOf(wanted.Of(entries), each)
}

// left says whether the history is to be read from the disk: the daemon does not run, or hangs.
func left(err error) bool {
	return errors.Is(err, control.ErrNotRunning) || errors.Is(err, os.ErrDeadlineExceeded)
}

// leftHistory shows what the last daemon left behind.
func leftHistory(e env, file string, wanted control.Excerpt, each func(control.Entry) error, notRunning error) error {
	entries, err := service.ReadHistory(file)
	switch {
	case errors.Is(err, fs.ErrPermission):
		return &advised{safefile.Unopened(file, err), asWhom(runAsRoot)}
	case err != nil:
		return err
	case len(entries) == 0:
		return notRunning
	}
	what := "is not running"
	if !errors.Is(notRunning, control.ErrNotRunning) {
		what = "does not answer"
	}
	e.remark("hint", "the daemon "+what+"; this is its stored history")
	return eachOf(wanted.Of(entries), each)
}

func eachOf(entries []control.Entry, each func(control.Entry) error) error {
	for i := range entries {
		entry := &entries[i]
		if err := each(*entry); err != nil {
			return err
		}
	}
	return nil
}

// printEntry returns what prints an entry as one line: when, what, how often, where, why. A terminal wraps it, and loses
// nothing of it. follow: what is counted again is told at the time of the last.
func printEntry(p *page, follow bool) func(control.Entry) error {
	return func(e control.Entry) error {
		at, often, otherEnd := e.At, "", ""
		if e.Count > 1 {
			often, otherEnd = fmt.Sprintf("%d times", e.Count), "(last "+moment(e.LastAt)+")"
		}
		if e.Count > 1 && follow {
			at, otherEnd = e.LastAt, "(since "+moment(e.At)+")"
		}
		line := moment(at) + "  " + fields(printable(e.Event), printable(e.Version), printable(e.Step), result(e), often, printable(e.Query), hostPort(e.Host, e.Port), printable(e.Address),
			strings.ToUpper(printable(e.Transport)), otherEnd)
		if why := cmp.Or(inFull(e.What), fields(e.Reason.Title(), detail(e))); why != "" {
			line += ": " + why
		}
		switch {
		case e.Failure():
			line = p.paint(warn, line)
		case e.State == "registered" && e.Event == "state" && !e.Degraded:
			line = p.paint(good, line)
		}
		p.printf("%s\n", line)
		return p.err
	}
}

// result is how it went, in a word or two.
func result(e control.Entry) string {
	switch {
	case e.Event == "state" && e.Degraded:
		return printable(e.State) + " (degraded)"
	case e.Event == "state":
		return printable(e.State)
	case e.Event == "attempt" && e.Reason == "":
		return "ok"
	case e.Event == "well":
		return ""
	case !e.Until.IsZero():
		return fields("until", moment(e.Until), printable(string(e.Reason)))
	default:
		return fields(printable(e.Verdict), printable(string(e.Reason)))
	}
}

// detail is what is known besides the reason.
func detail(e control.Entry) string {
	if e.Reason == "" || e.Detail == "" {
		return printable(e.Detail)
	}
	return "(" + printable(e.Detail) + ")"
}
