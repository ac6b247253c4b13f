package golden

import (
	"fmt"
	"path/filepath"
	"strings"
	"testing"
)

// told notes what a test would be told.
type told struct {
	testing.TB
	errors []string
}

func (t *told) Helper() {}
func (t *told) Errorf(format string, args ...any) {
	t.errors = append(t.errors, fmt.Sprintf(format, args...))
}

func TestCompare(t *testing.T) {
	file := filepath.Join(t.TempDir(), "expected")
	Write(t, file, []byte("one\ntwo\n"))
	same := &told{TB: t}
	if Compare(same, file, []byte("one\ntwo\n")); len(same.errors) > 0 {
		t.Error("the same is told as different:", same.errors)
	}
	other := &told{TB: t}
	if Compare(other, file, []byte("one\nthree\n")); len(other.errors) != 1 || !strings.Contains(other.errors[0], "three") {
		t.Error("what differs is not told:", other.errors)
	}
	before := *update
	*update = true
	Compare(t, file, []byte("three\n"))
	*update = before
	if Compare(t, file, []byte("three\n")); Update() != before {
		t.Error("it goes on writing")
	}
}

func TestPacked(t *testing.T) {
	file, before := filepath.Join(t.TempDir(), "page"), *update
	*update = true
	Packed(t, file, []byte("one\n"))
	*update = false
	same, other := &told{TB: t}, &told{TB: t}
	Packed(same, file, []byte("one\n"))
	Packed(other, file, []byte("two\n"))
	*update = before
	if len(same.errors) > 0 {
		t.Error("the same is told as different:", same.errors)
	}
	if len(other.errors) != 1 || !strings.Contains(other.errors[0], "make generate") {
		t.Error("what differs is not told:", other.errors)
	}
}
