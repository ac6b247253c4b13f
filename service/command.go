package service

import (
	"context"
	"os/exec"
	"slices"
	"time"
)

// Our choices.
const (
	commandLimit  = 30 * time.Second
	commandLast   = 1500 * time.Millisecond // for the run at the end: the service manager waits 5 s for everything
	commandGrace  = 500 * time.Millisecond  // for what still holds its output when it has ended
	commandOutput = 4 << 10                 // bytes of output kept for the log
)

// RunCommand starts the command of on_change after each change of the file, one at a time. At the end it runs,
// for a short time, once more if the file has changed since, or if the end has cut a run short. No shell is
// involved, and nothing from the network becomes an argument.
func (f *StateFile) RunCommand(ctx context.Context) error {
	pending := false
	for ctx.Err() == nil {
		select {
		case <-f.changed:
			f.runOnce(ctx, commandLimit)
			pending = ctx.Err() != nil
		case <-ctx.Done():
		}
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

func (f *StateFile) runOnce(ctx context.Context, limit time.Duration) {
	if len(f.command) == 0 {
		return
	}
	limited, cancel := context.WithTimeout(ctx, limit)
	defer cancel()
	output := &head{room: commandOutput}
	cmd := exec.CommandContext(limited, f.command[0], append(slices.Clone(f.command[1:]), f.path)...)
	cmd.Stdout, cmd.Stderr = output, output
	cmd.WaitDelay = commandGrace
	endAll(cmd)
	err := cmd.Run()
	switch {
	case ctx.Err() != nil: // the daemon ends, and this run with it
	case limited.Err() != nil:
		f.log.Warn("on_change was ended: it took too long", "command", f.command[0], "limit", limit.Round(time.Second/10), "output", output.String())
	case err != nil:
		f.log.Warn("on_change failed", "command", f.command[0], "err", err, "output", output.String())
	default:
		f.log.Info("on_change done", "command", f.command[0], "output", output.String())
	}
}

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
