package sip

import (
	"cmp"
	"fmt"
	"strconv"
	"strings"
)

// message is a SIP request or response. What was received keeps its text: encode gives back the very bytes, line ends
// aside.
type message struct {
	start   string // the first line
	method  string // of a request; "" marks a response
	uri     string // of a request
	code    int    // of a response
	phrase  string // of a response
	headers []header
	body    []byte
	skipped int // length of a body that was too large to keep; 0: none was

	unsigned bool // a refusal of REGISTER that lacks the signature it must have
}

// header is one header line, folded or not. All its texts are parts of the message as it stood on the wire.
type header struct {
	raw   string // from the name to before the line end
	name  string // as written
	value string // as written, without the white space around it; lines joined by one space
}

func newRequest(method, uri string) *message {
	return &message{start: method + " " + uri + " SIP/2.0", method: method, uri: uri}
}

// add appends a header of ours. A line end inside a value would start another header, so it becomes a space.
func (m *message) add(name, value string) {
	value = strings.NewReplacer("\r", " ", "\n", " ").Replace(value)
	m.headers = append(m.headers, header{raw: name + ": " + value, name: name, value: value})
}

// fill adds a body.
func (m *message) fill(kind, body string) {
	m.add("Content-Type", kind)
	m.add("Content-Length", fmt.Sprint(len(body)))
	m.body = []byte(body)
}

// encode returns the message as it goes to the wire.
func (m *message) encode() []byte {
	var b strings.Builder
	b.WriteString(m.start + "\r\n")
	for _, h := range m.headers {
		b.WriteString(h.raw + "\r\n")
	}
	b.WriteString("\r\n")
	b.Write(m.body)
	return []byte(b.String())
}

func (m *message) hasBody() bool { return len(m.body) > 0 || m.skipped > 0 }

// get returns the value of the first header of that name, "" when there is none.
func (m *message) get(name string) string {
	if values := m.all(name); len(values) > 0 {
		return values[0]
	}
	return ""
}

// all returns the values of every header of that name, in order.
func (m *message) all(name string) []string {
	var values []string
	for _, h := range m.headers {
		if strings.EqualFold(h.longName(), name) {
			values = append(values, h.value)
		}
	}
	return values
}

// list returns the elements of a header that may come in several lines, or several to a line.
func (m *message) list(name string) []string {
	var elements []string
	for _, value := range m.all(name) {
		elements = append(elements, split(value, ',')...)
	}
	return elements
}

// longName spells out compact names. RFC 3261 section 7.3.3.
func (h header) longName() string {
	if len(h.name) != 1 {
		return h.name
	}
	return cmp.Or(compactNames[h.name[0]|0x20], h.name) // lower case
}

// compactNames are all that the IANA registry "SIP Header Fields" knows, with the RFC that defines each.
var compactNames = map[byte]string{
	'a': "Accept-Contact",      // RFC 3841
	'b': "Referred-By",         // RFC 3892
	'c': "Content-Type",        // RFC 3261
	'd': "Request-Disposition", // RFC 3841
	'e': "Content-Encoding",    // RFC 3261
	'f': "From",                // RFC 3261
	'i': "Call-ID",             // RFC 3261
	'j': "Reject-Contact",      // RFC 3841
	'k': "Supported",           // RFC 3261
	'l': "Content-Length",      // RFC 3261
	'm': "Contact",             // RFC 3261
	'n': "Identity-Info",       // RFC 4474; RFC 8224 has taken it back
	'o': "Event",               // RFC 6665
	'r': "Refer-To",            // RFC 3515
	's': "Subject",             // RFC 3261
	't': "To",                  // RFC 3261
	'u': "Allow-Events",        // RFC 6665
	'v': "Via",                 // RFC 3261
	'x': "Session-Expires",     // RFC 4028
	'y': "Identity",            // RFC 8224
}

// cseq returns the number and the method of CSeq.
func (m *message) cseq() (number uint32, method string, ok bool) {
	fields := strings.Fields(m.get("CSeq"))
	if len(fields) != 2 {
		return 0, "", false
	}
	n, err := strconv.ParseUint(fields[0], 10, 31) // RFC 3261 section 8.1.1.5: below 2^31
	return uint32(n), fields[1], err == nil
}

