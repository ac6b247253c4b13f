package sitetest

import (
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha1"
	"encoding/base64"
	"fmt"
	"net/http"
	"strings"
	"time"
)

func freshNonce() (nonce [8]byte) {
	rand.Read(nonce[:])
	return nonce
}

// grantTicket answers a RequestSecurityToken of who is proven.
func (w *web) grantTicket(m manner, r *http.Request, body string) webAnswer {
	document, err := parseMarkup(body)
	if err != nil {
		return webFault(400, "soap:Client", 28000, err.Error())
	}
	rst := document.find(nsWST, "RequestSecurityToken")
	user, entropy, problem := w.readRST(m, r, rst)
	if problem != "" {
		return webFault(500, "wsse:InvalidRequest", 28001, problem)
	}
	switch m.spoils {
	case "disabled":
		return webFault(500, "wsse:FailedAuthentication", 28034, "The account is disabled.")
	case "invalid":
		return webFault(500, "wsse:InvalidSecurity", 28032, "The web ticket is invalid.")
	case "noticket":
		return webAnswer{code: 200, body: webEnvelope(`<RequestSecurityTokenResponseCollection xmlns="` + nsWST + `"/>`), proof: "no ticket"}
	}
	ours := make([]byte, 32)
	rand.Read(ours)
	id, created := "SamlSecurityToken-"+randomHex(16), time.Now().UTC().Truncate(time.Second)
	declared, outer := `xmlns:saml="`+nsSAML+`" `, ""
	if m.spoils == "outer" { // declared above, where an honest service may do so, too
		declared, outer = "", ` xmlns:saml="`+nsSAML+`"`
	}
	assertion := fmt.Sprintf(`<saml:Assertion %sMajorVersion="1" MinorVersion="1" AssertionID="%s" Issuer="%s" IssueInstant="%s"><saml:AuthenticationStatement><saml:Subject><saml:NameIdentifier>sip:%s</saml:NameIdentifier></saml:Subject></saml:AuthenticationStatement></saml:Assertion>`,
		declared, id, m.names[0], created.Format(time.RFC3339), user)
	w.sim.issued.keep(id, ticket{user: user, assertion: assertion, key: pSHA1(entropy, ours, 32), theirs: entropy, ours: ours, expires: created.Add(ticketLife)})
	return webAnswer{code: 200, proof: "ticket", body: webEnvelope(fmt.Sprintf(
		`<RequestSecurityTokenResponseCollection xmlns="%s"%s><RequestSecurityTokenResponse Context="%s"><TokenType>http://docs.oasis-open.org/wss/oasis-wss-saml-token-profile-1.1#SAMLV1.1</TokenType><RequestedSecurityToken>%s</RequestedSecurityToken><Lifetime><Created xmlns="%s">%s</Created><Expires xmlns="%s">%s</Expires></Lifetime><RequestedProofToken><ComputedKey>%s/CK/PSHA1</ComputedKey></RequestedProofToken><Entropy><BinarySecret>%s</BinarySecret></Entropy></RequestSecurityTokenResponse></RequestSecurityTokenResponseCollection>`,
		nsWST, outer, rst.attr("Context"), assertion, nsWSU, created.Format(time.RFC3339), nsWSU, created.Add(ticketLife).Format(time.RFC3339), nsWST, base64.StdEncoding.EncodeToString(ours)))}
}

// readRST checks a RequestSecurityToken as public clients send it.
func (w *web) readRST(m manner, r *http.Request, rst *node) (user string, entropy []byte, problem string) {
	entropy, err := base64.StdEncoding.DecodeString(rst.find(nsWST, "BinarySecret").value())
	user, isSIP := strings.CutPrefix(rst.find(nsClaims, "Value").value(), "sip:")
	switch {
	case rst == nil:
		problem = "no RequestSecurityToken in " + nsWST
	case strings.Trim(r.Header.Get("Soapaction"), `"`) != nsWST+"/RST/Issue":
		problem = "SOAPAction"
	case !strings.HasPrefix(r.Header.Get("Content-Type"), "text/xml"):
		problem = "Content-Type"
	case rst.find(nsWST, "RequestType").value() != "http://schemas.xmlsoap.org/ws/2005/02/trust/Issue":
		problem = "RequestType"
	case rst.find(nsWST, "TokenType").value() != "http://docs.oasis-open.org/wss/oasis-wss-saml-token-profile-1.1#SAMLV1.1":
		problem = "TokenType"
	case rst.find(nsWST, "KeyType").value() != nsWST+"/SymmetricKey":
		problem = "KeyType"
	case rst.find(nsWSA, "Address").value() != w.url(m, pathProof):
		problem = "AppliesTo"
	case rst.find(nsWST, "Claims").attr("Dialect") != "urn:component:Microsoft.Rtc.WebAuthentication.2010:authclaims":
		problem = "Claims"
	case !isSIP || !strings.Contains(user, "@"):
		problem = "ClaimType"
	case err != nil || len(entropy) < 16:
		problem = "Entropy"
	}
	return user, entropy, problem
}

