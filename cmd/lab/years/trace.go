package years

import (
	"fmt"
	"os"
	"strings"
	"time"

	"homeward/internal/sitetest"
	"homeward/provisioning"
)

// traceLength is how many lines of what has happened are kept.
const traceLength = 1500

// trace is what has happened, by the time since the beginning of the year.
type trace struct {
	began  time.Time
	all    bool // printed as it comes
	lines  []string
	latest string // without its time
}

func (t *trace) add(text string) { t.at(time.Since(t.began), text) }

// at adds a line; of the same again and again only the first.
func (t *trace) at(after time.Duration, text string) {
	if text == t.latest {
		return
	}
	t.latest = text
	line := fmt.Sprintf("day %3d %02d:%02d:%06.3f  %s", int(after.Hours())/24, int(after.Hours())%24, int(after.Minutes())%60, (after % time.Minute).Seconds(), text)
	if t.all {
		fmt.Fprintln(os.Stderr, line)
	}
	t.lines = append(t.lines, line)
	if len(t.lines) > 2*traceLength {
		t.lines = append([]string(nil), t.lines[traceLength:]...)
	}
}

func (t *trace) String() string {
	return strings.Join(t.lines[max(0, len(t.lines)-traceLength):], "\n") + "\n"
}

// see adds what a server has seen. The measurements of name servers are many, and say little.
func (t *trace) see(e sitetest.Entry) {
	if e.Name != domain {
		t.at(e.After, e.Line())
	}
}

// tell adds what the device has told.
func (t *trace) tell(e provisioning.Event) { t.at(e.At.Sub(t.began), "device: "+e.String()) }
