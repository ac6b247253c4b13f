package sip

import (
	"context"
	"fmt"
	"slices"
	"sort"
	"strconv"
	"strings"
	"time"

	"homeward/internal/place"
)

// Binding is what a Registrar grants.
type Binding struct {
	Expires  time.Duration // 5 s to 24 h; 600 s when the Registrar names none
	Unbound  bool          // the Registrar has taken our credentials, and holds no binding of ours: within Expires it is asked again
	Nobody   bool          // asked for no binding, and the answer lists none of this account, of whatever device
	Unlisted bool          // it has accepted, and its answer lists no binding that could be ours: whether it holds one is not known
	Scheme   string        // how we signed in: "tls-dsk", "ntlm", "digest"; "": the Registrar asked for nothing
	Leaf     string        // "sha256:…" of the certificate we signed in with, in hexadecimal digits; "": with none
	User     string        // the login name we sent, as in StatusError; "": none
	Server   string        // the Server header, escaped, at most 256 bytes
	Date     time.Time     // the Registrar's clock; zero: not told

	// What Lync tells besides (MS-SIPREGE).
	GRUU     string // URI by which others reach this very device; "": none
	Remote   bool   // we came in from outside, through an Access Edge
	OnBackup bool   // this is not the primary Registrar of the user
	Lync     bool   // Provision and MediaRelays have someone to ask
}

// registration is the binding of this device: how it is asked for, and what the Registrar says of it.
type registration struct {
	talk *conversation
	our  *composer

	callID   string // the same for the life of the connection (RFC 3261 section 10.2)
	sequence uint32
	lifetime string // seconds to ask for; "": the Registrar picks
	least    string // seconds that a query names, since the Registrar has refused one as too brief; "": none
	bound    bool   // the Registrar holds a binding of ours
	briefly  bool   // Account.Unbound
	needed   bool   // this Registrar tells in band: it is asked for a binding all the same
	asked    bool   // the latest REGISTER has asked for one
}

func (r *registration) bind(ctx context.Context) (Binding, error) {
	m, err := r.talk.exchange(ctx, r.request)
	if err == nil && r.tooBrief(m) {
		m, err = r.talk.exchange(ctx, r.request)
	}
	switch {
	case err != nil:
		return Binding{}, err
	case m.code >= 300:
		return Binding{}, r.failure(m)
	case !r.asked:
		return r.taken(ctx, m)
	}
	return r.granted(m)
}

// tooBrief says whether the latest REGISTER asked for less than this Registrar wants, and sees to it that the next one asks for that: it
// is sent once more (RFC 3261 section 10.2.8). Some Registrars demand it of a query, too.
func (r *registration) tooBrief(m *message) bool {
	if m.code != 423 || m.unsigned {
		return false
	}
	named := r.least
	if r.asked {
		named = r.lifetime
	}
	asked, _ := seconds(named, maxExpires)
	least, _ := seconds(m.get(leastField), maxExpires)
	if least <= asked {
		return false
	}
	if longest, _ := seconds(r.lifetime, maxExpires); least > longest {
		r.lifetime = strconv.Itoa(least)
	}
	r.least = strconv.Itoa(least)
	return true
}

// Signing in without a binding. A phone beside us has the same account, and a Registrar may keep one binding for each account and
// give it to whoever came last. A REGISTER without a Contact proves all that matters, and takes nothing from anybody (RFC 3261
// section 10.2.3). A Lync server tells in band only those that are bound; it keeps a binding for each endpoint.

// request builds the REGISTER that is due.
func (r *registration) request() *message {
	if r.asked = !r.briefly || r.needsBinding(); r.asked {
		return r.register(r.lifetime)
	}
	return r.query()
}

// needsBinding says whether this is a Registrar of Lync, whose word is taken: it has said so, or asks for credentials as only they do.
func (r *registration) needsBinding() bool {
	scheme := r.talk.auth.scheme()
	return r.our.transport == "tls" && (r.needed || scheme == "ntlm" || scheme == dskName)
}

// query asks for the bindings of the account.
func (r *registration) query() *message {
	r.sequence++
	m := r.our.request("REGISTER", "sip:"+r.our.account.AOR.Domain, r.our.account.AOR.String(), r.callID, r.sequence)
	if r.least != "" {
		m.add("Expires", r.least)
	}
	m.add("Supported", supported)
	m.add("Event", "registration")
	m.add("Content-Length", "0")
	return m
}

