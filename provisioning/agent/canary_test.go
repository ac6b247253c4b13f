package agent

import (
	"bytes"
	"crypto/hmac"
	"crypto/md5"
	"encoding/base64"
	"encoding/binary"
	"encoding/hex"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"unicode/utf16"

	"golang.org/x/crypto/md4"
)

// searchForSecrets looks for the password of a scenario, and what NTLM and Digest make of it, in everything the
// agent has told and written. (Session keys are in no variable of this package; package sip searches for them.)
func searchForSecrets(t *testing.T, s *scenario) {
	t.Helper()
	password := s.policy.Password.Reveal()
	places := map[string][]byte{"events and status": s.told.Bytes()}
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
	if pin := s.policy.PIN.Reveal(); pin != "" {
		for place, text := range places {
			if bytes.Contains(text, []byte(pin)) {
				t.Errorf("the PIN is in %s", place)
			}
		}
	}
	if password == "" {
		return
	}
	for what, secret := range secretsOf(s.policy.User, s.policy.SIPAddress.String(), password) {
		for _, form := range [][]byte{secret, []byte(hex.EncodeToString(secret)), []byte(strings.ToUpper(hex.EncodeToString(secret))), []byte(base64.StdEncoding.EncodeToString(secret))} {
			for place, text := range places {
				if bytes.Contains(text, form) {
					t.Errorf("%s is in %s", what, place)
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
