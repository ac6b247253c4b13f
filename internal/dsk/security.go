package dsk

import (
	"crypto/hmac"
	"crypto/sha1"
	"encoding/hex"
	"fmt"
	"hash"
	"log/slog"
)

// MAC says with which hash messages are signed.
type MAC uint8

// The two ways.
const (
	// SHA1 is HMAC-SHA1: that of the suites whose records are protected by it, whatever the version of TLS.
	SHA1 MAC = iota
	// PRF is HMAC with the hash of the pseudorandom function. No document says what signs after a handshake with one of the
	// other suites: this, or HMAC-SHA1.
	PRF
)

const redacted = "[redacted]"

// Security signs our messages and checks the Registrar's. It has no state but its keys: any number of goroutines may use
// it.
type Security struct {
	client, server func(text string) []byte // functions, because fmt cannot look for keys in them
}

// newSecurity takes the keys out of a key block.
func newSecurity(block []byte, hash func() hash.Hash) *Security {
	with := func(key []byte) func(string) []byte {
		return func(text string) []byte {
			h := hmac.New(hash, key)
			h.Write([]byte(text))
			return h.Sum(nil)
		}
	}
	return &Security{client: with(block[clientKey:serverKey]), server: with(block[serverKey : serverKey+keySize])}
}

// Sign returns the proof of a text we send, in lower-case hexadecimal digits: the response parameter of MS-SIPAE.
func (s *Security) Sign(text string) string { return hex.EncodeToString(s.client(text)) }

// Verify reports whether signature, hexadecimal in either case, is the Registrar's proof of text: rspauth of MS-SIPAE.
func (s *Security) Verify(text, signature string) bool {
	got, err := hex.DecodeString(signature)
	return err == nil && hmac.Equal(got, s.server(text))
}

// String returns "[redacted]".
func (s *Security) String() string { return redacted }

// Format writes "[redacted]" for every verb.
func (s *Security) Format(f fmt.State, _ rune) { fmt.Fprint(f, redacted) }

// LogValue returns "[redacted]".
func (s *Security) LogValue() slog.Value { return slog.StringValue(redacted) }

// macHash is the hash that signs.
func macHash(mac MAC, version, suite uint16) func() hash.Hash {
	if mac == PRF && !signsSHA1(version, suite) {
		return prfHash(suite)
	}
	return sha1.New
}
