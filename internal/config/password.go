package config

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"time"

	"homeward/provisioning"
)

// maxPassword is our choice.
const maxPassword = 4 << 10

// credential is the name by which a service manager hands over the password (packaging).
const credential = "password"

// scripted are the directories in which our own scripts put the password: they copy the usual file, and no other (packaging).
var scripted = []string{"/run/homeward-credentials", "/var/run/homeward-credentials"}

// origin is a file that a password was read from, as it was before that.
type origin struct {
	path string
	info fs.FileInfo
}

// usePassword puts the password into the Policy, and what is known of the file that it is from. One that a service manager has copied
// has no name here.
func (c *Config) usePassword(path string) error {
	password, from, err := readPassword(path, c.credentials, c.daemonUser())
	if err != nil || password == "" {
		return err
	}
	c.Policy.Password = password
	switch {
	case c.credentials == "" || filepath.Dir(from.path) != filepath.Clean(c.credentials):
		c.Policy.PasswordFile, c.Policy.PasswordChanged = from.path, plausible(from.info.ModTime(), time.Now())
	case from.path == filepath.Join(c.credentials, credential):
		ours := slices.Contains(scripted, filepath.Clean(c.credentials))
		c.Policy.PasswordChanged = plausible(beforeCopy(c.usualPassword, password, from.info, ours), time.Now())
	}
	return nil
}

// beforeCopy is when the usual file was written; zero: it is not certain that this was copied. What our own scripts have copied is this one, if
// it is as long and no newer; elsewhere it is known only of one that can be read.
func beforeCopy(usual string, password provisioning.Secret, copied fs.FileInfo, ours bool) time.Time {
	if ours {
		info, err := os.Stat(usual)
		if err != nil || info.Size() != copied.Size() || info.ModTime().After(copied.ModTime()) {
			return time.Time{}
		}
		return info.ModTime()
	}
	var info fs.FileInfo
	if there, err := readSecret(usual, func(i fs.FileInfo) error { info = i; return nil }); err != nil || there != password {
		return time.Time{}
	}
	return info.ModTime()
}

// plausible is the time of a file, in seconds; zero: that of a clock that was wrong, or of an image whose files have all the same.
func plausible(at, now time.Time) time.Time {
	if at.Before(time.Date(2020, 1, 1, 0, 0, 0, 0, time.UTC)) || at.After(now) {
		return time.Time{}
	}
	return at.UTC().Truncate(time.Second)
}

// readPassword returns the password, and the file that it was read from: the credential of the service manager when there is one, else
// what path names.
func readPassword(path, credentials string, who daemonUser) (secret provisioning.Secret, from origin, err error) {
	if credentials != "" {
		// The directory belongs to this service alone (systemd.exec(5)); the mode of the file may show the
		// mask of an access list, and says nothing.
		from.path = filepath.Join(credentials, credential)
		secret, err = readSecret(from.path, func(info fs.FileInfo) error { from.info = info; return nil })
		if !errors.Is(err, fs.ErrNotExist) && !errors.Is(err, errNoLine) {
			return secret, from, err
		}
	}
	if path == "" {
		return "", origin{}, nil // signs in only where nobody asks for a password
	}
	from.path = path
	secret, err = readSecret(path, func(info fs.FileInfo) error { from.info = info; return checkPrivate(path, info, who) })
	if errors.Is(err, fs.ErrNotExist) {
		err = &advised{err, "write the password to " + path + ", with mode 0600, or correct the setting password_file"}
	}
	return secret, from, err
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
