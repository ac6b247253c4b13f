//go:build unix

package main

import (
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"
)

// A stderr that nobody reads holds up neither the registration nor the end.
func TestStderrThatNobodyReads(t *testing.T) {
	dir, err := os.MkdirTemp("", "hw") // short: a socket is in it
	if err != nil {
		t.Fatal(err)
	}
	defer os.RemoveAll(dir)
	program, err := exec.LookPath("homeward")
	if err != nil {
		t.Fatal(err)
	}
	daemon := exec.CommandContext(t.Context(), program, "run", "--sip-address", "sip:phone1@contoso.com", "--internal-server", "127.0.0.1:9",
		"--dns-servers", "127.0.0.1:9", "--dhcp", "off", "--state-dir", dir, "--runtime-dir", dir, "--log-level", "debug")
	daemon.Stderr = fullPipe(t)
	if err := daemon.Start(); err != nil {
		t.Fatal(err)
	}
	ended := make(chan error, 1)
	go func() { ended <- daemon.Wait() }()
	tooLate := time.After(patience)
	again := time.NewTicker(10 * time.Millisecond)
	defer again.Stop()
	for stopped := false; ; {
		select {
		case err := <-ended:
			if !stopped || err != nil {
				t.Errorf("the daemon has ended: %v", err)
			}
			return
		case <-tooLate:
			t.Fatalf("the daemon hangs; asked to stop: %v", stopped)
		case <-again.C:
		}
		text, _ := os.ReadFile(filepath.Join(dir, "registrar.json"))
		if !stopped && strings.Contains(string(text), `"state": "resting"`) {
			stopped = true
			daemon.Process.Signal(syscall.SIGTERM)
		}
	}
}

// fullPipe returns the end for writing of a pipe that has no room.
func fullPipe(t *testing.T) *os.File {
	t.Helper()
	r, w, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { r.Close(); w.Close() })
	w.SetWriteDeadline(time.Now().Add(100 * time.Millisecond))
	if _, err := w.Write(make([]byte, 1<<20)); !errors.Is(err, os.ErrDeadlineExceeded) {
		t.Fatalf("the pipe is not full: %v", err)
	}
	return w
}
