// Package golden compares what a test makes with a file, and with -update writes the file anew: expected output in testdata, and
// the pages of docs that are made from the code. It is for tests only.
package golden

import (
	"bytes"
	"compress/gzip"
	"flag"
	"os"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"homeward/internal/packed"
)

var update = flag.Bool("update", false, "write what the tests expect, and the pages made from the code, anew")

// Update says whether expected output is written anew instead of compared.
func Update() bool { return *update }

// Write writes a file of expected output.
func Write(t testing.TB, file string, content []byte) {
	t.Helper()
	if err := os.WriteFile(file, content, 0o644); err != nil {
		t.Fatal(err)
	}
}

// Compare compares what a test has made with a file, line by line, or writes the file.
func Compare(t testing.TB, file string, got []byte) {
	t.Helper()
	if Update() {
		Write(t, file, got)
		return
	}
	want, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(strings.Split(string(want), "\n"), strings.Split(string(got), "\n")); diff != "" {
		t.Errorf("%s is not what is made now (-file +now; make generate, or go test -update, writes it anew):\n%s", file, diff)
	}
}

// Packed compares a text with what is packed of it in file.gz, which is put into the program, or packs it anew.
func Packed(t testing.TB, file string, want []byte) {
	t.Helper()
	if Update() {
		var b bytes.Buffer
		w, err := gzip.NewWriterLevel(&b, gzip.BestCompression)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := w.Write(want); err != nil || w.Close() != nil {
			t.Fatal(err)
		}
		Write(t, file+".gz", b.Bytes())
		return
	}
	got, err := os.ReadFile(file + ".gz")
	if err != nil {
		t.Fatal(err)
	}
	if packed.Text(string(got)) != string(want) {
		t.Errorf("%s has changed since it was packed: make generate", file)
	}
}