// pSHA1 is P_SHA1 of TLS (RFC 5246 section 5), by which both ends make the key of a ticket.
func pSHA1(secret, seed []byte, size int) (out []byte) {
	a := seed
	for len(out) < size {
		h := hmac.New(sha1.New, secret)
		h.Write(a)
		a = h.Sum(nil)
		h = hmac.New(sha1.New, secret)
		h.Write(a)
		h.Write(seed)
		out = h.Sum(out)
	}
	return out[:size]
}

// askNTLM is the first step of NTLM over HTTP (RFC 4559).
func (w *web) askNTLM(why string) webAnswer {
	w.opening, w.challenge = nil, nil
	a := webAnswer{code: 401, headers: []string{"WWW-Authenticate: Negotiate", "WWW-Authenticate: NTLM"}, proof: why}
	if why != "" {
		a.headers = append(a.headers, fmt.Sprintf(`X-MS-diagnostics: 28000;source=%q;reason="Authentication failed."`, w.realm))
	}
	return a
}

// ticketByNTLM has the connection prove its user.
func (w *web) ticketByNTLM(m manner, r *http.Request, body string) webAnswer {
	scheme, encoded, given := strings.Cut(r.Header.Get("Authorization"), " ")
	token, err := base64.StdEncoding.DecodeString(encoded)
	switch {
	case !given:
		return w.askNTLM("")
	case err != nil || scheme != "Negotiate" && scheme != "NTLM" || len(token) < 12 || string(token[:8]) != string(signature):
		return w.askNTLM("malformed token")
	case token[8] == 1:
		w.opening, w.challenge = token, webChallenge(w.realm, m.names[0])
		return webAnswer{code: 401, headers: []string{"WWW-Authenticate: " + scheme + " " + base64.StdEncoding.EncodeToString(w.challenge)}, proof: "begins"}
	case w.challenge == nil:
		return w.askNTLM("no challenge on this connection")
	}
	opening, challenge := w.opening, w.challenge
	w.opening, w.challenge = nil, nil
	if m.spoils == "dc" {
		return w.askNTLM("no domain controller")
	}
	if _, err := authenticateUnder(rules{flags: flagUnicode | flagNTLM, opening: opening}, challenge, token, m.user, m.password); err != nil {
		return w.askNTLM(err.Error())
	}
	return w.grantTicket(m, r, body)
}

// webChallenge is that of a web server, which tells the time.
func webChallenge(realm, host string) []byte {
	netbios, _, _ := strings.Cut(strings.ToUpper(realm), ".")
	return challengeMessage(freshNonce(), flagsOffered&^flagDatagram, targetInfo(netbios, host, time.Now()))
}

// ticketByToken takes a name and a secret in the message. Those for passwords come in base64.
func (w *web) ticketByToken(m manner, r *http.Request, body, name, secret string, inBase64 bool) webAnswer {
	document, err := parseMarkup(body)
	if err != nil {
		return webFault(400, "soap:Client", 28000, err.Error())
	}
	token := document.find(nsWSSE, "UsernameToken")
	user, password := token.find(nsWSSE, "Username").value(), token.find(nsWSSE, "Password").value()
	if inBase64 {
		user, password = fromBase64(user), fromBase64(password)
	}
	switch {
	case m.spoils == "disabled":
		return webFault(500, "wsse:FailedAuthentication", 28034, "The account is disabled.")
	case m.spoils == "dc", secret == "", !strings.EqualFold(user, name), password != secret:
		return webFault(500, "wsse:FailedAuthentication", 28020, "No valid security token.")
	}
	return w.grantTicket(m, r, body)
}

func fromBase64(s string) string {
	b, err := base64.StdEncoding.DecodeString(s)
	if err != nil {
		return ""
	}
	return string(b)
}
