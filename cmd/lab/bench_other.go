//go:build !linux

package main

import (
	"context"
	"errors"
)

func bench(context.Context, string) error { return errors.New("the bench needs Linux") }

func benchDrills(context.Context, string) error { return errors.New("drills are compared on Linux") }

func drillsInside(ctx context.Context, dir string) error { return benchDrills(ctx, dir) }
