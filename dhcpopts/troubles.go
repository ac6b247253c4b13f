package dhcpopts

import (
	"errors"
	"fmt"
	"strings"
)

// Our choices: what is told of files that others write.
const (
	maxTroubles = 8   // errors in words; of the others only how many there are
	maxTrouble  = 200 // bytes of one
)

// troubles collects what could not be read or understood, and stays small whatever the files hold.
type troubles struct {
	first []error
	more  int
}

// add takes in an error, or all of another collection; nil is none.
func (t *troubles) add(err error) {
	var others *troubles
	switch {
	case err == nil:
	case errors.As(err, &others):
		for _, e := range others.first {
			t.add(e)
		}
		t.more += others.more
	case len(t.first) < maxTroubles:
		t.first = append(t.first, err)
	default:
		t.more++
	}
}

// err is nil when there was no trouble.
func (t *troubles) err() error {
	if len(t.first) == 0 {
		return nil
	}
	return t
}

func (t *troubles) Error() string {
	texts := make([]string, len(t.first), maxTroubles+1)
	for i, err := range t.first {
		texts[i] = err.Error()
	}
	if t.more > 0 {
		texts = append(texts, fmt.Sprintf("and %d more of this kind", t.more))
	}
	return strings.Join(texts, "; ")
}

func (t *troubles) Unwrap() []error { return t.first }
