package brokertest

import (
	"bytes"
	"encoding/pem"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"homeward/e2e/needs"
)

// Reader is the common name that may read all.
const Reader = "fleet-reader"

// startLimit is our choice.
const startLimit = 10 * time.Second

// Broker is a Mosquitto on loopback.
type Broker struct {
	*Authority
	Addr string // host:port
	Dir  string // of its files: root.pem is its authority

	t       testing.TB
	program string
	cmd     *exec.Cmd
	log     *bytes.Buffer
}

// Start starts a broker with the files of a directory, packaging/fleet, and further lines of configuration. It ends with the test.
func Start(t testing.TB, files string, lines ...string) *Broker {
	t.Helper()
	b := &Broker{Authority: newAuthority(t), Addr: "127.0.0.1:8883", Dir: t.TempDir(), t: t, program: needs.Program(t, "mosquitto")}
	if err := os.Chmod(b.Dir, 0o755); err != nil {
		t.Fatal(err)
	}
	Files(t, b.Dir, "broker", b.Certificate(t, "broker", "127.0.0.1", "localhost"))
	write(t, filepath.Join(b.Dir, "root.pem"), pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: b.Root.Raw}), 0o644)
	write(t, filepath.Join(b.Dir, "devices-root.pem"), pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: b.Root.Raw}), 0o644)
	for name, to := range map[string]string{"mosquitto.conf": "mosquitto.conf", "mosquitto.acl": "acl"} {
		text, err := os.ReadFile(filepath.Join(files, name))
		if err != nil {
			t.Fatal(err)
		}
		text = bytes.ReplaceAll(text, []byte("/etc/mosquitto/homeward"), []byte(b.Dir))
		if name == "mosquitto.conf" { // as on Debian, where these are in the main file
			more := append([]string{"persistence true", "persistence_location " + b.Dir + "/", "log_dest stderr", "user " + user()}, lines...)
			text = append(text, []byte("\n"+strings.Join(more, "\n")+"\n")...)
		}
		write(t, filepath.Join(b.Dir, to), text, 0o600)
	}
	t.Cleanup(func() {
		b.Kill()
		if t.Failed() {
			t.Logf("the end of the log of Mosquitto:\n%s", b.log.Bytes()[max(0, b.log.Len()-4000):])
		}
	})
	b.Restart()
	return b
}

// user keeps Mosquitto as who it is: it would become "mosquitto", who may not read what is here.
func user() string {
	if os.Geteuid() == 0 {
		return "root"
	}
	return "nobody" // not looked at
}

// Restart starts it, after its end.
func (b *Broker) Restart() {
	b.t.Helper()
	b.log = &bytes.Buffer{}
	const manyFiles = `ulimit -n 250000 2>/dev/null || ulimit -n "$(ulimit -Hn)"; exec "$0" "$@"` // each device has one
	b.cmd = exec.Command("sh", "-c", manyFiles, b.program, "-c", filepath.Join(b.Dir, "mosquitto.conf"))
	b.cmd.Stdout, b.cmd.Stderr = b.log, b.log
	b.cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
	if err := b.cmd.Start(); err != nil {
		b.t.Fatal(err)
	}
	tick := time.NewTicker(10 * time.Millisecond)
	defer tick.Stop()
	for end := time.Now().Add(startLimit); ; <-tick.C {
		conn, err := net.Dial("tcp", b.Addr)
		if err == nil {
			conn.Close()
			return
		}
		if time.Now().After(end) {
			b.Kill()
			b.t.Fatalf("Mosquitto does not listen: %v\n%s", err, b.log.Bytes())
		}
	}
}

// Kill ends it as a crash does.
func (b *Broker) Kill() { b.end(syscall.SIGKILL) }

// Stop ends it in order: it keeps what is retained.
func (b *Broker) Stop() { b.end(syscall.SIGTERM) }

// end sends a signal until it has ended: Mosquitto forgets a SIGTERM that comes before its main loop.
func (b *Broker) end(signal syscall.Signal) {
	if b.cmd == nil {
		return
	}
	ended := make(chan struct{})
	go func() {
		_ = b.cmd.Wait()
		close(ended)
	}()
	tick := time.NewTicker(100 * time.Millisecond)
	defer tick.Stop()
	for {
		_ = b.cmd.Process.Signal(signal) // it may have ended
		select {
		case <-ended:
			b.cmd = nil
			return
		case <-tick.C:
		}
	}
}

// Freeze makes it deaf and mute, and Thaw wakes it: its connections stay.
func (b *Broker) Freeze() { _ = b.cmd.Process.Signal(syscall.SIGSTOP) }

// Thaw is the end of Freeze.
func (b *Broker) Thaw() { _ = b.cmd.Process.Signal(syscall.SIGCONT) }

// Process is its number.
func (b *Broker) Process() int { return b.cmd.Process.Pid }

// Forget removes what it has kept on disk, while it does not run.
func (b *Broker) Forget() { _ = os.Remove(filepath.Join(b.Dir, "mosquitto.db")) } // it may have kept nothing

// Add puts a line behind its configuration, for the next start.
func (b *Broker) Add(line string) {
	b.t.Helper()
	f, err := os.OpenFile(filepath.Join(b.Dir, "mosquitto.conf"), os.O_APPEND|os.O_WRONLY, 0)
	if err != nil {
		b.t.Fatal(err)
	}
	defer f.Close()
	if _, err := f.WriteString(line + "\n"); err != nil {
		b.t.Fatal(err)
	}
}
