package service

import (
	"bytes"
	"context"
	"errors"
	"log/slog"
	"net/netip"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"homeward/provisioning"
)

var internalTLS = provisioning.InternalTLS

func onFE01() provisioning.Status {
	return provisioning.Status{
		Version: 1, State: provisioning.Registered, SIPAddress: "sip:phone1@contoso.com", SIPDomain: "contoso.com",
		Registrar: &provisioning.Registrar{
			Endpoint: provisioning.Endpoint{Host: "fe01.contoso.com", Port: 5061}, Address: netip.MustParseAddr("10.0.0.5"), Step: &internalTLS,
			Via: "SRV _sipinternaltls._tcp.contoso.com", Role: "primary",
		},
		Home:        []provisioning.Registrar{{Endpoint: provisioning.Endpoint{Host: "pool01.contoso.com", Port: 5061}, Role: "primary"}},
		MediaRelays: []provisioning.MediaRelay{{Host: "edge01.contoso.com", UDPPort: 3478, TCPPort: 443, Location: "intranet"}},
		Provisioning: &provisioning.Provisioning{Pool: "not for the phone stack", Update: &provisioning.Update{
			Enabled: true, URL: "https://pool01.contoso.com/ucdevice.upx", InternalURL: "https://pool01.contoso.com/ucdevice.upx",
		}},
		Detail: "not for the phone stack",
	}
}

func TestStateFile(t *testing.T) {
	story, log := newStory(t)
	path := filepath.Join(t.TempDir(), "registrar.json")
	status := onFE01()
	f := NewStateFile(path, func() provisioning.Status { return status }, story, nil, story.log)
	f.write()
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	got := regexp.MustCompile(`"updated_at": "[^"]+"`).ReplaceAllString(string(text), `"updated_at": "…"`)
	want := `{
  "version": 1,
  "state": "registered",
  "degraded": false,
  "registrar": {
    "host": "fe01.contoso.com",
    "port": 5061,
    "transport": "tls",
    "address": "10.0.0.5",
    "step": "internal-tls",
    "via": "SRV _sipinternaltls._tcp.contoso.com",
    "role": "primary"
  },
  "home": [
    {
      "host": "pool01.contoso.com",
      "port": 5061,
      "transport": "tls",
      "role": "primary"
    }
  ],
  "media_relays": [
    {
      "host": "edge01.contoso.com",
      "udp_port": 3478,
      "tcp_port": 443,
      "location": "intranet"
    }
  ],
  "update": {
    "enabled": true,
    "url": "https://pool01.contoso.com/ucdevice.upx",
    "internal_url": "https://pool01.contoso.com/ucdevice.upx"
  },
  "updated_at": "…"
}
`
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
	if at, err := os.Stat(path); err != nil || at.Mode().Perm() != stateFileMode {
		t.Errorf("mode %v, want %o; err %v", at.Mode(), stateFileMode, err)
	}
	before, _ := os.Stat(path)
	status.Detail = "something else the phone stack does not see"
	f.write()
	if after, err := os.Stat(path); err != nil || !os.SameFile(before, after) {
		t.Errorf("the file was written although nothing in it has changed; err %v", err)
	}
	status.Degraded = true
	f.write()
	if after, err := os.Stat(path); err != nil || os.SameFile(before, after) {
		t.Errorf("the file was not written although it has changed; err %v", err)
	}
	if log.Len() > 0 {
		t.Errorf("log: %s", log)
	}
}

