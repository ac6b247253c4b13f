package main

import (
	"bufio"
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	"homeward/cmd/lab/years"
)

// yearsAtOnce is how many years one process lives before another one does. (Our choice: a leak has time to show.)
const yearsAtOnce = 10

// yearsFlags are the flags of `lab years`.
type yearsFlags struct {
	years.Plan
	days   int
	jobs   int
	goOn   bool
	broken bool
}

func parseYears(args []string) (f yearsFlags, err error) {
	set := flag.NewFlagSet("lab years", flag.ContinueOnError)
	set.SetOutput(io.Discard)
	set.IntVar(&f.N, "n", 10, "how many device-years")
	set.Uint64Var(&f.First, "seed", 1, "the seed of the first; the others follow")
	set.IntVar(&f.days, "days", years.DefaultDays, "how many days of simulated time a year has, about: what is left out is quiet")
	set.IntVar(&f.Episodes, "episodes", years.DefaultEpisodes, "how often in a year there is trouble")
	set.IntVar(&f.jobs, "j", runtime.NumCPU(), "how many at the same time")
	set.BoolVar(&f.Trace, "trace", false, "print everything as it happens; one at a time")
	set.BoolVar(&f.goOn, "k", false, "go on after a broken promise")
	set.BoolVar(&f.broken, "broken", false, "break promises on purpose, and see whether each is found")
	err = set.Parse(args)
	f.Lived = time.Duration(f.days) * 24 * time.Hour
	if err != nil || set.NArg() > 0 || f.N < 1 || f.days < 1 || f.Episodes < 1 || f.jobs < 1 {
		return f, errUsage
	}
	if f.Trace {
		f.jobs = 1
	}
	return f, nil
}

// liveYears is `lab years`.
func liveYears(ctx context.Context, args []string) error {
	f, err := parseYears(args)
	switch {
	case err != nil:
		return err
	case os.Getenv(envYears) != "":
		years.Main(f.Plan) // does not return
	case f.broken:
		return inDirectory(func(dir string) error { return breakPromises(ctx, dir, years.Broken()) })
	}
	exe, err := os.Executable()
	if err != nil {
		return err
	}
	t := &tally{began: time.Now(), kinds: map[string]int{}}
	err = t.live(ctx, exe, f)
	t.print(os.Stdout)
	return err
}

// errBroken is a promise that was not kept.
var errBroken = errors.New("a promise was broken")

// tally is what many years have come to.
type tally struct {
	began time.Time

	mu    sync.Mutex
	years []years.Count
	kinds map[string]int
	cpu   time.Duration
	err   error
}

// live lives all years, in processes of exe, until one of them breaks a promise.
func (t *tally) live(ctx context.Context, exe string, f yearsFlags) error {
	ctx, stop := context.WithCancel(ctx)
	defer stop()
	chunks := make(chan years.Plan, f.N)
	for first, left := f.First, f.N; left > 0; first, left = first+yearsAtOnce, left-yearsAtOnce {
		p := f.Plan
		p.First, p.N = first, min(left, yearsAtOnce)
		chunks <- p
	}
	close(chunks)
	var workers sync.WaitGroup
	for range f.jobs {
		workers.Go(func() {
			for p := range chunks {
				if err := t.chunk(ctx, exe, p); err != nil {
					t.mu.Lock()
					t.err = cmp.Or(t.err, err)
					t.mu.Unlock()
					if !f.goOn {
						stop()
					}
				}
				if ctx.Err() != nil {
					return
				}
			}
		})
	}
	workers.Wait()
	return cmp.Or(t.err, context.Cause(ctx))
}

