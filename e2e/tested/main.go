// Command tested is what `make test` runs: groups of tests, one after the other, whatever becomes of the group before, or side by
// side. It prints a line for each package and all that a failed test says, and ends with what was left out and what to install.
//
//	tested -- ARGUMENTS... -- ARGUMENTS... ++ ARGUMENTS...     each group are arguments of go test; one after ++ runs beside the one before
//
// Groups that run side by side have no package in common.
// A test of which every part was left out is left out itself. With E2E=required it is a failure if anything is.
package main

import (
	"bufio"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"os/exec"
	"strings"
	"sync"
)

func main() {
	required := os.Getenv("E2E") == "required"
	r := newReport(os.Stdout)
	r.runAll(groups(os.Args[1:]))
	if left := r.end(); len(r.failed) > 0 || left > 0 && required {
		os.Exit(1)
	}
}

// groups are the arguments after each "--" and "++": those that run one after the other, and in each those that run side by side.
func groups(args []string) (all [][][]string) {
	for _, arg := range args {
		last := len(all) - 1
		switch {
		case arg == "--" || arg == "++" && last < 0:
			all = append(all, [][]string{nil})
		case arg == "++":
			all[last] = append(all[last], nil)
		case last >= 0:
			all[last][len(all[last])-1] = append(all[last][len(all[last])-1], arg)
		}
	}
	return all
}

// runAll tests the groups. What goes wrong is in the report.
func (r *report) runAll(groups [][][]string) {
	for _, together := range groups {
		var all sync.WaitGroup
		for _, group := range together {
			all.Go(func() {
				if err := r.run(group); err != nil {
					r.broken("go test " + strings.Join(group, " ") + ": " + err.Error())
				}
			})
		}
		all.Wait()
	}
}

// run tests a group. The error is about go test itself; what becomes of the tests is in the report.
func (r *report) run(group []string) error {
	cmd := exec.Command("go", append([]string{"test", "-json"}, group...)...)
	cmd.Stderr = os.Stderr
	out, err := cmd.StdoutPipe()
	if err != nil {
		return err
	}
	if err := cmd.Start(); err != nil {
		return err
	}
	failed, err := r.read(out)
	if err != nil {
		return err
	}
	if err := cmd.Wait(); err != nil && !failed { // that it failed is told already, otherwise
		return err
	}
	return nil
}

// read takes what go test -json prints, and says whether a test or a package failed.
func (r *report) read(from io.Reader) (failed bool, err error) {
	lines := bufio.NewReader(from)
	for {
		line, err := lines.ReadBytes('\n')
		var e event
		r.Lock()
		if len(line) > 0 && json.Unmarshal(line, &e) == nil {
			failed = failed || e.Action == "fail"
			r.take(e)
		} else {
			r.print(string(line))
		}
		r.Unlock()
		if err == io.EOF {
			return failed, nil
		} else if err != nil {
			return failed, fmt.Errorf("read what it prints: %w", err)
		}
	}
}
