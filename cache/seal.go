package cache

import (
	"bytes"
	"crypto/sha256"
	"encoding/json"
	"errors"
	"fmt"
)

// version is the schema of the sealed record. A version with other fields keeps the last line as it
// is, so that this one can tell a newer record from a damaged one.
const version = 1

// ErrTooNew says that the record is intact, and not ours to understand or replace.
var ErrTooNew = errors.New("made by a newer version of homeward")

// damage is a finding about the contents of a file, as opposed to a fault of the disk or a lack of rights.
type damage string

func (d damage) Error() string { return string(d) }

// maxSecondCopy bounds what is written; the longest record that check accepts is shorter. (Our choice.)
const maxSecondCopy = 256 << 10

// seal returns the bytes that both copies hold: the record as JSON, and as its last member a
// checksum over every byte before that member. It refuses what unseal would refuse.
func seal(r Record) ([]byte, error) {
	body, err := json.MarshalIndent(struct {
		Version int `json:"version"`
		Record
	}{version, r}, "", "  ")
	if err != nil {
		return nil, err
	}
	body = append(bytes.TrimSuffix(body, []byte("\n}")), ",\n"...)
	sealed := append(body, checksumLine(body)...)
	if len(sealed) > maxSecondCopy {
		return nil, fmt.Errorf("the record has %d bytes, %d are possible", len(sealed), maxSecondCopy)
	}
	if _, err := unseal(sealed); err != nil {
		return nil, err
	}
	return sealed, nil
}

// checksumMember begins the last member; "checksum" with its indentation occurs nowhere before it.
const checksumMember = `  "checksum": "sha256:`

func checksumLine(body []byte) []byte {
	return fmt.Appendf(nil, checksumMember+"%x\"\n}\n", sha256.Sum256(body))
}

// unseal returns the record in sealed, which may hold any bytes. Its error is ErrTooNew or damage.
func unseal(sealed []byte) (Record, error) {
	i := bytes.LastIndex(sealed, []byte(checksumMember))
	if i < 0 || !bytes.Equal(sealed[i:], checksumLine(sealed[:i])) {
		return Record{}, damage("the checksum of the record does not match")
	}
	var made struct {
		Version int `json:"version"`
	}
	if err := json.Unmarshal(sealed, &made); err != nil || made.Version < 1 {
		return Record{}, damage("the record has no version")
	}
	if made.Version > version {
		return Record{}, ErrTooNew
	}
	var r Record
	if err := json.Unmarshal(sealed, &r); err != nil {
		return Record{}, damage(fmt.Sprintf("the record cannot be read: %v", err))
	}
	if err := r.check(); err != nil {
		return Record{}, damage(fmt.Sprintf("the record makes no sense: %v", err))
	}
	return r, nil
}

func isDamage(err error) bool {
	var d damage
	return errors.As(err, &d)
}