// Whatever becomes of the file, it is there again, as it was, when the process looks; and the phone's program is told.
func TestMend12StateFileIsComparedWithTheDisk(t *testing.T) {
	story, _ := newStory(t)
	dir := t.TempDir()
	path, elsewhere := filepath.Join(dir, "registrar.json"), filepath.Join(dir, "elsewhere")
	f := NewStateFile(path, onFE01, story, nil, story.log)
	f.write()
	<-f.changed
	want, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	for name, harm := range map[string]func() error{
		"removed":          func() error { return os.Remove(path) },
		"altered":          func() error { return os.WriteFile(path, bytes.Replace(want, []byte("fe01"), []byte("fe66"), 1), 0o644) },
		"cut":              func() error { return os.Truncate(path, 10) },
		"longer":           func() error { return os.WriteFile(path, append(bytes.Clone(want), ' '), 0o644) },
		"a link to a copy": func() error { return errors.Join(os.Rename(path, elsewhere), os.Symlink(elsewhere, path)) },
	} {
		if err := harm(); err != nil {
			t.Fatal(err)
		}
		f.Look()
		if got, err := os.ReadFile(path); err != nil || !bytes.Equal(got, want) {
			t.Errorf("%s: the file is %s, %v", name, got, err)
		}
		if at, err := os.Lstat(path); err != nil || !at.Mode().IsRegular() {
			t.Fatalf("%s: it is %v, %v", name, at, err)
		}
		if len(f.changed) != 1 {
			t.Fatalf("%s: on_change is not told", name)
		}
		<-f.changed
	}
	if f.Look(); len(f.changed) != 0 {
		t.Error("on_change is told although nothing has happened")
	}
}

func exists(path string) bool { _, err := os.Stat(path); return err == nil }

// What could not be written is written when it can be, also when nothing happens.
func TestStateFileAgain(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		story, _ := newStory(t)
		dir := filepath.Join(t.TempDir(), "later")
		f := NewStateFile(filepath.Join(dir, "registrar.json"), onFE01, story, nil, story.log)
		ctx, cancel := context.WithCancel(t.Context())
		var task sync.WaitGroup
		task.Go(func() { f.Run(ctx) })
		synctest.Wait()
		if err := os.Mkdir(dir, 0o755); err != nil {
			t.Fatal(err)
		}
		time.Sleep(writeAgain)
		synctest.Wait()
		if !exists(f.path) {
			t.Error("the file was not written again")
		}
		cancel()
		task.Wait()
	})
}

// The last state stands in the file when the daemon has ended.
func TestStateFileAtTheEnd(t *testing.T) {
	story, _ := newStory(t)
	path := filepath.Join(t.TempDir(), "registrar.json")
	var mu sync.Mutex
	status := onFE01()
	f := NewStateFile(path, func() provisioning.Status { mu.Lock(); defer mu.Unlock(); return status }, story, nil, story.log)
	ctx, cancel := context.WithCancel(t.Context())
	var task sync.WaitGroup
	task.Go(func() { f.Run(ctx) })
	mu.Lock()
	status.State = provisioning.Resting
	mu.Unlock()
	cancel()
	task.Wait()
	if text, _ := os.ReadFile(path); !strings.Contains(string(text), `"state": "resting"`) {
		t.Errorf("the file says %s", text)
	}
}

func TestOnChange(t *testing.T) {
	for _, test := range []struct {
		name    string
		command []string
		want    string // of the log
	}{
		{"arguments are passed as they are, the path last", []string{"echo", "a b", "$(id)"}, `<6>msg="on_change done" command=echo output="a b $(id) /run/registrar.json\n"` + "\n"},
		{"a program that leaves another behind", []string{"sh", "-c", "sleep 2 & echo $0", "started"}, `<6>msg="on_change done" command=sh output="started\n"` + "\n"},
		{"a program that fails", []string{"false"}, `<4>msg="on_change failed" command=false err="exit status 1" output=""` + "\n"},
		{"a program that is missing", []string{"/nonexistent/program"}, `<4>msg="on_change failed" command=/nonexistent/program err="fork/exec /nonexistent/program: no such file or directory" output=""` + "\n"},
	} {
		t.Run(test.name, func(t *testing.T) {
			var log bytes.Buffer
			f := NewStateFile("/run/registrar.json", nil, nil, test.command, slog.New(JournalHandler(&log, slog.LevelInfo)))
			f.runOnce(t.Context(), commandLimit)
			if diff := cmp.Diff(test.want, log.String()); diff != "" {
				t.Error(diff)
			}
		})
	}
}

