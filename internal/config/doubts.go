package config

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"strings"
)

// Doubts says what is valid and yet cannot work on this machine as it is now. It may be put right before the
// daemon starts, or `config check` may run on another machine: none of it is an error.
func (c *Config) Doubts() []string {
	var doubts []string
	doubt := func(format string, args ...any) { doubts = append(doubts, fmt.Sprintf(format, args...)) }
	switch password := c.Policy.Password.Reveal(); {
	case password == "":
		doubt("no password is configured: sign-in works only with a certificate, or if the Registrar does not ask for one")
	case strings.TrimSpace(password) != password:
		doubt("password_file: the blank before or after the password counts as part of it")
	case len(password) > 1 && strings.ContainsAny(password[:1], "\"'") && password[:1] == password[len(password)-1:]:
		doubt("password_file: the quotes around the password count as part of it")
	}
	if err := InterfaceHere(c.Policy.Interface); err != nil {
		doubt("interface: %v", err)
	}
	for _, dir := range []struct{ key, path string }{{"state_dir", c.StateDir}, {"runtime_dir", c.RuntimeDir}} {
		if at, err := os.Stat(dir.path); err == nil && !at.IsDir() {
			doubt("%s: %s is not a directory", dir.key, dir.path)
		}
	}
	if len(c.OnChange) > 0 {
		if _, err := exec.LookPath(c.OnChange[0]); err != nil {
			doubt("on_change: %s", unstartable(c.OnChange[0], err))
		}
	}
	return doubts
}

// unstartable says why a program cannot be started, from what exec.LookPath says.
func unstartable(program string, err error) string {
	var bare *exec.Error
	switch {
	case errors.Is(err, fs.ErrNotExist), errors.Is(err, exec.ErrNotFound):
		return "there is no program " + program
	case errors.Is(err, fs.ErrPermission):
		return program + " is not executable by this user"
	case errors.As(err, &bare):
		return program + " cannot be started: " + bare.Err.Error()
	default:
		return program + " cannot be started: " + err.Error()
	}
}
