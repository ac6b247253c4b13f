package service

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"time"

	"github.com/coreos/go-systemd/v22/daemon"
)

// Check asks a part of the daemon whether it still goes on.
type Check struct {
	Name string
	// Ask returns nil when it does, and an error when it does not or when ctx ends.
	Ask func(ctx context.Context) error
}

// Returns is a check that a function returns: nobody sits on a lock that it takes.
func Returns(name string, f func()) Check {
	return Check{name, func(ctx context.Context) error {
		returned := make(chan struct{})
		go func() { // one more is left behind each time that it hangs, until the service manager has seen enough
			f()
			close(returned)
		}()
		select {
		case <-returned:
			return nil
		case <-ctx.Done():
			return context.Cause(ctx)
		}
	}}
}

// Watchdog returns the task that feeds the service manager's watchdog, as long as every part answers. When one
// hangs, it says which, and lets the service manager end the daemon and start it again: half a daemon would look alive.
// It does nothing where no watchdog is set (WatchdogSec= of systemd.service(5)). awake is joined.
func Watchdog(log *slog.Logger, awake *Awake, checks ...Check) Task {
	keepAlive := awake.join()
	return Task{"watchdog", func(ctx context.Context) error {
		within, err := daemon.SdWatchdogEnabled(false)
		if err != nil {
			log.Warn("the service manager's watchdog setting cannot be parsed", "err", err)
		}
		if within <= 0 {
			<-ctx.Done()
			return context.Cause(ctx)
		}
		// The slowest answer that is allowed comes in time for the next meal: 1/4 + 2/3 < 1.
		for hung := false; ; {
			switch err := askAll(ctx, within*2/3, checks); {
			case ctx.Err() != nil:
				return context.Cause(ctx)
			case err != nil && !hung:
				hung = true
				log.Error("the daemon hangs; the watchdog is no longer notified", "err", err)
			case err == nil:
				hung = false
				if _, err := daemon.SdNotify(false, daemon.SdNotifyWatchdog); err != nil {
					log.Warn("the service manager cannot be notified", "err", err)
				}
			}
			select {
			case <-keepAlive:
			case <-time.After(within / 4):
			case <-ctx.Done():
			}
		}
	}}
}

// askAll asks every part at the same time.
func askAll(ctx context.Context, limit time.Duration, checks []Check) error {
	limited, cancel := context.WithTimeout(ctx, limit)
	defer cancel()
	errs := make([]error, len(checks))
	var asking sync.WaitGroup
	for i, c := range checks {
		asking.Go(func() {
			if err := c.Ask(limited); err != nil {
				errs[i] = fmt.Errorf("%s: %w", c.Name, err)
			}
		})
	}
	asking.Wait()
	return errors.Join(errs...)
}
