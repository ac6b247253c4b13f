package sitetest

import (
	"bufio"
	"crypto/rand"
	"crypto/sha1"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"net/textproto"
	"strconv"
	"strings"
)

// message is a SIP message as it came. Reading it shares no code with the client
// that is being tested.
type message struct {
	method, uri string               // of a request; method is "" in a response
	code        int                  // of a response
	header      textproto.MIMEHeader // which folds lines and names as SIP does
	body        []byte
}

// maxBody bounds what a client may announce (our choice).
const maxBody = 1 << 20

// readMessage reads the next message of a stream; ping is called for each CRLF
// CRLF before it (RFC 5626 section 3.5.1).
func readMessage(in *bufio.Reader, ping func()) (*message, error) {
	r := textproto.NewReader(in)
	start, err := r.ReadLine()
	for empty := 1; err == nil && start == ""; empty++ {
		if empty%2 == 0 {
			ping()
		}
		start, err = r.ReadLine()
	}
	if err != nil {
		return nil, err
	}
	m := new(message)
	if status, ok := strings.CutPrefix(start, "SIP/2.0 "); ok {
		code, _, _ := strings.Cut(status, " ")
		if m.code, err = strconv.Atoi(code); err != nil {
			return nil, fmt.Errorf("not a SIP status line: %.100q", start)
		}
	} else {
		words := strings.Split(start, " ")
		if len(words) != 3 || words[2] != "SIP/2.0" {
			return nil, fmt.Errorf("not a SIP request line: %.100q", start)
		}
		m.method, m.uri = words[0], words[1]
	}
	if m.header, err = r.ReadMIMEHeader(); err != nil {
		return nil, err
	}
	// RFC 3261 section 18.3: on a stream only Content-Length says where a message ends.
	length, err := strconv.Atoi(m.header.Get("Content-Length"))
	if err != nil || length < 0 || length > maxBody {
		return nil, errors.New("no good Content-Length")
	}
	m.body = make([]byte, length)
	_, err = io.ReadFull(in, m.body)
	return m, err
}

// address is the SIP address in a From, To or Contact.
func address(value string) string {
	if _, after, ok := strings.Cut(value, "<"); ok {
		value, _, _ = strings.Cut(after, ">")
		return value
	}
	value, _, _ = strings.Cut(value, ";")
	return strings.TrimSpace(value)
}

// leaving says whether a REGISTER takes the binding away (RFC 3261 section 10.2.2).
func (m *message) leaving() bool {
	_, after, _ := strings.Cut(m.header.Get("Contact"), ">")
	for param := range strings.SplitSeq(after, ";") {
		if value, ok := strings.CutPrefix(strings.TrimSpace(param), "expires="); ok {
			return value == "0"
		}
	}
	return m.header.Get("Expires") == "0"
}

// params reads "a=b, c="d, e"" into a map; the names become lower case.
func params(text string) map[string]string {
	p := map[string]string{}
	for text != "" {
		name, rest, _ := strings.Cut(text, "=")
		var value string
		if quoted, ok := strings.CutPrefix(rest, `"`); ok {
			value, rest, _ = strings.Cut(quoted, `"`)
			_, text, _ = strings.Cut(rest, ",")
		} else {
			value, text, _ = strings.Cut(rest, ",")
		}
		p[strings.ToLower(strings.TrimSpace(name))] = strings.TrimSpace(value)
	}
	return p
}

// headerParam is a parameter of a From, To or Contact, outside the address.
func headerParam(value, name string) string {
	if _, after, ok := strings.Cut(value, ">"); ok {
		value = after
	}
	for param := range strings.SplitSeq(value, ";") {
		key, text, _ := strings.Cut(strings.TrimSpace(param), "=")
		if strings.EqualFold(key, name) {
			return strings.Trim(text, `"`)
		}
	}
	return ""
}

// randomHex is n random bytes.
func randomHex(n int) string {
	b := make([]byte, n)
	rand.Read(b)
	return fmt.Sprintf("%X", b)
}

// supports says whether a request has an option tag in Supported.
func (m *message) supports(tag string) bool {
	return strings.Contains(strings.Join(m.header.Values("Supported"), ","), tag)
}

// instance derives +sip.instance from an epid (MS-SIPRE 3.2.4.1): a name-based UUID
// in which everything is little-endian.
func instance(epid string) (id [16]byte) {
	namespace := []byte{0x03, 0xfb, 0xac, 0xfc, 0x73, 0x8a, 0xef, 0x46, 0x91, 0xb1, 0xe5, 0xeb, 0xee, 0xab, 0xa4, 0xfe}
	sum := sha1.Sum(append(namespace, epid...))
	copy(id[:], sum[:])
	id[7] = id[7]&0x0f | 0x50 // version 5
	id[8] = id[8]&0x3f | 0x80
	return id
}

func guid(id [16]byte) string {
	le := binary.LittleEndian
	return fmt.Sprintf("%08x-%04x-%04x-%x-%x", le.Uint32(id[:]), le.Uint16(id[4:]), le.Uint16(id[6:]), id[8:10], id[10:])
}
