package config

import (
	"bytes"
	"errors"
	"fmt"
	"regexp"
	"slices"
	"strings"
	"sync"
	"unicode/utf8"

	"github.com/pelletier/go-toml/v2/unstable"

	"homeward/internal/nearest"
)

// Setting is a value with the place it comes from.
type Setting struct {
	Value
	From Origin

	missing *Problem // why there is nothing, where more is to be said than that
}

// readDocument returns the settings of a document, by name, or everything that is wrong with it. The parser is the part of
// the module below its decoder: it tells the line of every key, and what is wrong without a sentence around it.
func readDocument(file string, document []byte) (map[string]Setting, error) {
	var p unstable.Parser
	p.Reset(document)
	of := map[string]Setting{}
	var wrong Problems
	for section := false; p.NextExpression(); {
		e := p.Expression()
		name, line := keyOf(&p, e)
		from := Origin{File: file, Line: line}
		section = section || e.Kind != unstable.KeyValue
		_, twice := of[name]
		switch k := findKey(name); {
		case e.Kind != unstable.KeyValue:
			wrong.add(from, "", fmt.Errorf("the file has no sections; leave out %q", bytes.TrimSpace(lineOf(document, line))))
		case section: // what stands in one goes with it
		case k == nil:
			wrong.add(from, "", unknownKey(name))
		case twice:
			wrong.add(from, "", fmt.Errorf("key %s is already defined", name))
		default:
			v, err := k.convert(e.Value())
			if err != nil {
				wrong.add(from, name, err)
			}
			of[name] = Setting{Value: v, From: from}
		}
	}
	var at *unstable.ParserError
	switch err := p.Error(); {
	case errors.As(err, &at):
		line := p.Shape(p.Range(at.Highlight)).Start.Line
		return nil, Problems{syntaxProblem(Origin{File: file, Line: line}, document, at)}
	case err != nil:
		return nil, Problems{{From: Origin{File: file}, Err: fmt.Errorf("%s: %w", file, err)}}
	}
	return of, wrong.orNil()
}

// keyOf returns the key of an expression as it is written without quotes, and its line.
func keyOf(p *unstable.Parser, e *unstable.Node) (name string, line int) {
	var parts []string
	for key := e.Key(); key.Next(); {
		if parts == nil {
			line = p.Shape(key.Node().Raw).Start.Line
		}
		parts = append(parts, string(key.Node().Data))
	}
	return strings.Join(parts, "."), line
}

// convert turns a value of the file into one of this key.
func (k Key) convert(from *unstable.Node) (Value, error) {
	switch {
	case k.Kind == Text && (from.Kind == unstable.String || from.Kind == unstable.Float): // tls_min = 1.2 is clear enough
		return Value{Text: string(from.Data)}, nil
	case k.Kind == Truth && from.Kind == unstable.Bool:
		return Value{Truth: string(from.Data) == "true"}, nil
	case (k.Kind == List || k.Kind == Command) && from.Kind == unstable.Array:
		v := Value{List: []string{}}
		for element := from.Children(); element.Next(); {
			if element.Node().Kind != unstable.String {
				return Value{}, errors.New(k.mustBe())
			}
			v.List = append(v.List, string(element.Node().Data))
		}
		return v, nil
	}
	return Value{}, errors.New(k.mustBe())
}

// syntaxProblem says why a line is not TOML: what the value of its key must be, or else the words of the parser.
func syntaxProblem(from Origin, document []byte, err *unstable.ParserError) *Problem {
	line := lineOf(document, from.Line)
	problem := &Problem{From: from, Err: errors.New(err.Message)} // the error itself must not outlive the parser
	if other := otherFormat(bytes.Split(document, []byte("\n"))[:from.Line-1], line); other != "" {
		problem.Err = fmt.Errorf("this is %s, and the file must be TOML", other)
		problem.Hint = oneLineEach
		return problem
	}
	name, v, found := bytes.Cut(line, []byte("="))
	if k, began := openList(document, from.Line); k != nil {
		problem.Key, problem.Err = k.Name, fmt.Errorf("in the list that begins in line %d: %s", began, k.mustBe())
		if found && findKey(string(bytes.TrimSpace(name))) != nil {
			problem.Err = fmt.Errorf("the list that begins in line %d has no closing ] before this line", began)
		}
		return problem
	}
	name, v = bytes.TrimSpace(name), bytes.TrimSpace(v)
	if k := findKey(string(name)); k != nil && found {
		if text := k.misspelt(v); text != "" {
			problem.Key, problem.Err = k.Name, errors.New(text)
		}
	}
	switch {
	case string(name) == "user" && bytes.ContainsRune(v, '\\'):
		problem.Hint = singleQuotes
	case !found:
		problem.Hint = oneLineEach
	}
	return problem
}

