//go:build !linux

package netns

import (
	"testing"

	"homeward/e2e/needs"
)

// Enter returns true: elsewhere there is one network, and the test is run as it is.
func Enter(*testing.T) bool { return true }

// EnterForPorts is Enter.
func EnterForPorts(*testing.T) bool { return true }

// EnterWithoutPorts leaves the test out.
func EnterWithoutPorts(t *testing.T) bool {
	needs.Missing(t, "platform", "every port may be opened")
	return false
}
