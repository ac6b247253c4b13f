//go:build !linux

package service

// unmapIdle does nothing here.
func unmapIdle() {}
