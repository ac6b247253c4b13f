package config

import (
	"errors"
	"fmt"
	"strconv"
	"strings"
)

// Origin is where a setting was given. The zero value is nowhere: it is a default.
type Origin struct {
	File string // "": not in a file
	Line int    // 0: the file as a whole
	Flag string // "sip-address"; "": not as a flag
}

// Given says whether it is more than a default.
func (o Origin) Given() bool { return o != Origin{} }

// String is "homeward.toml:3", "--sip-address", or "" for a default.
func (o Origin) String() string {
	switch {
	case o.Flag != "":
		return "--" + o.Flag
	case o.Line > 0:
		return o.File + ":" + strconv.Itoa(o.Line)
	default:
		return o.File
	}
}

// Problem is what is wrong with one setting, one line, or the file.
type Problem struct {
	From Origin
	Key  string // "": of none
	Err  error  // what is wrong
	Hint string // what to do about it; "": Err says it
}

// Error is one line.
func (p *Problem) Error() string {
	switch {
	case p.From.Flag != "":
		return fmt.Sprintf("%s: %v", p.From, p.Err)
	case p.From.Line > 0 && p.Key == "roots" && p.Hint != "": // the line is right, and the file that it names is wrong
		return fmt.Sprintf("%v (roots, %s), so homeward does not start", p.Err, p.From)
	case p.From.Line > 0 && p.Key != "":
		return fmt.Sprintf("%s: %s: %v", p.From, p.Key, p.Err)
	case p.From.Line > 0:
		return fmt.Sprintf("%s: %v", p.From, p.Err)
	case p.Key != "":
		return fmt.Sprintf("%s: %v", p.Key, p.Err)
	default: // Err names the file
		return fmt.Sprintf("configuration: %v", p.Err)
	}
}

// Unwrap returns what is wrong.
func (p *Problem) Unwrap() error { return p.Err }

// maxProblems is how many of them are told: somebody reads them. (Our choice.)
const maxProblems = 20

// Problems is all that is wrong with a configuration.
type Problems []*Problem

// Error has a line for each of the first, and says how many more there are.
func (p Problems) Error() string {
	var lines []string
	for _, problem := range p[:min(len(p), maxProblems)] {
		lines = append(lines, problem.Error())
	}
	if more := len(p) - len(lines); more > 0 {
		lines = append(lines, fmt.Sprintf("… and %d more", more))
	}
	return strings.Join(lines, "\n")
}

// Unwrap returns each of those that are told.
func (p Problems) Unwrap() []error {
	all := make([]error, min(len(p), maxProblems))
	for i := range all {
		all[i] = p[i]
	}
	return all
}

// add notes what is wrong with a setting; a hint in err becomes that of the problem.
func (p *Problems) add(from Origin, key string, err error) {
	problem := &Problem{From: from, Key: key, Err: err}
	var a *advised
	if errors.As(err, &a) {
		problem.Hint = a.hint
	}
	*p = append(*p, problem)
}

// orNil is the error that p is, if it is one.
func (p Problems) orNil() error {
	if len(p) == 0 {
		return nil
	}
	return p
}

// advised is what is wrong, with what to do about it.
type advised struct {
	error
	hint string
}

func (a *advised) Unwrap() error { return a.error }
