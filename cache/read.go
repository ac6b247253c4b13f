package cache

import (
	"errors"
	"fmt"
	"path/filepath"

	"homeward/internal/safefile"
)

// ErrNoRecord says that the copy is sound and names no Registrar: the device has never registered,
// or was told to forget.
var ErrNoRecord = errors.New("no record")

// ReadFile returns the record in a homeward.db or a last-good.json, or a copy of either under any
// name and from a machine of any byte order, and which of the two it is: "database" or "last-good.json".
// It is for people with a device or a file in their hands, and changes no byte. The error is ErrLocked,
// after 1 s, while another process writes to the database; with ErrNoRecord, r holds the Generation.
func ReadFile(path string) (r Record, source string, err error) {
	open, source := opener(safefile.Open), "last-good.json"
	sealed, err := open.read(path, maxDatabase)
	if err == nil && sealed[0] != '{' {
		source = "database"
		if order, ok := foreign(sealed); ok {
			sealed, err = order.valueIn(sealed)
		} else {
			sealed, err = readDatabase(open, path)
		}
	}
	if err == nil {
		r, err = unseal(sealed)
	}
	believe(open, filepath.Dir(path), &r)
	if err == nil && r.empty() {
		r, err = Record{Generation: r.Generation}, ErrNoRecord
	}
	if err != nil {
		return r, "", fmt.Errorf("read %s: %w", path, bare(err))
	}
	return r, source, nil
}
