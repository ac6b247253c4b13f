package main

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"syscall"
	"time"
)

// The limits, by the issue that asked for the agent. They are printed, never asserted: a bench measures.
const (
	rtt            = 20 * time.Millisecond
	startLimit     = 8 * rtt // names, TCP, TLS 1.3 and REGISTER
	blackHoleLimit = 3500 * time.Millisecond
	resetLimit     = 500 * time.Millisecond
	silentLimit    = 1800*time.Millisecond + 4*rtt // the verdict on DNS; TCP, TLS, REGISTER and again with Digest
	late           = 5 * time.Millisecond          // our choice: five timers in a row, each a millisecond late
	idleLimit      = 12                            // MB
	idleAnonLimit  = 5                             // MB
	wakeLimit      = 5                             // our choice: in a minute; two keep-alives, two looks at the network, and room
)

// builds are what is built for devices, and how large it may be in MiB (0: no limit).
var builds = []struct {
	what  string
	env   []string
	limit float64
}{
	{"amd64", []string{"GOOS=linux", "GOARCH=amd64"}, 11},
	{"arm64", []string{"GOOS=linux", "GOARCH=arm64"}, 0},
	{"ARMv7", []string{"GOOS=linux", "GOARCH=arm"}, 0},
	{"mipsle, soft float", []string{"GOOS=linux", "GOARCH=mipsle"}, 12},
}

// benchSite has a second Registrar behind the first; RTT is replaced.
const benchSite = `
-- zone --
delay RTT
_sipinternaltls._tcp SRV 0 0 5061 fe01
_sipinternaltls._tcp SRV 1 0 5061 fe02
fe01 A 10.0.0.5
fe02 A 10.0.0.6
-- dhcp --
10.0.0.67 ack delay=5ms
-- registrars --
10.0.0.5:5061 tls fe01.contoso.com digest rtt=RTT user=phone1 password=correct-horse
10.0.0.6:5061 tls fe02.contoso.com digest rtt=RTT user=phone1 password=correct-horse
`

// Our choices.
const (
	runs     = 7                // of what is short
	settling = 15 * time.Second // after that, nothing of a registration goes on, and memory is given back
	idleTime = time.Minute
	glance   = 100 * time.Millisecond // wake-ups nearer to each other are one
)

// bencher measures one binary.
type bencher struct {
	table
	dir, binary string
	own         time.Duration // what registering takes without any round trip
}

func bench(ctx context.Context, dir string) (err error) {
	b := &bencher{dir: dir}
	if b.binary, err = build(ctx, dir); err != nil {
		return err
	}
	for _, part := range []struct {
		what    string
		measure func(context.Context) error
	}{
		{"the first registration", b.first}, {"a black hole", b.blackHole}, {"a reset connection", b.resets},
		{"an outage of DNS", b.outage}, {"idleness (70 s)", b.idle}, {"sizes", b.sizes},
	} {
		fmt.Fprintln(os.Stderr, "lab: measuring", part.what)
		if err := part.measure(ctx); err != nil {
			return fmt.Errorf("measure %s: %w", part.what, err)
		}
	}
	b.print()
	return nil
}

// open opens the site for a device that knows nothing yet.
func (b *bencher) open(trip time.Duration) (*lab, error) {
	if err := os.RemoveAll(filepath.Join(b.dir, "state")); err != nil {
		return nil, err
	}
	return open(b.dir, "bench", []byte(strings.ReplaceAll(benchSite, "RTT", trip.String())), `log_format = "json"`)
}

// boots are the times of boots, from the start of the process to 200 OK: whole, to the first line of the log, and
// from there on.
type boots struct{ whole, start, rest series }

// boot starts an agent and waits until it has registered.
func (b *bencher) boot(ctx context.Context, l *lab, times *boots) (*agent, error) {
	a, err := startAgent(ctx, b.binary, l, nil)
	if err != nil {
		return nil, err
	}
	first, err := a.await(ctx, "start", func(event) bool { return true })
	var last event
	if err == nil {
		last, err = a.await(ctx, "register", event.registered)
	}
	if err != nil {
		a.kill()
		return nil, err
	}
	times.whole = append(times.whole, last.Time.Sub(a.started))
	times.start = append(times.start, first.Time.Sub(a.started))
	times.rest = append(times.rest, last.Time.Sub(first.Time))
	return a, nil
}

