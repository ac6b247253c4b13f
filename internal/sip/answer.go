package sip

import (
	"cmp"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/homeward-agent/homeward/internal/place"
)

// granted reads the binding from a 2xx answer, and plans the refresh and the keep-alives it asks for.
func (s *Session) granted(m *message) (Binding, error) {
	refresh, expires := s.bound, s.expires(m)
	if s.bound = expires > 0; !s.bound {
		return Binding{}, &LostError{Kind: NothingGranted, Code: m.code}
	}
	state := parseParams(split(m.get("presence-state"), ';'))
	if action := strings.ToLower(state["register-action"]); refresh && (action == "added" || action == "fixed") {
		// MS-SIPREGE section 3.1.1.5.1: what it knew of us beyond the binding is gone.
		return Binding{}, &LostError{Kind: Forgotten, Code: m.code, Action: action}
	}
	s.gruu = s.findGRUU(m)
	b := Binding{
		Expires:  time.Duration(max(expires, minExpires)) * time.Second,
		Scheme:   cmp.Or(s.askers[0].name, s.askers[1].name),
		User:     s.sentUser(),
		Server:   printable(m.get("Server")),
		Date:     date(m),
		GRUU:     s.gruu,
		Remote:   strings.EqualFold(m.get("ms-user-logon-data"), "RemoteUser"),
		OnBackup: strings.EqualFold(state["is-connected-to-primary"], "no"),
		Lync:     slices.ContainsFunc(m.list("Allow-Events"), func(e string) bool { return strings.EqualFold(e, provisioningEvent) }),
	}
	s.flow.granted(m, b.Expires)
	for _, a := range s.askers {
		if a.scheme != nil && !a.scheme.until().IsZero() && a.scheme.until().Before(s.flow.refreshAt) {
			s.flow.refreshAt = a.scheme.until() // REGISTER is what signs in anew
		}
	}
	return b, nil
}

// findGRUU returns the URI the Registrar has given our Contact, "" if none.
func (s *Session) findGRUU(m *message) string {
	for _, element := range m.list("Contact") {
		c := parseAddress(element).params
		theirs := strings.Trim(c["+sip.instance"], "<>")
		if theirs != "" && strings.EqualFold(theirs, instance(s.account.EndpointID)) && isPlainURI(c["gruu"]) {
			return c["gruu"]
		}
	}
	return ""
}

// expires returns the seconds our binding lives. A 200 lists every binding of the address-of-record (RFC 3261 section
// 10.3): ours counts, by its Contact, else by the Expires header. When ours cannot be told among the others, for a
// Registrar may write the address it sees in place of the one we gave, the shortest of all is safe.
func (s *Session) expires(m *message) int {
	fallback, ok := seconds(m.get("Expires"), maxExpires)
	if !ok {
		fallback = defaultExpires
	}
	own, _ := parseURI(parseAddress(s.contact()).uri)
	ours := instance(s.account.EndpointID)
	shortest := maxExpires + 1
	byInstance := -1
	for _, element := range m.list("Contact") {
		c := parseAddress(element)
		lives, ok := seconds(c.params["expires"], maxExpires)
		if !ok {
			lives = fallback
		}
		theirs := strings.Trim(c.params["+sip.instance"], "<>")
		sameInstance := theirs != "" && strings.EqualFold(theirs, ours) // Lync writes it in lower case
		if u, ok := parseURI(c.uri); ok && u.same(own) && (sameInstance || theirs == "" || ours == "") {
			return lives
		}
		if sameInstance {
			byInstance = lives
		}
		if lives > 0 {
			shortest = min(shortest, lives)
		}
	}
	switch {
	case byInstance >= 0:
		return byInstance
	case shortest <= maxExpires:
		return shortest
	}
	return fallback
}

