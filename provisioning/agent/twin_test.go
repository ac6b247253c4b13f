package agent

import (
	"context"
	"fmt"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"golang.org/x/tools/txtar"

	"homeward/cache"
	"homeward/e2e/netns"
	"homeward/provisioning"
	"homeward/provisioning/wire"
)

// TestTwins runs the scenarios that register at once a second time, over real sockets on loopback and in real
// time, and expects the same story: one body, two worlds. Addresses and ports differ there, and times.
func TestTwins(t *testing.T) {
	if testing.Short() {
		t.Skip("sockets and real time: left out by -short")
	}
	files, err := filepath.Glob("testdata/scenarios/*.txtar")
	if err != nil {
		t.Fatal(err)
	}
	for _, file := range files {
		archive, err := txtar.ParseFile(file)
		if err != nil {
			t.Fatal(err)
		}
		if want := storyOf(archive); want != "" {
			t.Run(strings.TrimSuffix(filepath.Base(file), ".txtar"), func(t *testing.T) {
				if wellKnown.Match(txtar.Format(archive)) && !netns.EnterForPorts(t) {
					return
				}
				if diff := cmp.Diff(strings.Split(want, "\n"), strings.Split(runTwin(t, archive, file), "\n")); diff != "" {
					t.Errorf("-in memory +over sockets:\n%s", diff)
				}
			})
		}
	}
}

// wellKnown finds a port that ordinary users may not open, and that a phone asks for without being told.
var wellKnown = regexp.MustCompile(`(?m)^\S+:443 `)

// anyEndpoint is what differs between the worlds: ADDRESS:PORT, and the port of a name.
var anyEndpoint = regexp.MustCompile(`( [0-9.]+| \[[0-9a-f:]+\])?:[0-9]+ (tls|tcp)`)

func story(event string) string { return anyEndpoint.ReplaceAllString(event, " $2") }

// storyOf returns the story up to the registration, or "" if this scenario has no twin: its site changes, its
// DHCP is out of reach, a second DHCP server contradicts (who is heard when is chance), or the registration takes more than an
// instant.
func storyOf(archive *txtar.Archive) string {
	var lines []string
	for _, section := range archive.Files {
		text := string(section.Data)
		switch {
		case section.Name == "change", section.Name == "script" && strings.Contains(text, "apply"), section.Name == "dhcp" && strings.Contains(text, "denied"),
			section.Name == "timeline" && strings.Contains(text, " conflict "):
			return ""
		case section.Name == "timeline":
			for line := range strings.Lines(text) {
				event, instant := strings.CutPrefix(strings.TrimSuffix(line, "\n"), "+0s ")
				if !instant {
					return ""
				}
				lines = append(lines, story(event))
				if event == "state registered" {
					return strings.Join(lines, "\n")
				}
			}
		}
	}
	return ""
}

// runTwin is one life of the agent on the live site, up to its registration.
func runTwin(t *testing.T, archive *txtar.Archive, file string) string {
	s := parseScenario(t, archive, file, t.TempDir())
	live, err := s.site.Listen()
	if err != nil {
		t.Fatal(err)
	}
	defer s.site.Close()
	t.Cleanup(func() { s.explain(t) })
	s.wire = wire.Wire(live.Wire)
	s.prepare(t, archive)

	store := cache.Open(s.dir)
	defer store.Close()
	ctx, stop := context.WithTimeoutCause(t.Context(), time.Minute, fmt.Errorf("not registered within a minute"))
	defer stop()
	var mu sync.Mutex
	var lines []string
	agent := New(s.policy, s.wire, store, func(e *provisioning.Event) {
		mu.Lock()
		defer mu.Unlock()
		s.site.Note(e.String())
		if ctx.Err() == nil {
			lines = append(lines, story(e.String()))
		}
		if e.Kind == provisioning.StateChanged && e.State == provisioning.Registered {
			stop()
		}
	})
	agent.Run(ctx)
	return strings.Join(lines, "\n")
}
