//go:build unix

package identity

import (
	"bufio"
	"crypto/rsa"
	"encoding/pem"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
	"time"
)

const childDir = "IDENTITY_TEST_DIR"

// A program that saves and confirms one pair after the other is killed a thousand times: there is always one pair that can be
// used, and no more than two.
func TestAThousandKills(t *testing.T) {
	if dir := os.Getenv(childDir); dir != "" {
		child(t, dir)
	}
	if testing.Short() {
		t.Skip("starts a thousand processes: left out by -short")
	}
	dir := t.TempDir()
	s := In(dir)
	save(t, s, good(t))
	key, err := os.ReadFile(filepath.Join(s.dir, "1", keyFile))
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(dir, "key.pem"), key, 0o600); err != nil {
		t.Fatal(err)
	}
	for i := range 1000 {
		cmd := exec.Command(os.Args[0], "-test.run=^TestAThousandKills$")
		cmd.Env = append(os.Environ(), childDir+"="+dir)
		out, err := cmd.StdoutPipe()
		if err != nil {
			t.Fatal(err)
		}
		if err := cmd.Start(); err != nil {
			t.Fatal(err)
		}
		said := bufio.NewReader(out)
		for range 1 + rand.N(6) { // and goes on while it is killed
			if _, err := said.ReadString('\n'); err != nil {
				t.Fatalf("the program says nothing: %v", err)
			}
		}
		_ = cmd.Process.Kill()
		_ = cmd.Wait()
		if _, err := s.Load(phone1, time.Now()); err != nil {
			t.Fatalf("after %d kills: %v", i+1, err)
		}
		if numbers, err := s.numbers(); err != nil || len(numbers) == 0 || len(numbers) > 3 {
			t.Fatalf("after %d kills: %v, %v", i+1, numbers, err)
		}
	}
	if err := s.Confirm(save(t, s, good(t))); err != nil {
		t.Fatal(err)
	}
	if left, err := os.ReadDir(s.dir); err != nil || len(left) != 1 {
		t.Errorf("left are %v, %v", left, err)
	}
}

// child saves until it is killed.
func child(t *testing.T, dir string) {
	text, err := os.ReadFile(filepath.Join(dir, "key.pem"))
	if err != nil {
		t.Fatal(err)
	}
	block, _ := pem.Decode(text)
	key, err := rsaKey(block)
	if err != nil {
		t.Fatal(err)
	}
	theKey = func() *rsa.PrivateKey { return key }
	s := In(dir)
	for {
		os.Stdout.WriteString("saves\n")
		p := save(t, s, good(t))
		os.Stdout.WriteString("confirms\n")
		if err := s.Confirm(p); err != nil {
			t.Fatal(err)
		}
	}
}