const oneLineEach = "a line reads key = value, as homeward config example prints them; # begins a comment"

// yamlLine is "key: value", an element of a list, or the line between documents.
var yamlLine = sync.OnceValue(func() *regexp.Regexp { return regexp.MustCompile(`^\s*(---|- .*|"?[A-Za-z_-]+"?:(\s.*)?)$`) })

// otherFormat names the format in which a document is written whose first line that is not TOML is this one, or "".
func otherFormat(before [][]byte, line []byte) string {
	line = bytes.TrimSpace(line)
	isFirst := !slices.ContainsFunc(before, func(b []byte) bool { return len(bytes.TrimSpace(silent().ReplaceAll(b, nil))) > 0 })
	switch {
	case isFirst && bytes.HasPrefix(line, []byte("{")):
		return "JSON"
	case yamlLine().Match(line) && !bytes.Contains(line, []byte("=")):
		return "YAML"
	default:
		return ""
	}
}

// silent is what says nothing about where a list begins and ends: quoted text, and comments.
var silent = sync.OnceValue(func() *regexp.Regexp { return regexp.MustCompile(`"[^"]*"|'[^']*'|#.*$`) })

// openList returns the key of the list in which a line stands that is not the list's first, and the line in which the list
// begins; nil: it stands in none.
func openList(document []byte, line int) (k *Key, began int) {
	for began = line - 1; began > 0; began-- {
		before := silent().ReplaceAll(lineOf(document, began), nil)
		if bytes.ContainsRune(before, ']') {
			return nil, 0
		}
		name, v, found := bytes.Cut(before, []byte("="))
		if !found {
			continue
		}
		k := findKey(string(bytes.TrimSpace(name)))
		if k == nil || (k.Kind != List && k.Kind != Command) || !bytes.HasPrefix(bytes.TrimSpace(v), []byte("[")) {
			return nil, 0
		}
		return k, began
	}
	return nil, 0
}

// lineOf returns a line of a document, counted from 1.
func lineOf(document []byte, number int) []byte { return bytes.Split(document, []byte("\n"))[number-1] }

// misspelt says what is wrong with a value that is not TOML, or "" where only the decoder knows.
func (k Key) misspelt(v []byte) string {
	opened := bytes.HasPrefix(v, []byte("[")) && (k.Kind == List || k.Kind == Command)
	text := bytes.TrimSpace(bytes.TrimPrefix(v, []byte("[")))
	switch first, _ := utf8.DecodeRune(text); {
	case len(v) == 0:
		return "the value is missing"
	case strings.ContainsRune("\u201c\u201d\u201e\u2018\u2019\u201a\u00ab\u00bb`", first):
		return `the quotes must be straight ones, " or '`
	case k.Kind == Truth && (bytes.HasPrefix(v, []byte("true")) || bytes.HasPrefix(v, []byte("false"))):
		return ""
	case k.Kind == Truth:
		return "the value must be true or false, in lower case, without quotes"
	case !opened && (k.Kind == List || k.Kind == Command) || opened && len(text) > 0 && !bytes.ContainsAny(text, `"'`):
		return k.mustBe()
	case !opened && !bytes.ContainsRune([]byte(`"'[{`), first):
		return k.mustBe()
	case (first == '"' || first == '\'') && bytes.Count(text, []byte{byte(first)}) == 1:
		return "the closing quote is missing"
	}
	return ""
}

// mustBe says what a value of this key is.
func (k Key) mustBe() string {
	switch k.Kind {
	case Text:
		return "the value must be text in quotes"
	case Truth:
		return "the value must be true or false, without quotes"
	default: // List, Command
		return "the value must be a list of quoted texts, such as " + k.Sample()
	}
}

// unknownKey says that a key is none, and which was probably meant.
func unknownKey(name string) error {
	switch name {
	case "password":
		return errors.New("there is no key for the password itself; put it into a separate file and name that file in password_file")
	case "digest_over_tcp":
		return errors.New(`unknown key "digest_over_tcp": use credentials_over_tcp, which applies to NTLM too`)
	}
	names := make([]string, len(keys))
	for i := range keys {
		k := &keys[i]
		names[i] = k.Name
	}
	if near := nearest.Word(name, names); near != "" {
		return fmt.Errorf("unknown key %q, did you mean %s?", name, near)
	}
	return fmt.Errorf("unknown key %q", name)
}
