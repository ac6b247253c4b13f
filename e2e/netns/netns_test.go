//go:build linux

package netns

import (
	"os"
	"testing"
)

func TestEnter(t *testing.T) {
	if !Enter(t) {
		return
	}
	if ours, err := os.Readlink("/proc/self/ns/net"); err != nil || ours == os.Getenv(inside) {
		t.Errorf("inside is %s, outside %s: %v", ours, os.Getenv(inside), err)
	}
}

// What is run is the test alone, be it one of several.
func TestEnterOneOfSeveral(t *testing.T) {
	for _, name := range []string{"one", "an other (1)", "1"} {
		t.Run(name, func(t *testing.T) { Enter(t) })
	}
}
