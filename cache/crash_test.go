package cache

import (
	"bufio"
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"
)

// TestMain runs the tests, or one of the children that they start: what must survive anything is
// tried in a process whose death can be counted.
//
// Two numbers can be raised: HOMEWARD_CAMPAIGN (damaged devices, 600) and HOMEWARD_KILLS (50).
// The issue asks for 10,000 and 1,000; that takes a minute.
func TestMain(m *testing.M) {
	if info, err := os.Stat("/dev/shm"); err == nil && info.IsDir() && os.Getenv("TMPDIR") == "" {
		os.Setenv("TMPDIR", "/dev/shm") // the tests are about order; flushing to a real disk would be most of their time
	}
	switch os.Getenv("HOMEWARD_CACHE_CHILD") {
	case "lives":
		childLives(os.Stdin, os.Stdout)
	case "commits":
		childCommits(os.Getenv("HOMEWARD_CACHE_DIR"))
	default:
		os.Exit(m.Run())
	}
}

func child(t *testing.T, kind, dir string) *exec.Cmd {
	t.Helper()
	exe, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	c := exec.Command(exe)
	c.Env = append(os.Environ(), "HOMEWARD_CACHE_CHILD="+kind, "HOMEWARD_CACHE_DIR="+dir)
	return c
}

func number(t *testing.T, name string, byDefault int) int {
	t.Helper()
	s, ok := os.LookupEnv(name)
	if !ok {
		return byDefault
	}
	n, err := strconv.Atoi(s)
	if err != nil {
		t.Fatalf("%s: %v", name, err)
	}
	return n
}

// life is what a start with damaged files came to, and the commit and the start after it.
type life struct {
	Dir     string
	OK      bool
	Loaded  Record
	Notes   []Note
	Touched bool // the start changed one of the files
	Took    time.Duration
	Commit  string // error
	Again   Record
	Later   []Note // of the start after the commit
}

func childLives(in io.Reader, out io.Writer) {
	both := func(dir string) string {
		a, _ := os.ReadFile(filepath.Join(dir, "homeward.db"))
		b, _ := os.ReadFile(filepath.Join(dir, "last-good.json"))
		return string(a) + "|" + string(b)
	}
	for lines := bufio.NewScanner(in); lines.Scan(); {
		l := life{Dir: lines.Text()}
		before, began := both(l.Dir), time.Now()
		db := Open(l.Dir)
		l.Took = time.Since(began)
		l.Loaded, l.OK = db.Load()
		l.Notes = db.Notes()
		l.Touched = both(l.Dir) != before
		_, err := db.Commit(record(90))
		l.Commit = fmt.Sprint(err)
		_ = db.Close()
		after := Open(l.Dir)
		l.Again, _ = after.Load()
		l.Later = after.Notes()
		_ = json.NewEncoder(out).Encode(l)
	}
}

const lastGeneration = 30

// history is a device's files after each of its commits.
type history struct{ databases, seconds [][]byte }

func newHistory(t *testing.T) (h history) {
	dir := t.TempDir()
	db := Open(dir)
	for n := range lastGeneration {
		if _, err := db.Commit(record(n + 1)); err != nil {
			t.Fatal(err)
		}
		h.databases = append(h.databases, mustRead(t, dir, "homeward.db"))
		h.seconds = append(h.seconds, mustRead(t, dir, "last-good.json"))
	}
	return h
}

var databaseDamage = []struct {
	name string
	do   func(r *rand.Rand, b []byte, h history) []byte
}{
	{"one bit", func(r *rand.Rand, b []byte, _ history) []byte { return flipBits(r, b, 1) }},
	{"16 bits", func(r *rand.Rand, b []byte, _ history) []byte { return flipBits(r, b, 16) }},
	{"a bit near the beginning of each page, checksums right", func(r *rand.Rand, b []byte, _ history) []byte {
		for page := 0; page < len(b); page += pageSize {
			b[page+r.IntN(64)] ^= 1 << r.IntN(8)
		}
		return resum(b)
	}},
	{"a number in a page header, checksums right", func(r *rand.Rand, b []byte, _ history) []byte {
		at := r.IntN(len(b)/pageSize)*pageSize + r.IntN(12)*8
		copy(b[at:], randomBytes(r, 1+r.IntN(8)))
		return resum(b)
	}},
	{"40 bytes of noise", func(r *rand.Rand, b []byte, _ history) []byte {
		for range 40 {
			b[r.IntN(len(b))] = byte(r.Uint32())
		}
		return b
	}},
	{"cut at a sector", func(r *rand.Rand, b []byte, _ history) []byte { return b[:r.IntN(len(b)/512)*512] }},
	{"two pages swapped", func(r *rand.Rand, b []byte, _ history) []byte {
		one, other := aPage(r, b), aPage(r, b)
		copyOfOne := bytes.Clone(one)
		copy(one, other)
		copy(other, copyOfOne)
		return b
	}},
	{"a page of zeros", func(r *rand.Rand, b []byte, _ history) []byte { clear(aPage(r, b)); return b }},
	{"a page of noise", func(r *rand.Rand, b []byte, _ history) []byte { copy(aPage(r, b), randomBytes(r, pageSize)); return b }},
	{"a sector of zeros", func(r *rand.Rand, b []byte, _ history) []byte { clear(b[r.IntN(len(b)/512)*512:][:512]); return b }},
	{"a stale page in its place", func(r *rand.Rand, b []byte, h history) []byte {
		old := h.databases[r.IntN(lastGeneration-1)]
		at := r.IntN(min(len(old), len(b))/pageSize) * pageSize
		copy(b[at:at+pageSize], old[at:])
		return b
	}},
	{"a stale page elsewhere", func(r *rand.Rand, b []byte, h history) []byte {
		copy(aPage(r, b), aPage(r, h.databases[r.IntN(lastGeneration)]))
		return b
	}},
	{"the whole file is stale", func(r *rand.Rand, _ []byte, h history) []byte { return h.databases[r.IntN(lastGeneration-1)] }},
	{"the newest meta page is bad", func(_ *rand.Rand, b []byte, _ history) []byte { return spoilNewestMeta(b) }},
	{"nothing but noise", func(r *rand.Rand, b []byte, _ history) []byte { return randomBytes(r, r.IntN(len(b))) }},
	{"noise behind the end", func(r *rand.Rand, b []byte, _ history) []byte { return append(b, randomBytes(r, r.IntN(9999))...) }},
}

