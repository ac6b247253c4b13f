package sitetest

import (
	"cmp"
	"encoding/hex"
	"errors"
	"fmt"
	"net/textproto"
	"strconv"
	"strings"
	"time"
)

// The authentication of Lync (MS-SIPAE) with NTLM or a certificate: who asks is challenged, and from
// then on both ends sign everything.

const sipaeRealm = "SIP Communications Service" // of every Registrar of Microsoft's

// association is what a challenge began, and what, once answered, signs a connection.
type association struct {
	signer      // nil: not known yet
	scheme      string
	handshake   dskEnd // of TLS-DSK
	rest        []byte // of its flight that is sent in pieces
	certificate []byte // of the device, with TLS-DSK
	opaque      string
	version     int
	fe          string // targetname
	family      family
	challenge   []byte // the CHALLENGE sent
	who         string // the user's SIP address and epid
	since       time.Time
	cnum, snum  uint64 // the highest seen; the last used
}

// signer is what signs both ways.
type signer interface {
	mac(fromClient bool, text string) []byte
	verifies(text string, given []byte) bool
}

// ntlmState is what a Registrar remembers of the sign-in of one connection.
type ntlmState struct {
	begun *association // challenged
	sa    *association // signs
}

// family is the names of the headers, which a proxy has of its own.
type family struct {
	code                     int
	challenge, given, signed string
}

var (
	registrarFamily = family{401, "WWW-Authenticate", "Authorization", "Authentication-Info"}
	proxyFamily     = family{407, "Proxy-Authenticate", "Proxy-Authorization", "Proxy-Authentication-Info"}
)

func (m manner) family() family {
	if m.proxy {
		return proxyFamily
	}
	return registrarFamily
}

// credentials reads those of MS-SIPAE, and the scheme they are for; "" for none.
func (m *message) credentials(name string) (scheme string, given map[string]string) {
	for _, value := range m.header.Values(name) {
		if scheme, fields, _ := strings.Cut(value, " "); scheme == "NTLM" || scheme == "TLS-DSK" {
			return scheme, params(fields)
		}
	}
	return "", nil
}

// versionParam says the version: 2 is that of those who do not say.
func versionParam(version int) string {
	if version == 2 {
		return ""
	}
	return ", version=" + strconv.Itoa(version)
}

// endpoint is the key a Registrar finds an association by: the user's SIP address and epid.
func (m *message) endpoint() string {
	from := m.header.Get("From")
	return address(from) + " " + headerParam(from, "epid")
}

// verify checks the signature of a request, or of a response to a request of ours.
func (a *association) verify(m *message, p map[string]string) error {
	cnum, err := strconv.ParseUint(p["cnum"], 10, 32)
	crand, randErr := hex.DecodeString(p["crand"])
	signature, hexErr := hex.DecodeString(p["response"])
	switch {
	case p["response"] == "":
		return errors.New("not signed")
	case p["opaque"] != a.opaque:
		return errors.New("unknown opaque")
	case p["realm"] != sipaeRealm || p["targetname"] != a.fe:
		return errors.New("another realm or targetname")
	case randErr != nil || len(crand) != 4:
		return errors.New("malformed crand")
	case err != nil || cnum <= a.cnum:
		return fmt.Errorf("cnum %s after %d", p["cnum"], a.cnum)
	case m.method != "" && m.endpoint() != a.who:
		return errors.New("another endpoint")
	case hexErr != nil || !a.verifies(signedText(a.scheme, a.version, p["crand"], p["cnum"], a.fe, m.header, m.code), signature):
		return errors.New("wrong signature")
	}
	a.cnum = cnum
	return nil
}

// sign is the header that signs a message of the Registrar: code 0 is a request.
func (a *association) sign(lines []string, code int, fault string) string {
	h := textproto.MIMEHeader{}
	for _, line := range lines {
		name, value, _ := strings.Cut(line, ": ")
		h.Add(name, value)
	}
	a.snum++
	srand, snum := randomHex(4), strconv.FormatUint(a.snum, 10)
	mac := a.mac(false, signedText(a.scheme, a.version, srand, snum, a.fe, h, code))
	if fault == "wrong" {
		mac[8] ^= 1
	}
	return fmt.Sprintf(`%s: %s qop="auth", opaque=%q, srand=%q, snum=%q, rspauth="%x", targetname=%q, realm=%q%s`,
		a.family.signed, a.scheme, a.opaque, srand, snum, mac, a.fe, sipaeRealm, versionParam(a.version))
}

// signedText is what a signature covers (MS-SIPAE 3.1.4.2): fields in angle
// brackets, as they stand in the message. Code 0 is a request.
func signedText(scheme string, version int, random, number, target string, h textproto.MIMEHeader, code int) string {
	cseq, method, _ := strings.Cut(h.Get("CSeq"), " ")
	from, to := h.Get("From"), h.Get("To")
	fields := []string{scheme, random, number, sipaeRealm, target, h.Get("Call-ID"), cseq, strings.TrimSpace(method), address(from), headerParam(from, "tag")}
	if version > 2 {
		sip, tel := identities(h)
		fields = append(fields, address(to), headerParam(to, "tag"), sip, tel)
	} else {
		fields = append(fields, headerParam(to, "tag"))
	}
	fields = append(fields, h.Get("Expires"))
	if code != 0 {
		fields = append(fields, strconv.Itoa(code))
	}
	return "<" + strings.Join(fields, "><") + ">"
}

// identities are the addresses in P-Asserted-Identity or P-Preferred-Identity (RFC 3325).
func identities(h textproto.MIMEHeader) (sip, tel string) {
	for _, name := range []string{"P-Asserted-Identity", "P-Preferred-Identity"} {
		for value := range strings.SplitSeq(strings.Join(h.Values(name), ","), ",") {
			uri := address(value)
			scheme, _, _ := strings.Cut(uri, ":")
			switch strings.ToLower(scheme) {
			case "sip", "sips":
				sip = cmp.Or(sip, uri)
			case "tel":
				tel = cmp.Or(tel, uri)
			}
		}
	}
	return sip, tel
}
