package boot

import (
	"context"
	"encoding/json"
	"net/netip"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"
	"testing/synctest"
	"time"
)

var (
	first = Machine{"3d1f6f0e", time.Minute}
	later = Machine{"9b7c21aa", time.Minute}
	noon  = time.Date(2026, 11, 29, 12, 0, 0, 0, time.UTC)
)

// live is one run of the daemon. It does what is to be done in it, and ends.
func live(t *testing.T, dir string, machine Machine, clean bool, do func(*Memory)) *Memory {
	t.Helper()
	m := Open(dir, machine)
	do(m)
	if err := m.write(false); err != nil {
		t.Fatal(err)
	}
	if clean {
		if err := m.End(); err != nil {
			t.Fatal(err)
		}
	}
	return m
}

func nothing(*Memory) {}

// A power cut is the end of a run that was not told to stop, in another boot than this one, with which this run begins. A process that
// was killed is none, and neither is the first start of all.
func TestPowerCut(t *testing.T) {
	for name, test := range map[string]struct {
		clean        bool
		is           Machine
		want, byHand bool
	}{
		"the power was cut":               {false, later, true, false},
		"the process was killed":          {false, first, false, false},
		"the service was restarted":       {true, first, false, true},
		"the device was rebooted":         {true, later, false, false},
		"started long after the boot":     {false, Machine{"9b7c21aa", time.Hour}, false, false},
		"the kernel names no boot":        {false, Machine{"", time.Minute}, false, false},
		"stopped, and boots have no name": {true, Machine{"", time.Minute}, false, false},
	} {
		t.Run(name, func(t *testing.T) {
			dir := t.TempDir()
			live(t, dir, first, test.clean, nothing)
			if m := Open(dir, test.is); m.PowerCut() != test.want || m.ByHand() != test.byHand {
				t.Errorf("a power cut: %t, want %t; by hand: %t, want %t", m.PowerCut(), test.want, m.ByHand(), test.byHand)
			}
		})
	}
	if m := Open(t.TempDir(), first); m.PowerCut() || m.ByHand() {
		t.Error("the first start of all is after something")
	}
}

// What Registrars asked is left for the next run: the rest of it by a clock that is believed, and once by none.
func TestLeft(t *testing.T) {
	half := func(n time.Duration) time.Duration { return n - 1 }
	for name, test := range map[string]struct {
		is         Machine
		clean      bool
		now, floor time.Time
		want       time.Duration
		again      bool // the run after that knows of it
	}{
		"the rest":                      {later, false, noon.Add(time.Minute), noon, 9 * time.Minute, true},
		"it is over":                    {later, false, noon.Add(10 * time.Minute), noon, 0, false},
		"the clock has gone back":       {later, false, noon.Add(-time.Hour), time.Time{}, 5 * time.Minute, false},
		"the clock shows what is past":  {later, false, noon.Add(time.Minute), noon.Add(time.Hour), 5 * time.Minute, false},
		"after a clean reboot":          {later, true, noon.Add(time.Minute), noon, 9 * time.Minute, true},
		"the process was killed":        {first, false, noon.Add(time.Minute), noon, 9 * time.Minute, true},
		"somebody restarts the service": {first, true, noon.Add(time.Minute), noon, 0, false},
	} {
		t.Run(name, func(t *testing.T) {
			dir := t.TempDir()
			live(t, dir, first, test.clean, func(m *Memory) { m.Note(Asked{Host: "fe01.contoso.com", Port: 5061, Seconds: 600, At: noon}) })
			m := live(t, dir, test.is, false, func(m *Memory) {
				left := m.Left(test.now, test.floor, half)
				var got time.Duration
				if len(left) > 0 {
					got = left[0].For
				}
				if got.Round(time.Second) != test.want {
					t.Errorf("%v is left, want %v", got, test.want)
				}
			})
			if again := len(Open(dir, m.machine).before.Asked) > 0; again != test.again {
				t.Errorf("the next run knows of it: %t", again)
			}
			if m.Window() != 0 {
				t.Errorf("nobody came after a power cut: %v", m.Window())
			}
		})
	}
}

