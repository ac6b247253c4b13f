//go:build !linux

package main

import (
	"context"
	"errors"
	"os/exec"
)

func inNamespaces(context.Context, string) (*exec.Cmd, error) {
	return nil, errors.New("only Linux has network namespaces")
}

func furnishNamespace() error { return errors.ErrUnsupported }