var secondDamage = []func(r *rand.Rand, b []byte, h history) []byte{
	func(r *rand.Rand, b []byte, _ history) []byte { return flipBits(r, b, 1) },
	func(r *rand.Rand, b []byte, _ history) []byte { return flipBits(r, b, 16) },
	func(r *rand.Rand, b []byte, _ history) []byte { return b[:r.IntN(len(b))] },
	func(r *rand.Rand, b []byte, _ history) []byte { clear(b[r.IntN(len(b)):]); return b },
	func(r *rand.Rand, b []byte, _ history) []byte { return randomBytes(r, r.IntN(len(b))) },
	func(r *rand.Rand, b []byte, _ history) []byte { i := r.IntN(len(b)); return append(b[i:], b[:i]...) },
	func(r *rand.Rand, _ []byte, h history) []byte { return h.seconds[r.IntN(lastGeneration-1)] },
	func(r *rand.Rand, b []byte, h history) []byte { // the halves of two generations
		old := h.seconds[r.IntN(lastGeneration-1)]
		i := r.IntN(min(len(old), len(b)))
		return append(bytes.Clone(old[:i]), b[i:]...)
	},
}

func flipBits(r *rand.Rand, b []byte, n int) []byte {
	for range n {
		b[r.IntN(len(b))] ^= 1 << r.IntN(8)
	}
	return b
}

func aPage(r *rand.Rand, b []byte) []byte { return b[r.IntN(len(b)/pageSize)*pageSize:][:pageSize] }

func randomBytes(r *rand.Rand, n int) []byte {
	b := make([]byte, n)
	for i := range b {
		b[i] = byte(r.Uint32())
	}
	return b
}

// spoil damages the files of device n in dir, always in the same way, and says which.
func (h history) spoil(t *testing.T, n int, dir string) (what string, secondLeft []byte) {
	r := rand.New(rand.NewPCG(uint64(n), 1))
	db, second := bytes.Clone(h.databases[lastGeneration-1]), bytes.Clone(h.seconds[lastGeneration-1])
	if n%3 != 1 {
		kind := databaseDamage[r.IntN(len(databaseDamage))]
		db, what = kind.do(r, db, h), "database: "+kind.name
	}
	if n%3 != 0 {
		kind := r.IntN(len(secondDamage))
		second, what = secondDamage[kind](r, second, h), what+fmt.Sprintf(" second copy: kind %d", kind)
	}
	mustWrite(t, dir, "homeward.db", db)
	mustWrite(t, dir, "last-good.json", second)
	return what, second
}

func TestDamageCampaign(t *testing.T) {
	h, devices := newHistory(t), number(t, "HOMEWARD_CAMPAIGN", 600)
	counts := map[string]int{}
	const batch = 100
	for first := 0; first < devices; first += batch {
		base := t.TempDir()
		var todo []string
		what, left := map[string]string{}, map[string][]byte{}
		for n := first; n < min(first+batch, devices); n++ {
			dir := filepath.Join(base, strconv.Itoa(n))
			if err := os.Mkdir(dir, 0o700); err != nil {
				t.Fatal(err)
			}
			what[dir], left[dir] = h.spoil(t, n, dir)
			todo = append(todo, dir)
		}
		for len(todo) > 0 {
			lives, end := live(t, todo)
			for _, l := range lives {
				counts[judge(t, l, left[l.Dir], what[l.Dir])]++
			}
			if todo = todo[len(lives):]; len(todo) > 0 { // the next one is what ended the child
				t.Errorf("device %s (%s): %v", filepath.Base(todo[0]), what[todo[0]], end)
				counts["death or hang"]++
				todo = todo[1:]
			}
		}
		os.RemoveAll(base)
	}
	t.Logf("%d devices: %v", devices, counts)
}

