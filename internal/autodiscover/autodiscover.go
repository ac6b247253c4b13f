package autodiscover

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"encoding/xml"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"slices"
	"strings"

	"homeward/internal/place"
	"homeward/internal/plain"
)

// Specification constants: MS-OCDISCWS.
const (
	accept = "application/vnd.microsoft.rtc.autodiscover+xml;v=1, application/vnd.microsoft.rtc.autodiscover+json;v=1"
)

// Our choices: a root document has less than 1 KB.
const (
	maxAnswer = 64 << 10 // bytes, with the headers
	maxLinks  = 32
)

// Question is who asks whom.
type Question struct {
	Host      string // the name that the server has proven
	User      string // "phone1@contoso.com"
	UserAgent string
}

// Root is what a root document says. Its hosts are in the form of place.HostName; "" is not said.
type Root struct {
	Location string // where the server believes the one who asks to be: "Internal" or "External"; "": it does not say
	User     string // the host of the web services that know the user
	Redirect string // the host to ask instead: of the document, or of a redirect of HTTP
}

// Leads is the host that the document leads to, or "".
func (r Root) Leads() string {
	if r.Redirect != "" {
		return r.Redirect
	}
	return r.User
}

// Kind says why there is no root document.
type Kind uint8

// The kinds.
const (
	NoAnswer   Kind = iota + 1 // nothing, or not all of it, came in time
	NotHTTP                    // what came is no answer of a web server
	BadStatus                  // the web server has no such document: Status
	Clear                      // it sends everybody to plain HTTP, which proves nothing
	NoDocument                 // what it sends is no root document

	lastKind = NoDocument
)

// Error says why there is no root document.
type Error struct {
	Kind   Kind
	Status int   // of BadStatus: 404
	Err    error // details, or nil
}

// Error describes it in one line.
func (e *Error) Error() string {
	switch e.Kind {
	case BadStatus:
		return fmt.Sprintf("the web server answers %d %s", e.Status, http.StatusText(e.Status))
	case Clear:
		return "the web server redirects to plain HTTP"
	case NotHTTP:
		return "the answer is not HTTP"
	case NoDocument:
		return "the web server sends something else"
	default:
		return plain.Words(e.Err)
	}
}

// Unwrap returns the details.
func (e *Error) Unwrap() error { return e.Err }

// Ask asks for the root document, until ctx ends. Every error is an *Error. The connection is of no use afterwards.
func Ask(ctx context.Context, conn net.Conn, q Question) (Root, error) {
	defer context.AfterFunc(ctx, func() { conn.Close() })()
	at := url.URL{Scheme: "https", Host: q.Host, Path: "/", RawQuery: url.Values{"sipuri": {q.User}}.Encode()}
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, at.String(), nil)
	if err != nil {
		return Root{}, &Error{Kind: NoAnswer, Err: err}
	}
	request.Close = true
	request.Header.Set("Accept", accept)
	request.Header.Set("User-Agent", q.UserAgent)
	if err := request.Write(conn); err != nil {
		return Root{}, broken(ctx, err)
	}
	heard := &ending{r: io.LimitReader(conn, maxAnswer)}
	response, err := http.ReadResponse(bufio.NewReader(heard), request)
	switch {
	case err != nil && heard.err != nil: // what came before it says nothing of what the answer is
		return Root{}, broken(ctx, heard.err)
	case err != nil:
		return Root{}, &Error{Kind: NotHTTP, Err: err}
	}
	defer response.Body.Close()
	if response.StatusCode >= 300 && response.StatusCode < 400 {
		return redirected(response)
	}
	if response.StatusCode != http.StatusOK {
		return Root{}, &Error{Kind: BadStatus, Status: response.StatusCode}
	}
	text, err := io.ReadAll(response.Body)
	if err != nil {
		return Root{}, broken(ctx, err)
	}
	return parse(text)
}

// ending remembers what the last read ended with.
type ending struct {
	r   io.Reader
	err error
}

