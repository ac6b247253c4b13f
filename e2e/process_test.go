//go:build linux

package e2e

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"homeward/e2e/needs"
)

// Our choices.
const (
	// patience is how long a condition may take to come true. It only bounds a hang: no test asserts a duration.
	patience = time.Minute
	// pollEvery is the pause between two looks at a condition.
	pollEvery = 50 * time.Millisecond
	// logTail is how much of a program's output a failed test shows.
	logTail = 6000
)

// process is a program that a test started.
type process struct {
	name string
	cmd  *exec.Cmd
	log  string        // path of the file that takes stdout and stderr
	done chan struct{} // closed when it has ended; cmd.ProcessState is valid then
}

// start runs argv on h, in a process group of its own. It is killed when the test ends, and what it printed is shown if the test failed.
func start(t testing.TB, h *host, argv ...string) *process {
	t.Helper()
	lookUp(t, argv)
	name := filepath.Base(argv[0])
	file, err := os.CreateTemp(t.TempDir(), name+"-*.log")
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	p := &process{name: name, log: file.Name(), done: make(chan struct{})}
	p.cmd = h.command(context.Background(), argv...)
	p.cmd.Stdout, p.cmd.Stderr = file, file
	p.cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true} // kill reaches its children too
	if err := p.cmd.Start(); err != nil {
		t.Fatalf("start %s: %v", name, err)
	}
	go func() {
		defer close(p.done)
		p.cmd.Wait()
	}()
	t.Cleanup(func() {
		p.kill()
		if t.Failed() {
			out := p.output(t)
			t.Logf("--- %s on %s printed (last %d bytes):\n%s", name, h.name, logTail, out[max(0, len(out)-logTail):])
		}
	})
	return p
}

// stop asks the process to end, waits for it, and returns its exit code.
func (p *process) stop(t testing.TB) int {
	t.Helper()
	p.cmd.Process.Signal(syscall.SIGTERM)
	select {
	case <-p.done:
	case <-time.After(patience):
		t.Fatalf("%s does not end after SIGTERM", p.name)
	}
	return p.cmd.ProcessState.ExitCode()
}

// kill ends the process without a word, as a power cut does.
func (p *process) kill() {
	syscall.Kill(-p.cmd.Process.Pid, syscall.SIGKILL)
	<-p.done
}

// errEnded ends waiting at once: a process that has ended will not become ready.
var errEnded = errors.New("has ended")

// running returns errEnded, wrapped, if the process has ended.
func (p *process) running() error {
	select {
	case <-p.done:
		return fmt.Errorf("%s %w: %v", p.name, errEnded, p.cmd.ProcessState)
	default:
		return nil
	}
}

// output returns what the process has printed so far.
func (p *process) output(t testing.TB) string {
	t.Helper()
	return read(t, p.log)
}

// program leaves the test out if the program is not installed. It is a line of needs/needs.txt.
func program(t testing.TB, name string) {
	t.Helper()
	needs.Program(t, name)
}

// lookUp leaves the test out if the program of a command line is not installed. Variables come before it, after env(1).
// What has a path of its own is what a test has made.
func lookUp(t testing.TB, argv []string) {
	t.Helper()
	for len(argv) > 1 && (argv[0] == "env" || strings.Contains(argv[0], "=")) {
		argv = argv[1:]
	}
	if !strings.Contains(argv[0], "/") {
		program(t, argv[0])
	}
}

// eventually looks until cond has nothing to say, and fails the test with its last word when patience is over.
func eventually(t testing.TB, what string, cond func() error) {
	t.Helper()
	deadline := time.After(patience)
	tick := time.NewTicker(pollEvery)
	defer tick.Stop()
	for {
		err := cond()
		if err == nil {
			return
		}
		if errors.Is(err, errEnded) {
			t.Fatalf("%s: %v", what, err)
		}
		select {
		case <-tick.C:
		case <-deadline:
			t.Fatalf("%s: not so after %v: %v", what, patience, err)
		}
	}
}

// contains is a condition for eventually: the file holds the text.
func contains(t testing.TB, path, text string) func() error {
	return func() error {
		if !bytes.Contains([]byte(read(t, path)), []byte(text)) {
			return fmt.Errorf("%s lacks %q", filepath.Base(path), text)
		}
		return nil
	}
}

func read(t testing.TB, path string) string {
	t.Helper()
	data, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return string(data)
}

// write puts text into a file of the test's own directory and returns its path.
func write(t testing.TB, dir, name, text string) string {
	t.Helper()
	path := filepath.Join(dir, name)
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}
