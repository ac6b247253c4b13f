//go:build !linux

package service

import (
	"errors"
	"io"
	"time"
)

// Here the network is looked at from time to time, and its addresses alone say what is different.

func subscribe() (io.ReadCloser, error) { return nil, errors.ErrUnsupported }

func wakings() (io.ReadCloser, error) { return nil, errors.ErrUnsupported }

func isEvent(error) bool { return false }

func slept() time.Duration { return 0 }

func routes() []string { return nil }
