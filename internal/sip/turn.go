package sip

import "context"

// call is something to do with the connection while Keep has it.
type call struct {
	ctx  context.Context
	do   func(context.Context) error
	done chan error
}

// take does something with the connection as soon as nobody else does: there is one conversation at a time. While Keep has
// the connection, Keep's goroutine does it, between two arrivals.
func (s *Session) take(ctx context.Context, do func(context.Context) error) error {
	c := call{ctx: ctx, do: do, done: make(chan error, 1)}
	select {
	case s.turn <- struct{}{}:
		defer func() { <-s.turn }()
		return do(ctx)
	case s.calls <- c:
		return <-c.done
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}

// run does it, for as long as its caller and Keep want it done.
func (c call) run(keeping context.Context) {
	ctx, cancel := context.WithCancelCause(c.ctx)
	defer cancel(nil)
	defer context.AfterFunc(keeping, func() { cancel(context.Cause(keeping)) })()
	c.done <- c.do(ctx)
}
