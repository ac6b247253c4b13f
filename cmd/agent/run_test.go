//go:build unix

package main

import (
	"bytes"
	"context"
	"net"
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
