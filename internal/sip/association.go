package sip

import (
	"crypto/rand"
	"encoding/hex"
	"fmt"
	"slices"
	"strconv"
	"strings"
)

// association is what a Registrar and we have agreed on to sign messages with (a security association of MS-SIPAE). How
// it comes about is the scheme's business; what it signs, and where the proof stands, is the same for NTLM, Kerberos and
// TLS-DSK.
type association struct {
	scheme        string // as the Registrar writes it: "NTLM"
	realm, target string // of the challenge
	opaque        string // the Registrar's name for the association; "": not told yet
	version       int    // of MS-SIPAE: 2, 3 or 4
	count         int    // messages signed so far: cnum only grows, for the Registrar refuses what it has seen

	sign   func(text string) string             // the proof of what we send, hexadecimal
	verify func(text string, proof string) bool // whether it is the Registrar's proof
}

// credentials returns the parameters that name the association. More follow after a comma.
func (a *association) credentials() string {
	text := a.scheme + ` qop="auth"`
	if a.opaque != "" {
		text += ", opaque=" + quote(a.opaque)
	}
	return text + ", realm=" + quote(a.realm) + ", targetname=" + quote(a.target)
}

// proof signs a message we send, and returns the parameters that say so.
func (a *association) proof(m *message) string {
	a.count++
	var salt [4]byte
	rand.Read(salt[:])
	crand, cnum := hex.EncodeToString(salt[:]), strconv.Itoa(a.count)
	text := a.text(m, []string{a.scheme, crand, cnum, a.realm, a.target})
	return fmt.Sprintf(`, crand="%s", cnum="%s", response="%s"`, crand, cnum, a.sign(text))
}

// check compares the proof in a message of the Registrar. It may stand in the header of either family, whoever asked.
// MS-SIPAE section 3.2.5.2.
func (a *association) check(m *message) error {
	proofs := m.proofs()
	if len(proofs) == 0 {
		return unproven(m, NotSigned)
	}
	for _, c := range proofs {
		p := c.params
		if !strings.EqualFold(c.scheme, a.scheme) || p["realm"] != a.realm || !strings.EqualFold(p["targetname"], a.target) {
			continue
		}
		switch {
		case p["rspauth"] == "":
			return unproven(m, SignedByNobody)
		case !a.verify(a.text(m, []string{c.scheme, p["srand"], p["snum"], p["realm"], p["targetname"]}), p["rspauth"]):
			return unproven(m, WrongSignature)
		}
		return nil
	}
	return &SignatureError{Kind: OtherServer, Begins: printable(m.start), Scheme: printable(a.scheme), Target: printable(a.target)}
}

// proofs are those in the header of either family.
func (m *message) proofs() []challenge {
	return parseChallenges(append(m.all("Authentication-Info"), m.all("Proxy-Authentication-Info")...))
}

// claimsProof says whether a message of the Registrar is signed, by whomever.
func (m *message) claimsProof() bool {
	return slices.ContainsFunc(m.proofs(), func(c challenge) bool { return c.params["rspauth"] != "" })
}

// unproven says what is missing, and what the message would have told.
func unproven(m *message, kind SignatureKind) error {
	return &SignatureError{Kind: kind, Begins: printable(m.start)}
}

// text returns what is signed of a message: its fields as they stand on the wire, in angle brackets; an absent one is "<>".
// Version 2 leaves out who the message speaks for. MS-SIP section 3.1.4.2, MS-SIPAE section 3.2.5.2.
func (a *association) text(m *message, fields []string) string {
	number, method, _ := strings.Cut(m.get("CSeq"), " ")
	from, to := parseAddress(m.get("From")), parseAddress(m.get("To"))
	fields = append(fields, m.get("Call-ID"), number, strings.TrimSpace(method), from.uri, from.params["tag"])
	if a.version > 2 {
		sip, tel := m.identity()
		fields = append(fields, to.uri, to.params["tag"], sip, tel)
	} else {
		fields = append(fields, to.params["tag"])
	}
	fields = append(fields, m.get("Expires"))
	if m.method == "" {
		fields = append(fields, strconv.Itoa(m.code))
	}
	return "<" + strings.Join(fields, "><") + ">"
}

// identity returns who a message speaks for, as far as the Registrar knows: a SIP and a telephone URI. RFC 3325.
func (m *message) identity() (sip, tel string) {
	asserted := m.list("P-Asserted-Identity")
	if len(asserted) == 0 {
		asserted = m.list("P-Preferred-Identity")
	}
	for _, element := range asserted {
		uri := parseAddress(element).uri
		scheme, _, _ := strings.Cut(strings.ToLower(uri), ":")
		switch {
		case strings.HasPrefix(scheme, "sip") && sip == "":
			sip = uri
		case scheme == "tel" && tel == "":
			tel = uri
		}
	}
	return sip, tel
}
