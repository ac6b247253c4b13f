//go:build unix

package main

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"log/slog"
	"net"
	"net/netip"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"
)

// An address for metrics that somebody else has is said in the log, in status and in history, and the phone registers without.
func TestMetricsAddressInUse(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	dir := t.TempDir()
	file := filepath.Join(dir, "homeward.toml")
	text := "sip_address = \"sip:phone1@contoso.com\"\ndns_servers = [\"127.0.0.1:1\"]\ninterface = \"lo\"\ndhcp = \"off\"\n" +
		fmt.Sprintf("state_dir = %q\nruntime_dir = %[1]q\nmetrics_listen = %q\n", dir, l.Addr())
	if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	var status, history strings.Builder
	ask := sync.OnceFunc(func() {
		run(ctx, env{stdout: &status, stderr: &status}, []string{"status", "--config", file})
		run(ctx, env{stdout: &history, stderr: &history}, []string{"history", "--failures", "--config", file})
		cancel()
	})
	log := &expectation{words: []string{"metrics_listen cannot be opened", "address already in use", `"resting"`}, met: func() { go ask() }}
	code := run(ctx, env{stdout: log, stderr: log}, []string{"run", "--config", file})
	if code != 0 || len(log.words) > 0 {
		t.Errorf("exit code %d, not said: %q\n%s", code, log.words, &log.text)
	}
	for _, said := range []string{status.String(), history.String()} {
		if !strings.Contains(said, "find that program") {
			t.Errorf("it says\n%s", said)
		}
	}
}

// In the log a value is a word: JSON takes apart what it does not know, such as the address of the metrics.
func TestMend26LogOfWords(t *testing.T) {
	free, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	free.Close()
	dir := t.TempDir()
	file := filepath.Join(dir, "homeward.toml")
	text := "sip_address = \"sip:phone1@contoso.com\"\ndns_servers = [\"127.0.0.1:1\"]\ninterface = \"lo\"\ndhcp = \"off\"\nlog_format = \"json\"\nlog_level = \"debug\"\n" +
		fmt.Sprintf("state_dir = %q\nruntime_dir = %[1]q\nmetrics_listen = %q\non_change = [\"true\"]\n", dir, free.Addr())
	if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	log := &expectation{words: []string{"metrics can be scraped", `"resting"`, "on_change done"}, met: cancel}
	if code := run(ctx, env{stdout: log, stderr: log}, []string{"run", "--config", file}); code != 0 || len(log.words) > 0 {
		t.Fatalf("exit code %d, not said: %q\n%s", code, log.words, &log.text)
	}
	address := ""
	for line := range bytes.Lines(log.text.Bytes()) {
		var fields map[string]any
		if err := json.Unmarshal(line, &fields); err != nil {
			t.Fatalf("%s: %v", line, err)
		}
		for name, value := range fields {
			switch value.(type) {
			case map[string]any, []any, nil:
				t.Errorf("%s is not a word: %s", name, line)
			}
		}
		if fields["msg"] == "metrics can be scraped" {
			address, _ = fields["address"].(string)
		}
	}
	if address != free.Addr().String() {
		t.Errorf("the metrics are at %q", address)
	}
}

// A duration has its unit, an error its words.
func TestMend26AsText(t *testing.T) {
	for value, want := range map[any]any{
		30 * time.Second:                       "30s",
		os.ErrNotExist:                         "file does not exist",
		netip.MustParseAddrPort("10.0.0.5:53"): "10.0.0.5:53",
		slog.LevelWarn:                         "WARN",
		"a word":                               "a word",
		7:                                      int64(7),
	} {
		if got := asText(nil, slog.Any("key", value)).Value.Any(); got != want {
			t.Errorf("%v: got %#v, want %#v", value, got, want)
		}
	}
}

// expectation is a log that calls met when all words have been written to it.
type expectation struct {
	words []string
	met   func()
	text  bytes.Buffer
}

func (e *expectation) Write(line []byte) (int, error) {
	e.text.Write(line)
	e.words = slices.DeleteFunc(e.words, func(word string) bool { return bytes.Contains(line, []byte(word)) })
	if len(e.words) == 0 {
		e.met()
	}
	return len(line), nil
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
