package main

import (
	"context"
	"encoding/json"
	"fmt"
	"math"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"time"
)

// Our choices.
const (
	drillRuns = 5  // of each outage; the fastest counts, since other programs only make it slower
	drillOff  = 20 // percent by which a drill may be off
)

// outages are what a drill rehearses, with what makes it real. A clock cannot be set back for one process: what is compared with
// that drill is a start with a clock, which takes the same way.
var outages = []struct{ drill, change string }{
	{"dns", "zone silent"}, {"dhcp", "dhcp silent"}, {"both", "zone silent; dhcp silent"}, {"primary", "registrar 10.0.0.5:5061 blackhole"}, {"clock", "heal"},
}

// drilled is how a drill and the outage that it has rehearsed went, in milliseconds.
type drilled struct {
	Drill           string
	Predicted, Real float64
}

// off is by how many percent the drill was off.
func (d drilled) off() float64 { return math.Abs(d.Predicted-d.Real) / d.Real * 100 }

// drills compares drills with outages, in namespaces, where DHCP is nobody else's.
func drills(ctx context.Context, dir string) ([]drilled, error) {
	cmd, err := inNamespaces(ctx, envInside+"="+dir)
	if err != nil {
		return nil, err
	}
	cmd.Args = []string{os.Args[0], "drill"}
	cmd.Stderr = os.Stderr
	text, err := cmd.Output()
	if err != nil {
		return nil, err
	}
	var all []drilled
	err = json.Unmarshal(text, &all)
	return all, err
}

// drillsInside holds the drills and the outages, and prints how they went.
func drillsInside(ctx context.Context, dir string) error {
	if err := furnishNamespace(); err != nil {
		return errNoNamespace
	}
	b := &bencher{dir: dir, binary: filepath.Join(dir, "homeward")}
	var all []drilled
	for _, o := range outages {
		d, err := b.drill(ctx, o.drill, strings.Split(o.change, "; "))
		if err != nil {
			return fmt.Errorf("drill %s: %w", o.drill, err)
		}
		all = append(all, d)
	}
	return json.NewEncoder(os.Stdout).Encode(all)
}

// drill rehearses an outage with a device that has registered before, then makes it real: the power is cut, and comes back.
func (b *bencher) drill(ctx context.Context, what string, changes []string) (drilled, error) {
	l, err := b.open(rtt)
	if err != nil {
		return drilled{}, err
	}
	defer l.Close()
	if err := b.bootAndStop(ctx, l, new(boots)); err != nil {
		return drilled{}, err
	}
	var predicted, measured series
	for range drillRuns {
		took, err := b.rehearse(ctx, l, what)
		if err != nil {
			return drilled{}, err
		}
		predicted = append(predicted, took)
	}
	for range drillRuns {
		for _, change := range changes {
			if err := l.Apply(change); err != nil {
				return drilled{}, err
			}
		}
		var times boots
		if err := b.bootAndStop(ctx, l, &times); err != nil {
			return drilled{}, err
		}
		measured = append(measured, times.rest[0])
		if err := l.Apply("heal"); err != nil {
			return drilled{}, err
		}
		if err := b.bootAndStop(ctx, l, new(boots)); err != nil { // what it remembers is as before
			return drilled{}, err
		}
	}
	return drilled{what, slices.Min(predicted).Seconds() * 1000, slices.Min(measured).Seconds() * 1000}, nil
}

// rehearse holds a drill and returns what it predicts.
func (b *bencher) rehearse(ctx context.Context, l *lab, what string) (time.Duration, error) {
	cmd := command(ctx, b.binary, "drill", what, "--json", "--config", l.path("homeward.toml"))
	text, err := cmd.Output()
	if exit, ok := err.(*exec.ExitError); ok { //nolint:errorlint // Output returns it as it is
		err = fmt.Errorf("%w: %s%s", err, exit.Stderr, text)
	}
	var r struct {
		Registered bool
		WithoutMS  int64 `json:"without_ms"`
	}
	if err == nil {
		err = json.Unmarshal(text, &r)
	}
	if err == nil && !r.Registered {
		err = fmt.Errorf("the device would find no Registrar: %s", text)
	}
	return time.Duration(r.WithoutMS) * time.Millisecond, err
}

// printDrills prints the table.
func printDrills(all []drilled) {
	fmt.Printf("\na drill beside the outage that it rehearses; round trip %v, fastest of %d, from the first step of the agent\n\n", rtt, drillRuns)
	fmt.Println(row("outage", [4]string{"predicted", "real", "off", "ok?"}))
	for _, d := range all {
		ok := "ok"
		if d.off() > drillOff {
			ok = fmt.Sprintf("MISSED: at most %d %%", drillOff)
		}
		fmt.Println(row("homeward drill "+d.Drill, [4]string{fmt.Sprintf("%.0f ms", d.Predicted), fmt.Sprintf("%.0f ms", d.Real), fmt.Sprintf("%.0f %%", d.off()), ok}))
	}
}

// benchDrills is `lab drill`: the drills alone.
func benchDrills(ctx context.Context, dir string) error {
	if _, err := build(ctx, dir); err != nil {
		return err
	}
	fmt.Fprintln(os.Stderr, "lab: measuring drills and outages")
	all, err := drills(ctx, dir)
	if err != nil {
		return fmt.Errorf("measure drills: %w", err)
	}
	printDrills(all)
	return nil
}
