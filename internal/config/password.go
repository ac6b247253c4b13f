package config

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/homeward-agent/homeward/internal/safefile"
	"github.com/homeward-agent/homeward/provisioning"
)

// maxPassword is our choice.
const maxPassword = 4 << 10

// readPassword returns the password: the credential of the service manager when there is one, else what the file holds.
// stateDir tells who the daemon is.
func readPassword(path, credentials, stateDir string) (provisioning.Secret, error) {
	if credentials != "" {
		// The directory belongs to this service alone (systemd.exec(5)); the mode of the file may show the
		// mask of an access list, and says nothing.
		secret, err := readSecret(filepath.Join(credentials, "password"), nil)
		if !errors.Is(err, fs.ErrNotExist) && !errors.Is(err, errNoLine) {
			return secret, err
		}
	}
	if path == "" {
		return "", nil // signs in only where nobody asks for a password
	}
	return readSecret(path, func(info fs.FileInfo) error { return checkPrivate(path, info, stateDir) })
}

// hasOwnPassword says whether the password of this device lies where service managers take it from.
func hasOwnPassword() bool {
	_, err := os.Lstat(DefaultPassword)
	return err == nil
}

// byteOrderMark is what some editors put in front of text.
var byteOrderMark = []byte("\ufeff")

// errNoLine is about an empty line. As a credential it stands for none: systemd has no other way to make one
// optional (SetCredential= in packaging/systemd).
var errNoLine = errors.New("is empty")

// readSecret reads a regular file that check, if there is one, has nothing against.
func readSecret(path string, check func(fs.FileInfo) error) (provisioning.Secret, error) {
	f, info, err := openRegular(path, false)
	if err != nil {
		return "", err
	}
	defer f.Close()
	if check != nil {
		if err := check(info); err != nil {
			return "", err
		}
	}
	text, err := io.ReadAll(io.LimitReader(f, maxPassword+1))
	if err != nil {
		return "", err
	}
	if len(text) > maxPassword {
		return "", fmt.Errorf("%s holds more than %d bytes", path, maxPassword)
	}
	if string(text) == "\n" {
		return "", fmt.Errorf("%s %w", path, errNoLine)
	}
	text = bytes.TrimPrefix(text, byteOrderMark)
	text = bytes.TrimSuffix(bytes.TrimSuffix(text, []byte("\n")), []byte("\r"))
	switch {
	case len(text) == 0:
		return "", fmt.Errorf("%s is empty", path)
	case bytes.ContainsRune(text, 0):
		return "", fmt.Errorf("%s is not plain text: write it in UTF-8", path)
	case bytes.ContainsAny(text, "\r\n"):
		return "", fmt.Errorf("%s holds more than one line", path)
	}
	return provisioning.Secret(text), nil
}

// openRegular opens a regular file for reading; a link only if links may be followed.
func openRegular(path string, follow bool) (*os.File, fs.FileInfo, error) {
	open := safefile.Follow
	if !follow {
		open = func(path string) (*os.File, error) { return safefile.Open(path, os.O_RDONLY, 0) }
	}
	f, err := open(path)
	if err != nil {
		return nil, nil, safefile.Unopened(path, err)
	}
	info, err := f.Stat()
	if err != nil {
		f.Close()
		return nil, nil, safefile.Unopened(path, err)
	}
	return f, info, nil
}
