//go:build linux

package e2e

import (
	"bufio"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"sync"
	"syscall"
	"time"

	"golang.org/x/sys/unix"
)

// benchClient is a phone that is measured.
type benchClient struct {
	name    string
	program string
	prepare func(*benching) *benched // one that knows nothing
}

// homeward is the program under test.
var homeward = benchClient{"homeward", "", prepareHomeward}

// benchPhones are measured beside it, as far as they are installed. They look for a Registrar by RFC 3263.
var benchPhones = []benchClient{
	{"baresip", "baresip", func(b *benching) *benched { return prepareBaresip(b) }},
	{"Linphone", "linphone-daemon", func(b *benching) *benched { return prepareLinphone(b) }},
}

// benched is one device: its command line, and where its registrations are seen.
type benched struct {
	argv []string
	env  []string
	own  bool // it says itself when it has registered (homeward does)

	cmd   *exec.Cmd
	done  chan struct{}
	lines chan logLine
	mu    sync.Mutex
	tail  []string
	seen  int // how much of the Registrar's log is older than this device
}

// logLine is what the bench reads of a line of homeward's log.
type logLine struct {
	Time             time.Time
	Msg, State, Host string
	Degraded         bool
}

func prepareHomeward(b *benching) *benched {
	d := newDevice(b, b.site, `log_format = "json"`)
	d.without(b, "log_level")
	give := func(name string) { os.Chown(filepath.Join(d.dir, name), 0, 0) }
	for _, name := range []string{"", "state", "run", "root.pem", "homeward.toml", "password"} {
		give(name)
	}
	return &benched{argv: d.argv("run"), own: true}
}

// start starts the process in the network of the device, by itself: its start is what is measured.
func (p *benched) start(b *benching) (began time.Time) {
	b.Helper()
	p.cmd = exec.Command(p.argv[0], p.argv[1:]...)
	p.cmd.Env = append(os.Environ(), p.env...)
	p.cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	log, child, err := os.Pipe()
	if err != nil {
		b.Fatal(err)
	}
	p.cmd.Stdout, p.cmd.Stderr = child, child
	if _, err := p.cmd.StdinPipe(); err != nil { // open, and silent: Linphone ends with its input
		b.Fatal(err)
	}
	p.seen = len(read(b, b.server.log))
	began, err = inNetwork(b.device, p.cmd)
	child.Close()
	if err != nil {
		b.Fatal(err)
	}
	p.lines, p.done = make(chan logLine, 4096), make(chan struct{})
	go p.follow(log, p.lines, p.done)
	return began
}

// follow reads what the process prints, until it has ended.
func (p *benched) follow(log *os.File, lines chan<- logLine, done chan<- struct{}) {
	defer close(done)
	defer log.Close()
	for scan := bufio.NewScanner(log); scan.Scan(); {
		p.mu.Lock()
		p.tail = append(p.tail[max(0, len(p.tail)-100):], scan.Text())
		p.mu.Unlock()
		var l logLine
		if json.Unmarshal(scan.Bytes(), &l) == nil && p.own {
			select {
			case lines <- l:
			default:
			}
		}
	}
	p.cmd.Wait()
}

func (p *benched) said() string {
	p.mu.Lock()
	defer p.mu.Unlock()
	return strings.Join(p.tail, "\n")
}

// inNetwork starts a command in the network of a machine, and says when.
func inNetwork(h *host, cmd *exec.Cmd) (began time.Time, err error) {
	network, err := os.Open("/run/netns/" + h.name)
	if err != nil {
		return began, err
	}
	defer network.Close()
	var started sync.WaitGroup
	started.Go(func() {
		runtime.LockOSThread() // for ever: the thread ends with this, and nobody else gets its network
		if err = unix.Setns(int(network.Fd()), unix.CLONE_NEWNET); err == nil {
			began = time.Now()
			err = cmd.Start()
		}
	})
	started.Wait()
	return began, err
}

// stop ends the process, and waits.
func (p *benched) stop(b *benching) {
	p.cmd.Process.Signal(syscall.SIGTERM)
	select {
	case <-p.done:
	case <-time.After(6 * time.Second):
		if p.own {
			b.Errorf("it does not end within 6 s of SIGTERM\n%s", p.said())
		}
	}
	syscall.Kill(-p.cmd.Process.Pid, syscall.SIGKILL)
	<-p.done
}

