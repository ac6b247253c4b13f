package sitetest

import (
	"errors"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
	"time"

	"homeward/internal/nearest"
)

// Words of a site file. What a section knows is a table from the word to what reads it, so that what is known,
// what a mistake is told to be near to, and what docs/simulated-site.md lists cannot differ.

// Unknown is the mistake of a word that the format does not know: what it should have been ("option"), and the
// known word nearest to it, or, where none is near, all of them.
func Unknown(kind, word string, known []string) error {
	return fmt.Errorf("unknown %s %q: %s", kind, word, hint(word, known))
}

func hint(word string, known []string) string {
	known = slices.Sorted(slices.Values(known))
	if meant := nearest.Word(word, known); meant != "" {
		return fmt.Sprintf("did you mean %q?", meant)
	}
	return "known are " + strings.Join(known, ", ")
}

// option reads the value of one option, KEY or KEY=VALUE, into a T.
type option[T any] struct {
	take   func(to *T, value string) error
	isFlag bool // has no value
}

// options are those that a line may have, by key.
type options[T any] map[string]option[T]

// take reads one word.
func (o options[T]) take(to *T, word string) error {
	key, value, hasValue := strings.Cut(word, "=")
	known, ok := o[key]
	switch {
	case !ok:
		return fmt.Errorf("%s: unknown option: %s", word, hint(key, slices.Collect(maps.Keys(o))))
	case known.isFlag && hasValue:
		return fmt.Errorf("%s: %s takes no value", word, key)
	case !known.isFlag && value == "":
		return fmt.Errorf("%s: want %s=VALUE", word, key)
	}
	if err := known.take(to, value); err != nil {
		return fmt.Errorf("%s: %w", word, err)
	}
	return nil
}

// takeAll takes one word after the other.
func (o options[T]) takeAll(to *T, words []string) error {
	for _, word := range words {
		if err := o.take(to, word); err != nil {
			return err
		}
	}
	return nil
}

func flag[T any](field func(*T) *bool) option[T] {
	return option[T]{isFlag: true, take: func(to *T, _ string) error { *field(to) = true; return nil }}
}

func text[T any](field func(*T) *string) option[T] {
	return option[T]{take: func(to *T, value string) error { *field(to) = value; return nil }}
}

// list is words with commas between.
func list[T any](field func(*T) *[]string) option[T] {
	return option[T]{take: func(to *T, value string) error { *field(to) = strings.Split(value, ","); return nil }}
}

func number[T any](field func(*T) *int) option[T] {
	return option[T]{take: func(to *T, value string) (err error) {
		if *field(to), err = strconv.Atoi(value); err != nil {
			return errors.New("want a whole number")
		}
		return nil
	}}
}

func duration[T any](field func(*T) *time.Duration) option[T] {
	return option[T]{take: func(to *T, value string) (err error) {
		*field(to), err = time.ParseDuration(value)
		return err
	}}
}

// span cuts the words that belong off the front.
func span(words []string, belongs func(string) bool) (mine, rest []string) {
	n := slices.IndexFunc(words, func(w string) bool { return !belongs(w) })
	if n < 0 {
		n = len(words)
	}
	return words[:n], words[n:]
}
