package main

import (
	"context"
	"errors"
	"path/filepath"
	"time"

	"homeward/internal/config"
	"homeward/service/control"
	"homeward/service/manager"
)

// What a daemon leaves in state_dir.
const (
	historyFile = "history.jsonl"
	logFile     = "homeward.log" // where there is no stderr
)

// socketFile is the control socket, in runtime_dir.
const socketFile = "control.sock"

// daemonLimit is how long a check waits for a daemon that may hang: it is not what the check is about. (Our choice.)
const daemonLimit = time.Second

// daemon returns a client of the daemon of this device.
func daemon(places *config.Config) *control.Client {
	return control.NewClient(socketPath(places))
}

func socketPath(places *config.Config) string {
	return filepath.Join(places.RuntimeDir, socketFile)
}

// noService is what to do about a daemon that is not running, and not installed.
const noService = "if there is no service, start the daemon with: homeward run"

// daemonFailure gives an error of the control socket its exit code and its hint.
func daemonFailure(err error) error {
	var refusal *control.Refusal
	switch {
	case errors.Is(err, control.ErrNotRunning):
		return &failure{code: exitNotRunning, err: err, hints: []string{"see whether the service is running: homeward service status", noService}}
	case errors.Is(err, control.ErrGone):
		return &failure{code: exitNotRunning, err: err}
	case errors.As(err, &refusal) && refusal.Hint != "":
		return &failure{code: exitFailed, err: err, hints: []string{refusal.Hint}}
	default:
		return &failure{code: exitFailed, err: err}
	}
}

// runsAs finds out as whom the daemon runs: the one that listens, or the service, which reads only its own configuration.
func runsAs(ctx context.Context, file string) config.RunsAs {
	return func(runtimeDir string) (uid int, by string) {
		asking, cancel := context.WithTimeout(ctx, daemonLimit)
		defer cancel()
		if uid, known := control.NewClient(filepath.Join(runtimeDir, socketFile)).RunsAs(asking); known {
			return uid, "it runs as"
		}
		m, err := manager.Find()
		if err != nil || file != config.DefaultFile {
			return 0, ""
		}
		if uid, err = config.UserID(m.RunsAs(asking)); err != nil {
			return 0, ""
		}
		return uid, "the service runs as"
	}
}
