//go:build linux

package e2e

import (
	"bytes"
	"cmp"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"
)

// Most tests wait most of the time: for a server, for a pause to end. So some of them run at once, each in namespaces of its own,
// and what they print is put together as if they had run one after the other.

// singly are the tests that are run so; none where it is not whole tests that were asked for.
func singly() (names []string) {
	plain := []string{"test.run", "test.skip", "test.v", "test.count", "test.timeout", "test.parallel", "test.failfast", "test.paniconexit0", "test.testlogfile"}
	flag.Visit(func(f *flag.Flag) {
		if !slices.Contains(plain, f.Name) {
			plain = nil
		}
	})
	run := flag.Lookup("test.run").Value.String()
	if plain == nil || flag.NArg() > 0 || strings.Contains(run, "/") {
		return nil
	}
	out, err := exec.Command("/proc/self/exe", "-test.list="+cmp.Or(run, ".")).Output()
	if err != nil {
		return nil
	}
	for name := range strings.Lines(string(out)) {
		if strings.HasPrefix(name, "Test") {
			names = append(names, strings.TrimSpace(name))
		}
	}
	return names
}

// inTurn are the tests that boot an appliance, one after the other: appliances have the cgroups of the machine, and would take each
// other's. The last ones boot what TestRoots makes in the meantime.
var inTurn = []string{
	"TestServiceVerbs", "TestServiceVerbsElsewhere", "TestMend304HungDaemon", "TestNoServiceManager", "TestServiceInItsSandbox", "TestServiceNeverGivesUp",
	"TestPhoneFollows", "TestOnChangeInTheSandbox", "TestBesideARealPhone", "TestMend08GroupMemberTakesAllPlaces", "TestAlpineScripts", "TestRPM",
	"TestDHCPClientsRoot", "TestDebianRoot", "TestMend25AsteriskFollows", "TestMend25AsteriskIsTheRegistrar",
}

// early are the tests that others wait for, and those that take longest.
var early = []string{"TestRoots", "TestForeignProcessors", "TestPackagesAreReproducible"}

// queue are the tests that have not begun.
type queue struct {
	turns, others []string
	busy          bool // one of turns is running
}

// newQueue has turns in their order, and of the others the early ones first.
func newQueue(names []string) *queue {
	q := &queue{}
	for _, name := range slices.Concat(inTurn, early, names) {
		switch {
		case !slices.Contains(names, name) || slices.Contains(q.turns, name) || slices.Contains(q.others, name):
		case slices.Contains(inTurn, name):
			q.turns = append(q.turns, name)
		default:
			q.others = append(q.others, name)
		}
	}
	return q
}

// next takes the next one, "" if there is none that may begin; then whoever runs one of turns runs the others of them, too.
func (q *queue) next() (name string) {
	from := &q.others
	if len(q.turns) > 0 && !q.busy {
		from, q.busy = &q.turns, true
	}
	if len(*from) > 0 {
		name, *from = (*from)[0], (*from)[1:]
	}
	return name
}

// ended is for one that next has returned.
func (q *queue) ended(name string) {
	if slices.Contains(inTurn, name) {
		q.busy = false
	}
}

// workers run tests side by side.
type workers struct {
	enter func(out io.Writer, args ...string) (code int, err error)
	sync.Mutex
	queue   *queue
	out     io.Writer
	code    int   // 0: all have passed so far
	err     error // there are no namespaces to be had
	began   time.Time
	timeout time.Duration // for all tests together; 0: none
}

func setting(name string) any { return flag.Lookup("test." + name).Value.(flag.Getter).Get() }

// sideBySide runs the tests, and returns the exit code.
func sideBySide(names []string) (code int, err error) {
	w := &workers{enter: enter, out: os.Stdout, began: time.Now(), timeout: setting("timeout").(time.Duration)}
	return w.all(names)
}

func (w *workers) all(names []string) (code int, err error) {
	n := runtime.GOMAXPROCS(0) + 1
	flag.Visit(func(f *flag.Flag) {
		if f.Name == "test.parallel" {
			n = setting("parallel").(int)
		}
	})
	w.queue = newQueue(names)
	var all sync.WaitGroup
	for range n {
		all.Go(func() {
			for name := w.next(); name != ""; name = w.next() {
				w.run(name)
			}
		})
	}
	all.Wait()
	if w.err == nil {
		fmt.Fprintln(w.out, mark()+map[bool]string{true: "PASS", false: "FAIL"}[w.code == 0])
	}
	return w.code, w.err
}

