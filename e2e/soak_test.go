//go:build linux

package e2e

import (
	"errors"
	"flag"
	"fmt"
	"math/rand/v2"
	"os"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"
)

// How long TestSoak goes on: go test ./e2e -run TestSoak -timeout 0 -args -soak 1000. A schedule that fails prints its seed;
// -soak 1 -seed N plays it again.
var (
	soakSchedules = flag.Int("soak", 2, "TestSoak: how many schedules of faults")
	soakSeed      = flag.Uint64("seed", 1, "TestSoak: the seed of the first one; each further one is one more")
)

// Our choices.
const (
	soakFaults   = 5                      // at most, in a schedule
	soakGap      = 4 * time.Second        // at most, between two
	soakPatience = 4 * time.Minute        // for a registration when all is well again: the rest after four failures in a row
	soakEnd      = 5 * time.Second        // of a daemon that is told to end
	soakFiles    = 40                     // open files of a daemon that has settled
	soakMemory   = 20 << 10               // its own memory, in KiB
	soakLook     = 100 * time.Millisecond // between two looks
)

// soaking is a schedule under way.
type soaking struct {
	*testing.T
	*site
	*rand.Rand
	server *registrar
	d      *device
	said   []string // what has happened
	hurt   bool     // so that the second Registrar may be the right one
}

// soakFault is one thing that happens to the site; spares: the first Registrar goes on to take the device.
type soakFault struct {
	name   string
	spares bool
	do     func(*soaking)
}

var soakTable = []soakFault{
	{"the first Registrar is a black hole", false, func(s *soaking) { s.registrar.fault(s, fe01.match()+blackHole) }},
	{"the first Registrar refuses", false, func(s *soaking) { s.registrar.fault(s, fe01.match()+refuses) }},
	{"the first Registrar resets", false, func(s *soaking) { s.registrar.fault(s, fe01.match()+resets) }},
	{"both Registrars are black holes", false, func(s *soaking) { s.registrar.fault(s, fe01.match()+blackHole, second.match()+blackHole) }},
	{"both Registrars refuse", false, func(s *soaking) { s.registrar.fault(s, fe01.match()+refuses, second.match()+refuses) }},
	{"connections are cut", false, func(s *soaking) { s.registrar.run(s, "ss", "-K", "sport", "=", "5061") }},
	{"the Registrars are well", true, func(s *soaking) { s.registrar.heal(s) }},
	{"the Registrars restart, and are well", false, func(s *soaking) {
		s.server.kill()
		s.registrar.heal(s)
		s.server = startKamailio(s, s.site, settings{})
	}},
	{"DNS is silent", true, func(s *soaking) { s.dns.fault(s, silentDNS) }},
	{"DNS is closed", true, func(s *soaking) { s.dns.fault(s, closedDNS) }},
	{"DNS is well", true, func(s *soaking) { s.dns.heal(s) }},
	{"DHCP is off", true, func(s *soaking) { s.dhcp.unplug(s) }},
	{"DHCP is on", true, func(s *soaking) { s.dhcp.plug(s) }},
}

// TestSoak: whatever happens to a site, in whatever order, a device registers with the right Registrar when all is well again,
// leaks nothing, and ends within 5 s when it is told to, whenever that is.
func TestSoak(t *testing.T) {
	s := newSite(t)
	startNamed(t, s.dns, zoneWith(fe01, second))
	startKea(t, s.dhcp, options{})
	server := startKamailio(t, s, settings{})
	plugIn(t, s)
	for i := range *soakSchedules {
		seed := *soakSeed + uint64(i)
		if t.Run(fmt.Sprint("seed ", seed), func(t *testing.T) {
			k := &soaking{T: t, site: s, Rand: rand.New(rand.NewPCG(seed, 0)), server: server, d: newDevice(t, s)}
			t.Cleanup(func() {
				if server = k.server; t.Failed() {
					t.Logf("seed %d:\n%s", seed, strings.Join(k.said, "\n"))
				}
			})
			k.play()
		}); server.running() != nil { // what a schedule has started has ended with it
			server = startKamailio(t, s, settings{})
		}
	}
}

