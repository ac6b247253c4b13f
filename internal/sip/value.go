package sip

import (
	"strconv"
	"strings"
)

// split cuts a header value at every sep that stands outside quotes and angle brackets. The parts are trimmed, empty ones
// dropped.
func split(s string, sep byte) []string {
	var parts []string
	quoted, bracketed, from := false, false, 0
	keep := func(part string) {
		if part = strings.TrimSpace(part); part != "" {
			parts = append(parts, part)
		}
	}
	for i := 0; i < len(s); i++ {
		switch c := s[i]; {
		case quoted && c == '\\':
			i++ // RFC 3261 section 25.1, quoted-pair: the next character stands for itself
		case c == '"':
			quoted = !quoted
		case quoted:
		case c == '<':
			bracketed = true
		case c == '>':
			bracketed = false
		case c == sep && !bracketed:
			keep(s[from:i])
			from = i + 1
		}
	}
	keep(s[from:])
	return parts
}

// params are the parameters of a header, a URI or a challenge: names in lower case, values without quotes. The first of
// several equal names counts.
type params map[string]string

func parseParams(parts []string) params {
	p := params{}
	for _, part := range parts {
		name, value, _ := strings.Cut(part, "=")
		name = strings.ToLower(strings.TrimSpace(name))
		if _, known := p[name]; !known {
			p[name] = unquote(strings.TrimSpace(value))
		}
	}
	return p
}

// unquote returns what a quoted string says; other text as it is.
func unquote(s string) string {
	if !strings.HasPrefix(s, `"`) {
		return s
	}
	var b strings.Builder
	for i := 1; i < len(s) && s[i] != '"'; i++ {
		if s[i] == '\\' && i+1 < len(s) {
			i++
		}
		b.WriteByte(s[i])
	}
	return b.String()
}

// quote is the way back. RFC 3261 section 25.1.
func quote(s string) string {
	return `"` + strings.NewReplacer(`\`, `\\`, `"`, `\"`).Replace(s) + `"`
}

// address is one element of From, To or Contact. RFC 3261 section 20.10.
type address struct {
	uri    string
	params params // of the header, not of the URI
}

func parseAddress(s string) address {
	parts := split(s, ';')
	if len(parts) == 0 {
		return address{}
	}
	uri := parts[0]
	if bracket := strings.LastIndexByte(uri, '<'); bracket >= 0 { // after a display name, which may be quoted
		uri, _, _ = strings.Cut(uri[bracket+1:], ">")
	}
	return address{uri: strings.TrimSpace(uri), params: parseParams(parts[1:])}
}

// uri is a sip: or sips: URI. RFC 3261 section 19.1.
type uri struct {
	sips       bool
	user, host string // host without the brackets of an IPv6 address
	port       uint16 // 0: none written
	params     params
}

func parseURI(s string) (uri, bool) {
	scheme, rest, _ := strings.Cut(s, ":")
	u := uri{sips: strings.EqualFold(scheme, "sips")}
	if !u.sips && !strings.EqualFold(scheme, "sip") {
		return uri{}, false
	}
	if user, after, found := strings.Cut(rest, "@"); found {
		u.user, rest = user, after
	}
	rest, _, _ = strings.Cut(rest, "?")
	parts := split(rest, ';')
	if len(parts) == 0 {
		return uri{}, false
	}
	u.params = parseParams(parts[1:])
	host, port, ok := cutPort(parts[0])
	u.host, u.port = host, port
	return u, ok && host != ""
}

// isPlain reports whether s can be repeated in a message and shown to people: nothing in it ends a line, a pair of angle
// brackets or a word.
func isPlain(s string) bool {
	outside := func(r rune) bool { return r <= ' ' || r > '~' || r == '<' || r == '>' || r == '"' }
	return len(s) <= maxURI && strings.IndexFunc(s, outside) < 0
}

// isPlainURI reports whether s is a SIP URI, and plain.
func isPlainURI(s string) bool {
	_, ok := parseURI(s)
	return ok && isPlain(s)
}

// cutPort splits "host:port", "host", "[2001:db8::1]:port". An empty port counts as none.
func cutPort(s string) (host string, port uint16, ok bool) {
	host, digits, _ := strings.Cut(s, ":")
	if strings.HasPrefix(s, "[") {
		host, digits, ok = strings.Cut(s[1:], "]")
		if !ok || digits != "" && digits[0] != ':' {
			return "", 0, false
		}
		digits = strings.TrimPrefix(digits, ":")
	}
	if digits = strings.TrimSpace(digits); digits == "" {
		return strings.TrimSpace(host), 0, true
	}
	n, err := strconv.ParseUint(digits, 10, 16)
	return strings.TrimSpace(host), uint16(n), err == nil && n != 0
}

// same reports whether two URIs lead to the same place: parameters, which Registrars add to, are not compared.
func (u uri) same(v uri) bool {
	return strings.EqualFold(u.user, v.user) && strings.EqualFold(u.host, v.host) && u.port == v.port
}

// seconds reads a whole number at the start of a value ("120 (back soon)"); numbers beyond max count as max.
func seconds(value string, max int) (int, bool) {
	digits := value
	if end := strings.IndexFunc(value, func(r rune) bool { return r < '0' || r > '9' }); end >= 0 {
		digits = value[:end]
	}
	if digits == "" {
		return 0, false
	}
	n, err := strconv.Atoi(digits)
	if err != nil || n > max {
		n = max
	}
	return n, true
}

// port reads a port; 0: none.
func port(s string) uint16 {
	n, err := strconv.ParseUint(s, 10, 16)
	if err != nil {
		return 0
	}
	return uint16(n)
}

// printable makes a stranger's text safe to show: control characters are escaped, and it ends at 256 bytes.
func printable(s string) string {
	var b strings.Builder
	for _, r := range s {
		shown := string(r)
		if !strconv.IsPrint(r) {
			shown = strings.Trim(strconv.QuoteRune(r), "'")
		}
		if b.Len()+len(shown) > maxText {
			break
		}
		b.WriteString(shown)
	}
	return b.String()
}
