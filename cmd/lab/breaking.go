package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"time"

	"homeward/cmd/lab/years"
)

// envYears is set for the processes that live years.
const envYears = "HOMEWARD_LAB_YEARS"

// brokenYears is how many years may pass until a promise that is broken on purpose is found. (Our choice.)
const brokenYears = 20

// breakPromises builds the lab with each mutation, and lives years until its promise is found broken.
func breakPromises(ctx context.Context, dir string, all []years.Mutation) error {
	var missed []error
	for i, m := range all {
		exe, err := buildBroken(ctx, filepath.Join(dir, fmt.Sprint(i)), m)
		if err != nil {
			return fmt.Errorf("%s: %w", m.What, err)
		}
		began := time.Now()
		n, found, err := firstBroken(ctx, exe, m)
		switch {
		case err != nil:
			return err
		case found == "":
			missed = append(missed, fmt.Errorf("%s: not found in %d years", m.What, brokenYears))
		}
		fmt.Printf("%-14s %-55s %s\n", m.Promise, m.What, outcome(n, found, time.Since(began)))
		os.Remove(exe)
	}
	return errors.Join(missed...)
}

func outcome(n int, found string, took time.Duration) string {
	if found == "" {
		return "NOT FOUND"
	}
	return fmt.Sprintf("found in year %d, after %v: %s", n, took.Round(time.Second), found)
}

// buildBroken builds this program with a mutation in it. The checkout stays as it is.
func buildBroken(ctx context.Context, dir string, m years.Mutation) (exe string, err error) {
	root, err := moduleRoot(ctx)
	if err != nil {
		return "", err
	}
	file := filepath.Join(root, filepath.FromSlash(m.File))
	text, err := os.ReadFile(file)
	if err != nil {
		return "", err
	}
	if n := strings.Count(string(text), m.Old); n != 1 {
		return "", fmt.Errorf("%s has %d places that read %q, not one", m.File, n, m.Old)
	}
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return "", err
	}
	mutant, overlay, exe := filepath.Join(dir, "mutant.go"), filepath.Join(dir, "overlay.json"), filepath.Join(dir, "lab")
	replaced, err := json.Marshal(map[string]map[string]string{"Replace": {file: mutant}})
	if err == nil {
		err = errors.Join(os.WriteFile(mutant, []byte(strings.Replace(string(text), m.Old, m.New, 1)), 0o600), os.WriteFile(overlay, replaced, 0o600))
	}
	if err != nil {
		return "", err
	}
	cmd := exec.CommandContext(ctx, "go", "build", "-overlay", overlay, "-o", exe, "homeward/cmd/lab")
	cmd.Dir = root
	if out, err := cmd.CombinedOutput(); err != nil {
		return "", fmt.Errorf("%w\n%s", err, out)
	}
	return exe, nil
}

// firstBroken lives years until the promise of a mutation is broken; found is how it was told, "" if it was not.
func firstBroken(ctx context.Context, exe string, m years.Mutation) (n int, found string, err error) {
	for n = 1; n <= brokenYears; n++ {
		cmd := command(ctx, exe, "years", "-seed", fmt.Sprint(n), "-n", "1", "-days", "5")
		cmd.Env = append(os.Environ(), envYears+"=1")
		out, _ := cmd.Output() // a mutant may well die
		if ctx.Err() != nil {
			return n, "", context.Cause(ctx)
		}
		for line := range strings.Lines(string(out)) {
			var c years.Count
			text, isResult := strings.CutPrefix(line, years.ResultPrefix)
			if !isResult || json.Unmarshal([]byte(text), &c) != nil {
				continue
			}
			for _, b := range c.Broken {
				if strings.HasPrefix(b, m.Promise+":") {
					return n, b, nil
				}
			}
		}
	}
	return n, "", nil
}
