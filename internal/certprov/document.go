package certprov

import (
	"bytes"
	"encoding/xml"
	"errors"
	"io"
	"slices"
	"strings"
)

// Our choices: what Lync sends has 200 KB of WSDL at most, and a depth of 15.
const (
	maxDepth    = 32
	maxElements = 20000
	maxTokens   = 4 * maxElements // tags, texts, comments and instructions
	maxAttrs    = 64
)

// element is one of a document that was read. Names are compared by the local name: prefixes and their meaning differ between
// versions of the service.
type element struct {
	name     string // local
	attrs    []xml.Attr
	text     []byte // of its own, without that of its children
	raw      []byte // as sent, from the first "<" to the last ">"
	parent   *element
	children []*element
}

// parseDocument reads a whole document. It takes no document type, and no entity but the five of XML.
func parseDocument(text []byte) (*element, error) {
	text = bytes.TrimPrefix(text, []byte("\xef\xbb\xbf"))
	d := xml.NewDecoder(bytes.NewReader(text))
	reader := documentReader{whole: text}
	for {
		from := d.InputOffset()
		token, err := d.Token()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			return nil, badAnswer("no XML: %s", printable(err.Error()))
		}
		if err := reader.take(token, from, d.InputOffset()); err != nil {
			return nil, err
		}
	}
	if reader.root == nil {
		return nil, badAnswer("an empty document")
	}
	return reader.root, nil
}

type documentReader struct {
	whole    []byte
	root     *element
	open     []opened
	elements int
	tokens   int
}

type opened struct {
	*element
	from int64
}

func (r *documentReader) take(token xml.Token, from, to int64) error {
	if r.tokens++; r.tokens > maxTokens {
		return badAnswer("more than %d tags and texts", maxTokens)
	}
	switch token := token.(type) {
	case xml.Directive:
		return badAnswer("a document type")
	case xml.StartElement:
		return r.start(token, from)
	case xml.EndElement:
		last := r.open[len(r.open)-1]
		last.raw = r.whole[last.from:to]
		r.open = r.open[:len(r.open)-1]
	case xml.CharData:
		if n := len(r.open); n > 0 {
			r.open[n-1].text = append(r.open[n-1].text, token...)
		}
	}
	return nil
}

func (r *documentReader) start(token xml.StartElement, from int64) error {
	r.elements++
	switch {
	case len(r.open) >= maxDepth:
		return badAnswer("more than %d elements in each other", maxDepth)
	case r.elements > maxElements:
		return badAnswer("more than %d elements", maxElements)
	case len(token.Attr) > maxAttrs:
		return badAnswer("an element with %d attributes", len(token.Attr))
	case len(r.open) == 0 && r.root != nil:
		return badAnswer("two documents in one")
	}
	e := &element{name: token.Name.Local, attrs: slices.Clone(token.Attr)}
	if n := len(r.open); n == 0 {
		r.root = e
	} else {
		above := r.open[n-1].element
		above.children = append(above.children, e)
		e.parent = above
	}
	r.open = append(r.open, opened{e, from})
	return nil
}

// outer are the namespaces that are declared above an element, the nearest first: no name is twice among them.
func (e *element) outer() (declared []xml.Attr) {
	for e = e.parent; e != nil; e = e.parent {
		for _, a := range e.attrs {
			isNamespace := a.Name.Space == "xmlns" || a.Name.Space == "" && a.Name.Local == "xmlns"
			if isNamespace && len(declared) < maxAttrs && !slices.ContainsFunc(declared, func(d xml.Attr) bool { return d.Name == a.Name }) {
				declared = append(declared, a)
			}
		}
	}
	return declared
}

// child returns the first child of a name; nil for none, and of nil.
func (e *element) child(path ...string) *element {
	for _, name := range path {
		if e == nil {
			return nil
		}
		i := slices.IndexFunc(e.children, func(c *element) bool { return c.name == name })
		if i < 0 {
			return nil
		}
		e = e.children[i]
	}
	return e
}

// find returns the first element of a name, itself or below it; nil for none, and of nil.
func (e *element) find(name string) *element {
	if e == nil || e.name == name {
		return e
	}
	for _, c := range e.children {
		if found := c.find(name); found != nil {
			return found
		}
	}
	return nil
}

// each calls do for an element and all below it.
func (e *element) each(do func(*element)) {
	do(e)
	for _, c := range e.children {
		c.each(do)
	}
}

// count is how many elements of a name there are, itself or below it; 0 of nil.
func (e *element) count(name string) (n int) {
	if e != nil {
		e.each(func(c *element) {
			if c.name == name {
				n++
			}
		})
	}
	return n
}

// value is the text of an element, without white space around it; "" of nil.
func (e *element) value() string {
	if e == nil {
		return ""
	}
	return strings.TrimSpace(string(e.text))
}

// attr is an attribute by its local name; "" for none, and of nil.
func (e *element) attr(name string) string {
	if e == nil {
		return ""
	}
	for _, a := range e.attrs {
		if a.Name.Local == name && a.Name.Space != "xmlns" {
			return a.Value
		}
	}
	return ""
}

// whole returns an element as it was sent, for another document. Nothing of it is changed, since the server has signed it;
// only what namespaces it takes from elements around it is added to its first tag.
func (e *element) whole() string {
	var missing strings.Builder
	for _, d := range e.outer() {
		if slices.ContainsFunc(e.attrs, func(a xml.Attr) bool { return a.Name == d.Name }) {
			continue
		}
		switch prefix := d.Name.Local; {
		case d.Name.Space == "" && e.usesNoPrefix():
			missing.WriteString(` xmlns="` + escape(d.Value) + `"`)
		case d.Name.Space != "" && (bytes.Contains(e.raw, []byte("<"+prefix+":")) || bytes.Contains(e.raw, []byte(" "+prefix+":"))):
			missing.WriteString(` xmlns:` + prefix + `="` + escape(d.Value) + `"`)
		}
	}
	end := 1 + bytes.IndexAny(e.raw[1:], " \t\r\n/>") // behind the name
	return string(e.raw[:end]) + missing.String() + string(e.raw[end:])
}

// usesNoPrefix says whether a name in an element, as sent, has no prefix.
func (e *element) usesNoPrefix() bool {
	for rest := e.raw; ; {
		_, behind, found := bytes.Cut(rest, []byte("<"))
		if !found {
			return false
		}
		rest = behind
		name := behind[:max(0, bytes.IndexAny(behind, " \t\r\n/>"))]
		if len(name) > 0 && name[0] != '!' && name[0] != '?' && !bytes.Contains(name, []byte(":")) {
			return true
		}
	}
}

// escape writes text into a document.
func escape(s string) string {
	var b strings.Builder
	_ = xml.EscapeText(&b, []byte(s)) // a builder takes all
	return b.String()
}
