//go:build unix

package main

import (
	"bytes"
	"context"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// An address for metrics that somebody else has is said at the start, and the daemon does not run without.
func TestMetricsAddressInUse(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	var stderr bytes.Buffer
	dir := t.TempDir()
	code := run(ctx, env{stdout: &stderr, stderr: &stderr}, []string{
		"run", "--sip-address", "sip:phone1@contoso.com", "--runtime-dir", dir, "--state-dir", dir, "--metrics-listen", l.Addr().String(),
	})
	want := "homeward: error: open metrics_listen: listen tcp " + l.Addr().String() + ": bind: address already in use\n" +
		"homeward: hint: see who listens there already, or set metrics_listen to another address\n"
	if code != exitFailed || !strings.HasPrefix(stderr.String(), want) {
		t.Errorf("exit code %d\n%s", code, &stderr)
	}
}

// What is interrupted says so, and not what it has not found out.
func TestInterrupted(t *testing.T) {
	file := filepath.Join(t.TempDir(), "homeward.toml")
	text := "sip_address = \"sip:phone1@contoso.com\"\ndns_servers = [\"127.0.0.1:1\"]\ninterface = \"lo\"\n"
	if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	ctx, interrupt := context.WithCancel(t.Context())
	interrupt()
	for _, verb := range []string{"check", "plan", "dhcp"} {
		var stdout, stderr bytes.Buffer
		code := run(ctx, env{stdout: &stdout, stderr: &stderr}, []string{verb, "--config", file})
		if code != exitFailed || stdout.Len() > 0 || !strings.HasSuffix(stderr.String(), "homeward: error: interrupted\n") {
			t.Errorf("%s: exit code %d\n%s%s", verb, code, &stdout, &stderr)
		}
	}
}