func (b *bencher) bootAndStop(ctx context.Context, l *lab, times *boots) error {
	a, err := b.boot(ctx, l, times)
	if err != nil {
		return err
	}
	return a.stop(syscall.SIGTERM)
}

// cold boots devices that know nothing, after one change of the site.
func (b *bencher) cold(ctx context.Context, trip time.Duration, change string) (times boots, err error) {
	for range runs {
		l, err := b.open(trip)
		if err != nil {
			return times, err
		}
		if err = l.Apply(change); err == nil {
			err = b.bootAndStop(ctx, l, &times)
		}
		l.Close()
		if err != nil {
			return times, err
		}
	}
	return times, nil
}

func (b *bencher) first(ctx context.Context) error {
	near, err := b.cold(ctx, 0, "heal")
	if err != nil {
		return err
	}
	far, err := b.cold(ctx, rtt, "heal")
	if err != nil {
		return err
	}
	b.own = slices.Min(near.rest)
	b.times("start to 200 OK with Digest, round trip 20 ms", far.whole, startLimit)
	b.times("  start of the process, to the first line of its log", far.start, 0)
	b.times("  the rest: names, TCP, TLS, REGISTER", far.rest, startLimit)
	b.add("  the rest in round trips", "%.1f", far.rest.median().Seconds()/rtt.Seconds(), slices.Min(far.rest).Seconds()/rtt.Seconds(), float64(startLimit/rtt))
	b.times("  the rest without any round trip: its own time", near.rest, 0)
	return nil
}

func (b *bencher) blackHole(ctx context.Context) error {
	times, err := b.cold(ctx, rtt, "registrar 10.0.0.5:5061 blackhole")
	if err != nil {
		return err
	}
	b.times("start to 200 OK, first target a black hole", times.whole, blackHoleLimit)
	return nil
}

func (b *bencher) resets(ctx context.Context) error {
	var all series
	for range runs {
		took, err := b.reset(ctx)
		if err != nil {
			return err
		}
		all = append(all, took)
	}
	b.times("Registrar dies (reset) to 200 OK of the next", all, resetLimit)
	return nil
}

func (b *bencher) reset(ctx context.Context) (time.Duration, error) {
	l, err := b.open(rtt)
	if err != nil {
		return 0, err
	}
	defer l.Close()
	a, err := b.boot(ctx, l, new(boots))
	if err != nil {
		return 0, err
	}
	defer a.kill()
	if err := l.Apply("registrar 10.0.0.5:5061 refuse"); err != nil { // connections made before go on
		return 0, err
	}
	began := time.Now()
	if err := l.Apply("reset 10.0.0.5:5061"); err != nil {
		return 0, err
	}
	e, err := a.await(ctx, "register with the next Registrar", event.registered)
	return e.Time.Sub(began), err
}

// outage boots a device that has registered before.
func (b *bencher) outage(ctx context.Context) error {
	l, err := b.open(rtt)
	if err != nil {
		return err
	}
	defer l.Close()
	if err := b.bootAndStop(ctx, l, new(boots)); err != nil {
		return err
	}
	for _, dns := range []string{"silent", "refused delay " + rtt.String()} {
		if err := l.Apply("zone " + dns); err != nil {
			return err
		}
		var times boots
		for range runs {
			if err := b.bootAndStop(ctx, l, &times); err != nil {
				return err
			}
		}
		if dns == "silent" {
			b.times("start to 200 OK through last good, DNS silent", times.whole, 0)
			b.times("  the rest: 1.8 s, 4 round trips and its own time", times.rest, silentLimit+b.own+late)
		} else {
			b.times("start to 200 OK through last good, DNS refuses", times.whole, 0)
		}
	}
	return nil
}

