package service

import (
	"context"
	"errors"
	"fmt"
	"runtime/debug"
	"sync"
)

// Task is a part of the process that runs until its context ends.
type Task struct {
	Name string
	Run  func(ctx context.Context) error
}

// String returns the name of the task.
func (t Task) String() string { return t.Name }

// errEnd is why the tasks around the main one end, and every context after them.
var errEnd = errors.New("the process ends")

// Run runs main, and the tasks that serve it around it. The others end after main, so that they still see how
// it ended. The first of them to fail ends main, and with it everything. Run returns when all have ended: nil
// when ctx asked for it, else why the process cannot go on.
func Run(ctx context.Context, main Task, around ...Task) error {
	inner, endMain := context.WithCancelCause(ctx)
	defer endMain(errEnd)
	outer, endOthers := context.WithCancelCause(context.WithoutCancel(ctx))
	var others sync.WaitGroup
	for _, t := range around {
		others.Go(func() {
			if err := t.guarded(outer); outer.Err() == nil {
				endMain(t.ended(err))
			}
		})
	}
	err := main.guarded(inner)
	endOthers(errEnd)
	others.Wait()
	switch {
	case ctx.Err() != nil:
		return nil
	case inner.Err() != nil:
		return context.Cause(inner)
	default:
		return main.ended(err)
	}
}

// ended says that a task has ended by itself.
func (t Task) ended(err error) error {
	if err == nil {
		return fmt.Errorf("%s has ended", t)
	}
	return fmt.Errorf("%s has ended: %w", t, err)
}

// guarded turns a panic into an error: half a daemon would look alive, a dead one is started again by the
// service manager.
func (t Task) guarded(ctx context.Context) (err error) {
	defer func() {
		if p := recover(); p != nil {
			err = fmt.Errorf("panic: %v\n%s", p, debug.Stack())
		}
	}()
	return t.Run(ctx)
}