// differs says in what a response is not one to the request, "": it is. Call-ID and CSeq must be equal; branch and From tag
// too, unless the response has lost them. RFC 3261 section 17.1.3.
func (m *message) differs(request *message) string {
	number, method, ok := m.cseq()
	wantNumber, wantMethod, _ := request.cseq()
	switch {
	case m.get("Call-ID") != request.get("Call-ID"):
		return "its Call-ID"
	case !ok || number != wantNumber || !strings.EqualFold(method, wantMethod):
		return "its CSeq"
	case !sameOrLost(m.branch(), request.branch()):
		return "the branch of its Via"
	case !sameOrLost(parseAddress(m.get("From")).params["tag"], parseAddress(request.get("From")).params["tag"]):
		return "the tag of its From"
	default:
		return ""
	}
}

func sameOrLost(got, want string) bool { return got == "" || strings.EqualFold(got, want) }

// branch returns the transaction's mark, from the topmost Via.
func (m *message) branch() string {
	hops := m.list("Via")
	if len(hops) == 0 {
		return ""
	}
	return parseParams(split(hops[0], ';'))["branch"]
}

// parseHead reads what stands before the body: the first line and the headers, up to and with the empty line.
func parseHead(head string) (*message, error) {
	line, rest := cutLine(head)
	m, err := parseStart(line)
	if err != nil {
		return nil, err
	}
	for {
		from := rest
		line, rest = cutLine(rest)
		if line == "" {
			return m, nil
		}
		end := len(line)
		for strings.HasPrefix(rest, " ") || strings.HasPrefix(rest, "\t") { // RFC 3261 section 7.3.1: folded
			start := len(from) - len(rest)
			line, rest = cutLine(rest)
			end = start + len(line)
		}
		if len(m.headers) == maxHeaders {
			return nil, &MalformedError{Kind: HeadTooLarge, Problem: "more than " + strconv.Itoa(maxHeaders) + " headers"}
		}
		m.headers = append(m.headers, parseHeader(from[:end]))
	}
}

// cutLine cuts at the first line end: CRLF, or LF alone as hand-written peers send it.
func cutLine(s string) (line, rest string) {
	line, rest, _ = strings.Cut(s, "\n")
	return strings.TrimSuffix(line, "\r"), rest
}

// parseHeader splits name and value. A line without a colon is kept, under no name: it does no harm.
func parseHeader(raw string) header {
	name, value, colon := strings.Cut(raw, ":")
	if !colon {
		return header{raw: raw}
	}
	if strings.Contains(value, "\n") {
		lines := strings.Split(value, "\n")
		for i, line := range lines {
			lines[i] = strings.Trim(line, " \t\r")
		}
		value = strings.Join(lines, " ")
	}
	return header{raw: raw, name: strings.TrimRight(name, " \t"), value: strings.Trim(value, " \t\r")}
}

// parseStart reads the first line of a request or a response. RFC 3261 section 7.
func parseStart(line string) (*message, error) {
	fields := strings.Fields(line)
	switch {
	case len(fields) >= 2 && strings.EqualFold(fields[0], "SIP/2.0"):
		code, err := strconv.ParseUint(fields[1], 10, 16)
		if err != nil || len(fields[1]) != 3 || code < 100 || code > 699 {
			return nil, notSIP(line)
		}
		_, phrase, _ := strings.Cut(line, fields[1])
		return &message{start: line, code: int(code), phrase: strings.TrimSpace(phrase)}, nil
	case len(fields) == 3 && strings.EqualFold(fields[2], "SIP/2.0") && isToken(fields[0]) && strings.Contains(fields[1], ":"):
		return &message{start: line, method: fields[0], uri: fields[1]}, nil
	}
	return nil, notSIP(line)
}

func notSIP(line string) error {
	return &MalformedError{Kind: NotSIP, Begins: printable(line), Problem: `not SIP but "` + printable(line) + `"`}
}

// isToken reports whether s is a token of RFC 3261 section 25.1.
func isToken(s string) bool {
	return s != "" && strings.IndexFunc(s, func(r rune) bool { return r > 0x7f || !isTokenChar(byte(r)) }) < 0
}

func isTokenChar(c byte) bool {
	return 'a' <= c && c <= 'z' || 'A' <= c && c <= 'Z' || '0' <= c && c <= '9' || c != 0 && strings.IndexByte("-.!%*_+`'~", c) >= 0
}
