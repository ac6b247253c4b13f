package service

import (
	"context"
	"fmt"
	"log/slog"
	"slices"

	"github.com/coreos/go-systemd/v22/daemon"

	"homeward/provisioning"
	"homeward/service/control"
)

// Readiness returns the task that tells the service manager how far the daemon is: ready after the first
// attempt or verdict, whatever it was (a site that is down must not hold up the boot), and a status line after
// each change.
func Readiness(story *Story, status func() provisioning.Status, log *slog.Logger) Task {
	notify := func(state string) {
		if _, err := daemon.SdNotify(false, state); err != nil {
			log.Warn("the service manager cannot be notified", "err", err)
		}
	}
	return Task{"readiness", func(ctx context.Context) error {
		var ready bool
		seen := story.begin(ctx)
		for {
			entries, next, err := story.Next(ctx, seen)
			if err != nil {
				return err
			}
			seen = next
			if !ready && slices.ContainsFunc(entries, decided) {
				ready = true
				notify(daemon.SdNotifyReady)
			}
			s := status()
			if slices.ContainsFunc(entries, stateChanged) {
				notify("STATUS=" + statusLine(&s))
			}
		}
	}}
}

func stateChanged(e control.Entry) bool { return e.Event == string(provisioning.StateChanged) }

// decided says whether the first round is over: something was tried, or there was nothing to try.
func decided(e control.Entry) bool {
	switch e.State {
	case provisioning.Outage.String(), provisioning.Registered.String(), provisioning.Resting.String():
		return true
	default:
		return e.Event == string(provisioning.Attempted)
	}
}

// statusLine is what `systemctl status` shows.
func statusLine(s *provisioning.Status) string {
	switch {
	case s.Registrar == nil:
		return s.State.String()
	case s.Degraded:
		return fmt.Sprintf("degraded: %s with %s through last good", s.State, s.Registrar.HostPort())
	default:
		return fmt.Sprintf("%s with %s", s.State, s.Registrar.HostPort())
	}
}
