package sitetest

import (
	"bytes"
	"cmp"
	"encoding/xml"
	"errors"
	"io"
	"slices"
	"strings"
)

// node is an element of a document that a device has sent, or, without a name, text.
type node struct {
	prefix, local string
	space         string // the namespace
	attrs         []xml.Attr
	scope         map[string]string // namespaces by prefix, here
	children      []*node
	text          string
	raw           string // as sent
}

// parseMarkup reads a document with its prefixes, as signatures need them.
func parseMarkup(text string) (*node, error) {
	d := xml.NewDecoder(strings.NewReader(text))
	type opened struct {
		*node
		from int64
	}
	top := &node{scope: map[string]string{}}
	open := []opened{{top, 0}}
	for {
		from := d.InputOffset()
		token, err := d.RawToken()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			return nil, err
		}
		above := open[len(open)-1].node
		switch token := token.(type) {
		case xml.StartElement:
			n := newNode(above, token.Copy())
			above.children = append(above.children, n)
			open = append(open, opened{n, from})
		case xml.EndElement:
			last := open[len(open)-1]
			if last.node == top || last.prefix != token.Name.Space || last.local != token.Name.Local {
				return nil, errors.New("an end tag of another element")
			}
			last.raw = text[last.from:d.InputOffset()]
			open = open[:len(open)-1]
		case xml.CharData:
			above.children = append(above.children, &node{text: string(token)})
		}
	}
	if len(open) != 1 {
		return nil, errors.New("an element without an end")
	}
	i := slices.IndexFunc(top.children, func(n *node) bool { return n.local != "" })
	if i < 0 {
		return nil, errors.New("no element")
	}
	return top.children[i], nil
}

func newNode(above *node, start xml.StartElement) *node {
	n := &node{prefix: start.Name.Space, local: start.Name.Local, attrs: start.Attr, scope: above.scope}
	for _, a := range start.Attr {
		prefix, declares := "", a.Name.Space == "" && a.Name.Local == "xmlns"
		if a.Name.Space == "xmlns" {
			prefix, declares = a.Name.Local, true
		}
		if declares {
			scope := map[string]string{prefix: a.Value}
			for p, space := range n.scope {
				if _, nearer := scope[p]; !nearer {
					scope[p] = space
				}
			}
			n.scope = scope
		}
	}
	n.space = n.scope[n.prefix]
	return n
}

// find returns the first element of a namespace and a name, itself or below it; nil for none.
func (n *node) find(space, local string) *node {
	if n == nil || n.local == local && n.space == space {
		return n
	}
	for _, c := range n.children {
		if found := c.find(space, local); found != nil {
			return found
		}
	}
	return nil
}

// value is the text of an element; "" of nil.
func (n *node) value() string {
	if n == nil {
		return ""
	}
	var b strings.Builder
	for _, c := range n.children {
		b.WriteString(c.text)
	}
	return strings.TrimSpace(b.String())
}

// attr is an attribute by its local name.
func (n *node) attr(local string) string {
	if n == nil {
		return ""
	}
	for _, a := range n.attrs {
		if a.Name.Local == local && a.Name.Space != "xmlns" {
			return a.Value
		}
	}
	return ""
}

var (
	textEscapes = strings.NewReplacer("&", "&amp;", "<", "&lt;", ">", "&gt;", "\r", "&#xD;")
	attrEscapes = strings.NewReplacer("&", "&amp;", "<", "&lt;", `"`, "&quot;", "\t", "&#x9;", "\n", "&#xA;", "\r", "&#xD;")
)

// canonical is an element in the form of Exclusive XML Canonicalization 1.0, which is what is signed.
func (n *node) canonical() string {
	var b bytes.Buffer
	n.canonicalise(&b, map[string]string{})
	return b.String()
}

func (n *node) canonicalise(b *bytes.Buffer, rendered map[string]string) {
	if n.local == "" {
		b.WriteString(textEscapes.Replace(n.text))
		return
	}
	used := []string{n.prefix}
	var attrs []xml.Attr
	for _, a := range n.attrs {
		if a.Name.Space == "xmlns" || a.Name.Space == "" && a.Name.Local == "xmlns" {
			continue
		}
		if a.Name.Space != "" {
			used = append(used, a.Name.Space)
		}
		attrs = append(attrs, a)
	}
	slices.Sort(used)
	inner := map[string]string{}
	for p, space := range rendered {
		inner[p] = space
	}
	name := n.local
	if n.prefix != "" {
		name = n.prefix + ":" + n.local
	}
	b.WriteString("<" + name)
	for _, p := range slices.Compact(used) {
		if space, known := rendered[p]; p == "xml" || known && space == n.scope[p] || !known && p == "" && n.scope[p] == "" {
			continue
		}
		inner[p] = n.scope[p]
		declaration := "xmlns"
		if p != "" {
			declaration += ":" + p
		}
		b.WriteString(" " + declaration + `="` + attrEscapes.Replace(n.scope[p]) + `"`)
	}
	slices.SortFunc(attrs, func(x, y xml.Attr) int {
		space := func(a xml.Attr) string {
			if a.Name.Space == "" {
				return ""
			}
			return n.scope[a.Name.Space]
		}
		return cmp.Or(cmp.Compare(space(x), space(y)), cmp.Compare(x.Name.Local, y.Name.Local))
	})
	for _, a := range attrs {
		full := a.Name.Local
		if a.Name.Space != "" {
			full = a.Name.Space + ":" + full
		}
		b.WriteString(" " + full + `="` + attrEscapes.Replace(a.Value) + `"`)
	}
	b.WriteString(">")
	for _, c := range n.children {
		c.canonicalise(b, inner)
	}
	b.WriteString("</" + name + ">")
}