// A password that was refused is known over a crash and a power cut, for as long as a clock says that is believed; by another it was
// refused just now. Whoever stops the daemon wants it tried.
func TestRefused(t *testing.T) {
	for name, test := range map[string]struct {
		is         Machine
		clean      bool
		now, floor time.Time
		times      int
		ago        time.Duration
	}{
		"a crash":                      {first, false, noon.Add(time.Minute), noon, 2, time.Minute},
		"a power cut":                  {later, false, noon.Add(time.Hour), noon, 2, time.Hour},
		"the clock has gone back":      {later, false, noon.Add(-time.Hour), time.Time{}, 2, 0},
		"the clock shows what is past": {later, false, noon.Add(time.Minute), noon.Add(time.Hour), 2, 0},
		"stopped":                      {first, true, noon.Add(time.Minute), noon, 0, 0},
		"a clean reboot":               {later, true, noon.Add(time.Minute), noon, 0, 0},
	} {
		t.Run(name, func(t *testing.T) {
			dir := t.TempDir()
			live(t, dir, first, test.clean, func(m *Memory) { m.NoteRefused(1, noon); m.NoteRefused(2, noon) })
			for range 2 { // also the run after that, which crashes, too
				m := live(t, dir, test.is, false, func(*Memory) {})
				times, ago := m.Refused(test.now, test.floor)
				if times != test.times || times > 0 && ago != test.ago {
					t.Errorf("%d times, %v ago; want %d and %v", times, ago, test.times, test.ago)
				}
			}
		})
	}
}

// How a Registrar has accepted the device is known to the next run alone, if this one was told to stop, for as long as a nonce lives by a clock
// that is believed.
func TestAccepted(t *testing.T) {
	accepted := Accepted{"sip:phone1@contoso.com", "fe01.contoso.com", 5061, netip.MustParseAddr("10.0.0.5"), `Digest realm="SIP", nonce="n"`, 3, noon}
	for name, test := range map[string]struct {
		clean      bool
		now, floor time.Time
		want       bool
	}{
		"stopped":                      {true, noon.Add(time.Minute), noon, true},
		"killed":                       {false, noon.Add(time.Minute), noon, false},
		"too old":                      {true, noon.Add(nonceLives), noon, false},
		"the clock has gone back":      {true, noon.Add(-time.Minute), time.Time{}, false},
		"the clock shows what is past": {true, noon.Add(time.Minute), noon.Add(time.Hour), false},
	} {
		t.Run(name, func(t *testing.T) {
			dir := t.TempDir()
			live(t, dir, first, test.clean, func(m *Memory) { m.NoteAccepted(accepted) })
			m := live(t, dir, first, true, nothing)
			if got, ok := m.Accepted(test.now, test.floor); ok != test.want || ok && got != accepted {
				t.Errorf("%+v, %t", got, ok)
			}
			if got, ok := Open(dir, first).Accepted(test.now, test.floor); ok {
				t.Errorf("the run after that knows of it: %+v", got)
			}
		})
	}
	m := Open(t.TempDir(), first)
	m.NoteAccepted(Accepted{Challenge: strings.Repeat("x", maxNonce+1)})
	if m.now.Accepted.Challenge != "" {
		t.Error("what is kept has no bound")
	}
}

// A pause after refused passwords does not end a part of a second early, because a power cut came.
func TestMend34RefusalsAreKeptToTheInstant(t *testing.T) {
	dir, at := t.TempDir(), noon.Add(900*time.Millisecond)
	live(t, dir, first, false, func(m *Memory) { m.NoteRefused(2, at) })
	m := live(t, dir, later, false, func(*Memory) {})
	if times, ago := m.Refused(at.Add(time.Minute), noon); times != 2 || ago != time.Minute {
		t.Errorf("%d times, %v ago", times, ago)
	}
}

