package main

import (
	"errors"
	"path/filepath"

	"github.com/homeward-agent/homeward/internal/config"
	"github.com/homeward-agent/homeward/service/control"
)

// What a daemon leaves in state_dir.
const (
	historyFile = "history.jsonl"
	logFile     = "homeward.log" // where there is no stderr
)

// daemon returns a client of the daemon of this device.
func daemon(places *config.Config) *control.Client {
	return control.NewClient(socketPath(places))
}

func socketPath(places *config.Config) string {
	return filepath.Join(places.RuntimeDir, "control.sock")
}

// daemonFailure gives an error of the control socket its exit code and its hint.
func daemonFailure(err error) error {
	var refusal *control.Refusal
	switch {
	case errors.Is(err, control.ErrNotRunning):
		return &failure{code: exitNotRunning, err: err, hints: []string{"see whether the service is running: homeward service status", "if there is no service, start the daemon with: homeward run"}}
	case errors.Is(err, control.ErrGone):
		return &failure{code: exitNotRunning, err: err}
	case errors.As(err, &refusal) && refusal.Hint != "":
		return &failure{code: exitFailed, err: err, hints: []string{refusal.Hint}}
	default:
		return &failure{code: exitFailed, err: err}
	}
}
