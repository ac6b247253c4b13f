package control

import (
	"net"
	"os"
	"path/filepath"
	"syscall"
	"testing"

	"homeward/e2e/needs"
)

// The user of the daemon is he who listens, but only where nobody else can have put the socket: whose the password may be hangs on it.
func TestMend59RunsAs(t *testing.T) {
	if os.Geteuid() != 0 {
		needs.Missing(t, "root", "")
	}
	const daemon, other = 12345, 12346
	type way struct {
		uid  int
		mode os.FileMode
	}
	for _, test := range []struct {
		name       string
		above, run way // the directory above runtime_dir, and that
		link       bool
		known      bool
	}{
		{name: "its own directory", above: way{0, 0o755}, run: way{daemon, 0o755}, known: true},
		{name: "of root", above: way{0, 0o755}, run: way{0, 0o755}, known: true},
		{name: "of root, below a sticky one", above: way{0, 0o777 | os.ModeSticky}, run: way{0, 0o755}, known: true},
		{name: "of another", above: way{0, 0o755}, run: way{other, 0o755}},
		{name: "open to all", above: way{0, 0o755}, run: way{daemon, 0o777}},
		{name: "open to all, and sticky", above: way{0, 0o755}, run: way{daemon, 0o777 | os.ModeSticky}},
		{name: "open to its group", above: way{0, 0o755}, run: way{daemon, 0o775}},
		{name: "it made it itself, below a sticky one", above: way{0, 0o777 | os.ModeSticky}, run: way{daemon, 0o755}},
		{name: "below one of its own", above: way{daemon, 0o755}, run: way{daemon, 0o755}},
		{name: "below one of another", above: way{other, 0o755}, run: way{daemon, 0o755}},
		{name: "below one that is open to all", above: way{0, 0o777}, run: way{0, 0o755}},
		{name: "through a link", above: way{0, 0o755}, run: way{daemon, 0o755}, link: true},
	} {
		t.Run(test.name, func(t *testing.T) {
			top, err := os.MkdirTemp("/tmp", "homeward") // root's, below a sticky one; and short
			if err != nil {
				t.Fatal(err)
			}
			t.Cleanup(func() { os.RemoveAll(top) })
			above, run := filepath.Join(top, "above"), filepath.Join(top, "above", "run")
			socket := filepath.Join(run, "control.sock")
			os.MkdirAll(run, 0o755)
			l, err := net.Listen("unix", socket)
			if err != nil {
				t.Fatal(err)
			}
			defer l.Close()
			if err := syscall.Setresuid(-1, daemon, -1); err != nil { // of all threads
				t.Fatal(err)
			}
			raw, err := l.(*net.UnixListener).SyscallConn()
			if err == nil {
				err = raw.Control(func(fd uintptr) { syscall.Listen(int(fd), 1) }) // whoever says it, listens
			}
			syscall.Setresuid(-1, 0, -1)
			if err != nil {
				t.Fatal(err)
			}
			for path, is := range map[string]way{above: test.above, run: test.run} {
				os.Chmod(path, is.mode)
				os.Chown(path, is.uid, is.uid)
			}
			if test.link {
				os.Symlink(run, filepath.Join(top, "link"))
				socket = filepath.Join(top, "link", "control.sock")
			}
			uid, known := NewClient(socket).RunsAs(t.Context())
			if known != test.known || known && uid != daemon {
				t.Errorf("got %d, %v", uid, known)
			}
		})
	}
	if uid, known := NewClient(filepath.Join(t.TempDir(), "none")).RunsAs(t.Context()); known {
		t.Errorf("nobody listens, and is %d", uid)
	}
}
