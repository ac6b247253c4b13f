package sip

import (
	"bytes"
	"encoding/xml"
	"errors"
	"fmt"
	"io"
	"strings"
)

// element is one element on the way from the root of a document to where we are.
type element struct {
	name       string            // in lower case, without the name space
	attributes map[string]string // names in lower case
	text       []byte            // directly in it
}

// readDocument walks through the body of a message and calls visit at the end of each element, with the way to it and the
// text directly in it. Servers differ in name spaces and in the case of names, so neither is looked at. What could make
// a small body large or name what is outside of it (document types, entities) is refused.
func readDocument(m *message, visit func(path []element, text string)) error {
	if m.skipped > 0 {
		return unreadable(fmt.Sprintf("it has %d bytes, %d are possible", m.skipped, maxBody))
	}
	if kind := split(m.get("Content-Type"), ';'); len(kind) > 1 {
		if charset := strings.ToLower(parseParams(kind[1:])["charset"]); charset != "" && charset != "utf-8" && charset != "us-ascii" {
			return unreadable("character set " + charset)
		}
	}
	in := xml.NewDecoder(bytes.NewReader(m.body)) // strict, and without a way to read other than UTF-8
	var path []element
	begun := false
	for {
		token, err := in.Token()
		switch {
		case errors.Is(err, io.EOF) && begun:
			return nil
		case errors.Is(err, io.EOF):
			return unreadable("there is nothing in it")
		case err != nil:
			return unreadable(err.Error())
		}
		switch t := token.(type) {
		case xml.Directive:
			return unreadable("a document type declaration")
		case xml.StartElement:
			if begun && len(path) == 0 || len(path) == maxDepth {
				return unreadable("too many elements side by side at the top, or inside of each other")
			}
			begun = true
			path = append(path, newElement(t))
		case xml.CharData:
			if last := len(path) - 1; last >= 0 {
				path[last].text = append(path[last].text, t...)
			}
		case xml.EndElement:
			last := len(path) - 1
			visit(path, strings.TrimSpace(string(path[last].text)))
			path = path[:last]
		}
	}
}

func newElement(t xml.StartElement) element {
	e := element{name: strings.ToLower(t.Name.Local), attributes: map[string]string{}}
	for _, a := range t.Attr {
		e.attributes[strings.ToLower(a.Name.Local)] = a.Value
	}
	return e
}

func unreadable(problem string) error {
	return &MalformedError{Kind: BadDocument, Problem: "a document that cannot be read: " + printable(problem)}
}
