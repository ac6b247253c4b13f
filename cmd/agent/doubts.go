package main

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"strings"
)

// doubts says what is valid and yet cannot work on this machine as it is now. It may be put right before the
// daemon starts, or `config check` may run on another machine: none of it is an error.
func (s *site) doubts() []string {
	var doubts []string
	doubt := func(format string, args ...any) { doubts = append(doubts, fmt.Sprintf(format, args...)) }
	switch password := s.policy.Password.Reveal(); {
	case password == "":
		doubt("no password is configured: sign-in works only where none is asked for")
	case strings.TrimSpace(password) != password:
		doubt("password_file: there is a blank before or after the password, which counts as a part of it")
	case len(password) > 1 && strings.ContainsAny(password[:1], "\"'") && password[:1] == password[len(password)-1:]:
		doubt("password_file: there are quotes around the password, which count as a part of it")
	}
	if len(s.policy.Auth) == 0 {
		doubt("auth names nothing that this version can do: only ntlm and digest work")
	}
	if problem := noInterface(s.policy.Interface); problem != "" {
		doubt("interface: %s", problem)
	}
	for _, dir := range []struct{ key, path string }{{"state_dir", s.stateDir}, {"runtime_dir", s.runtimeDir}} {
		if at, err := os.Stat(dir.path); err == nil && !at.IsDir() {
			doubt("%s: %s is not a directory", dir.key, dir.path)
		}
	}
	if len(s.onChange) > 0 {
		if _, err := exec.LookPath(s.onChange[0]); err != nil {
			doubt("on_change: %s", unstartable(s.onChange[0], err))
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
		return program + " may not be executed"
	case errors.As(err, &bare):
		return program + " cannot be started: " + bare.Err.Error()
	default:
		return program + " cannot be started: " + err.Error()
	}
}
