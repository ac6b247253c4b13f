package main

import (
	"os/exec"
	"syscall"
)

// bindLife makes a process end when this one does, whatever ends it. Ctrl-C reaches it through us alone: a second
// signal would end it before it has unregistered.
func bindLife(cmd *exec.Cmd) {
	cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL, Setpgid: true}
}
