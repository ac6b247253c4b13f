package certprov

import (
	"context"
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha1"
	"encoding/base64"
	"net/http"
	"time"
)

// Specification constants.
const (
	entropySize = 32 // of a ticket (WS-Trust 1.3 section 4.4.5)
	proofSize   = 32
	maxEntropy  = 1 << 10 // our choice
)

// Ticket is a web ticket: it says who the device is, to whoever knows its key.
type Ticket struct {
	By        string // how it was got: "ntlm", "password", "pin", "certificate"
	assertion string // as sent; the server has signed it
	id        string
	created   time.Time
	expires   time.Time
	proof     func() []byte // a function, because fmt cannot look into it
}

// Ticket asks for a web ticket for a SIP address ("phone1@contoso.com"; "" with a PIN, where only the number is known). A password
// is shown to the service by NTLM where it can be, and in the message where not. How a PIN is sent is a guess: two forms are
// tried, each once.
func (e *Enrolment) Ticket(ctx context.Context, s Service, user string, login Login) (Ticket, error) {
	entropy := make([]byte, entropySize)
	rand.Read(entropy) // never fails
	request := message{action: actionIssue, body: requestTicket(s.certificate, user, entropy)}
	if at, ok := s.ports[PortPIN]; ok && login.PIN {
		return e.ticketByPIN(ctx, at, request, login, entropy)
	}
	if login.PIN {
		return Ticket{}, located(&Error{Kind: NoMethod, Offered: s.Offered}, s.tickets)
	}
	for _, name := range []string{PortNTLM, PortNegotiate} {
		at, ok := s.ports[name]
		if !ok {
			continue
		}
		got, err := e.authenticated(ctx, at, request.headers(), request.envelope(at), login)
		if err != nil {
			return Ticket{}, err
		}
		return readTicket("ntlm", got, at, entropy)
	}
	if at, ok := s.ports[PortPassword]; ok {
		request.addressed, request.security = true, usernameToken(encoded(login.User), encoded(login.Password()))
		return e.ticketByMessage(ctx, "password", at, request, entropy)
	}
	return Ticket{}, located(&Error{Kind: NoMethod, Offered: s.Offered}, s.tickets)
}

// ticketByPIN tries the two forms in which a PIN may be sent: as the sibling for passwords takes them, and plainly. (A guess: no
// public text says how.)
func (e *Enrolment) ticketByPIN(ctx context.Context, at Address, request message, login Login, entropy []byte) (Ticket, error) {
	request.addressed = true
	request.security = usernameToken(encoded(login.User), encoded(login.Password()))
	ticket, err := e.ticketByMessage(ctx, "pin", at, request, entropy)
	if kindOf(err) != CredentialsRefused && kindOf(err) != Faulted {
		return ticket, err
	}
	request.security = usernameToken(login.User, login.Password())
	return e.ticketByMessage(ctx, "pin", at, request, entropy)
}

func (e *Enrolment) ticketByMessage(ctx context.Context, by string, at Address, request message, entropy []byte) (Ticket, error) {
	got, err := e.ask(ctx, http.MethodPost, at, request.headers(), request.envelope(at))
	if err != nil {
		return Ticket{}, err
	}
	return readTicket(by, got, at, entropy)
}

func encoded(s string) string { return base64.StdEncoding.EncodeToString([]byte(s)) }

// usernameToken shows a name and a secret (WSS UsernameToken profile 1.0).
func usernameToken(name, secret string) string {
	return `<wsse:UsernameToken><wsse:Username>` + escape(name) + `</wsse:Username><wsse:Password Type="` + plainText + `">` + escape(secret) + `</wsse:Password></wsse:UsernameToken>`
}

// requestTicket is a RequestSecurityToken (WS-Trust 1.3 section 4.1).
func requestTicket(appliesTo Address, user string, entropy []byte) string {
	claim := ""
	if user != "" {
		claim = `<wst:Claims Dialect="` + claims + `"><auth:ClaimType xmlns:auth="` + nsAuth + `" Uri="` + claimURI + `" Optional="false"><auth:Value>sip:` +
			escape(user) + `</auth:Value></auth:ClaimType></wst:Claims>`
	}
	return `<wst:RequestSecurityToken xmlns:wst="` + nsTrust + `" Context="` + freshUUID() + `">` +
		`<wst:TokenType>` + typeSAML + `</wst:TokenType><wst:RequestType>` + issue2005 + `</wst:RequestType>` +
		`<wsp:AppliesTo xmlns:wsp="` + nsWSP + `"><wsa:EndpointReference xmlns:wsa="` + nsWSA + `"><wsa:Address>` + escape(appliesTo.String()) +
		`</wsa:Address></wsa:EndpointReference></wsp:AppliesTo>` + claim +
		`<wst:Entropy><wst:BinarySecret>` + base64.StdEncoding.EncodeToString(entropy) + `</wst:BinarySecret></wst:Entropy>` +
		`<wst:KeyType>` + nsTrust + `/SymmetricKey</wst:KeyType></wst:RequestSecurityToken>`
}

// readTicket reads the answer to a request for a ticket.
func readTicket(by string, got answer, at Address, entropy []byte) (Ticket, error) {
	body, err := bodyOf(got, at)
	if err != nil {
		return Ticket{}, err
	}
	response := body.find("RequestSecurityTokenResponse")
	assertion := response.child("RequestedSecurityToken", "Assertion")
	if assertion == nil || assertion.attr("AssertionID") == "" {
		return Ticket{}, located(badAnswer("no web ticket"), at)
	}
	t := Ticket{By: by, assertion: assertion.whole(), id: assertion.attr("AssertionID")}
	theirs, err := base64.StdEncoding.DecodeString(response.child("Entropy", "BinarySecret").value())
	if err != nil || len(theirs) < 16 || len(theirs) > maxEntropy {
		return Ticket{}, located(badAnswer("a web ticket without a key"), at)
	}
	proof := proofKey(entropy, theirs)
	t.proof = func() []byte { return proof }
	life := response.child("Lifetime")
	var errCreated, errExpires error
	t.created, errCreated = time.Parse(time.RFC3339, life.child("Created").value())
	t.expires, errExpires = time.Parse(time.RFC3339, life.child("Expires").value())
	if errCreated != nil || errExpires != nil || !t.expires.After(t.created) {
		return Ticket{}, located(badAnswer("a web ticket without a lifetime"), at)
	}
	return t, nil
}

// proofKey is P_SHA1 of WS-Trust 1.3 section 4.4.5: our entropy is the secret, the server's the seed (RFC 5246 section 5).
func proofKey(secret, seed []byte) []byte {
	sum := func(parts ...[]byte) []byte {
		h := hmac.New(sha1.New, secret)
		for _, part := range parts {
			h.Write(part)
		}
		return h.Sum(nil)
	}
	var key []byte
	for a := sum(seed); len(key) < proofSize; a = sum(a) {
		key = append(key, sum(a, seed)...)
	}
	return key[:proofSize]
}