// idle looks at a device with which nothing happens.
func (b *bencher) idle(ctx context.Context) error {
	l, err := b.open(0)
	if err != nil {
		return err
	}
	defer l.Close()
	a, err := b.boot(ctx, l, new(boots))
	if err != nil {
		return err
	}
	defer a.kill()
	proc := fmt.Sprintf("/proc/%d/", a.cmd.Process.Pid)
	switches := func() int { // of all threads; whoever wakes up adds one
		return sum(proc+"task/*/status", "voluntary_ctxt_switches") + sum(proc+"task/*/status", "nonvoluntary_ctxt_switches")
	}
	pings := func() (n int) {
		for _, e := range l.Log() {
			if e.What == "ping" {
				n++
			}
		}
		return n
	}
	if _, err := changes(ctx, settling, switches); err != nil {
		return err
	}
	switched, pinged := switches(), pings()
	woken, err := changes(ctx, idleTime, switches)
	if err != nil {
		return err
	}
	megabytes := func(field string) float64 { return float64(sum(proc+"status", field)) * 1024 / 1e6 } // its kB are KiB
	b.add("idle: resident memory (VmRSS)", "%.1f MB", megabytes("VmRSS"), 0, idleLimit)
	b.add("  of that its own (RssAnon)", "%.1f MB", megabytes("RssAnon"), 0, idleAnonLimit)
	b.add("idle: wake-ups in a minute", "%.0f", float64(woken), 0, wakeLimit)
	b.add("  keep-alives in it (every 30 s: RFC 5626), the reason", "%.0f", float64(pings()-pinged), 0, 0)
	b.add("  context switches in it, of all threads", "%.0f", float64(switches()-switched), 0, 0)
	return nil
}

// changes counts for a while the glances at which a figure is another than before.
func changes(ctx context.Context, while time.Duration, figure func() int) (n int, err error) {
	tick := time.NewTicker(glance)
	defer tick.Stop()
	last := figure()
	for range while / glance {
		select {
		case <-tick.C:
		case <-ctx.Done():
			return n, context.Cause(ctx)
		}
		if now := figure(); now != last {
			n, last = n+1, now
		}
	}
	return n, nil
}

// sum adds up a field of files in /proc (proc_pid_status(5)).
func sum(files, field string) (total int) {
	paths, _ := filepath.Glob(files) // the pattern is well formed
	for _, path := range paths {
		text, _ := os.ReadFile(path) // a thread may have ended
		for line := range strings.Lines(string(text)) {
			var n int
			if _, err := fmt.Sscanf(line, field+": %d", &n); err == nil {
				total += n
			}
		}
	}
	return total
}

func (b *bencher) sizes(ctx context.Context) error {
	for _, s := range builds {
		binary, err := build(ctx, b.dir, s.env...)
		if err != nil {
			return err
		}
		file, err := os.Stat(binary)
		if err != nil {
			return err
		}
		b.add("stripped binary, linux "+s.what, "%.2f MiB", float64(file.Size())/(1<<20), 0, s.limit)
	}
	return nil
}

// series are measurements of the same thing.
type series []time.Duration

func (s series) median() time.Duration { return slices.Sorted(slices.Values(s))[len(s)/2] }

// table is what was measured.
type table struct{ rows, missed []string }

func (t *table) times(what string, s series, limit time.Duration) {
	t.add(what, "%.0f ms", s.median().Seconds()*1000, slices.Min(s).Seconds()*1000, limit.Seconds()*1000)
}

// add adds a row; fastest 0: measured once; limit 0: none.
func (t *table) add(what, format string, measured, fastest, limit float64) {
	cells := [4]string{fmt.Sprintf(format, measured)}
	if fastest > 0 {
		cells[1] = fmt.Sprintf(format, fastest)
	}
	if limit > 0 {
		cells[2], cells[3] = fmt.Sprintf(format, limit), "ok"
	}
	if limit > 0 && measured > limit {
		cells[3] = "MISSED"
		t.missed = append(t.missed, strings.TrimSpace(what)+": "+cells[0]+", the limit is "+cells[2])
	}
	t.rows = append(t.rows, row(what, cells))
}

func row(what string, cells [4]string) string {
	return strings.TrimRight(fmt.Sprintf("%-55s %9s %9s %9s  %s", what, cells[0], cells[1], cells[2], cells[3]), " ")
}

func (t *table) print() {
	var load float64
	text, _ := os.ReadFile("/proc/loadavg") // unknown is no harm
	_, _ = fmt.Sscan(string(text), &load)
	fmt.Printf("%s/%s, %s, %d processors, load %.1f; times are medians of %d\n\n", runtime.GOOS, runtime.GOARCH, runtime.Version(), runtime.NumCPU(), load, runs)
	fmt.Println(row("what", [4]string{"measured", "fastest", "limit", "ok?"}))
	fmt.Println(strings.Join(t.rows, "\n"))
	for _, text := range t.missed {
		fmt.Println("LIMIT MISSED:", text)
	}
	if load > float64(runtime.NumCPU()) {
		fmt.Println("(other programs have kept the processors busy: believe the fastest, or measure again)")
	}
}
