//go:build linux

package e2e

import (
	"archive/zip"
	"bytes"
	"crypto/rsa"
	"crypto/x509"
	"encoding/base64"
	"encoding/hex"
	"encoding/pem"
	"fmt"
	"io"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// answers are what the commands print while the daemon runs, and what is in a bundle.
func (h *headline) answers(t *testing.T) map[string][]byte {
	t.Helper()
	all := map[string][]byte{}
	for _, command := range []string{
		"status --json", "status", "check --json", "check -v", "plan --json", "identity show --json", "identity show", "trust show --json", "cache show --json", "history --json", "config check",
	} {
		out, _ := h.command(strings.Fields(command)...).CombinedOutput() // some exit with what they say
		if len(out) == 0 {
			t.Errorf("%s prints nothing", command)
		}
		all["the answer of "+command] = out
	}
	path := filepath.Join(h.dir, "bundle.zip")
	if out, err := h.command("bundle", "-o", path).CombinedOutput(); err != nil {
		t.Fatalf("bundle: %v\n%s", err, out)
	}
	archive, err := zip.OpenReader(path)
	if err != nil {
		t.Fatal(err)
	}
	defer archive.Close()
	for _, file := range archive.File {
		content, err := file.Open()
		if err != nil {
			t.Fatal(err)
		}
		all["the bundle, "+file.Name], err = io.ReadAll(content)
		if content.Close(); err != nil {
			t.Fatal(err)
		}
	}
	return all
}

// secrets are what nobody else may see: the key of the device, and what the site says of its web tickets.
func (h *headline) secrets(t *testing.T) map[string][]byte {
	t.Helper()
	all := h.site.Secrets()
	if len(all) < 4 {
		t.Fatalf("the site has given out no web ticket: %d secrets", len(all))
	}
	paths, err := filepath.Glob(filepath.Join(h.dir, "state", "identity", "*", "key.pem"))
	if err != nil || len(paths) != 1 {
		t.Fatalf("the key of the device: %v, %v", paths, err)
	}
	text, err := os.ReadFile(paths[0])
	if err != nil {
		t.Fatal(err)
	}
	block, _ := pem.Decode(text)
	if block == nil {
		t.Fatal("the key of the device is no PEM")
	}
	key, err := x509.ParsePKCS8PrivateKey(block.Bytes)
	if err != nil {
		t.Fatal(err)
	}
	private := key.(*rsa.PrivateKey)
	maps.Copy(all, map[string][]byte{
		"the key of the device": bytes.Split(text, []byte("\n"))[5], "its exponent": private.D.Bytes(), "a prime of it": private.Primes[0].Bytes(),
	})
	return all
}

// search ends the device, and looks for secrets in all that it has written, logged, answered and sent.
func (h *headline) search(t *testing.T, answers map[string][]byte, packets []byte, secrets map[string][]byte) {
	t.Helper()
	h.kill(t)
	places := maps.Clone(answers)
	places["the log"], places["a packet"] = h.log.Bytes(), packets
	for _, dir := range []string{"state", "run"} {
		err := filepath.WalkDir(filepath.Join(h.dir, dir), func(path string, entry fs.DirEntry, err error) error {
			if err == nil && entry.Type().IsRegular() && entry.Name() != "key.pem" {
				places[path], err = os.ReadFile(path)
			}
			return err
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	for place, known := range map[string]string{"a packet": "pool01", "the log": "pool01", "the answer of status --json": "pool01", filepath.Join(h.dir, "state", "last-good.json"): "pool01"} {
		if !bytes.Contains(places[place], []byte(known)) {
			t.Errorf("%s has %d bytes, and not %s: nothing is looked for there", place, len(places[place]), known)
		}
	}
	for what, secret := range secrets {
		for _, form := range formsOf(secret) {
			for place, text := range places {
				if bytes.Contains(text, form) {
					t.Errorf("%s is in %s", what, place)
				}
			}
		}
	}
}

// formsOf are a secret as it is, and what it may be in text.
func formsOf(secret []byte) [][]byte {
	return [][]byte{secret, fmt.Appendf(nil, "%x", secret), []byte(strings.ToUpper(hex.EncodeToString(secret))), []byte(base64.StdEncoding.EncodeToString(secret))}
}

// wide is a text in UTF-16, as NTLM has it.
func wide(text string) (all []byte) {
	for _, b := range []byte(text) {
		all = append(all, b, 0)
	}
	return all
}
