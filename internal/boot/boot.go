package boot

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/netip"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"time"

	"homeward/internal/safefile"
)

const (
	fileName = "restart.json"
	fileMode = 0o640
	format   = 1
)

// Our choices.
const (
	afterBoot = 3 * time.Minute // whoever is started later is not started by the boot
	maxAsked  = 8
	maxFile   = 64 << 10

	nonceLives = 5 * time.Minute // few Registrars take one that is older
	maxNonce   = 4 << 10         // bytes of a challenge

	maxSeconds = 3600
)

// Machine is the boot in which this process runs.
type Machine struct {
	ID string        // a name of its own; "": not known
	Up time.Duration // since it began
}

// This returns what the kernel says (random(4), proc_uptime(5)).
func This() Machine {
	id, _ := os.ReadFile("/proc/sys/kernel/random/boot_id")
	m := Machine{ID: strings.TrimSpace(string(id))}
	up, err := os.ReadFile("/proc/uptime")
	first, _, _ := strings.Cut(string(up), " ")
	seconds, wrong := strconv.ParseFloat(first, 64)
	if err != nil || wrong != nil {
		return Machine{} // no power cut is noticed
	}
	m.Up = time.Duration(seconds * float64(time.Second))
	return m
}

// Asked is what a Registrar has asked, to be left alone for a while.
type Asked struct {
	Host    string    `json:"host"`
	Port    uint16    `json:"port"`        // of TLS: what anybody on the way may have written is not kept
	Seconds int       `json:"seconds"`     // 1 to 3600
	At      time.Time `json:"at,omitzero"` // by a clock that may have been wrong; zero: that is over
	// Crowded says that the device came after a power cut: then so many came that it was sent away.
	Crowded bool `json:"crowded,omitempty"`
}

// For is how long it asked for.
func (a Asked) For() time.Duration { return time.Duration(a.Seconds) * time.Second }

// Refused is how often in a row a password was refused.
type Refused struct {
	Times int       `json:"times"`
	At    time.Time `json:"at"` // the last time, by a clock that may have been wrong
}

// Accepted is how a Registrar has accepted this device by Digest, over TLS, when the run that was told to stop gave its binding back.
type Accepted struct {
	SIPAddress string     `json:"sip_address"`
	Host       string     `json:"host"`
	Port       uint16     `json:"port"`
	Address    netip.Addr `json:"address"`
	Challenge  string     `json:"challenge"` // that was answered last
	Count      int        `json:"count"`     // how often
	At         time.Time  `json:"at"`
}

// kept is the file.
type kept struct {
	Version int     `json:"version"`
	BootID  string  `json:"boot_id,omitempty"` // of the latest run
	Stopped bool    `json:"stopped"`           // it was told to, and has
	Asked   []Asked `json:"asked,omitempty"`
	Refused Refused `json:"refused,omitzero"`

	Accepted Accepted `json:"accepted,omitzero"`
}

// Memory is restart.json. Its methods may be called from any goroutine.
type Memory struct {
	dir     string
	machine Machine
	before  kept // as the run before has left it
	known   bool // there was a file, and it can be read

	news chan struct{} // one place: there is something to write

	mu  sync.Mutex
	now kept
}

// Open reads what the run before has left in a directory. What cannot be read is as if nothing were there.
func Open(dir string, machine Machine) *Memory {
	m := &Memory{dir: dir, machine: machine, news: make(chan struct{}, 1)}
	err := m.read()
	m.known = err == nil
	if !m.known {
		m.before = kept{}
	}
	m.now = kept{Version: format, BootID: machine.ID, Asked: m.before.Asked}
	if !m.before.Stopped { // else somebody wants it tried: with another password, perhaps
		m.now.Refused = m.before.Refused
	}
	return m
}

func (m *Memory) read() error {
	f, err := safefile.Open(filepath.Join(m.dir, fileName), os.O_RDONLY, 0)
	if err != nil {
		return err
	}
	defer f.Close()
	if err := json.NewDecoder(io.LimitReader(f, maxFile)).Decode(&m.before); err != nil {
		return err
	}
	for _, a := range m.before.Asked {
		if a.Seconds < 1 || a.Seconds > maxSeconds {
			return fmt.Errorf("%s: a Registrar asked for %d s", fileName, a.Seconds)
		}
	}
	if m.before.Refused.Times < 0 { // more tries than are allowed would follow
		return fmt.Errorf("%s counts %d refusals", fileName, m.before.Refused.Times)
	}
	if m.before.Version != format || len(m.before.Asked) > maxAsked {
		return fmt.Errorf("%s has version %d, not %d", fileName, m.before.Version, format)
	}
	return nil
}

// PowerCut says that this run begins with the boot, and that the one before it, in another boot, was not told to stop: the power
// was cut, and has returned. A device on which homeward has never run knows of none.
func (m *Memory) PowerCut() bool {
	is, was := m.machine, m.before
	return m.known && !was.Stopped && is.ID != "" && was.BootID != "" && is.ID != was.BootID && is.Up < afterBoot
}

