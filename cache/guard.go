package cache

import (
	"errors"
	"fmt"
	"runtime/debug"
	"time"
)

// patience is our choice: how long anybody waits for the disk. A worn SD card may need two seconds
// for one flush; a Registrar that has answered must not wait for a disk that never will.
const patience = 3 * time.Second

// errHung says that the disk was given up, for now. The operation is still under way.
var errHung = errors.New("the disk does not answer")

// within runs f in a goroutine of its own and gives up waiting for it after patience. That goroutine
// outlives the call only then: nothing can stop a system call, or a library that has lost its way.
func within(f func() error) error {
	done := make(chan error, 1)
	go func() { done <- safely(f) }()
	timer := time.NewTimer(patience)
	defer timer.Stop()
	select {
	case err := <-done:
		return err
	case <-timer.C:
		return errHung
	}
}

// safely turns a panic of f into damage, and with it a fault of memory: a mapped page beyond the end
// of a file that was cut short, or on a bad sector, cannot be read.
func safely(f func() error) (err error) {
	defer debug.SetPanicOnFault(debug.SetPanicOnFault(true))
	defer func() {
		if p := recover(); p != nil {
			err = damage(fmt.Sprintf("reading it led to a panic: %.80v", p))
		}
	}()
	return f()
}
