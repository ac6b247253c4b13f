package main

import (
	"bufio"
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"time"
)

// Our choices.
const (
	patience = 30 * time.Second // for whatever must happen; the longest is 5 s
	backlog  = 4096             // lines of the agent's log that may wait for us; it must not wait
)

// moduleRoot is the directory of this checkout.
func moduleRoot(ctx context.Context) (string, error) {
	out, err := exec.CommandContext(ctx, "go", "list", "-m", "-f", "{{.Dir}}").Output()
	return strings.TrimSpace(string(out)), err
}

// build builds the agent, as it is shipped, from the checkout this runs in. env says for what: GOARCH and the
// like.
func build(ctx context.Context, dir string, env ...string) (binary string, err error) {
	binary = filepath.Join(dir, strings.Join(append([]string{"homeward"}, env...), "-"))
	root, err := moduleRoot(ctx)
	if err != nil {
		return "", err
	}
	cmd := exec.CommandContext(ctx, filepath.Join(root, "packaging", "compile"), binary)
	cmd.Dir, cmd.Env = root, append(os.Environ(), env...)
	if out, err := cmd.CombinedOutput(); err != nil {
		return "", fmt.Errorf("build the agent: %w\n%s", err, out)
	}
	return binary, nil
}

// command returns a process that is told to stop (SIGTERM) when ctx ends, and that does not outlive this one.
func command(ctx context.Context, name string, args ...string) *exec.Cmd {
	cmd := exec.CommandContext(ctx, name, args...)
	cmd.Cancel = func() error { return cmd.Process.Signal(syscall.SIGTERM) }
	cmd.WaitDelay = patience
	bindLife(cmd)
	return cmd
}

// event is one line of the agent's log.
type event struct {
	Time                                                           time.Time
	Msg, State, Step, Query, Verdict, Host, Transport, Reason, Err string
	Degraded                                                       bool
}

func (e event) registered() bool { return e.Msg == "state changed" && e.State == "registered" }

// String is what an event says, shortened.
func (e event) String() string {
	what := []string{e.Query, e.Host, strings.ToUpper(e.Transport), e.Verdict}
	if e.Msg == "state changed" {
		what = append(what, e.State)
	}
	if e.Msg == "state changed" && e.Degraded {
		what = append(what, "(degraded)")
	}
	what = append(what, cmp.Or(e.Reason, e.Err))
	return strings.TrimRight(fmt.Sprintf("%-22s %-12s %s", e.Msg, e.Step, strings.Join(strings.Fields(strings.Join(what, " ")), " ")), " ")
}

// agent is a homeward daemon of its own process.
type agent struct {
	cmd     *exec.Cmd
	started time.Time
	show    func(event)
	events  chan event // closed when the process has closed its log
	last    event
}

// startAgent starts the daemon with the configuration of a lab, which must ask for a log in JSON. show is called
// for each line of the log, by the methods below.
func startAgent(ctx context.Context, binary string, l *lab, show func(event)) (*agent, error) {
	cmd := command(ctx, binary, "run", "--config", l.path("homeward.toml"))
	log, err := cmd.StderrPipe()
	if err != nil {
		return nil, err
	}
	a := &agent{cmd: cmd, show: show, events: make(chan event, backlog), started: time.Now()}
	if err := cmd.Start(); err != nil {
		return nil, err
	}
	go func() { // until the log is closed; stop waits for it
		defer close(a.events)
		for lines := bufio.NewScanner(log); lines.Scan(); {
			var e event
			if json.Unmarshal(lines.Bytes(), &e) != nil {
				e = event{Time: time.Now(), Msg: lines.Text()}
			}
			a.events <- e
		}
	}()
	return a, nil
}

// await waits for a line of the log.
func (a *agent) await(ctx context.Context, what string, match func(event) bool) (event, error) {
	ctx, cancel := context.WithTimeoutCause(ctx, patience, fmt.Errorf("not within %v", patience))
	defer cancel()
	for {
		select {
		case e, running := <-a.events:
			if !running {
				return event{}, fmt.Errorf("%s: the agent has ended; its last word: %s", what, a.last)
			}
			a.take(e)
			if match(e) {
				return e, nil
			}
		case <-ctx.Done():
			return event{}, fmt.Errorf("%s: %w; the agent's last word: %s", what, context.Cause(ctx), a.last)
		}
	}
}

func (a *agent) take(e event) {
	a.last = e
	if a.show != nil {
		a.show(e)
	}
}

// stop ends the process by a signal and waits for its end. It may be called again.
func (a *agent) stop(signal os.Signal) error {
	err := a.cmd.Process.Signal(signal)
	if errors.Is(err, os.ErrProcessDone) {
		err = nil
	}
	late := time.AfterFunc(patience, func() { _ = a.cmd.Process.Kill() }) // it may have ended just now
	defer late.Stop()
	for e := range a.events {
		a.take(e)
	}
	return errors.Join(err, a.cmd.Wait())
}

// kill ends the process at once.
func (a *agent) kill() { _ = a.stop(os.Kill) } // how it ends says nothing
