//go:build !windows

package manager

import "context"

// Hosted says whether the process was started by a service manager that it must obey by other means than signals.
func Hosted() bool { return false }

// Host runs the daemon the way the service manager wants it.
func Host(ctx context.Context, daemon func(ctx context.Context) error) error { return daemon(ctx) }
