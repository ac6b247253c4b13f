package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"path/filepath"
	"strings"

	"github.com/spf13/cobra"

	"github.com/homeward-agent/homeward/service"
	"github.com/homeward-agent/homeward/service/control"
)

// historyFile is what a daemon leaves in state_dir.
const historyFile = "history.jsonl"

func historyCommand(e env) *cobra.Command {
	var asJSON, failures, follow bool
	c := verb("history [--failures] [--follow] [--json]", "Show what happened, oldest first", func(c *cobra.Command) error {
		places, err := loadPlaces(c)
		if err != nil {
			return err
		}
		each := printEntry(newPage(e.stdout))
		if asJSON {
			lines := json.NewEncoder(e.stdout)
			lines.SetEscapeHTML(false)
			each = func(entry control.Entry) error { return lines.Encode(entry) }
		}
		err = daemon(places).History(c.Context(), failures, follow, each)
		if errors.Is(err, control.ErrNotRunning) && !follow {
			return leftHistory(e, filepath.Join(places.stateDir, historyFile), failures, each, err)
		}
		if err != nil {
			return daemonFailure(err)
		}
		return nil
	})
	c.Flags().BoolVar(&asJSON, "json", false, "print JSON, one object a line")
	c.Flags().BoolVar(&failures, "failures", false, "only what failed; reaches further back")
	c.Flags().BoolVar(&follow, "follow", false, "go on with what happens, until interrupted")
	return c
}

// leftHistory shows what the last daemon left behind.
func leftHistory(e env, file string, failures bool, each func(control.Entry) error, notRunning error) error {
	entries, err := service.ReadHistory(file)
	if err != nil {
		return &failure{code: exitFailed, err: err}
	}
	if len(entries) == 0 {
		return daemonFailure(notRunning)
	}
	fmt.Fprintln(e.stderr, "homeward: hint: the daemon is not running; this is what it left behind")
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

// printEntry returns what prints an entry as a line, with the reason and the hint below it.
func printEntry(p *page) func(control.Entry) error {
	return func(e control.Entry) error {
		what := []string{printable(e.Event)}
		if e.Event == "state" {
			what = append(what, printable(e.State))
		}
		if e.Event == "state" && e.Degraded {
			what = append(what, "(degraded)")
		}
		what = append(what, printable(e.Step), printable(e.Query), place(e.Host, e.Port), printable(e.Address), strings.ToUpper(printable(e.Transport)), printable(e.Verdict))
		if e.Event == "attempt" && e.Reason == "" {
			what = append(what, p.paint(good, "ok"))
		}
		if !e.Until.IsZero() {
			what = append(what, "until "+clock(e.Until))
		}
		if e.Count > 1 {
			what = append(what, fmt.Sprintf("(%d times, last %s)", e.Count, clock(e.LastAt)))
		}
		p.printf("%s  %s\n", clock(e.At), strings.Join(strings.Fields(strings.Join(what, " ")), " "))
		if !e.Failure() {
			e.Hint = ""
		}
		p.because(e.Reason, e.Detail, e.Hint)
		return p.err
	}
}
