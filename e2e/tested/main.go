// Command tested is what `make test` runs: groups of tests, one after the other, whatever becomes of the group before. It
// prints a line for each package and all that a failed test says, and ends with what was left out and what to install.
//
//	tested -- ARGUMENTS... -- ARGUMENTS...     each group are arguments of go test
//
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
)

func main() {
	required := os.Getenv("E2E") == "required"
	r := newReport(os.Stdout)
	for _, group := range groups(os.Args[1:]) {
		if err := r.run(group); err != nil {
			r.broken("go test " + strings.Join(group, " ") + ": " + err.Error())
		}
	}
	if left := r.end(); len(r.failed) > 0 || left > 0 && required {
		os.Exit(1)
	}
}

// groups are the arguments between the "--".
func groups(args []string) (all [][]string) {
	for _, arg := range args {
		if arg == "--" {
			all = append(all, nil)
		} else if len(all) > 0 {
			all[len(all)-1] = append(all[len(all)-1], arg)
		}
	}
	return all
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
	before := len(r.failed)
	if err := r.read(out); err != nil {
		return err
	}
	if err := cmd.Wait(); err != nil && len(r.failed) == before { // that it failed is told already, otherwise
		return err
	}
	return nil
}

// read takes what go test -json prints.
func (r *report) read(from io.Reader) error {
	lines := bufio.NewReader(from)
	for {
		line, err := lines.ReadBytes('\n')
		var e event
		if len(line) > 0 && json.Unmarshal(line, &e) == nil {
			r.take(e)
		} else {
			r.print(string(line))
		}
		if err == io.EOF {
			return nil
		} else if err != nil {
			return fmt.Errorf("read what it prints: %w", err)
		}
	}
}
