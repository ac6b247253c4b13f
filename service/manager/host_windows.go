package manager

import (
	"context"
	"os"

	kardianos "github.com/kardianos/service"
)

// Hosted says whether the process was started by the service control manager, which wants to be answered, and gives it no
// stderr.
func Hosted() bool { return !kardianos.Interactive() }

// Host runs the daemon, and ends it when the service control manager says so.
func Host(ctx context.Context, daemon func(ctx context.Context) error) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	c := &kardianos.Config{Name: serviceName}
	service, err := kardianos.New(&hosted{ctx, cancel, daemon, make(chan error, 1)}, c)
	if err != nil {
		return err
	}
	return service.Run()
}

// hosted is the daemon as the library sees it.
type hosted struct {
	ctx    context.Context
	cancel context.CancelFunc
	daemon func(ctx context.Context) error
	ended  chan error
}

// Start does not wait for the daemon.
func (h *hosted) Start(kardianos.Service) error {
	go func() {
		err := h.daemon(h.ctx)
		if h.ctx.Err() == nil { // nobody has asked for it: the service control manager starts again what ends without a word
			os.Exit(1)
		}
		h.ended <- err
	}()
	return nil
}

// Stop returns when the daemon has unregistered.
func (h *hosted) Stop(kardianos.Service) error {
	h.cancel()
	return <-h.ended
}