// note takes down what happens, and when.
func (s *soaking) note(what string) {
	s.said = append(s.said, time.Now().UTC().Format("15:04:05.000 ")+what)
}

// play plays the schedule: faults, perhaps an end among them; then all is well, and what has become of the device is looked at.
func (s *soaking) play() {
	s.d.boot(s.T)
	if s.IntN(3) > 0 {
		s.settle()
	}
	for range 1 + s.IntN(soakFaults) {
		s.pause(time.Duration(s.Int64N(int64(soakGap))))
		if s.IntN(6) == 0 {
			s.end()
			s.d.boot(s.T)
			s.hurt = true // it may have come up among faults
			continue
		}
		f := soakTable[s.IntN(len(soakTable))]
		s.note(f.name)
		s.hurt = s.hurt || !f.spares
		f.do(s)
	}
	if s.IntN(3) == 0 {
		s.pause(time.Duration(s.Int64N(int64(soakGap))))
		s.end()
		s.well()
		s.d.boot(s.T)
		s.hurt = false
	} else {
		s.well()
	}
	s.settle()
	s.leaks()
	s.end()
}

// pause lets the device go on for a while.
func (s *soaking) pause(while time.Duration) {
	timer := time.NewTimer(while)
	defer timer.Stop()
	select {
	case <-timer.C:
	case <-s.d.done:
		s.Fatal("the daemon has ended by itself")
	}
}

// well takes all faults away.
func (s *soaking) well() {
	s.note("all is well")
	s.registrar.heal(s)
	s.dns.heal(s)
	s.dhcp.plug(s)
}

// settle waits until the device is registered the normal way, and looks where.
func (s *soaking) settle() {
	began := time.Now()
	for {
		now := s.d.status(s.T)
		if now.State == "registered" && !now.Degraded {
			s.note("registered with " + now.Registrar.String())
			if now.Registrar.Host != fe01.host && (now.Registrar.Host != second.host || !s.hurt && !s.slow()) {
				s.Errorf("it uses %s", now.Registrar)
			}
			return
		}
		if time.Since(began) > soakPatience {
			s.Fatalf("it has not registered for %v: %+v", soakPatience, now)
		}
		s.pause(soakLook)
	}
}

// slow says whether the first Registrar was too slow for the device, though nothing was wrong with it: the machine of the tests is
// busy.
func (s *soaking) slow() bool {
	return slices.ContainsFunc(strings.Split(s.d.output(s.T), "\n"), func(line string) bool {
		return strings.Contains(line, `"host":"`+fe01.host) && (strings.Contains(line, `"reason":"sip-no-answer"`) || strings.Contains(line, "-timeout"))
	})
}

// leaks looks for what a device that has settled should not have.
func (s *soaking) leaks() {
	proc := fmt.Sprintf("/proc/%d/", s.d.cmd.Process.Pid)
	files, err := os.ReadDir(proc + "fd")
	if err != nil {
		s.Fatal(err)
	}
	if len(files) > soakFiles {
		s.Errorf("%d open files", len(files))
	}
	for line := range strings.Lines(read(s, proc+"status")) {
		if kB, ok := strings.CutPrefix(line, "RssAnon:"); ok {
			if n, err := strconv.Atoi(strings.Fields(kB)[0]); err != nil || n > soakMemory {
				s.Errorf("it has %s of its own", strings.TrimSpace(kB))
			}
		}
	}
}

// end tells the daemon to end.
func (s *soaking) end() {
	s.note("SIGTERM")
	began := time.Now()
	if err := s.d.cmd.Process.Signal(syscall.SIGTERM); err != nil && !errors.Is(err, os.ErrProcessDone) {
		s.Fatal(err)
	}
	late := time.NewTimer(2 * soakEnd)
	defer late.Stop()
	select {
	case <-s.d.done:
	case <-late.C:
		s.Fatalf("it has not ended %v after SIGTERM", 2*soakEnd)
	}
	took, state := time.Since(began), s.d.cmd.ProcessState
	if unborn := s.d.output(s.T) == ""; took > soakEnd || state.ExitCode() != 0 && !unborn { // then the signal met what starts it
		s.Errorf("it took %v to end: %v", took, state)
	}
}
