package cache

import (
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"strings"
)

// Our choices.
const (
	keyName = "record.key" // beside the copies, for its owner only; random, so that nothing leads from it to a password
	keySize = 32           // bytes
)

// sealOf is what only the holder of the key can say of Vouched, for one SIP address.
func (v Vouched) sealOf(sipAddress string, key []byte) string {
	mac := hmac.New(sha256.New, key)
	fmt.Fprintf(mac, "homeward vouched 1\n%q\n%q\n%q", sipAddress, v.Under, v.Hosts)
	return hex.EncodeToString(mac.Sum(nil))
}

// believe drops from a record that was read what this device has not sealed.
func believe(open opener, dir string, r *Record) {
	if r.Vouched.empty() {
		return
	}
	key, err := readKey(open, dir)
	if err != nil || !hmac.Equal([]byte(r.Vouched.Seal), []byte(r.Vouched.sealOf(r.SIPAddress, key))) {
		r.Vouched = Vouched{}
	}
}

// readKey returns the key of this device. One that others may read may be another's, too, and is none.
func readKey(open opener, dir string) ([]byte, error) {
	f, err := open(filepath.Join(dir, keyName), os.O_RDONLY, 0)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	info, err := f.Stat()
	if err != nil {
		return nil, err
	}
	if runtime.GOOS != "windows" && info.Mode().Perm()&0o077 != 0 {
		return nil, damage("others may read it")
	}
	text, err := io.ReadAll(io.LimitReader(f, 2*keySize+2))
	if err != nil {
		return nil, err
	}
	key, err := hex.DecodeString(strings.TrimSpace(string(text)))
	if err != nil || len(key) != keySize {
		return nil, damage("it holds no key")
	}
	return key, nil
}

// makeKey returns the key of this device. One that is missing or damaged is made anew, and is born whole.
func makeKey(open opener, dir string) ([]byte, error) {
	key, err := readKey(open, dir)
	if err == nil || !errors.Is(err, fs.ErrNotExist) && !isDamage(err) {
		return key, err
	}
	key = make([]byte, keySize)
	rand.Read(key) // never fails
	if err := os.MkdirAll(dir, 0o750); err != nil {
		return nil, err
	}
	path := filepath.Join(dir, keyName)
	tmp := path + ".tmp"
	defer os.RemoveAll(tmp)
	os.RemoveAll(tmp)
	f, err := open(tmp, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return nil, err
	}
	_, err = f.WriteString(hex.EncodeToString(key) + "\n")
	if err := errors.Join(err, f.Close()); err != nil {
		return nil, err
	}
	return key, publish(open, tmp, path)
}
