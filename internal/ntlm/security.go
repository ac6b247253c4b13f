package ntlm

import (
	"crypto/hmac"
	"crypto/md5"
	"crypto/rc4"
	"encoding/binary"
	"encoding/hex"
	"fmt"
	"hash/crc32"
	"log/slog"
)

// Specification constants.
const (
	sequence   = 100                // MS-SIPAE: of every message in both directions; cnum and snum do the counting
	macVersion = "\x01\x00\x00\x00" // MS-NLMP section 2.2.2.9
	macSize    = 16                 // MS-NLMP section 2.2.2.9
)

const redacted = "[redacted]"

// Security signs our messages and checks the Registrar's, for as long as the security association lives. It has no
// state but its keys: messages may come in any order, and any number of goroutines may use it.
type Security struct {
	client, server func(sequence uint32, text string) []byte // functions, because fmt cannot look for keys in them
	padded         bool                                      // octets 4 to 8 of a MAC are the sender's to choose
}

// newSecurity derives both directions from the exported session key.
func newSecurity(session []byte, extendedSession bool) *Security {
	if !extendedSession {
		mac := crcKey(session).mac
		return &Security{client: mac, server: mac, padded: true}
	}
	return &Security{client: newKeys(session, "client-to-server").mac, server: newKeys(session, "server-to-client").mac}
}

// Sign returns the proof of a text we send, 32 lower-case hexadecimal digits: the response parameter of MS-SIPAE.
func (s *Security) Sign(text string) string {
	return hex.EncodeToString(s.client(sequence, text))
}

// Verify reports whether signature, hexadecimal in either case, is the Registrar's proof of text: rspauth of MS-SIPAE.
func (s *Security) Verify(text, signature string) bool {
	if len(signature) != hex.EncodedLen(macSize) {
		return false
	}
	got, err := hex.DecodeString(signature)
	if err != nil {
		return false
	}
	want := s.server(sequence, text)
	if s.padded {
		copy(want[4:8], got[4:8])
	}
	return hmac.Equal(got, want)
}

// String returns "[redacted]".
func (s *Security) String() string { return redacted }

// Format writes "[redacted]" for every verb.
func (s *Security) Format(f fmt.State, _ rune) { fmt.Fprint(f, redacted) }

// LogValue returns "[redacted]".
func (s *Security) LogValue() slog.Value { return slog.StringValue(redacted) }

// keys sign one direction. MS-NLMP sections 3.4.5.2 and 3.4.5.3, for 128 bits.
type keys struct{ sign, seal []byte }

func newKeys(session []byte, direction string) keys {
	derive := func(use string) []byte {
		return md5Of(string(session) + "session key to " + direction + " " + use + " key magic constant\x00")
	}
	return keys{sign: derive("signing"), seal: derive("sealing")}
}

// mac is MAC() of MS-NLMP section 3.4.4.2. Without a connection, RC4 starts afresh with a key of its own for each message
// (section 3.4).
func (k keys) mac(sequence uint32, text string) []byte {
	mac := append([]byte(macVersion), rc4Of(k.message(sequence), k.checksum(sequence, text))...)
	return append(mac, le32(sequence)...)
}

// checksum proves the text; on the wire it is encrypted, which adds nothing to the proof.
func (k keys) checksum(sequence uint32, text string) []byte {
	return hmacMD5(k.sign, le32(sequence)+text)[:8]
}

// message returns the RC4 key of one message.
func (k keys) message(sequence uint32) []byte { return md5Of(string(k.seal) + le32(sequence)) }

// crcKey signs both directions where extended session security is not negotiated.
type crcKey []byte

// mac is MAC() of MS-NLMP section 3.4.4.1, with a pad of zeros.
func (k crcKey) mac(sequence uint32, text string) []byte {
	sum := rc4Of(k, []byte(le32(0)+le32(crc32.ChecksumIEEE([]byte(text)))+le32(sequence)))
	return append([]byte(macVersion+le32(0)), sum[4:]...)
}

func le32(n uint32) string { return string(binary.LittleEndian.AppendUint32(nil, n)) }

func md5Of(text string) []byte {
	sum := md5.Sum([]byte(text))
	return sum[:]
}

func hmacMD5(key []byte, text string) []byte {
	h := hmac.New(md5.New, key)
	h.Write([]byte(text))
	return h.Sum(nil)
}

func rc4Of(key, text []byte) []byte {
	cipher, _ := rc4.NewCipher(key) // fails for keys of other than 1 to 256 octets; ours have 16
	out := make([]byte, len(text))
	cipher.XORKeyStream(out, text)
	return out
}