// live starts a child for the devices and returns what it reported before its end.
func live(t *testing.T, dirs []string) (lives []life, end error) {
	t.Helper()
	c := child(t, "lives", "")
	c.Stdin = strings.NewReader(strings.Join(dirs, "\n"))
	var stderr bytes.Buffer
	c.Stderr = &stderr
	out, err := c.StdoutPipe()
	if err == nil {
		err = c.Start()
	}
	if err != nil {
		t.Fatal(err)
	}
	// One watchdog for each device, generous enough for a busy machine: a hang is for ever.
	watchdog := time.AfterFunc(time.Minute, func() { _ = c.Process.Kill() })
	for decoder := json.NewDecoder(out); ; {
		var l life
		if err := decoder.Decode(&l); err != nil {
			break
		}
		watchdog.Reset(time.Minute)
		lives = append(lives, l)
	}
	err = c.Wait()
	if !watchdog.Stop() {
		err = errors.New("hung for a minute")
	}
	return lives, fmt.Errorf("%w: %.300s", err, stderr.String())
}

// judge says what became of a device, and fails the test if that was not allowed.
func judge(t *testing.T, l life, secondLeft []byte, what string) (outcome string) {
	t.Helper()
	fail := func(why string) {
		t.Errorf("device %s (%s): %s: generation %d, notes %v", filepath.Base(l.Dir), what, why, l.Loaded.Generation, l.Notes)
	}
	second, errSecond := unseal(secondLeft)
	both := strings.HasPrefix(what, "database") && strings.Contains(what, "second")
	switch g := l.Loaded.Generation; {
	case g == lastGeneration && !l.Touched:
		outcome = "harmless"
	case g == lastGeneration:
		outcome = "healed from the other copy"
	case g > 0:
		outcome = "both damaged, an older record"
	default:
		outcome = "both damaged, clean start"
	}
	if l.OK != (l.Loaded.Generation > 0) || l.OK && diff(committed(int(l.Loaded.Generation)), l.Loaded) != "" {
		fail("wrong value")
	}
	if !both && l.Loaded.Generation != lastGeneration {
		fail("one good copy was not enough")
	}
	if errSecond == nil && l.Loaded.Generation < second.Generation {
		fail("older than the second copy")
	}
	if (l.Touched || !l.OK) && len(l.Notes) == 0 {
		fail("it did not say what it did")
	}
	if l.Took >= patience {
		fail("it was given up")
	}
	want := generation(l.Loaded.Generation+1, record(90))
	if l.Commit != "<nil>" || diff(want, l.Again) != "" || len(l.Later) > 0 {
		fail(fmt.Sprintf("the commit after it: %s, then %v", l.Commit, l.Later))
	}
	return outcome
}

// childCommits commits one record after the other, and says so when each is acknowledged.
func childCommits(dir string) {
	fmt.Println("ready")
	db := Open(dir)
	r, _ := db.Load()
	fmt.Println("start", r.Generation, diff(committed(int(r.Generation)), r) == "" || r.Generation == 0)
	for n := int(r.Generation) + 1; ; n++ {
		if _, err := db.Commit(record(n)); err != nil {
			fmt.Println("error", err)
			return
		}
		fmt.Println("ack", n)
	}
}

// X30: kill -9 at any moment, also of the first start, loses no acknowledged record and spoils no start.
func TestKillLoop(t *testing.T) {
	kills := number(t, "HOMEWARD_KILLS", 50)
	dir, acknowledged, starts, repaired := t.TempDir(), 0, 0, 0
	for n := range kills {
		if n%4 == 0 { // a new device: killed while its files are born
			dir, acknowledged = t.TempDir(), 0
		}
		c := child(t, "commits", dir)
		out, err := c.StdoutPipe()
		if err == nil {
			err = c.Start()
		}
		if err != nil {
			t.Fatal(err)
		}
		lines := bufio.NewScanner(out)
		lines.Scan() // "ready"
		life := time.Duration(rand.IntN(8000)) * time.Microsecond
		if n%8 == 0 {
			life /= 8
		}
		kill := time.AfterFunc(life, func() { _ = c.Process.Kill() })
		for lines.Scan() {
			var generation int
			var genuine bool
			switch line := lines.Text(); {
			case strings.HasPrefix(line, "start "):
				fmt.Sscanf(line, "start %d %t", &generation, &genuine)
				if generation < acknowledged || !genuine {
					t.Errorf("kill %d: %q, but %d was acknowledged", n, line, acknowledged)
				}
				starts++
			case strings.HasPrefix(line, "ack "):
				fmt.Sscanf(line, "ack %d", &acknowledged)
			default:
				t.Errorf("kill %d: %s", n, line)
			}
		}
		_ = c.Wait()
		kill.Stop()
		if db := Open(dir); load(db).Generation < uint64(acknowledged) {
			t.Fatalf("kill %d: generation %d, but %d was acknowledged: %v", n, load(db).Generation, acknowledged, db.Notes())
		} else if len(db.Notes()) > 0 {
			repaired++
		}
	}
	t.Logf("%d kills, %d starts lived to tell, %d had a copy to repair after it", kills, starts, repaired)
}
