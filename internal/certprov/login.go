package certprov

import (
	"context"
	"encoding/base64"
	"maps"
	"net/http"
	"slices"
	"strings"

	"homeward/internal/ntlm"
)

// Login is who asks for a ticket.
type Login struct {
	User        string        // `CONTOSO\phone1` or "phone1@contoso.com"; with a PIN: a number or an extension
	Password    func() string // or the PIN; a function, because fmt cannot look into it
	Workstation string        // host name of this device, for NTLM; may be empty
	PIN         bool
}

// The two words under which NTLM is offered (RFC 4559; raw NTLM is taken under Negotiate, too).
const (
	negotiate = "Negotiate"
	rawNTLM   = "NTLM"
)

// authenticated posts a document to a service that has a connection prove its user by NTLM.
func (e *Enrolment) authenticated(ctx context.Context, at Address, headers map[string]string, body string, login Login) (answer, error) {
	first, err := e.ask(ctx, http.MethodPost, at, headers, body)
	if err != nil || first.status != http.StatusUnauthorized {
		return first, err
	}
	word := offered(first.header)
	if word == "" {
		return answer{}, located(&Error{Kind: NoMethod, Status: first.status, Offered: schemesOf(first.header)}, at)
	}
	with := func(token []byte) map[string]string {
		all := maps.Clone(headers)
		all["Authorization"] = word + " " + base64.StdEncoding.EncodeToString(token)
		return all
	}
	opening := ntlm.Negotiate()
	second, err := e.ask(ctx, http.MethodPost, at, with(opening), body)
	if err != nil || second.status != http.StatusUnauthorized {
		return second, err
	}
	challenge := tokenOf(second.header, word)
	switch {
	case challenge == nil:
		return answer{}, located(&Error{Kind: BadChallenge, Status: second.status, Problem: "no NTLM challenge"}, at)
	case second.over:
		return answer{}, located(&Error{Kind: BadChallenge, Status: second.status, Problem: "the connection ends in the middle of NTLM: a proxy that does not keep it"}, at)
	}
	message, err := ntlm.Answer(opening, challenge, ntlm.Credentials{User: login.User, Password: login.Password, Host: login.Workstation})
	if err != nil {
		return answer{}, located(&Error{Kind: BadChallenge, Status: second.status, Problem: err.Error()}, at)
	}
	return e.ask(ctx, http.MethodPost, at, with(message), body)
}

// offered is the word under which NTLM is offered; "" where it is not.
func offered(h http.Header) string {
	for _, word := range []string{rawNTLM, negotiate} {
		if slices.ContainsFunc(schemesOf(h), func(scheme string) bool { return strings.EqualFold(scheme, word) }) {
			return word
		}
	}
	return ""
}

// schemesOf are the names of the schemes that a 401 offers.
func schemesOf(h http.Header) []string {
	var names []string
	for _, line := range h.Values("Www-Authenticate") {
		name, _, _ := strings.Cut(strings.TrimSpace(line), " ")
		if name != "" && len(names) < 8 {
			names = append(names, printable(strings.TrimSuffix(name, ",")))
		}
	}
	return names
}

// tokenOf is what a server sends behind the word; nil: nothing that can be read.
func tokenOf(h http.Header, word string) []byte {
	for _, line := range h.Values("Www-Authenticate") {
		scheme, token, _ := strings.Cut(strings.TrimSpace(line), " ")
		if !strings.EqualFold(scheme, word) {
			continue
		}
		if b, err := base64.StdEncoding.DecodeString(strings.TrimSpace(token)); err == nil && len(b) > 0 {
			return b
		}
	}
	return nil
}
