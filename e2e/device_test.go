//go:build linux

package e2e

import (
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"
)

// device is homeward on the device of the site, with its configuration and its state directory.
type device struct {
	*process // nil before the first start
	host     *host
	dir      string
	config   string
	binary   string   // homeward
	through  []string // a program that starts homeward, with its arguments; nil: it is started as it is
}

// status is the part of `homeward status --json` and of registrar.json that the tests look at.
type status struct {
	State         string
	Degraded      bool
	Registrar     *endpoint
	Reason, Fault string
	NextAttempt   time.Time `json:"next_attempt_at"`
	Losses        []struct {
		LastHour int `json:"last_hour"`
	}
	Pace  []struct{ Fault, What string }
	Cycle struct {
		Attempts []attempt
		Sources  []source
	}
}

type endpoint struct {
	Host, Transport, Address, Step, Via string
	Port                                int
}

type attempt struct {
	Step, Host, Address, Transport, Result, Reason string
	Port                                           int
}

type source struct{ Step, Source, Query, Verdict, Reason string }

// newDevice configures homeward for the site: the TCP steps may be used with Digest. Further lines of the
// configuration file may follow.
func newDevice(t testing.TB, s *site, lines ...string) *device {
	t.Helper()
	if reason := os.Getenv(envBroken); reason != "" {
		t.Fatal(reason)
	}
	dir, err := os.MkdirTemp("", "e2e-") // Short: a socket's path has 108 bytes.
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(dir) })
	err = errors.Join(os.Chmod(dir, 0o755), os.Mkdir(dir+"/state", 0o750), os.Mkdir(dir+"/run", 0o755))
	if err != nil {
		t.Fatal(err)
	}
	d := &device{host: s.device, dir: dir, binary: os.Getenv(envBinary)}
	lines = append(lines,
		fmt.Sprintf("sip_address = %q", "sip:"+sipUser+"@"+sipDomain),
		fmt.Sprintf("password_file = %q", write(t, dir, "password", password+"\n")),
		fmt.Sprintf("roots = [%q]", write(t, dir, "root.pem", read(t, s.ca.file))),
		fmt.Sprintf("state_dir = %q", dir+"/state"),
		fmt.Sprintf("runtime_dir = %q", dir+"/run"),
		`credentials_over_tcp = true`,
		`log_level = "debug"`,
	)
	d.config = write(t, dir, "homeward.toml", strings.Join(lines, "\n")+"\n")
	give(t, dir+"/state", dir+"/run", dir+"/root.pem", d.config)
	return d
}

// boot starts the daemon as its service is started: in the box of the unit, with root's password as a credential. before is
// a command line that prepares something as root, and goes on with its further arguments.
func (d *device) boot(t testing.TB, before ...string) {
	t.Helper()
	credentials := filepath.Join(d.dir, "credentials")
	if err := os.MkdirAll(credentials, 0o755); err != nil {
		t.Fatal(err)
	}
	give(t, write(t, credentials, "password", read(t, d.dir+"/password")))
	d.process = start(t, d.host, slices.Concat(before, []string{"env", envCredentials + "=" + credentials}, confined(t, d.argv("run")...))...)
	d.name = "homeward"
}

// argv is a command of homeward.
func (d *device) argv(args ...string) []string {
	return append(append(slices.Clone(d.through), d.binary, "--config", d.config), args...)
}

// without takes the lines with a key out of the configuration file.
func (d *device) without(t testing.TB, key string) {
	t.Helper()
	lines := slices.DeleteFunc(strings.SplitAfter(read(t, d.config), "\n"), func(line string) bool { return strings.HasPrefix(line, key+" =") })
	write(t, d.dir, "homeward.toml", strings.Join(lines, ""))
}

// run runs another command of homeward on the device; code is its exit code.
func (d *device) run(t testing.TB, args ...string) (stdout string, code int) {
	t.Helper()
	cmd := d.host.command(t.Context(), d.argv(args...)...)
	out, err := cmd.Output()
	if exit := new(exec.ExitError); err != nil && !errors.As(err, &exit) {
		t.Fatal(err)
	}
	return string(out), cmd.ProcessState.ExitCode()
}

// status asks the daemon; a daemon that does not answer yet has the zero status.
func (d *device) status(t testing.TB) status {
	t.Helper()
	var s status
	out, code := d.run(t, "status", "--json")
	if code == 3 { // not running
		return s
	}
	if err := json.Unmarshal([]byte(out), &s); err != nil {
		t.Fatalf("status --json: %v\n%s", err, out)
	}
	return s
}

// await waits until the daemon's status is as wanted, and returns it.
func (d *device) await(t testing.TB, what string, wanted func(status) bool) status {
	t.Helper()
	var s status
	eventually(t, "homeward is "+what, func() error {
		if err := d.running(); err != nil {
			return err
		}
		if s = d.status(t); !wanted(s) {
			return fmt.Errorf("status %+v", s)
		}
		return nil
	})
	return s
}

// awaitRegistered waits until it is registered the normal way.
func (d *device) awaitRegistered(t testing.TB) status {
	t.Helper()
	return d.await(t, "registered", func(s status) bool { return s.State == "registered" && !s.Degraded })
}

// awaitDegraded waits until it is registered through last good.
func (d *device) awaitDegraded(t testing.TB) status {
	t.Helper()
	return d.await(t, "registered, degraded", func(s status) bool { return s.State == "registered" && s.Degraded })
}

// registrarFile is what the phone's SIP stack reads.
func (d *device) registrarFile(t testing.TB) status {
	t.Helper()
	var s status
	if err := json.Unmarshal([]byte(read(t, d.dir+"/run/registrar.json")), &s); err != nil {
		t.Fatal(err)
	}
	return s
}

// String is the Registrar in the form of place.String.
func (e *endpoint) String() string {
	if e == nil {
		return "no Registrar"
	}
	return fmt.Sprintf("%s %s %s:%d %s", e.Step, e.Host, e.Address, e.Port, e.Transport)
}

// attempts is the cycle as text: one line for each attempt, in the form of place.String and how it ended. What
// was skipped without an attempt is left out.
func (s status) attempts() string {
	var b strings.Builder
	for _, a := range s.Cycle.Attempts {
		if a.Result != "skipped" {
			fmt.Fprintf(&b, "%s %s %s:%d %s %s\n", a.Step, a.Host, a.Address, a.Port, a.Transport, strings.TrimSpace(a.Result+" "+a.Reason))
		}
	}
	return b.String()
}

// verdict is what the source of a step answered, with its reason.
func (s status) verdict(step string) string {
	for _, src := range s.Cycle.Sources {
		if src.Step == step {
			return strings.TrimSpace(src.Verdict + " " + src.Reason)
		}
	}
	return ""
}

// json runs a command that shall succeed, and decodes what it prints.
func (d *device) json(t testing.TB, into any, args ...string) {
	t.Helper()
	out, code := d.run(t, args...)
	if code != 0 {
		t.Fatalf("homeward %s: exit code %d\n%s", strings.Join(args, " "), code, out)
	}
	if err := json.Unmarshal([]byte(out), into); err != nil {
		t.Fatalf("homeward %s: %v\n%s", strings.Join(args, " "), err, out)
	}
}
