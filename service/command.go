package service

import (
	"cmp"
	"context"
	"errors"
	"os"
	"os/exec"
	"slices"
	"time"
)

// Our choices.
const (
	commandLimit  = 30 * time.Second
	commandAgain  = 10 * time.Second // after a failure, and twice as long after each further one: the phone may be starting
	commandMost   = 10 * time.Minute
	commandLast   = 1500 * time.Millisecond // for the run at the end: the service manager waits 5 s for everything
	commandGrace  = 500 * time.Millisecond  // for what still holds its output when it has ended
	commandOutput = 4 << 10                 // bytes of output kept for the log
	commandPath   = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
)

// RunCommand starts the command of on_change after each change of the file, one at a time, and again when it has
// failed. At the end it runs, for a short time, once more if the file has changed since, or if the end has cut a run
// short. No shell is involved, and nothing from the network becomes an argument.
func (f *StateFile) RunCommand(ctx context.Context) error {
	pending := false
	pause, again := commandAgain, (<-chan time.Time)(nil)
	for ctx.Err() == nil {
		select {
		case <-f.changed:
			pause = commandAgain
		case <-again:
			pause = min(2*pause, commandMost)
		case <-ctx.Done():
			continue
		}
		again = nil
		if !f.runOnce(ctx, commandLimit) {
			again = time.After(pause)
		}
		pending = ctx.Err() != nil
	}
	end := time.Now().Add(commandLast)
	select {
	case <-f.final:
	case <-time.After(commandLast):
	}
	if pending || len(f.changed) > 0 {
		f.runOnce(context.WithoutCancel(ctx), time.Until(end))
	}
	return context.Cause(ctx)
}

// runOnce says whether all is done that there was to do.
func (f *StateFile) runOnce(ctx context.Context, limit time.Duration) bool {
	if len(f.command) == 0 {
		return true
	}
	limited, cancel := context.WithTimeout(ctx, limit)
	defer cancel()
	output := &head{room: commandOutput}
	cmd := exec.CommandContext(limited, f.command[0], append(slices.Clone(f.command[1:]), f.path)...)
	cmd.Env = commandEnv()
	cmd.Stdout, cmd.Stderr = output, output
	cmd.WaitDelay = commandGrace
	endAll(cmd)
	err := cmd.Run()
	if errors.Is(err, exec.ErrWaitDelay) { // it has ended well, and what it has started goes on
		err = nil
	}
	switch {
	case ctx.Err() != nil: // the daemon ends, and this run with it
	case limited.Err() != nil:
		f.log.Warn("on_change was killed: it took too long", "command", f.command[0], "limit", limit.Round(time.Second/10), "output", output.String())
	case err != nil:
		f.log.Warn("on_change failed", "command", f.command[0], "err", err, "output", output.String())
	default:
		f.log.Info("on_change done", "command", f.command[0], "output", output.String())
	}
	return err == nil
}

// commandEnv is PATH and nothing else: the rest is between the daemon and its service manager, such as where the password
// lies and who is told that the daemon lives.
func commandEnv() []string { return []string{"PATH=" + cmp.Or(os.Getenv("PATH"), commandPath)} }

// head keeps the first bytes written to it.
type head struct {
	text []byte
	room int
}

func (h *head) Write(p []byte) (int, error) {
	h.text = append(h.text, p[:min(len(p), h.room-len(h.text))]...)
	return len(p), nil
}

func (h *head) String() string { return string(h.text) }