// What the service manager tells the daemon, or gives it, is not for the phone's program.
func TestMend14OnChangeHasACleanEnvironment(t *testing.T) {
	for _, name := range []string{"CREDENTIALS_DIRECTORY", "NOTIFY_SOCKET", "WATCHDOG_USEC", "WATCHDOG_PID", "LISTEN_FDS", "GOMEMLIMIT", "JOURNAL_STREAM", "ANYTHING"} {
		t.Setenv(name, "1")
	}
	t.Setenv("PATH", "/usr/bin:/bin")
	var log bytes.Buffer
	f := NewStateFile("/run/registrar.json", nil, nil, []string{"env", "-u"}, slog.New(JournalHandler(&log, slog.LevelInfo)))
	f.path = "nothing" // the last argument: env -u nothing
	f.runOnce(t.Context(), commandLimit)
	if want := `<6>msg="on_change done" command=env output="PATH=/usr/bin:/bin\n"` + "\n"; log.String() != want {
		t.Errorf("log: %s", &log)
	}
	t.Setenv("PATH", "")
	if got := commandEnv(); len(got) != 1 || got[0] != "PATH="+commandPath {
		t.Errorf("without a PATH: %q", got)
	}
}

// A phone that is starting up does not miss the change: what has failed is done again, until it succeeds.
func TestOnChangeAgain(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var log bytes.Buffer
		tries := filepath.Join(t.TempDir(), "tries")
		script := `echo >>"$0"; test $(wc -l <"$0") -ge 3` // the third time it succeeds
		f := NewStateFile("/run/registrar.json", nil, nil, []string{"sh", "-c", script, tries}, slog.New(JournalHandler(&log, slog.LevelInfo)))
		close(f.final)
		f.changed <- struct{}{}
		ctx, cancel := context.WithCancel(t.Context())
		var task sync.WaitGroup
		task.Go(func() { f.RunCommand(ctx) })
		time.Sleep(time.Hour)
		cancel()
		task.Wait()
		failed := `<4>msg="on_change failed" command=sh err="exit status 1" output=""` + "\n"
		if got, want := log.String(), failed+failed+`<6>msg="on_change done" command=sh output=""`+"\n"; got != want {
			t.Errorf("log: %s", got)
		}
	})
}

// A daemon that ends does not wait for a command that hangs, nor for what it has left behind.
func TestOnChangeEndsWithTheDaemon(t *testing.T) {
	var log bytes.Buffer
	f := NewStateFile("/run/registrar.json", nil, nil, []string{"sh", "-c", "sleep 60 & sleep 60"}, slog.New(JournalHandler(&log, slog.LevelInfo)))
	close(f.final)
	f.changed <- struct{}{}
	ctx, cancel := context.WithCancel(t.Context())
	var task sync.WaitGroup
	task.Go(func() { f.RunCommand(ctx) })
	cancel()
	task.Wait() // the test's own time limit would end it
	if want := `<4>msg="on_change was killed: it took too long" command=sh limit=1.5s output=""` + "\n"; log.String() != want {
		t.Errorf("log: %s", &log)
	}
}

// The phone stack is told of the last change, too: what was registered is not any more. Run writes it while
// RunCommand is ending already.
func TestOnChangeSeesTheEnd(t *testing.T) {
	dir := t.TempDir()
	story, _ := newStory(t)
	var ended atomic.Bool
	status := func() provisioning.Status {
		if ended.Load() {
			return provisioning.Status{Version: 1, State: provisioning.Resting}
		}
		return onFE01()
	}
	path, seen := filepath.Join(dir, "registrar.json"), filepath.Join(dir, "seen")
	f := NewStateFile(path, status, story, []string{"sh", "-c", `cp "$1" "$0"`, seen}, story.log)
	err := Run(t.Context(), Task{"agent", func(ctx context.Context) error {
		story.Tell(registered(noon))
		ended.Store(true) // and nobody is told
		return nil
	}}, Task{"registrar.json", f.Run}, Task{"on_change", f.RunCommand})
	if err == nil || err.Error() != "agent has ended" {
		t.Error(err)
	}
	text, err := os.ReadFile(seen)
	if err != nil || !strings.Contains(string(text), `"state": "resting"`) || strings.Contains(string(text), "registrar") {
		t.Errorf("the command has seen %s, %v", text, err)
	}
}

func TestOutputIsCut(t *testing.T) {
	h := &head{room: 4}
	for _, p := range []string{"ab", "cde", "f"} {
		if n, err := h.Write([]byte(p)); n != len(p) || err != nil {
			t.Errorf("Write(%q) = %d, %v", p, n, err)
		}
	}
	if h.String() != "abcd" {
		t.Errorf("kept %q", h)
	}
}
