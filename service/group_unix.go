//go:build unix

package service

import (
	"os/exec"
	"syscall"
)

// endAll makes the end of a command the end of all that it has started: a script that hangs hangs in a child.
func endAll(cmd *exec.Cmd) {
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	cmd.Cancel = func() error { return syscall.Kill(-cmd.Process.Pid, syscall.SIGKILL) }
}