func (e *ending) Read(b []byte) (int, error) {
	n, err := e.r.Read(b)
	e.err = err
	return n, err
}

// broken is an answer that did not come. That the time was over is what the closing of the connection means.
func broken(ctx context.Context, err error) error {
	if cause := ctx.Err(); cause != nil {
		err = cause
	}
	return &Error{Kind: NoAnswer, Err: err}
}

func redirected(response *http.Response) (Root, error) {
	to, err := response.Location()
	switch {
	case err != nil:
		return Root{}, &Error{Kind: BadStatus, Status: response.StatusCode}
	case to.Scheme != "https":
		return Root{}, &Error{Kind: Clear, Status: response.StatusCode}
	}
	host, err := place.HostName(to.Hostname())
	if err != nil {
		return Root{}, &Error{Kind: NoDocument, Err: err}
	}
	return Root{Redirect: host}, nil
}

// link is one of a document. Names are compared by the local name, whatever the namespace.
type link struct {
	token, href string
}

// parse reads a root document, in XML or JSON.
func parse(text []byte) (Root, error) {
	text = bytes.TrimSpace(bytes.TrimPrefix(text, []byte("\ufeff")))
	var root Root
	var links []link
	var err error
	if bytes.HasPrefix(text, []byte("{")) {
		links, err = parseJSON(text)
	} else {
		root.Location, links, err = parseXML(text)
	}
	if err != nil {
		return Root{}, &Error{Kind: NoDocument, Err: err}
	}
	for _, l := range links[:min(len(links), maxLinks)] {
		switch host := hostOf(l.href); {
		case strings.EqualFold(l.token, "user") && root.User == "":
			root.User = host
		case strings.EqualFold(l.token, "redirect") && root.Redirect == "":
			root.Redirect = host
		}
	}
	if root.Leads() == "" {
		return Root{}, &Error{Kind: NoDocument, Err: errors.New("no link that leads to web services over https")}
	}
	return root, nil
}

// linkPath leads to a link of an XML document.
var linkPath = []string{"AutodiscoverResponse", "Root", "Link"}

func parseXML(text []byte) (location string, links []link, err error) {
	in := xml.NewDecoder(bytes.NewReader(text))
	var path []string
	for {
		token, err := in.Token()
		if err != nil {
			return "", nil, err
		}
		switch t := token.(type) {
		case xml.StartElement:
			path = append(path, t.Name.Local)
			switch {
			case path[0] != linkPath[0]:
				return "", nil, errors.New("the XML is no AutodiscoverResponse")
			case len(path) == 1:
				location = attr(t, "AccessLocation")
			case slices.Equal(path, linkPath):
				links = append(links, link{attr(t, "token"), attr(t, "href")})
			}
		case xml.EndElement:
			if path = path[:len(path)-1]; len(path) > 0 {
				continue
			}
			if location != "Internal" && location != "External" {
				location = ""
			}
			return location, links, nil
		}
	}
}

// attr is an attribute by its local name, "" for none.
func attr(e xml.StartElement, name string) (value string) {
	for _, a := range e.Attr {
		if a.Name.Local == name {
			value = a.Value
		}
	}
	return value
}

func parseJSON(text []byte) (links []link, err error) {
	var document struct {
		Links map[string]struct {
			Href string `json:"href"`
		} `json:"_links"`
	}
	if err := json.Unmarshal(text, &document); err != nil {
		return nil, err
	}
	for _, token := range []string{"user", "redirect"} {
		links = append(links, link{token, document.Links[token].Href})
	}
	return links, nil
}

// hostOf is the host of a link that leads to a server that must prove its name, or "".
func hostOf(href string) string {
	u, err := url.Parse(strings.TrimSpace(href))
	if err != nil || u.Scheme != "https" {
		return ""
	}
	host, err := place.HostName(u.Hostname())
	if err != nil {
		return ""
	}
	return host
}
