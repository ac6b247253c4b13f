package config

import (
	"net"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"homeward/e2e/needs"
	"homeward/provisioning"
)

// What is valid and will not work here is said, each in a sentence of its own.
func TestDoubts(t *testing.T) {
	dir := t.TempDir()
	file, program := filepath.Join(dir, "file"), filepath.Join(dir, "program")
	for path, mode := range map[string]os.FileMode{file: 0o600, program: 0o700} {
		if err := os.WriteFile(path, []byte("#!/bin/sh\n"), mode); err != nil {
			t.Fatal(err)
		}
	}
	const quoted, blank = "password_file: the quotes around the password count as part of it", "password_file: the blank before or after the password counts as part of it"
	for _, test := range []struct {
		name   string
		change func(c *Config)
		want   string
	}{
		{"nothing", func(*Config) {}, ""},
		{"no password", func(c *Config) { c.Policy.Password = "" }, "no password is configured: sign-in works only with a certificate, or if the Registrar does not ask for one"},
		{"a blank", func(c *Config) { c.Policy.Password = "secret " }, blank},
		{"double quotes", func(c *Config) { c.Policy.Password = `"secret"` }, quoted},
		{"single quotes", func(c *Config) { c.Policy.Password = `'secret'` }, quoted},
		{"one quote", func(c *Config) { c.Policy.Password = `"secret` }, ""},
		{"a password that is a quote", func(c *Config) { c.Policy.Password = `"` }, ""},
		{"a directory that is none", func(c *Config) { c.StateDir = file }, "state_dir: FILE is not a directory"},
		{"another", func(c *Config) { c.RuntimeDir = file }, "runtime_dir: FILE is not a directory"},
		{"directories that are not there yet", func(c *Config) { c.StateDir, c.RuntimeDir = file+"1", file+"2" }, ""},
		{"a program", func(c *Config) { c.OnChange = []string{program, "--now"} }, ""},
		{"no program", func(c *Config) { c.OnChange = []string{file + "1"} }, "on_change: there is no program FILE1"},
		{"one that is not in PATH", func(c *Config) { c.OnChange = []string{"phone-reload-of-nobody"} }, "on_change: there is no program phone-reload-of-nobody"},
		{"one that is none", func(c *Config) { c.OnChange = []string{file} }, "on_change: FILE is not executable by this user"},
		{"two at once", func(c *Config) { c.Policy.Password, c.StateDir = " ", file }, blank + "\nstate_dir: FILE is not a directory"},
	} {
		t.Run(test.name, func(t *testing.T) {
			if runtime.GOOS == "windows" {
				needs.Missing(t, "platform", "modes of files are not those of Unix")
			}
			c := &Config{Policy: provisioning.Policy{Password: "secret", Auth: []string{"ntlm"}}, StateDir: dir, RuntimeDir: dir}
			test.change(c)
			if diff := cmp.Diff(test.want, strings.ReplaceAll(strings.Join(c.Doubts(), "\n"), file, "FILE")); diff != "" {
				t.Error(diff)
			}
		})
	}
}

// An interface that is not there is told with those that are.
func TestInterfaceHere(t *testing.T) {
	all, err := net.Interfaces()
	if err != nil || len(all) == 0 {
		needs.Missing(t, "platform", "this machine has no interface")
	}
	for _, name := range []string{"", all[0].Name} {
		if err := InterfaceHere(name); err != nil {
			t.Error(err)
		}
	}
	err = InterfaceHere("no/such")
	if err == nil || !strings.HasPrefix(err.Error(), "this machine has no no/such; it has ") || !strings.Contains(err.Error(), all[0].Name) {
		t.Errorf("got %v", err)
	}
	c := &Config{Policy: provisioning.Policy{Password: "secret", Auth: []string{"ntlm"}, Interface: "no/such"}}
	if doubts := c.Doubts(); len(doubts) != 1 || doubts[0] != "interface: "+err.Error() {
		t.Errorf("got %q", doubts)
	}
}