// taken goes on when a query was answered by a 2xx: the Registrar has taken our credentials, or wants none. A binding of ours that is
// left from another life is given back.
func (r *registration) taken(ctx context.Context, m *message) (Binding, error) {
	if r.needed = tellsInBand(m); r.needsBinding() {
		return r.bind(ctx)
	}
	for _, contact := range r.left(m) {
		if _, err := r.talk.exchange(ctx, func() *message { return r.registerAt(contact, leaving) }); err != nil {
			return Binding{}, err // refused, it expires; unanswered, the way is no good
		}
	}
	b := r.accepted(m, defaultExpires*time.Second)
	b.Nobody = len(m.list("Contact")) == 0
	return b, nil
}

// left are the Contacts that carry our instance: nobody else's.
func (r *registration) left(m *message) (contacts []string) {
	ours := instance(r.our.account.EndpointID)
	for _, element := range m.list("Contact") {
		c := parseAddress(element)
		theirs := strings.Trim(c.params["+sip.instance"], "<>")
		if _, ok := parseURI(c.uri); ok && ours != "" && strings.EqualFold(theirs, ours) && isPlain(c.uri) && len(c.uri) <= maxURI && len(contacts) < maxListed {
			contacts = append(contacts, "<"+c.uri+">")
		}
	}
	return contacts
}

func (r *registration) unbind(ctx context.Context) error {
	if !r.bound {
		return nil
	}
	r.bound = false
	m, err := r.talk.exchange(ctx, func() *message { return r.register(leaving) })
	if err != nil {
		return err
	}
	if m.code >= 300 {
		return r.talk.auth.refusal(m)
	}
	return nil
}

// register builds one REGISTER. RFC 3261 section 10.2; the headers Lync wants are those of MS-SIPREGE section 2.2.1, and
// others pass over them.
func (r *registration) register(expires string) *message {
	return r.registerAt(r.our.contact(), expires)
}

// registerAt does so for one Contact of ours.
func (r *registration) registerAt(contact, expires string) *message {
	r.sequence++
	m := r.our.request("REGISTER", "sip:"+r.our.account.AOR.Domain, r.our.account.AOR.String(), r.callID, r.sequence)
	contact += `;methods="` + allowed + `";proxy=replace`
	if r.our.account.EndpointID != "" {
		contact += `;+sip.instance="<` + instance(r.our.account.EndpointID) + `>"`
	}
	m.add("Contact", contact)
	if expires != "" {
		m.add("Expires", expires)
	}
	m.add("Allow", allowed)
	m.add("Supported", supported)
	m.add("Event", "registration") // a subscription to what becomes of the binding
	m.add("ms-keep-alive", "UAC;hop-hop=yes")
	if r.our.account.Subnet != "" {
		m.add("ms-subnet", r.our.account.Subnet)
	}
	m.add("Content-Length", "0")
	return m
}

// granted reads the binding from a 2xx answer, and plans the refresh and the keep-alives it asks for.
func (r *registration) granted(m *message) (Binding, error) {
	refresh, expires := r.bound, r.expires(m)
	if r.bound = expires > 0; !r.bound {
		return Binding{}, &LostError{Kind: NothingGranted, Code: m.code}
	}
	if action := strings.ToLower(presenceState(m)["register-action"]); refresh && (action == "added" || action == "fixed") {
		// MS-SIPREGE section 3.1.1.5.1: what it knew of us beyond the binding is gone.
		return Binding{}, &LostError{Kind: Forgotten, Code: m.code, Action: action}
	}
	r.our.gruu = r.findGRUU(m)
	b := r.accepted(m, time.Duration(max(expires, minExpires))*time.Second)
	b.Unlisted = r.unlisted(m)
	return b, nil
}

// unlisted says whether a 2xx answer lists no Contact that could be ours. It must (RFC 3261 section 10.3); there are Registrars that list
// none and hold the binding all the same, and things in front of a Registrar that answer in its place.
func (r *registration) unlisted(m *message) bool {
	ours := instance(r.our.account.EndpointID)
	own, _ := parseURI(parseAddress(r.our.contact()).uri)
	return !slices.ContainsFunc(m.list("Contact"), func(element string) bool {
		c := parseAddress(element)
		u, ok := parseURI(c.uri)
		theirs := strings.Trim(c.params["+sip.instance"], "<>")
		return theirs == "" || ours == "" || strings.EqualFold(theirs, ours) || ok && u.same(own)
	})
}

// presenceState are the parameters of what a Lync server says of the endpoint (MS-SIPREGE).
func presenceState(m *message) params { return parseParams(split(m.get("presence-state"), ';')) }