// What a Registrar asked after a power cut says how many come then: it stays, when the device may come again.
func TestWindowStays(t *testing.T) {
	dir := t.TempDir()
	live(t, dir, first, false, func(m *Memory) {
		m.Note(Asked{Host: "fe01.contoso.com", Port: 5061, Seconds: 10, At: noon, Crowded: true})
		m.Note(Asked{Host: "fe02.contoso.com", Port: 5061, Seconds: 3600, At: noon})
		m.Note(Asked{Host: "fe01.contoso.com", Port: 5061, Seconds: 240, At: noon, Crowded: true})
	})
	for range 3 {
		m := live(t, dir, later, false, func(m *Memory) {
			if left := m.Left(noon.Add(24*time.Hour), noon, func(time.Duration) time.Duration { return 0 }); len(left) > 0 {
				t.Errorf("a day later: %v", left)
			}
		})
		if got := m.Window(); got != 4*time.Minute {
			t.Errorf("the window is %v", got)
		}
	}
}

// A file that somebody has written to is worth no more than none; what is kept is bounded.
func TestDamaged(t *testing.T) {
	sound, err := json.Marshal(kept{Version: format, BootID: first.ID})
	if err != nil {
		t.Fatal(err)
	}
	for name, text := range map[string]string{
		"sound": string(sound), "empty": "", "half": string(sound[:len(sound)/2]), "of a later version": `{"version":2,"boot_id":"x"}`,
		"another hour":            `{"version":1,"boot_id":"x","asked":[{"host":"a","port":1,"seconds":86400}]}`,
		"too many":                `{"version":1,"boot_id":"x","asked":[` + strings.TrimSuffix(strings.Repeat(`{"host":"a","port":1,"seconds":1},`, maxAsked+1), ",") + `]}`,
		"refused less than never": `{"version":1,"boot_id":"x","refused":{"times":-5}}`,
		"endless":                 `{"version":1,"boot_id":"x","host":"` + strings.Repeat("x", 2*maxFile) + `"}`,
	} {
		t.Run(name, func(t *testing.T) {
			dir := t.TempDir()
			if err := os.WriteFile(filepath.Join(dir, fileName), []byte(text), 0o600); err != nil {
				t.Fatal(err)
			}
			m := Open(dir, later)
			if got := m.PowerCut(); got != (name == "sound") || len(m.now.Asked) > 0 {
				t.Errorf("a power cut: %t; asked: %v", got, m.now.Asked)
			}
		})
	}
	m := Open(t.TempDir(), first)
	for i := range 100 {
		m.Note(Asked{Host: "fe01.contoso.com", Port: uint16(i + 1), Seconds: 1, At: noon})
	}
	if len(m.now.Asked) != maxAsked || m.now.Asked[0].Port != 100 {
		t.Errorf("kept: %v", m.now.Asked)
	}
}

// Keep writes once the gate is closed, and again when there is news.
func TestKeep(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		dir, gate := t.TempDir(), make(chan struct{})
		m := Open(dir, first)
		ctx, stop := context.WithCancel(t.Context())
		done := make(chan error, 1)
		go func() { done <- m.Keep(ctx, gate, func(err error) { t.Error(err) }) }()
		synctest.Wait()
		if _, err := os.Stat(filepath.Join(dir, fileName)); err == nil {
			t.Error("it was written before its time")
		}
		close(gate)
		asked := Asked{Host: "fe01.contoso.com", Port: 5061, Seconds: 60, At: noon}
		for _, want := range [][]Asked{nil, {asked}} {
			if want != nil {
				m.Note(asked)
			}
			synctest.Wait()
			if got := Open(dir, later); !got.PowerCut() || !reflect.DeepEqual(got.before.Asked, want) {
				t.Errorf("it has kept %+v", got.before)
			}
		}
		if stop(); <-done == nil {
			t.Error("it ended without a reason")
		}
	})
}

// What the kernel of this machine says has a name and a time, on Linux; elsewhere nothing is known.
func TestThis(t *testing.T) {
	m := This()
	if (m.ID == "") != (m.Up == 0) {
		t.Errorf("%+v", m)
	}
	if again := This(); again.ID != m.ID || again.Up < m.Up {
		t.Errorf("%+v, and then %+v", m, again)
	}
}
