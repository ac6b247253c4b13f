package agent

import (
	"bytes"
	"context"
	"crypto/hmac"
	"crypto/md5"
	"encoding/base64"
	"encoding/binary"
	"encoding/hex"
	"maps"
	"net"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"unicode/utf16"

	"golang.org/x/crypto/md4"
	"golang.org/x/tools/txtar"

	"homeward/provisioning/wire"
)

// searchForSecrets looks for the secrets of a scenario in everything the agent has told, written and sent: the password and what NTLM
// and Digest make of it, the PIN, private keys, and web tickets with what their keys are made of. (Session keys are in no variable
// of this package; package sip searches for them.)
func searchForSecrets(t *testing.T, s *scenario) {
	t.Helper()
	places := map[string][]byte{"events and status": s.told.Bytes(), "packets": s.packets.text()}
	err := filepath.WalkDir(s.dir, func(path string, entry os.DirEntry, err error) error {
		if err == nil && entry.Type().IsRegular() {
			places[path], err = os.ReadFile(path)
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	searchForKeys(t, s, places)
	for what, secret := range s.secrets() {
		for _, found := range leaks(places, secret) {
			t.Errorf("%s is in %s", what, found)
		}
	}
}

// secrets are those that have no file of their own among what the agent writes.
func (s *scenario) secrets() map[string][]byte {
	all := s.site.Secrets()
	if password := s.policy.Password.Reveal(); password != "" {
		maps.Copy(all, secretsOf(s.policy.User, s.policy.SIPAddress.String(), password))
	}
	if pin := s.policy.PIN.Reveal(); pin != "" {
		all["the PIN"] = []byte(pin)
	}
	return all
}

// leaks are the places that have a secret, as it is or in a form of text.
func leaks(places map[string][]byte, secret []byte) (found []string) {
	for _, form := range [][]byte{secret, []byte(hex.EncodeToString(secret)), []byte(strings.ToUpper(hex.EncodeToString(secret))), []byte(base64.StdEncoding.EncodeToString(secret))} {
		for place, text := range places {
			if bytes.Contains(text, form) {
				found = append(found, place)
			}
		}
	}
	return found
}

// packets are what has gone over connections, both ways.
type packets struct {
	mu  sync.Mutex
	all bytes.Buffer
}

func (p *packets) note(b []byte) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.all.Write(b)
}

func (p *packets) text() []byte {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.all.Bytes()
}

// heard is a Wire whose connections are overheard.
func (p *packets) heard(w wire.Wire) wire.Wire {
	dial := w.Dial
	w.Dial = func(ctx context.Context, network, address string) (net.Conn, error) {
		conn, err := dial(ctx, network, address)
		if err != nil {
			return nil, err
		}
		return overheard{conn, p}, nil
	}
	return w
}

type overheard struct {
	net.Conn
	by *packets
}

func (c overheard) Read(b []byte) (int, error) {
	n, err := c.Conn.Read(b)
	c.by.note(b[:n])
	return n, err
}

func (c overheard) Write(b []byte) (int, error) {
	c.by.note(b)
	return c.Conn.Write(b)
}

// TestCanary: each secret of an enrolment, by password and by PIN, is known, and found wherever it is put, in each form. What is put
// there stands for a mistake of ours, so that the search cannot fail unnoticed.
func TestCanary(t *testing.T) {
	for name, want := range map[string][]string{
		"enrol-after-a-sign-in": {"a web ticket", "the entropy of the device", "the entropy of the service", "the key of ticket", "the password", "the NT hash"},
		"enrol-pin":             {"a web ticket", "the entropy of the device", "the entropy of the service", "the key of ticket", "the PIN"},
	} {
		file := "testdata/scenarios/" + name + ".txtar"
		archive, err := txtar.ParseFile(file)
		if err != nil {
			t.Fatal(err)
		}
		s := playScenario(t, archive, file)
		secrets := s.secrets()
		for _, kind := range want {
			if !slices.ContainsFunc(slices.Collect(maps.Keys(secrets)), func(what string) bool { return strings.HasPrefix(what, kind) }) {
				t.Errorf("%s: nobody looks for %s", name, kind)
			}
		}
		if sent := s.packets.text(); !bytes.Contains(sent, []byte("contoso")) { // in a question to DNS, and in a ClientHello
			t.Errorf("%s: %d bytes of packets, and none that is known", name, len(sent))
		}
		for what, secret := range secrets {
			if len(secret) == 0 || len(leaks(map[string][]byte{"": s.packets.text()}, secret)) > 0 {
				t.Errorf("%s: %s is empty, or leaks", name, what)
			}
			for _, form := range []string{string(secret), hex.EncodeToString(secret), base64.StdEncoding.EncodeToString(secret)} {
				if len(leaks(map[string][]byte{"log": []byte("level=INFO msg=" + form + "\n")}, secret)) == 0 {
					t.Errorf("%s: %s is not found as %q", name, what, form)
				}
			}
		}
	}
}

// searchForKeys looks for the private keys of the device in all places but their own.
func searchForKeys(t *testing.T, s *scenario, places map[string][]byte) {
	t.Helper()
	own := filepath.Join(s.dir, "identity")
	for path, key := range places {
		if !strings.HasPrefix(path, own) || filepath.Base(path) != "key.pem" {
			continue
		}
		lines := bytes.Split(key, []byte("\n"))
		for place, text := range places {
			if place != path && len(lines) > 4 && bytes.Contains(text, lines[len(lines)/2]) {
				t.Errorf("the private key %s is in %s", path, place)
			}
		}
	}
}

func secretsOf(login, aor, password string) map[string][]byte {
	domain, user, found := strings.Cut(login, `\`)
	if !found {
		domain, user = "", login
	}
	wide := utf16Bytes(password)
	nt := md4.New()
	nt.Write(wide)
	v2 := hmac.New(md5.New, nt.Sum(nil)) // MS-NLMP §3.3.2, NTOWFv2
	v2.Write(utf16Bytes(strings.ToUpper(user) + domain))
	name, _, _ := strings.Cut(strings.TrimPrefix(aor, "sip:"), "@")
	a1 := md5.Sum([]byte(name + ":contoso.com:" + password)) // RFC 7616 §3.4.2
	return map[string][]byte{"the password": []byte(password), "the password in UTF-16": wide, "the NT hash": nt.Sum(nil), "the NTLMv2 hash": v2.Sum(nil), "A1 of Digest": a1[:]}
}

func utf16Bytes(text string) []byte {
	var b []byte
	for _, unit := range utf16.Encode([]rune(text)) {
		b = binary.LittleEndian.AppendUint16(b, unit)
	}
	return b
}