// ByHand says that the run before has been told to stop, and this one was started in the same boot: somebody wants it so.
func (m *Memory) ByHand() bool {
	return m.known && m.before.Stopped && m.machine.ID == m.before.BootID
}

// Left is how long a Registrar is still to be left alone.
type Left struct {
	Host string
	Port uint16
	For  time.Duration
}

// Left returns whom to leave alone, and for how long, as Registrars had asked before this run. now is the time of this device, and
// is believed if it is not before floor, which has passed, nor before they asked. If it is not, up to half of what they asked is
// taken off by chance, and they are left alone for the last time. After a restart by hand nobody is.
func (m *Memory) Left(now, floor time.Time, chance func(time.Duration) time.Duration) []Left {
	var left []Left
	m.mu.Lock()
	defer m.mu.Unlock()
	m.now.Asked = nil
	for _, a := range m.before.Asked {
		still, believed := a.For()-now.Sub(a.At), !now.Before(floor) && !now.Before(a.At)
		if !believed && !a.At.IsZero() {
			still = a.For() - chance(a.For()/2+1)
		}
		if still <= 0 || a.At.IsZero() || m.ByHand() {
			still, believed = 0, false
		}
		if still > 0 {
			left = append(left, Left{a.Host, a.Port, still})
		}
		if !believed {
			a.At = time.Time{}
		}
		if believed || a.Crowded {
			m.now.Asked = append(m.now.Asked, a)
		}
	}
	return left
}

// Refused returns how often in a row the password was refused before this run, and how long ago the last time was: by a clock that
// is believed, as in Left; by none, just now. Once it was told to stop, that begins anew.
func (m *Memory) Refused(now, floor time.Time) (times int, ago time.Duration) {
	m.mu.Lock()
	defer m.mu.Unlock()
	r := &m.now.Refused
	if now.Before(floor) || now.Before(r.At) {
		r.At = now
	}
	return r.Times, now.Sub(r.At)
}

// NoteRefused takes note of how often in a row the password was refused until now. It does not wait for the disk.
func (m *Memory) NoteRefused(times int, now time.Time) {
	m.mu.Lock()
	m.now.Refused = Refused{times, now.UTC()} // to the second would end a pause before its time
	m.mu.Unlock()
	m.changed()
}

// NoteAccepted takes note of how this device was accepted last. It is kept by End alone, and known to the next run alone.
func (m *Memory) NoteAccepted(a Accepted) {
	if len(a.Challenge) > maxNonce {
		return
	}
	m.mu.Lock()
	m.now.Accepted = a
	m.mu.Unlock()
}

// Accepted returns how this device was accepted last, where the run before was told to stop a short while ago, by a clock that is believed.
func (m *Memory) Accepted(now, floor time.Time) (a Accepted, ok bool) {
	a = m.before.Accepted
	ok = m.before.Stopped && a.Challenge != "" && !now.Before(floor) && !now.Before(a.At) && now.Sub(a.At) < nonceLives
	return a, ok
}

// Window is the longest that a Registrar has asked this device to stay away when it came after a power cut; 0: none has.
func (m *Memory) Window() (longest time.Duration) {
	for _, a := range m.before.Asked {
		if a.Crowded {
			longest = max(longest, a.For())
		}
	}
	return longest
}

// Keep keeps on the disk, until ctx ends, that this run has begun, once gate is closed, and what Registrars ask. What goes wrong
// is told to failed.
func (m *Memory) Keep(ctx context.Context, gate <-chan struct{}, failed func(error)) error {
	select {
	case <-gate:
	case <-ctx.Done():
		return context.Cause(ctx)
	}
	for {
		if err := m.write(false); err != nil {
			failed(err)
		}
		select {
		case <-m.news:
		case <-ctx.Done():
			return context.Cause(ctx)
		}
	}
}

// End keeps that this run was told to stop. It is called after Keep.
func (m *Memory) End() error { return m.write(true) }

// Note takes note of what a Registrar has asked, in the place of what it asked before. It does not wait for the disk.
func (m *Memory) Note(a Asked) {
	m.mu.Lock()
	defer m.mu.Unlock()
	asked := []Asked{a}
	for _, other := range m.now.Asked {
		if (other.Host != a.Host || other.Port != a.Port) && len(asked) < maxAsked {
			asked = append(asked, other)
		}
	}
	m.now.Asked = asked
	m.changed()
}

// changed lets the file be written.
func (m *Memory) changed() {
	select {
	case m.news <- struct{}{}:
	default:
	}
}

// write writes the file anew.
func (m *Memory) write(stopped bool) error {
	m.mu.Lock()
	m.now.Stopped = stopped
	text, err := json.Marshal(m.now)
	m.mu.Unlock()
	if err != nil {
		return err
	}
	return safefile.Keep(m.dir, fileName, append(text, '\n'), fileMode)
}
