//go:build unix

package main

import (
	"archive/zip"
	"bytes"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/rogpeppe/go-internal/testscript"

	"homeward/e2e/needs"
)

// unpack unpacks a bundle: unpack FILE DIRECTORY; FILE may hold the name of the bundle instead.
func unpack(ts *testscript.TestScript, _ bool, args []string) {
	file := ts.MkAbs(args[0])
	if filepath.Ext(file) != ".zip" {
		file = ts.MkAbs(strings.TrimSpace(ts.ReadFile(args[0])))
	}
	at, err := os.Stat(file)
	ts.Check(err)
	if at.Mode().Perm() != bundleMode {
		ts.Fatalf("%s has mode %v", file, at.Mode())
	}
	archive, err := zip.OpenReader(file)
	ts.Check(err)
	defer archive.Close()
	ts.Check(os.Mkdir(ts.MkAbs(args[1]), 0o700))
	for _, f := range archive.File {
		from, err := f.Open()
		ts.Check(err)
		text, err := io.ReadAll(from)
		ts.Check(err)
		if filepath.Dir(f.Name) != bundleDir {
			ts.Fatalf("%s is not in %s", f.Name, bundleDir)
		}
		ts.Check(os.WriteFile(filepath.Join(ts.MkAbs(args[1]), filepath.Base(f.Name)), text, 0o600))
	}
}

// secret says whether a word stands anywhere in the files of a directory, whatever the case: ! secret DIRECTORY WORD...
func secret(ts *testscript.TestScript, neg bool, args []string) {
	files, err := filepath.Glob(filepath.Join(ts.MkAbs(args[0]), "*"))
	ts.Check(err)
	if len(files) == 0 {
		ts.Fatalf("%s is empty", args[0])
	}
	for _, word := range args[1:] {
		found := false
		for _, file := range files {
			text, err := os.ReadFile(file)
			ts.Check(err)
			if bytes.Contains(bytes.ToLower(text), []byte(word)) {
				found = true
				ts.Logf("%s has %s", file, word)
			}
		}
		if found == neg {
			ts.Fatalf("found %s: %t", word, found)
		}
	}
}

// TestBrowser opens the page of a bundle in Chromium.
func TestBrowser(t *testing.T) {
	if testing.Short() {
		t.Skip("starts a browser: left out by -short")
	}
	needs.Program(t, browser)
	runScripts(t, "browser")
}

const browser = "chromium"

// browse opens a page and prints what the browser has made of it.
func browse(ts *testscript.TestScript, _ bool, args []string) {
	profile, err := os.MkdirTemp("", "hw")
	ts.Check(err)
	defer os.RemoveAll(profile)
	ts.Setenv("HOME", profile) // testscript has none
	ts.Check(ts.Exec(browser, "--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking",
		"--disable-component-update", "--disable-sync", "--user-data-dir="+profile, "--dump-dom", "file://"+ts.MkAbs(args[0])))
}
