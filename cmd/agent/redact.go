package main

import (
	"bytes"
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"net"
	"regexp"
	"slices"
	"sort"
	"strings"
	"sync"
	"unicode"
	"unicode/utf8"
)

// redactor replaces what says whose device it is by tokens such as "id-3f2a9c": the same identity has the same token
// everywhere in one bundle. The key is made for one bundle and kept nowhere, so that nobody can try names until one
// fits, and so that two bundles cannot be compared.
type redactor struct {
	key   []byte
	known []identity // longest first
}

// identity is something known to say whose device it is.
type identity struct {
	text  []byte // as folded returns it
	token string
}

func newRedactor() *redactor {
	r := &redactor{key: make([]byte, sha256.Size)}
	_, _ = rand.Read(r.key) // never fails
	return r
}

// token returns what stands for an identity, which is the same however it was written.
func (r *redactor) token(identity string) string {
	h := hmac.New(sha256.New, r.key)
	h.Write(folded(identity).text)
	return "id-" + hex.EncodeToString(h.Sum(nil)[:3])
}

// tokenForm is what token returns.
var tokenForm = sync.OnceValue(func() *regexp.Regexp { return regexp.MustCompile(`^id-[0-9a-f]{6}$`) })

// learnFrom looks for identities in JSON that this program has written. Foreign text is never learnt from: it could
// name any word, and have the bundle made unreadable.
func (r *redactor) learnFrom(text []byte) {
	eachString(text, func(key, value string) string {
		switch key {
		case "sip_address":
			r.learn(userPart(value))
		case "user":
			r.learn(userPart(value[strings.LastIndex(value, `\`)+1:]))
		case "host_name":
			label, _, _ := strings.Cut(value, ".")
			if label != "localhost" {
				r.learn(label)
			}
		case "endpoint_id":
			r.learn(value)
		case "mac":
			r.learnMAC(value)
		}
		return value
	})
}

// userPart returns the left side of an address, without the scheme and without parameters.
func userPart(address string) string {
	if i := strings.Index(strings.ToLower(address), "sip:"); i >= 0 {
		address = address[i+len("sip:"):]
	}
	user, _, _ := strings.Cut(address, "@")
	user, _, _ = strings.Cut(user, ";")
	return strings.TrimPrefix(user, "+")
}

// learnMAC adds the usual ways to write a MAC address, and what an IPv6 address made from it shows (RFC 4291 appendix A).
func (r *redactor) learnMAC(text string) {
	mac, err := net.ParseMAC(text)
	if err != nil || len(mac) != 6 || bytes.Equal(mac, make([]byte, 6)) {
		return
	}
	digits := hex.EncodeToString(mac)
	interfaceID := append(net.ParseIP("fe80::")[:8:8], mac[0]^2, mac[1], mac[2], 0xff, 0xfe, mac[3], mac[4], mac[5])
	groups := strings.Split(interfaceID.String(), ":")
	for _, form := range []string{
		mac.String(), strings.ReplaceAll(mac.String(), ":", "-"), digits, digits[:4] + "." + digits[4:8] + "." + digits[8:],
		strings.Join(groups[len(groups)-3:], ":"),
	} {
		r.learnAs(form, r.token(mac.String()))
	}
}

func (r *redactor) learn(text string) { r.learnAs(text, r.token(text)) }

func (r *redactor) learnAs(text, token string) {
	known := identity{folded(text).text, token}
	if len(known.text) == 0 || slices.ContainsFunc(r.known, func(k identity) bool { return bytes.Equal(k.text, known.text) }) {
		return
	}
	r.known = append(r.known, known)
	sort.SliceStable(r.known, func(i, j int) bool { return len(r.known[i].text) > len(r.known[j].text) })
}

// json replaces the identities in all strings of JSON, one value or many. Names of fields are ours.
func (r *redactor) json(text []byte) []byte {
	return eachString(text, func(_, value string) string { return r.text(value) })
}

// Identities that nobody told, by their form.
var (
	// addressee is the user part of a SIP URI (RFC 3261 §25.1), whatever follows it, or the left side of a mail address or
	// a UPN; with percent-encoding or without.
	addressee = sync.OnceValue(func() *regexp.Regexp {
		return regexp.MustCompile(`(?i)(sips?(?::|%3a))([^\s@<>"',]+?)(@|%40)([a-z0-9.-]*)|([\p{L}0-9._%+~!*-]+)(@|%40)([a-z0-9-]+(?:\.[a-z0-9-]+)+)`)
	})
	// macAddress is one of six bytes, or of up to eight: a DHCP client identifier begins with a type.
	macAddress = sync.OnceValue(func() *regexp.Regexp { return regexp.MustCompile(`(?i)\b[0-9a-f]{2}(?:[:-][0-9a-f]{2}){5,}\b`) })
)

// text replaces the identities in text: those that are known wherever they stand as a word, in upper case and
// percent-encoded too, and others by their form.
func (r *redactor) text(s string) string {
	s = r.knownIn(s)
	s = replaceGroups(addressee(), s, func(m []string) string {
		scheme, user, at, host := m[1], m[2]+m[5], m[3]+m[6], m[4]+m[7]
		server := strings.HasSuffix(strings.ToLower(user), "."+strings.ToLower(host)) // a GRUU: sip:pool01.contoso.com@contoso.com;gruu
		if !server && !tokenForm().MatchString(userPart(user)) {
			user = r.token(userPart(user))
		}
		return scheme + user + at + host
	})
	return replaceGroups(macAddress(), s, func(m []string) string {
		if len(m[0]) > len("01:02:03:04:05:06:07:08") {
			return m[0] // a fingerprint
		}
		return r.token(strings.ReplaceAll(m[0], "-", ":"))
	})
}

func replaceGroups(form *regexp.Regexp, s string, by func(groups []string) string) string {
	return form.ReplaceAllStringFunc(s, func(match string) string { return by(form.FindStringSubmatch(match)) })
}

// knownIn replaces the identities that are known. Where two begin at one place, the longer counts.
func (r *redactor) knownIn(s string) string {
	f := folded(s)
	var out strings.Builder
	done := 0 // of s
	for i := 0; i < len(f.text); i++ {
		for _, k := range r.known {
			if end := i + len(k.text); bytes.HasPrefix(f.text[i:], k.text) && isWord(f.text, i, end) {
				out.WriteString(s[done:f.at[i]])
				out.WriteString(k.token)
				done, i = f.at[end], end-1
				break
			}
		}
	}
	return out.String() + s[done:]
}

// escapeBefore is the end of text that stands for a character which is no letter: of a quoted one, or of one that was
// percent-encoded twice.
var escapeBefore = sync.OnceValue(func() *regexp.Regexp {
	return regexp.MustCompile(`(?:%[0-9a-f]{2}|\\(?:[abfnrtv]|x[0-9a-f]{2}|u[0-9a-f]{4}))$`)
})

// isWord says whether text[i:end] stands by itself. What is all digits may be part of an address, a port or a time, and
// is none then.
func isWord(text []byte, i, end int) bool {
	before, _ := utf8.DecodeLastRune(text[:i])
	after, width := utf8.DecodeRune(text[end:])
	next, _ := utf8.DecodeRune(text[min(end+width, len(text)):])
	switch {
	case inWord(after), inWord(before) && !escapeBefore().Match(text[max(0, i-6):i]):
		return false
	case len(bytes.Trim(text[i:end], "0123456789")) > 0, bytes.HasSuffix(text[:i], []byte("sip:")), bytes.HasSuffix(text[:i], []byte("sips:")):
		return true
	default:
		return !strings.ContainsRune(".:-", before) && (!strings.ContainsRune(".:-", after) || !inWord(next))
	}
}

func inWord(r rune) bool { return r != utf8.RuneError && (unicode.IsLetter(r) || unicode.IsDigit(r)) }

// folding is text in lower case, with percent-encoding undone.
type folding struct {
	text []byte
	at   []int // where each byte of text comes from, and where the end does
}

func folded(s string) folding {
	var f folding
	for i := 0; i < len(s); {
		b, width := s[i], 1
		if b == '%' && i+3 <= len(s) {
			if decoded, err := hex.DecodeString(s[i+1 : i+3]); err == nil {
				b, width = decoded[0], 3
			}
		}
		f.text, f.at = append(f.text, b), append(f.at, i)
		i += width
	}
	f.at = append(f.at, len(s))
	for i := 0; i < len(f.text); {
		r, width := utf8.DecodeRune(f.text[i:])
		if lower := unicode.ToLower(r); utf8.RuneLen(lower) == width && r != utf8.RuneError {
			utf8.EncodeRune(f.text[i:], lower)
		}
		i += width
	}
	return f
}

// eachString calls change for each string of JSON that is not the name of a field, with the name of the field it is
// in, and returns the text with what change returned. The rest stays as it is written. From where it is no JSON on, all
// of it is one string.
func eachString(text []byte, change func(field, value string) string) []byte {
	var out bytes.Buffer
	field := ""
	for {
		start := bytes.IndexByte(text, '"')
		if start < 0 {
			break
		}
		end := stringEnd(text, start)
		var value string
		if json.Unmarshal(text[start:end], &value) != nil {
			text = []byte(change(field, string(text)))
			break
		}
		out.Write(text[:start])
		if rest := bytes.TrimLeft(text[end:], " \t\r\n"); len(rest) > 0 && rest[0] == ':' {
			field = value
			out.Write(text[start:end])
		} else {
			out.Write(quotedJSON(change(field, value)))
		}
		text = text[end:]
	}
	out.Write(text)
	return out.Bytes()
}

// stringEnd returns where the string that begins at start ends.
func stringEnd(text []byte, start int) int {
	for i := start + 1; i < len(text); i++ {
		switch text[i] {
		case '\\':
			i++
		case '"':
			return i + 1
		}
	}
	return len(text)
}

func quotedJSON(s string) []byte {
	var b bytes.Buffer
	_ = printJSONLine(&b, s) // cannot fail: text into memory
	return bytes.TrimSuffix(b.Bytes(), []byte("\n"))
}