// next is the next test to run; "": none.
func (w *workers) next() string {
	w.Lock()
	defer w.Unlock()
	if w.err != nil || w.code != 0 && setting("failfast").(bool) {
		return ""
	}
	return w.queue.next()
}

func (w *workers) run(name string) {
	args := append(slices.Clone(os.Args[1:]), "-test.run=^"+name+"$", "-test.testlogfile=")
	if w.timeout > 0 {
		args = append(args, "-test.timeout="+max(w.timeout-time.Since(w.began), time.Millisecond).String())
	}
	var out bytes.Buffer
	ended, err := w.enter(&out, args...)
	w.Lock()
	defer w.Unlock()
	w.queue.ended(name)
	if w.err = cmp.Or(w.err, err); err != nil {
		return
	}
	if ended != 0 {
		w.code = 1
	}
	w.out.Write(lastWordCut(out.Bytes()))
	if ended < 0 {
		fmt.Fprintln(w.out, name+" was killed")
	}
}

// mark is what package testing begins its own lines with, for go test -json.
func mark() string {
	if flag.Lookup("test.v").Value.String() == "test2json" {
		return "\x16"
	}
	return ""
}

// lastWordCut is what a test has printed, without the last word about all tests, which is not its to say.
func lastWordCut(out []byte) []byte {
	var all []byte
	for line := range bytes.Lines(out) {
		switch strings.TrimSuffix(strings.TrimPrefix(string(line), mark()), "\n") {
		case "PASS", "FAIL", "testing: warning: no tests to run":
		default:
			all = append(all, line...)
		}
	}
	if len(all) > 0 && all[len(all)-1] != '\n' {
		all = append(all, '\n')
	}
	return all
}

// lock has one test at a time do something, of those that run at once. It lasts until the file is closed.
func lock(t testing.TB, path string) *os.File {
	t.Helper()
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		t.Fatal(err)
	}
	file, err := os.OpenFile(path, os.O_CREATE|os.O_RDWR, 0o600)
	if err != nil {
		t.Fatal(err)
	}
	for err = syscall.EINTR; errors.Is(err, syscall.EINTR); {
		err = syscall.Flock(int(file.Fd()), syscall.LOCK_EX)
	}
	if err != nil {
		t.Fatal(err)
	}
	return file
}

// TestWorkers: each test is run once, what it prints stays together, and what does not pass fails the whole: a test that fails, and one
// that is killed.
func TestWorkers(t *testing.T) {
	type end struct {
		code int
		err  error
	}
	for name, test := range map[string]struct {
		bad  map[string]end
		want end
		says string
	}{
		"all pass":      {says: "PASS"},
		"one fails":     {bad: map[string]end{"Test7": {code: 1}}, want: end{code: 1}, says: "FAIL"},
		"one is killed": {bad: map[string]end{"Test7": {code: -1}}, want: end{code: 1}, says: "Test7 was killed"},
		"no namespaces": {bad: map[string]end{"Test1": {err: os.ErrPermission}}, want: end{err: os.ErrPermission}},
	} {
		t.Run(name, func(t *testing.T) {
			names := slices.Clone(inTurn)
			for i := range 20 {
				names = append(names, fmt.Sprintf("Test%d", i))
			}
			var out bytes.Buffer
			var turns atomic.Bool
			w := &workers{out: &out, enter: func(out io.Writer, args ...string) (int, error) {
				name := strings.Trim(strings.TrimPrefix(args[len(args)-2], "-test.run="), "^$")
				if turn := slices.Contains(inTurn, name); turn && !turns.CompareAndSwap(false, true) {
					t.Errorf("%s begins while another one in turn is running", name)
				} else if turn {
					defer turns.Store(false)
				}
				for _, line := range []string{"begins", "ends\n" + mark() + "PASS"} {
					fmt.Fprintln(out, name, line)
					runtime.Gosched()
				}
				return test.bad[name].code, test.bad[name].err
			}}
			code, err := w.all(names)
			if code != test.want.code || !errors.Is(err, test.want.err) || !strings.Contains(out.String(), test.says) {
				t.Errorf("ends with %d, %v, want %+v:\n%s", code, err, test.want, &out)
			}
			for _, name := range names {
				if n := strings.Count(out.String(), name+" begins\n"+name+" ends\n"); n != 1 && test.want.err == nil {
					t.Errorf("%s is there %d times:\n%s", name, n, &out)
				}
			}
			if n := strings.Count(out.String(), "PASS"); n > 1 {
				t.Errorf("the last word is there %d times:\n%s", n, &out)
			}
		})
	}
}
