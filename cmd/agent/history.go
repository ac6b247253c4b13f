package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/homeward-agent/homeward/service"
	"github.com/homeward-agent/homeward/service/control"
)

// What a daemon leaves in state_dir.
const (
	historyFile = "history.jsonl"
	logFile     = "homeward.log" // where there is no stderr
)

func historyCommand(e env) *cobra.Command {
	var asJSON, failures, follow bool
	c := verb("history [--failures] [--follow] [--json]", "Show what happened, oldest first", func(c *cobra.Command) error {
		places, err := loadPlaces(c)
		if err != nil {
			return err
		}
		out := newPage(e.stdout)
		print, shown := printEntry(out, follow), []control.Entry(nil)
		each := func(entry control.Entry) error {
			if failures && !follow {
				shown = append(shown, entry)
			}
			return print(entry)
		}
		if asJSON {
			lines := json.NewEncoder(e.stdout)
			lines.SetEscapeHTML(false)
			each = func(entry control.Entry) error { return lines.Encode(entry) }
		}
		err = daemon(places).History(c.Context(), failures, follow, each)
		if errors.Is(err, control.ErrNotRunning) && !follow {
			err = leftHistory(e, filepath.Join(places.stateDir, historyFile), failures, each, err)
		}
		if err != nil {
			return daemonFailure(err)
		}
		if failures && !follow && !asJSON && len(shown) == 0 {
			out.printf("nothing has failed%s\n", sinceBegin(c.Context(), places))
		}
		return printHints(out, shown)
	})
	c.Example = "homeward history --failures\nhomeward history --follow --json"
	c.Flags().BoolVar(&asJSON, "json", false, "print JSON, one object a line")
	c.Flags().BoolVar(&failures, "failures", false, "only what failed; reaches further back")
	c.Flags().BoolVar(&follow, "follow", false, "go on with what happens, until interrupted")
	return c
}

// leftHistory shows what the last daemon left behind.
func leftHistory(e env, file string, failures bool, each func(control.Entry) error, notRunning error) error {
	entries, err := service.ReadHistory(file)
	switch {
	case errors.Is(err, fs.ErrPermission):
		return &advised{err, "run the command as root, or as the user of the daemon"}
	case err != nil:
		return err
	case len(entries) == 0:
		return notRunning
	}
	e.remark("hint", "the daemon is not running; this is what it left behind")
	for _, entry := range entries {
		if failures && !entry.Failure() {
			continue
		}
		if err := each(entry); err != nil {
			return err
		}
	}
	return nil
}

// sinceBegin is " since" when all that happened is known, or "".
func sinceBegin(ctx context.Context, places *site) string {
	var all []control.Entry
	err := daemon(places).History(ctx, false, false, func(entry control.Entry) error {
		all = append(all, entry)
		return nil
	})
	if errors.Is(err, control.ErrNotRunning) {
		all, err = service.ReadHistory(filepath.Join(places.stateDir, historyFile))
	}
	if err != nil || len(all) == 0 {
		return ""
	}
	return " since " + moment(all[0].At)
}

// printEntry returns what prints an entry as one line: when, what, how often, where, why. The most telling comes
// first: what a terminal has no room for is cut. follow: what is counted again is told at the time of the last.
func printEntry(p *page, follow bool) func(control.Entry) error {
	return func(e control.Entry) error {
		at, often, otherEnd := e.At, "", ""
		if e.Count > 1 {
			often, otherEnd = fmt.Sprintf("%d times", e.Count), "(last "+moment(e.LastAt)+")"
		}
		if e.Count > 1 && follow {
			at, otherEnd = e.LastAt, "(since "+moment(e.At)+")"
		}
		line := moment(at) + "  " + fields(printable(e.Event), printable(e.Version), printable(e.Step), result(e), often, printable(e.Query), place(e.Host, e.Port), printable(e.Address),
			strings.ToUpper(printable(e.Transport)), otherEnd)
		if why := fields(e.Reason.Title(), detail(e)); why != "" {
			line += ": " + why
		}
		line = p.cut(line)
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

// fields joins what is not empty.
func fields(texts ...string) string {
	return strings.Join(slices.DeleteFunc(texts, func(text string) bool { return text == "" }), " ")
}

// moment is a point in time without its zone, which is the device's own.
func moment(t time.Time) string { return t.Local().Format(time.DateTime) }

// printHints says once what to do about each of the failures.
func printHints(p *page, failures []control.Entry) error {
	for _, e := range failures {
		if e.Hint == "" || p.hinted[e.Hint] {
			continue
		}
		if len(p.hinted) == 0 {
			p.printf("what to do\n")
		}
		p.hinted[e.Hint] = true
		p.printf("  %s: %s\n", printable(string(e.Reason)), printable(e.Hint))
	}
	return p.err
}
