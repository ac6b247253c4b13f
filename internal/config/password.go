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

// credential is the name by which a service manager hands over the password (packaging).
const credential = "password"

// usePassword puts the password into the Policy, and what is known of the file that it is from. Which one a service manager has copied is
// not certain, so that it has no name here; it is taken for the usual one, while that is as it was when it was copied.
func (c *Config) usePassword(path string) error {
	password, read, err := readPassword(path, c.credentials, c.daemonUser())
	if err != nil || password == "" {
		return err
	}
	c.Policy.Password = password
	switch {
	case c.credentials == "" || filepath.Dir(read) != filepath.Clean(c.credentials):
		c.Policy.PasswordFile, c.Policy.PasswordChanged = read, lastChanged(read, read)
	case read == filepath.Join(c.credentials, credential):
		c.Policy.PasswordChanged = lastChanged(c.usualPassword, read)
	}
	return nil
}

// readPassword returns the password, and the file that it was read from: the credential of the service manager when there is one, else
// what path names.
func readPassword(path, credentials string, who daemonUser) (secret provisioning.Secret, from string, err error) {
	if credentials != "" {
		// The directory belongs to this service alone (systemd.exec(5)); the mode of the file may show the
		// mask of an access list, and says nothing.
		from = filepath.Join(credentials, credential)
		secret, err = readSecret(from, anybodys)
		if !errors.Is(err, fs.ErrNotExist) && !errors.Is(err, errNoLine) {
			return secret, from, err
		}
	}
	if path == "" {
		return "", "", nil // signs in only where nobody asks for a password
	}
	secret, err = readSecret(path, func(info fs.FileInfo) error { return checkPrivate(path, info, who) })
	if errors.Is(err, fs.ErrNotExist) {
		err = &advised{err, "write the password to " + path + ", with mode 0600, or correct the setting password_file"}
	}
	return secret, path, err
}

// lastChanged is when a file was changed last that is as long as its copy, and no newer; zero: there is none, or that is not known.
func lastChanged(path, copied string) time.Time {
	info, err := os.Stat(path)
	if err != nil {
		return time.Time{}
	}
	made, err := os.Stat(copied)
	if err != nil || info.Size() != made.Size() || info.ModTime().After(made.ModTime()) {
		return time.Time{}
	}
	return info.ModTime().UTC().Truncate(time.Second)
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
