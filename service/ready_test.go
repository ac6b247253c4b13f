package service

import (
	"context"
	"net"
	"path/filepath"
	"sync"
	"testing"

	"github.com/google/go-cmp/cmp"

	"homeward/provisioning"
)

// What the service manager hears, from the start to a registration.
func TestReadiness(t *testing.T) {
	path := filepath.Join(t.TempDir(), "notify")
	manager, err := net.ListenUnixgram("unixgram", &net.UnixAddr{Name: path, Net: "unixgram"})
	if err != nil {
		t.Fatal(err)
	}
	defer manager.Close()
	t.Setenv("NOTIFY_SOCKET", path)
	heard := func() string {
		buffer := make([]byte, 256)
		n, err := manager.Read(buffer)
		if err != nil {
			t.Fatal(err)
		}
		return string(buffer[:n])
	}

	story, _ := newStory(t)
	var mu sync.Mutex
	var status provisioning.Status
	task := Readiness(story, func() provisioning.Status { mu.Lock(); defer mu.Unlock(); return status }, story.log)
	enter := func(s provisioning.Status) {
		mu.Lock()
		status = s
		mu.Unlock()
		story.Tell(&provisioning.Event{At: noon, Kind: provisioning.StateChanged, State: s.State, Degraded: s.Degraded})
	}
	ctx, cancel := context.WithCancel(t.Context())
	var running sync.WaitGroup
	defer running.Wait()
	defer cancel()
	running.Go(func() { task.Run(ctx) })

	var got []string
	enter(provisioning.Status{State: provisioning.Discovering})
	got = append(got, heard())
	enter(provisioning.Status{State: provisioning.Outage})
	got = append(got, heard(), heard())
	degraded := onFE01()
	degraded.Degraded = true
	enter(degraded)
	got = append(got, heard())
	enter(onFE01())
	got = append(got, heard())
	want := []string{
		"STATUS=discovering",
		"READY=1",
		"STATUS=outage",
		"STATUS=degraded: registered with fe01.contoso.com:5061 through last good",
		"STATUS=registered with fe01.contoso.com:5061",
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
}