// registered waits for a registration at a place, and says when the device knew of it.
func (p *benched) registered(b *benching, at place, patience time.Duration) (time.Time, bool) {
	if p.own {
		answered := false
		return p.await(patience, func(l logLine) bool {
			if l.Msg == "attempt answered" {
				answered = strings.HasPrefix(l.Host, at.host+":")
			}
			return answered && l.Msg == "state changed" && l.State == "registered" && !l.Degraded
		})
	}
	return p.bound(b, at, patience)
}

// settles waits until homeward has taken what the outage leaves it; others have nothing.
func (p *benched) settles() {
	p.awaitOr(3*time.Second, func(l logLine) bool { return l.Msg == "state changed" && l.State == "registered" && l.Degraded })
}

// rests waits until homeward has nobody left to try; others get as long as a restart takes.
func (p *benched) rests() {
	p.awaitOr(3*time.Second, func(l logLine) bool { return l.Msg == "state changed" && l.State == "resting" })
}

// awaitOr waits for what homeward says, or for a while if the device is another.
func (p *benched) awaitOr(while time.Duration, match func(logLine) bool) {
	if p.own {
		p.await(benchPatience, match)
		return
	}
	timer := time.NewTimer(while)
	defer timer.Stop()
	<-timer.C
}

func (p *benched) await(patience time.Duration, match func(logLine) bool) (time.Time, bool) {
	late := time.NewTimer(patience)
	defer late.Stop()
	for {
		select {
		case l := <-p.lines:
			if match(l) {
				return l.Time, true
			}
		case <-p.done:
			return time.Time{}, false
		case <-late.C:
			return time.Time{}, false
		}
	}
}

// bound waits until a Registrar has bound the device; the device knows when the answer has arrived.
func (p *benched) bound(b *benching, at place, patience time.Duration) (time.Time, bool) {
	b.Helper()
	late := time.NewTimer(patience)
	defer late.Stop()
	look := time.NewTicker(time.Millisecond)
	defer look.Stop()
	want := fmt.Sprintf("bound %s on %s", sipUser, at.addr)
	for log, err := os.Open(b.server.log); err == nil; {
		defer log.Close()
		if _, err = log.Seek(int64(p.seen), 0); err != nil {
			break
		}
		var text []byte
		for buf := make([]byte, 65536); ; {
			n, _ := log.Read(buf)
			text = append(text, buf[:n]...)
			if i := strings.Index(string(text), want); i >= 0 {
				p.seen += i + len(want)
				return time.Now().Add(b.path.way()), true
			}
			select {
			case <-look.C:
			case <-p.done:
				return time.Time{}, false
			case <-late.C:
				return time.Time{}, false
			}
		}
	}
	return time.Time{}, false
}

func prepareBaresip(b *benching) *benched {
	dir := b.phoneDir()
	write(b, dir, "config", fmt.Sprintf("module_path /usr/lib/baresip/modules\nsip_cafile %s\nmodule g711.so\nmodule_tmp account.so\nmodule_app menu.so\n", b.ca.file))
	write(b, dir, "accounts", fmt.Sprintf("<sip:%s@%s>;auth_user=%s;auth_pass=\"%s\";outbound=\"sip:%s;transport=tls\";regint=600\n", sipUser, sipDomain, sipUser, password, sipDomain))
	return &benched{argv: []string{"baresip", "-f", dir}, env: []string{"HOME=" + dir}}
}

func prepareLinphone(b *benching) *benched {
	dir := b.phoneDir()
	config := strings.NewReplacer("@REGISTRAR@", "sip:"+sipDomain+";transport=tls", "PASSWORD", password, "/etc/ssl/certs/ca-certificates.crt", b.ca.file+"\nverify_server_cn=0").
		Replace(read(b, filepath.Join(examples, "linphone/linphonerc.in")))
	return &benched{argv: []string{"linphone-daemon", "--factory-config", write(b, dir, "linphonerc", config)}, env: []string{"HOME=" + dir}}
}

func (b *benching) phoneDir() string {
	dir, err := os.MkdirTemp("", "e2e-phone-")
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() { os.RemoveAll(dir) })
	return dir
}
