package main

import (
	"archive/zip"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"time"

	"github.com/spf13/cobra"
)

func bundleCommand(e env) *cobra.Command {
	var file string
	var identities bool
	c := verb("bundle [-o FILE] [--identities]", "Write one redacted archive for support", func(c *cobra.Command) error {
		source, err := bundleSourceOf(c)
		if err != nil {
			return err
		}
		made := time.Now().UTC().Truncate(time.Second)
		if file == "" {
			file = fmt.Sprintf("homeward-bundle-%s-%s.zip", hostLabel(), made.Format(bundleStamp))
		}
		b := bundle{made: made, redacted: !identities}
		err = writeNew(file, func(w io.Writer) (err error) {
			if b.pieces, err = collect(c.Context(), source.parts(), progress(e.stderr)); err != nil {
				return err
			}
			if b.redacted {
				redact(b.pieces)
			}
			return writeArchive(w, b)
		}, e.stdout)
		if lacks, hints := b.lacks(); err == nil && lacks != "" {
			err = &failure{code: exitFailed, err: fmt.Errorf("%s is incomplete: %s", file, lacks), hints: hints}
		}
		return err
	})
	c.Long = `The archive contains the present output of the commands, the history, the configuration, the end of the log, a description
of this machine, and index.html, a page that shows all of it offline. A part that is not available is replaced by the reason. If
a permission was missing or a part took too long, the archive is still written and says so, and the exit code is 1. Run the
command as root.

User names, the name of this machine and MAC addresses are replaced by tokens, such as id-3f2a9c, which are the same throughout
the archive and mean nothing outside it; --identities leaves them readable. Names of Registrars, the domain and IP addresses always
stay readable: support needs them. The password is read for the check, which signs in, but is never in the archive. The file name
contains the name of this machine; choose another one with -o.`
	c.Flags().StringVarP(&file, "output", "o", "", "`FILE` to write (default homeward-bundle-HOST-TIME.zip in this directory)")
	c.Example = "homeward bundle\nhomeward bundle -o /tmp/site.zip"
	c.Flags().BoolVar(&identities, "identities", false, "do not replace user names, the name of this machine and MAC addresses")
	return c
}

func writeArchive(w io.Writer, b bundle) error {
	archive := zip.NewWriter(w)
	add := func(name string, text []byte) error {
		header := &zip.FileHeader{Name: bundleDir + "/" + name, Method: zip.Deflate, Modified: b.made}
		header.SetMode(bundleMode)
		f, err := archive.CreateHeader(header)
		if err == nil {
			_, err = f.Write(text)
		}
		return err
	}
	if err := add("index.html", b.page()); err != nil {
		return err
	}
	for _, p := range b.pieces {
		if err := add(p.name, p.text); err != nil {
			return err
		}
	}
	return archive.Close()
}

// writeNew writes a file that must not exist yet, and prints its path. It takes the name first: that it is taken, or
// that the directory is closed, is said before anybody has waited. Whoever sees the file with something in it sees all.
func writeNew(file string, write func(io.Writer) error, stdout io.Writer) (err error) {
	hints := []string{"choose another file with -o"}
	taken, err := os.OpenFile(file, os.O_WRONLY|os.O_CREATE|os.O_EXCL, bundleMode)
	if errors.Is(err, fs.ErrExist) {
		return &failure{code: exitFailed, err: fmt.Errorf("%s already exists and was not changed", file), hints: hints}
	}
	if err != nil {
		return &failure{code: exitFailed, err: err, hints: hints}
	}
	taken.Close()
	defer func() {
		if err != nil {
			os.Remove(file)
		}
	}()
	f, err := os.CreateTemp(filepath.Dir(file), ".homeward-bundle-") // mode 0600
	if err != nil {
		return &failure{code: exitFailed, err: err, hints: hints}
	}
	defer os.Remove(f.Name()) // in vain when all went well
	defer f.Close()
	if err := write(f); err != nil {
		return asFailure(err)
	}
	if err := errors.Join(f.Sync(), f.Close()); err != nil {
		return &failure{code: exitFailed, err: err, hints: hints}
	}
	if err := os.Rename(f.Name(), file); err != nil {
		return &failure{code: exitFailed, err: err, hints: hints}
	}
	_, err = fmt.Fprintln(stdout, file)
	return err
}

// asFailure gives an error of writing its exit code.
func asFailure(err error) error {
	var f *failure
	if errors.As(err, &f) {
		return f
	}
	return &failure{code: exitFailed, err: fmt.Errorf("write the archive: %w", err)}
}
