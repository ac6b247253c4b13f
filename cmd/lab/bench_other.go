//go:build !linux

package main

import (
	"context"
	"errors"
)

func bench(context.Context, string) error { return errors.New("the bench needs Linux") }