// chunk lives some years in a process of their own.
func (t *tally) chunk(ctx context.Context, exe string, p years.Plan) error {
	args := []string{"years", "-seed", strconv.FormatUint(p.First, 10), "-n", strconv.Itoa(p.N), "-days", strconv.Itoa(int(p.Lived.Hours()) / 24), "-episodes", strconv.Itoa(p.Episodes)}
	if p.Trace {
		args = append(args, "-trace")
	}
	cmd := command(ctx, exe, args...)
	cmd.Env = append(os.Environ(), envYears+"=1")
	var said strings.Builder
	cmd.Stderr = &said
	if p.Trace {
		cmd.Stderr = os.Stderr
	}
	out, err := cmd.StdoutPipe()
	if err == nil {
		err = cmd.Start()
	}
	if err != nil {
		return err
	}
	var failed error
	lived := 0
	lines := bufio.NewScanner(out)
	for lines.Buffer(nil, 16<<20); lines.Scan(); {
		text, isResult := strings.CutPrefix(lines.Text(), years.ResultPrefix)
		var c years.Count
		if !isResult || json.Unmarshal([]byte(text), &c) != nil {
			fmt.Fprintln(&said, lines.Text())
			continue
		}
		lived++
		failed = cmp.Or(failed, t.add(c))
	}
	err = cmp.Or(lines.Err(), cmd.Wait())
	t.mu.Lock()
	t.cpu += cmd.ProcessState.UserTime() + cmd.ProcessState.SystemTime()
	t.mu.Unlock()
	switch {
	case failed != nil:
		return failed
	case ctx.Err() != nil:
		return context.Cause(ctx)
	case err != nil || lived < p.N:
		return fmt.Errorf("the process of seeds %d to %d has ended after %d years: %w\n%s", p.First, p.First+uint64(p.N)-1, lived, err, said.String()) //nolint:gosec // N is not negative
	}
	return nil
}

// add takes in a year, and prints what was broken in it.
func (t *tally) add(c years.Count) error {
	t.mu.Lock()
	defer t.mu.Unlock()
	for kind, n := range c.Incidents {
		t.kinds[kind] += n
	}
	trace := c.Trace
	c.Trace = ""
	t.years = append(t.years, c)
	if n := len(t.years); n%50 == 0 {
		fmt.Fprintf(os.Stderr, "lab: %d years, %v\n", n, time.Since(t.began).Round(time.Second))
	}
	if len(c.Broken) == 0 {
		return nil
	}
	fmt.Printf("%s\n%s\nwhat led to it is above; the same again: go run ./cmd/lab years -seed %d -n 1 -trace\n", trace, strings.Join(c.Broken, "\n"), c.Seed)
	return fmt.Errorf("%w in the year of seed %d: %s", errBroken, c.Seed, c.Broken[0])
}

// print prints what the years were made of.
func (t *tally) print(w io.Writer) {
	if len(t.years) == 0 {
		return
	}
	var sum years.Count
	var broken int
	for _, c := range t.years {
		sum.Lived += c.Lived
		sum.Events += c.Events
		sum.Checks += c.Checks
		sum.Lives += c.Lives
		sum.Cuts += c.Cuts
		sum.Registrations += c.Registrations
		sum.Degraded += c.Degraded
		sum.Commits += c.Commits
		sum.Certificates += c.Certificates
		sum.WaysHome += c.WaysHome
		sum.Homes += c.Homes
		if c.SlowestHome > sum.SlowestHome {
			sum.SlowestHome, sum.Seed = c.SlowestHome, c.Seed
		}
		if len(c.Broken) > 0 {
			broken++
		}
	}
	incidents := 0
	var kinds []string
	for kind, n := range t.kinds {
		incidents += n
		kinds = append(kinds, fmt.Sprintf("%s %d", kind, n))
	}
	slices.Sort(kinds)
	fmt.Fprintf(w, `%d device-years, %d with a broken promise
incidents       %d: %s
lives           %d, of which %d ended by a power cut
registrations   %d, of which %d through last good; %d commits, %d certificates
promises        held against %d events of devices, at %d instants
way home        %v on average, %v at most (seed %d)
simulated time  %v in all
machine         %v of processor time, %v a year; %v of real time
`, len(t.years), broken, incidents, strings.Join(kinds, ", "), sum.Lives, sum.Cuts, sum.Registrations, sum.Degraded, sum.Commits, sum.Certificates, sum.Events, sum.Checks,
		(sum.Homes / time.Duration(max(1, sum.WaysHome))).Round(time.Second), sum.SlowestHome.Round(time.Second), sum.Seed, sum.Lived.Round(time.Hour),
		t.cpu.Round(time.Second), (t.cpu / time.Duration(len(t.years))).Round(10*time.Millisecond), time.Since(t.began).Round(time.Second))
}