// accepted reads what a 2xx answer tells besides, and plans what comes next.
func (r *registration) accepted(m *message, expires time.Duration) Binding {
	b := Binding{
		Expires:  expires,
		Unbound:  !r.bound,
		Scheme:   r.talk.auth.scheme(),
		Leaf:     r.talk.auth.leaf(),
		User:     r.talk.auth.sentUser(),
		Server:   printable(m.get("Server")),
		Date:     date(m),
		GRUU:     r.our.gruu,
		Remote:   strings.EqualFold(m.get("ms-user-logon-data"), "RemoteUser"),
		OnBackup: strings.EqualFold(presenceState(m)["is-connected-to-primary"], "no"),
		Lync:     tellsInBand(m),
	}
	r.talk.flow.granted(m, b.Expires)
	if until := r.talk.auth.until(); !until.IsZero() && until.Before(r.talk.flow.refreshAt) {
		r.talk.flow.refreshAt = until // REGISTER is what signs in anew
	}
	return b
}

// tellsInBand says whether a 2xx answer is that of a Registrar with settings for a device.
func tellsInBand(m *message) bool {
	return slices.ContainsFunc(m.list("Allow-Events"), func(e string) bool { return strings.EqualFold(e, provisioningEvent) })
}

// findGRUU returns the URI the Registrar has given our Contact, "" if none.
func (r *registration) findGRUU(m *message) string {
	for _, element := range m.list("Contact") {
		c := parseAddress(element).params
		theirs := strings.Trim(c["+sip.instance"], "<>")
		if theirs != "" && strings.EqualFold(theirs, instance(r.our.account.EndpointID)) && isPlainURI(c["gruu"]) {
			return c["gruu"]
		}
	}
	return ""
}

// expires returns the seconds our binding lives. A 200 lists every binding of the address-of-record (RFC 3261 section
// 10.3): ours counts, by its Contact, else by the Expires header. When ours cannot be told among the others, for a
// Registrar may write the address it sees in place of the one we gave, the shortest of all is safe.
func (r *registration) expires(m *message) int {
	fallback, ok := seconds(m.get("Expires"), maxExpires)
	if !ok {
		fallback = defaultExpires
	}
	own, _ := parseURI(parseAddress(r.our.contact()).uri)
	ours := instance(r.our.account.EndpointID)
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
func (r *registration) failure(m *message) error {
	switch m.code {
	case 300, 301, 302, 305:
		if contacts := r.redirects(m); len(contacts) > 0 {
			return &RedirectError{Contacts: contacts}
		}
	}
	e := r.refusal(m)
	e.Scheme, e.Unbound = r.talk.auth.unconfirmed(m), !r.asked
	return e
}

// refusal reads what a final answer says about itself, and what it refuses.
func (r *registration) refusal(m *message) *StatusError {
	e := r.talk.auth.refusal(m)
	if !wasAsked(r.talk.auth) {
		e.Unasked = r.our.shown()
	}
	return e
}

// redirects reads the Contacts of a redirect, best first. What cannot be dialled is dropped.
func (r *registration) redirects(m *message) []Redirect {
	var found []Redirect
	for _, element := range m.list("Contact") {
		if to, ok := redirect(parseAddress(element), r.our.transport); ok && len(found) < maxListed {
			found = append(found, to)
		}
	}
	sort.SliceStable(found, func(i, j int) bool { return found[i].Q > found[j].Q })
	return found
}

// redirect reads one Contact of a redirect; usual is the transport where it names none.
func redirect(c address, usual string) (Redirect, bool) {
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
		transport = usual
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

// deregistered reads a notification that our binding is gone: "deregistered;event=rejected" (MS-SIPREGE section 2.2.1.13).
func (r *registration) deregistered(m *message) error {
	kind := split(strings.ToLower(m.get("Content-Type")), ';')
	if len(kind) == 0 || kind[0] != "text/registration-event" {
		return nil
	}
	parts := split(string(m.body), ';')
	if len(parts) == 0 || !strings.EqualFold(parts[0], "deregistered") {
		return nil
	}
	if r.briefly && !r.bound {
		return nil // that is what we have asked for
	}
	r.bound = false
	return r.talk.end(fmt.Errorf("%w: %w", ErrBindingLost, &DeregisteredError{
		Event:       printable(parseParams(parts[1:])["event"]),
		Preferred:   preferred(m),
		Diagnostics: diagnostics(m),
	}))
}

// preferred returns the Registrar we are sent to: the host of the first element that has one, "" if none. MS-SIPREGE
// section 2.2.1.8.
func preferred(m *message) string {
	for _, element := range m.list("P-Preferred-Registrar") {
		text := parseAddress(element).uri
		u, ok := parseURI(text)
		if !ok {
			u.host, _, ok = cutPort(text)
		}
		if host, err := place.Host(u.host); ok && err == nil && strings.ContainsAny(host, ".:") {
			return host
		}
	}
	return ""
}
