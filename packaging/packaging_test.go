package packaging

import (
	"encoding/xml"
	"errors"
	"io"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"homeward/e2e/needs"
	"homeward/internal/golden"
	"homeward/internal/packed"
)

var files = map[string]string{
	"systemd/homeward.service": Systemd, "openrc/homeward": OpenRC, "sysv/homeward": SysV, "procd/homeward": Procd,
	"freebsd/homeward": FreeBSD, "launchd/homeward.plist": Launchd,
}

// The program carries each file as it is in the packages.
func TestPacked(t *testing.T) {
	for name := range files {
		text, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		golden.Packed(t, name, text)
	}
}

// Each file starts the program that it is for.
func TestFor(t *testing.T) {
	for name, file := range files {
		got := For("/opt/homeward-2.0/homeward", file)
		if n := strings.Count(got, "/opt/homeward-2.0/homeward"); n != 1 || strings.Contains(got, "bin/homeward") {
			t.Errorf("%s names the program %d times:\n%s", name, n, got)
		}
	}
}

// scripts returns what a shell runs of the tree, by the shell that its first line wants; those of a service manager are sh's.
func scripts(t *testing.T) map[string][]string {
	t.Helper()
	scripts := map[string][]string{}
	add := func(path string, entry fs.DirEntry, err error) error {
		if err != nil || entry.IsDir() {
			return err
		}
		text, err := os.ReadFile(path)
		first, _, _ := strings.Cut(string(text), "\n")
		switch {
		case !strings.HasPrefix(first, "#!"):
		case strings.HasSuffix(first, "bash"):
			scripts["bash"] = append(scripts["bash"], path)
		default:
			scripts["sh"] = append(scripts["sh"], path)
		}
		return err
	}
	if err := errors.Join(filepath.WalkDir(".", add), filepath.WalkDir("../.ci", add)); err != nil {
		t.Fatal(err)
	}
	return scripts
}

// The shell understands the scripts, and shellcheck finds nothing to say about them.
func TestScripts(t *testing.T) {
	scripts := scripts(t)
	if len(scripts["sh"]) == 0 || len(scripts["bash"]) == 0 {
		t.Fatalf("there are no scripts: %q", scripts)
	}
	for _, check := range []struct {
		command []string
		scripts []string
	}{{[]string{"sh", "-n"}, scripts["sh"]}, {[]string{"bash", "-n"}, scripts["bash"]}, {[]string{"shellcheck"}, slices.Concat(scripts["sh"], scripts["bash"])}} {
		t.Run(check.command[0], func(t *testing.T) {
			needs.Program(t, check.command[0])
			for _, name := range check.scripts {
				if out, err := exec.Command(check.command[0], append(check.command[1:], name)...).CombinedOutput(); err != nil {
					t.Errorf("%s: %v\n%s", name, err, out)
				}
			}
		})
	}
}

// On OpenWrt a first installation enables the service, and an upgrade starts anew what was running: the administrator may
// have switched it off.
func TestOpenWrtPostinst(t *testing.T) {
	script, err := os.ReadFile("ipk/postinst")
	if err != nil {
		t.Fatal(err)
	}
	for _, test := range []struct{ environ, running, want string }{
		{"PKG_UPGRADE=0", "no", "enable\n"},
		{"PKG_UPGRADE=1", "yes", "running\nrestart\n"},
		{"PKG_UPGRADE=1", "no", "running\n"},
		{"IPKG_INSTROOT=/image", "no", ""},
	} {
		asked := filepath.Join(t.TempDir(), "asked")
		cmd := exec.Command("sh", "-c", `rc() { echo "$1" >>"$ASKED"; [ "$1" != running ] || [ "$RUNNING" = yes ]; }
`+strings.ReplaceAll(string(script), "/etc/init.d/homeward", "rc"))
		cmd.Env = append(os.Environ(), "ASKED="+asked, "RUNNING="+test.running, test.environ)
		if out, err := cmd.CombinedOutput(); err != nil || len(out) > 0 {
			t.Errorf("%s: %v\n%s", test.environ, err, out)
		}
		if got, _ := os.ReadFile(asked); string(got) != test.want { // none is none
			t.Errorf("%s, running: %s: the service was told %q, want %q", test.environ, test.running, got, test.want)
		}
	}
}

// The property list is XML, and says what launchd is to be told.
func TestPropertyList(t *testing.T) {
	var words []string // of keys and values, in the order of the file
	for in := xml.NewDecoder(strings.NewReader(packed.Text(Launchd))); ; {
		token, err := in.Token()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			t.Fatal(err)
		}
		switch token := token.(type) {
		case xml.CharData:
			if word := strings.TrimSpace(string(token)); word != "" {
				words = append(words, word)
			}
		case xml.StartElement:
			if token.Name.Local == "true" || token.Name.Local == "false" {
				words = append(words, token.Name.Local)
			}
		}
	}
	const want = "Label homeward ProgramArguments /usr/local/bin/homeward run RunAtLoad true KeepAlive true ThrottleInterval 5 ExitTimeOut 10 " +
		"Umask 23 StandardErrorPath /var/log/homeward.log"
	if got := strings.Join(words, " "); got != want {
		t.Errorf("it says\n%s\nwant\n%s", got, want)
	}
}

// The agent is built from the checkout around the script, whatever the current directory is, and the file is where the caller says. For
// which ARM or MIPS is said only where the architecture is: this machine may be an older one.
func TestCompile(t *testing.T) {
	root, err := filepath.Abs("..")
	if err != nil {
		t.Fatal(err)
	}
	tools, elsewhere := t.TempDir(), t.TempDir()
	const tool = "#!/bin/sh\nwhile [ $# -gt 1 ] && [ \"$1\" != -o ]; do shift; done\necho \"$(pwd -P) $2 $CGO_ENABLED ${GOARM-none} ${GOMIPS-none}\"\n"
	if err := os.WriteFile(filepath.Join(tools, "go"), []byte(tool), 0o755); err != nil { //nolint:gosec // it is run
		t.Fatal(err)
	}
	for _, test := range []struct{ arch, file, want string }{
		{"", "bin/homeward", elsewhere + "/bin/homeward 0 none none"},
		{"", "/opt/homeward", "/opt/homeward 0 none none"},
		{"arm", "homeward", elsewhere + "/homeward 0 7 softfloat"},
	} {
		cmd := exec.Command(filepath.Join(root, "packaging", "compile"), test.file)
		cmd.Dir, cmd.Env = elsewhere, []string{"PATH=" + tools + ":" + os.Getenv("PATH"), "GOARCH=" + test.arch}
		out, err := cmd.CombinedOutput()
		if want := root + " " + test.want + "\n"; err != nil || string(out) != want {
			t.Errorf("%s for %q: %v\ngot  %swant %s", test.file, test.arch, err, out, want)
		}
	}
}