// failure turns a final answer of 300 and above into an error.
func (s *Session) failure(m *message) error {
	switch m.code {
	case 300, 301, 302, 305:
		if contacts := s.redirects(m); len(contacts) > 0 {
			return &RedirectError{Contacts: contacts}
		}
	}
	e := s.refusal(m)
	for _, a := range s.askers {
		if d, ok := a.scheme.(*digestScheme); ok && !d.confirms(m) { // NTLM: what is signed proves it, what is not proves nothing
			e.Scheme = a.name
		}
	}
	return e
}

// refusal reads what a final answer says about itself.
func (s *Session) refusal(m *message) *StatusError {
	e := &StatusError{
		Code: m.code, Phrase: printable(m.phrase), Diagnostics: diagnostics(m), Problem: printable(m.get("P-Registrar-Error")), Warnings: warnings(m), Unsigned: m.unsigned,
		User: s.sentUser(),
	}
	if m.unsigned {
		return e
	}
	e.Date = date(m)
	if wait, ok := seconds(m.get("Retry-After"), maxRetryAfter); ok {
		e.RetryAfter = time.Duration(max(wait, 1)) * time.Second
	}
	return e
}

// diagnostics reads a Lync server's own account of what it does to us.
func diagnostics(m *message) []Diagnostic {
	var found []Diagnostic
	for _, value := range append(m.all("ms-diagnostics"), m.all("ms-diagnostics-public")...) {
		parts := split(value, ';')
		if len(parts) == 0 || len(found) == maxListed {
			continue
		}
		if id, err := strconv.Atoi(parts[0]); err == nil {
			p := parseParams(parts[1:])
			found = append(found, Diagnostic{ID: id, Reason: printable(p["reason"]), Source: printable(p["source"])})
		}
	}
	return found
}

// warnings reads what the servers on the way say about an answer.
func warnings(m *message) []Warning {
	var found []Warning
	for _, value := range m.list("Warning") {
		code, rest, _ := strings.Cut(value, " ")
		agent, text, _ := strings.Cut(strings.TrimLeft(rest, " \t"), " ")
		if n, err := strconv.Atoi(code); err == nil && 100 <= n && n <= 999 && len(found) < maxListed {
			found = append(found, Warning{Code: n, Agent: printable(agent), Text: printable(unquote(strings.TrimLeft(text, " \t")))})
		}
	}
	return found
}

// redirects reads the Contacts of a redirect, best first. What cannot be dialled is dropped.
func (s *Session) redirects(m *message) []Redirect {
	var found []Redirect
	for _, element := range m.list("Contact") {
		if r, ok := s.redirect(parseAddress(element)); ok && len(found) < maxListed {
			found = append(found, r)
		}
	}
	slices.SortStableFunc(found, func(a, b Redirect) int { return cmp.Compare(b.Q, a.Q) })
	return found
}

func (s *Session) redirect(c address) (Redirect, bool) {
	u, ok := parseURI(c.uri)
	host, err := place.Host(u.host)
	if !ok || err != nil {
		return Redirect{}, false
	}
	transport := strings.ToLower(u.params["transport"])
	if transport == "" {
		transport = strings.ToLower(c.params["transport"]) // of a URI without angle brackets
	}
	switch {
	case u.sips && (transport == "" || transport == "tcp"):
		transport = "tls" // RFC 3261 section 26.2.2: sips is TLS, over TCP
	case transport == "":
		transport = s.transport()
	}
	r := Redirect{Host: host, Port: u.port, Transport: transport, Q: 1}
	if q, err := strconv.ParseFloat(c.params["q"], 64); err == nil && q >= 0 && q <= 1 {
		r.Q = q
	}
	switch {
	case transport != "tls" && transport != "tcp":
		return Redirect{}, false
	case r.Port == 0 && transport == "tls":
		r.Port = defaultTLS
	case r.Port == 0:
		r.Port = defaultTCP
	}
	return r, true
}

// date returns the Registrar's clock, zero when it told none that can be read.
func date(m *message) time.Time {
	t, err := http.ParseTime(m.get("Date"))
	if err != nil {
		return time.Time{}
	}
	return t
}
