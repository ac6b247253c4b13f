package certprov

import (
	"crypto/hmac"
	"crypto/sha1"
	"encoding/base64"
	"time"
)

// What is signed is written in its canonical form (Exclusive XML Canonicalization 1.0), so that nothing has to be brought into
// it: each element declares its namespace, all have an end tag, and there is no white space between them.

// timestampID is its name where it is signed.
const timestampID = "timestamp"

// timestamp says when a message is valid (WSS 1.1 section 10): as long as its ticket, by the clock of who has issued that.
func timestamp(created, expires time.Time) string {
	text := func(t time.Time) string { return t.UTC().Format("2006-01-02T15:04:05Z") }
	return `<wsu:Timestamp xmlns:wsu="` + nsWSU + `" wsu:Id="` + timestampID + `"><wsu:Created>` + text(created) + `</wsu:Created><wsu:Expires>` +
		text(expires) + `</wsu:Expires></wsu:Timestamp>`
}

func (a algorithms) sum(text string) []byte {
	h := a.hash.New()
	h.Write([]byte(text))
	return h.Sum(nil)
}

// part is an element that is signed, in canonical form, with its name.
type part struct{ id, text string }

// signedInfo says what is signed, and how (XML Signature section 4.4).
func (a algorithms) signedInfo(parts ...part) string {
	text := `<SignedInfo xmlns="` + nsDSig + `"><CanonicalizationMethod Algorithm="` + exclusive + `"></CanonicalizationMethod>` +
		`<SignatureMethod Algorithm="` + a.signature + `"></SignatureMethod>`
	for _, p := range parts {
		text += `<Reference URI="#` + p.id + `"><Transforms><Transform Algorithm="` + exclusive + `"></Transform></Transforms>` +
			`<DigestMethod Algorithm="` + a.digest + `"></DigestMethod><DigestValue>` + base64.StdEncoding.EncodeToString(a.sum(p.text)) + `</DigestValue></Reference>`
	}
	return text + `</SignedInfo>`
}

// signatureValue signs a text with the key of a ticket.
func signatureValue(key []byte, text string) string {
	h := hmac.New(sha1.New, key)
	h.Write([]byte(text))
	return base64.StdEncoding.EncodeToString(h.Sum(nil))
}

// security is what proves that a message comes from who holds a ticket: the time, the ticket, and a signature with its key.
func (t Ticket) security() string {
	signed := timestamp(t.created, t.expires)
	what := hmacSHA1.signedInfo(part{timestampID, signed})
	return signed + t.assertion +
		`<Signature xmlns="` + nsDSig + `">` + what + `<SignatureValue>` + signatureValue(t.proof(), what) + `</SignatureValue><KeyInfo>` +
		`<wsse:SecurityTokenReference wsse:TokenType="` + typeSAML + `">` +
		`<wsse:KeyIdentifier ValueType="http://docs.oasis-open.org/wss/oasis-wss-saml-token-profile-1.0#SAMLAssertionID">` + escape(t.id) +
		`</wsse:KeyIdentifier></wsse:SecurityTokenReference></KeyInfo></Signature>`
}
