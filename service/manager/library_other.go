//go:build !windows && !darwin

package manager

import (
	"errors"
	"os/exec"
	"strings"
)

// isRunning asks whether the daemon runs, by a command whose answer begins so if it does.
func isRunning(command []string, begins string) (bool, error) {
	out, err := exec.Command(command[0], command[1:]...).Output()
	return err == nil && strings.HasPrefix(string(out), begins), err
}

// All service managers here read files, and take orders by commands.
func registered() (bool, error)   { return false, errors.ErrUnsupported }
func register(string) error       { return errors.ErrUnsupported }
func unregister() error           { return errors.ErrUnsupported }
func orderByLibrary(string) error { return errors.ErrUnsupported }
