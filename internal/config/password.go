package config

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"time"

	"homeward/provisioning"
)

// maxPassword is our choice.
const maxPassword = 4 << 10

// readPassword returns the password: the credential of the service manager when there is one, else what the file holds.
func readPassword(path, credentials string, who daemonUser) (provisioning.Secret, error) {
	if credentials != "" {
		// The directory belongs to this service alone (systemd.exec(5)); the mode of the file may show the
		// mask of an access list, and says nothing.
		secret, err := readSecret(filepath.Join(credentials, "password"), anybodys)
		if !errors.Is(err, fs.ErrNotExist) && !errors.Is(err, errNoLine) {
			return secret, err
		}
	}
	if path == "" {
		return "", nil // signs in only where nobody asks for a password
	}
	secret, err := readSecret(path, func(info fs.FileInfo) error { return checkPrivate(path, info, who) })
	if errors.Is(err, fs.ErrNotExist) {
		err = &advised{err, "write the password to " + path + ", with mode 0600, or correct the setting password_file"}
	}
	return secret, err
}

// changed says which file a password is from, and when that was changed last. A service manager has copied it from the usual place, if
// what is there has not been changed since, and is as long.
func changed(path, credentials string, password provisioning.Secret) (string, time.Time) {
	copied, err := os.Stat(filepath.Join(credentials, "password"))
	isCopy := credentials != "" && err == nil && copied.Size() > int64(len("\n"))
	if isCopy {
		path = DefaultPassword
	}
	info, err := os.Stat(path)
	if password == "" || err != nil || isCopy && (info.Size() != copied.Size() || info.ModTime().After(copied.ModTime())) {
		return "", time.Time{}
	}
	return path, info.ModTime().UTC().Truncate(time.Second)
}

// isThere says whether there is something at a path, whatever it is.
func isThere(path string) bool {
	_, err := os.Lstat(path)
	return err == nil
}

// errNoLine is about an empty line. As a credential it stands for none: systemd has no other way to make one
// optional (SetCredential= in packaging/systemd).
var errNoLine = errors.New("is empty")

// readSecret reads a regular file that believe has nothing against.
func readSecret(path string, believe func(fs.FileInfo) error) (provisioning.Secret, error) {
	text, err := readText(path, maxPassword, openOwn, believe)
	if err == nil {
		err = checkPlainText(path, text)
	}
	if err != nil {
		return "", err
	}
	if string(text) == "\n" {
		return "", &advised{fmt.Errorf("%s %w", path, errNoLine), "write the password to " + path + " again"}
	}
	text = bytes.TrimSuffix(bytes.TrimSuffix(text, []byte("\n")), []byte("\r"))
	switch {
	case len(text) == 0:
		return "", &advised{fmt.Errorf("%s is empty", path), "write the password to " + path + " again"}
	case bytes.ContainsAny(text, "\r\n"):
		return "", &advised{fmt.Errorf("%s contains more than one line", path), "leave only the password in it, on one line"}
	}
	return provisioning.Secret(text), nil
}
