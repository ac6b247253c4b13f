//go:build unix

package main

import (
	"bufio"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/rogpeppe/go-internal/testscript"

	"homeward/internal/sitetest"
)

func TestMain(m *testing.M) {
	time.Local = time.UTC // the golden files show it
	testscript.Main(m, map[string]func(){"homeward": main})
}

// TestScripts runs the command lines of testdata/script with the code of this package.
func TestScripts(t *testing.T) { runScripts(t, "script") }

func runScripts(t *testing.T, dir string) {
	testscript.Run(t, testscript.Params{
		Dir:                 filepath.Join("testdata", dir),
		RequireExplicitExec: true,
		Setup:               setUp,
		Condition: func(condition string) (bool, error) {
			if condition != "root" {
				return false, fmt.Errorf("unknown condition %q", condition)
			}
			return os.Geteuid() == 0, nil
		},
		Cmds: map[string]func(*testscript.TestScript, bool, []string){
			"code": code, "config": writeConfig, "site": startSite, "change": changeSite, "heard": heard, "follow": follow, "shows": shows,
			"unpack": unpack, "secret": secret, "browse": browse, "sound": sound,
		},
	})
}

// patience is how long a script waits for something that must come.
const patience = 30 * time.Second

// world is what belongs to one script.
type world struct {
	dir     string // short: a socket is in it
	manager *net.UnixConn
	site    *sitetest.Site
	lines   []string // of the configuration, about the site
}

func setUp(env *testscript.Env) error {
	dir, err := os.MkdirTemp("", "hw")
	if err != nil {
		return err
	}
	env.Defer(func() { os.RemoveAll(dir) })
	notify := filepath.Join(dir, "notify")
	manager, err := net.ListenUnixgram("unixgram", &net.UnixAddr{Name: notify, Net: "unixgram"})
	if err != nil {
		return err
	}
	env.Defer(func() { manager.Close() })
	env.Setenv("NOTIFY_SOCKET", notify)
	env.Setenv("RUN", dir)
	env.Setenv("TZ", "UTC")
	env.Values["world"] = &world{dir: dir, manager: manager}
	return nil
}

func worldOf(ts *testscript.TestScript) *world { return ts.Value("world").(*world) }

// code runs a program and compares its exit code: code 4 homeward status.
func code(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) < 2 {
		ts.Fatalf("usage: code N program [args...]")
	}
	got := 0
	if err := ts.Exec(args[1], args[2:]...); err != nil {
		var exit *exec.ExitError
		if !errors.As(err, &exit) {
			ts.Fatalf("%v", err)
		}
		got = exit.ExitCode()
	}
	if want, err := strconv.Atoi(args[0]); err != nil || got != want {
		ts.Fatalf("exit code %d, want %s", got, args[0])
	}
}

// writeConfig writes homeward.toml: directories that belong to this script, the site, and the lines given.
func writeConfig(ts *testscript.TestScript, _ bool, args []string) {
	w := worldOf(ts)
	lines := []string{
		`sip_address = "sip:phone1@contoso.com"`,
		fmt.Sprintf("state_dir = %q", filepath.Join(w.dir, "state")),
		fmt.Sprintf("runtime_dir = %q", filepath.Join(w.dir, "run")),
		`dhcp = "off"`,
		`log_format = "text"`,
	}
	lines = append(append(lines, w.lines...), args...)
	ts.Check(os.WriteFile(ts.MkAbs("homeward.toml"), []byte(strings.Join(lines, "\n")+"\n"), 0o600))
}

// startSite starts a simulated site of testdata/sites on loopback.
func startSite(ts *testscript.TestScript, _ bool, args []string) {
	w := worldOf(ts)
	text, err := os.ReadFile(filepath.Join("testdata", "sites", args[0]+".txtar"))
	ts.Check(err)
	w.site, err = sitetest.Parse(args[0], text)
	ts.Check(err)
	live, err := w.site.Listen()
	ts.Check(err)
	ts.Defer(func() { w.site.Close() })
	servers, err := live.Resolvers()
	ts.Check(err)
	roots := filepath.Join(w.dir, "roots.pem")
	ts.Check(os.WriteFile(roots, w.site.Roots(), 0o600))
	w.lines = []string{fmt.Sprintf("dns_servers = [%s]", quoted(servers)), fmt.Sprintf("roots = [%q]", roots)}
}

func quoted(servers []netip.AddrPort) string {
	texts := make([]string, len(servers))
	for i, s := range servers {
		texts[i] = strconv.Quote(s.String())
	}
	return strings.Join(texts, ", ")
}

// changeSite changes the site, in the words of its file: change zone silent.
func changeSite(ts *testscript.TestScript, _ bool, args []string) {
	ts.Check(worldOf(ts).site.Apply(strings.Join(args, " ")))
}

// heard waits until the service manager has heard a line from the daemon: heard READY=1.
func heard(ts *testscript.TestScript, _ bool, args []string) {
	w := worldOf(ts)
	want := regexp.MustCompile("^(" + args[0] + ")$")
	w.manager.SetReadDeadline(time.Now().Add(patience))
	buffer := make([]byte, 512)
	for {
		n, err := w.manager.Read(buffer)
		if err != nil {
			ts.Fatalf("the service manager has not heard %s: %v", args[0], err)
		}
		ts.Logf("heard %s", buffer[:n])
		if want.Match(buffer[:n]) {
			return
		}
	}
}

// follow waits until the history has a line that matches: follow '"event":"commit"'.
func follow(ts *testscript.TestScript, _ bool, args []string) {
	want := regexp.MustCompile(args[0])
	program, err := exec.LookPath("homeward")
	ts.Check(err)
	cmd := exec.Command(program, "history", "--follow", "--since", "24h", "--json", "--config", ts.MkAbs("homeward.toml"))
	out, err := cmd.StdoutPipe()
	ts.Check(err)
	ts.Check(cmd.Start())
	defer cmd.Wait()
	defer cmd.Process.Kill()
	tooLong := time.AfterFunc(patience, func() { cmd.Process.Kill() })
	defer tooLong.Stop()
	lines := bufio.NewScanner(out)
	for lines.Scan() {
		if want.MatchString(lines.Text()) {
			return
		}
	}
	ts.Fatalf("the history has no line that matches %s", args[0])
}

// shows waits until a file has text that matches: shows '"state": "registered"' $RUN/run/registrar.json. Whoever
// writes it is not waited for by anybody else.
func shows(ts *testscript.TestScript, _ bool, args []string) {
	want := regexp.MustCompile(args[0])
	path := ts.MkAbs(args[1])
	again := time.NewTicker(10 * time.Millisecond)
	defer again.Stop()
	for tooLate := time.Now().Add(patience); time.Now().Before(tooLate); <-again.C {
		if text, err := os.ReadFile(path); err == nil && want.Match(text) {
			return
		}
	}
	text, err := os.ReadFile(path)
	ts.Fatalf("%s does not show %s: %v\n%s", args[1], args[0], err, text)
}
