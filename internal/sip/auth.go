package sip

import (
	"cmp"
	"crypto/sha256"
	"crypto/tls"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"
)

// asker is who may ask for credentials: the Registrar, or a proxy before it. RFC 3261 section 22.
type asker struct {
	code                                 int
	challenge, credentials, confirmation string   // header names
	name                                 string   // of the scheme, in lower case: "digest"; "" until asked
	scheme                               scheme   // nil until asked
	refused                              []string // algorithms of Digest with which it did not take the credentials
	seen                                 bool     // it has asked, whatever became of that
	likes                                string   // the algorithm with which it has accepted us before, once that was sent before it asked; "": none was
	spent                                bool     // credentials that were sent before it asked came to nothing, and it may be the password that was refused
}

// authentication is how we prove to whoever asks who we are, for as long as the connection lives.
type authentication struct {
	service     string        // the certificate service that the Registrar names; "": none
	account     Account       // without the password
	password    func() string // fmt cannot look into a function
	secure      bool
	askers      askers
	certificate func() *tls.Certificate // nil: there is none
	failed      *CertificateError       // why the certificate is not used any more on this connection; nil: nothing has failed
}

// newAuthentication takes the password out of the account, and asks for the certificate.
func newAuthentication(account Account, secure bool) *authentication {
	password := account.Password.Reveal()
	account.Password = ""
	if account.Tries == nil {
		account.Tries = func() int { return mostProofs }
	}
	a := &authentication{account: account, password: func() string { return password }, secure: secure, askers: newAskers()}
	a.identify()
	a.signAhead()
	return a
}

// signAhead takes up the nonce of another connection, where the Registrar would get credentials of Digest in any case: over TLS, with
// a password that does not rest, and where no certificate comes first.
func (a *authentication) signAhead() {
	may := a.account.Nonce != nil && a.secure && a.password() != "" && !a.account.Rests && a.certificate == nil
	if by := &a.askers[0]; may && a.preference(challenge{scheme: "digest"}) >= 0 {
		by.name = "digest"
		by.scheme = &digestScheme{user: a.account.digestUser(), password: a.password, field: by.credentials, confirmation: by.confirmation, nonce: a.account.Nonce, ahead: true}
	}
}

// rash says whether a final answer refuses what was signed ahead, in a way that the nonce may be the reason of, and forgets it then: a
// nonce of another connection is not worth a verdict on the account.
func (by *asker) rash(m *message) bool {
	d, ok := by.scheme.(*digestScheme)
	if !ok || !d.ahead || m.code != 400 && m.code != 403 {
		return false
	}
	by.forget(d)
	by.spent = true
	return true
}

// forget has the next request go out bare.
func (by *asker) forget(d *digestScheme) { by.name, by.scheme, by.likes = "", nil, d.algorithm() }

// askers are the Registrar, and a proxy before it.
type askers [2]asker

// wait has the next request signed with no Digest before that is asked for.
func (of *askers) wait() {
	for i := range of {
		if d, ok := of[i].scheme.(*digestScheme); ok {
			of[i].forget(d)
		}
	}
}

// nonce is that with which we sign by Digest; nil: there is none.
func (by *asker) nonce() *Nonce {
	if d, ok := by.scheme.(*digestScheme); ok {
		return d.nonce
	}
	return nil
}

// identify asks for the certificate. One that has failed on this connection is not taken up again; another may be.
func (a *authentication) identify() {
	if a.account.Identity == nil {
		return
	}
	c := a.account.Identity.Certificate()
	if c == nil || c.Leaf == nil || a.certificate != nil && a.certificate().Leaf.Equal(c.Leaf) {
		return
	}
	a.certificate, a.failed = func() *tls.Certificate { return c }, nil
}

func newAskers() askers {
	return askers{
		{code: 401, challenge: "WWW-Authenticate", credentials: "Authorization", confirmation: "Authentication-Info"},
		{code: 407, challenge: "Proxy-Authenticate", credentials: "Proxy-Authorization", confirmation: "Proxy-Authentication-Info"},
	}
}

// sign adds what every asker wants to see.
func (a *authentication) sign(m *message) error {
	for i := range a.askers {
		by := &a.askers[i]
		if by.scheme != nil {
			if err := by.scheme.sign(m); err != nil {
				return err
			}
		}
	}
	return nil
}

func (a *authentication) verify(m *message) error {
	for i := range a.askers {
		by := &a.askers[i]
		if by.scheme != nil {
			if err := by.scheme.verify(m); err != nil {
				return err
			}
		}
	}
	return nil
}

// sentUser returns the login name the Registrar, or failing it a proxy, was shown; "" when no credentials were sent.
func (a *authentication) sentUser() string {
	for i := range a.askers {
		by := &a.askers[i]
		if by.scheme != nil && by.scheme.sent() != "" {
			return by.scheme.sent()
		}
	}
	return ""
}

// asked says whether it has asked for credentials, or was shown some.
func (by *asker) asked() bool { return by.scheme != nil || by.seen || by.spent }

// wasAsked says whether the Registrar, or a proxy, has asked for credentials, or was shown some.
func wasAsked(a *authentication) bool {
	return a.askers[0].asked() || a.askers[1].asked()
}

// leaf returns the SHA-256 of the certificate that we sign in with; "": there is none.
func (a *authentication) leaf() string {
	for i := range a.askers {
		by := &a.askers[i]
		if d, ok := by.scheme.(*dskScheme); ok {
			return fmt.Sprintf("sha256:%x", sha256.Sum256(d.certificate().Leaf.Raw))
		}
	}
	return ""
}

// scheme returns how we sign in, "" where nobody has asked: to the Registrar, or failing it to a proxy.
func (a *authentication) scheme() string { return cmp.Or(a.askers[0].name, a.askers[1].name) }

// until returns when we have to sign in anew, with a REGISTER; zero: when somebody asks.
func (a *authentication) until() time.Time {
	var first time.Time
	for i := range a.askers {
		by := &a.askers[i]
		if by.scheme != nil && !by.scheme.until().IsZero() && (first.IsZero() || by.scheme.until().Before(first)) {
			first = by.scheme.until()
		}
	}
	return first
}

// unconfirmed returns how the latest REGISTER had signed in, where the answer to it does not show that the Registrar has
// accepted that; "": it does, or there were no credentials.
func (a *authentication) unconfirmed(m *message) string {
	scheme := ""
	for i := range a.askers {
		by := &a.askers[i]
		if d, ok := by.scheme.(*digestScheme); ok && !d.confirms(m) { // NTLM: what is signed proves it, what is not proves nothing
			scheme = by.name
		}
	}
	return scheme
}

// refusal reads what a final answer says about itself, and whom it refuses.
func (a *authentication) refusal(m *message) *StatusError {
	e := refusal(m)
	if e.User = a.sentUser(); e.User != "" && !m.unsigned && m.claimsProof() && a.unconfirmed(m) == "" {
		e.Accepted = a.scheme()
	}
	return e
}

// progress is what follows from a challenge.
type progress uint8

const (
	answers    progress = iota // the next request answers it
	handshakes                 // the next request goes on with a handshake
	startsOver                 // the next request goes out bare: the Registrar is to say again what it offers
)

// challenged prepares the answer to a 401 or 407, or says why there will be none.
func (a *authentication) challenged(m *message, again bool) (progress, error) {
	by := &a.askers[0]
	if m.code == a.askers[1].code {
		by = &a.askers[1]
	}
	by.seen = true
	offered := parseChallenges(m.all(by.challenge))
	a.noteService(offered)
	if d, ok := by.scheme.(*digestScheme); ok && !again {
		by.spent, by.likes = !slices.ContainsFunc(offered, isStale), d.algorithm()
	}
	if d, ok := by.scheme.(*dskScheme); ok && d.busy() {
		switch err := a.goOn(by, d, offered, m); {
		case err != nil:
			return 0, err
		case by.scheme != nil:
			return handshakes, nil
		case !slices.ContainsFunc(offered, isOffer):
			return startsOver, nil
		}
		again = false
	} else if by.scheme != nil && by.scheme.renews() { // the certificate may be a newer one by now, or the first
		a.identify()
	}
	return a.take(by, offered, m, again)
}

// take answers one of the challenges.
func (a *authentication) take(by *asker, offered []challenge, m *message, again bool) (progress, error) {
	c, err := a.choose(offered, by, m)
	if err == nil && again && by.refuses(c) && a.askers.proofs() < a.account.Tries() { // RFC 8760: it may keep the password under another algorithm only
		c, err = a.choose(offered, by, m)
		again = slices.Contains(by.refused, digestAlgorithm(c))
	}
	name := strings.ToLower(c.scheme)
	if again && by.name != name { // what it asks for now is another matter, or nothing that can be answered
		if realm, ok := by.scheme.pending(); ok {
			return 0, &CredentialsError{Scheme: by.name, Realm: printable(realm), Status: a.refusal(m)}
		}
	}
	if err != nil {
		return 0, err
	}
	if by.name != name {
		by.name, by.scheme = name, a.newScheme(name, by)
	}
	if d, ok := by.scheme.(*dskScheme); ok {
		d.at, d.certificate = a.moment(m), a.certificate
	}
	switch err := by.scheme.answer(c, again); {
	case errors.Is(err, errRefused):
		return 0, &CredentialsError{Scheme: by.name, Realm: printable(c.params["realm"]), Status: a.refusal(m)}
	case err != nil:
		return 0, &AuthError{Kind: UnusableChallenge, Offered: names(offered), Problem: err.Error()}
	}
	return answers, nil
}

// refuses notes the algorithm with which complete credentials have just been refused: a Digest challenge came again, and it
// does not say that the nonce was too old.
func (by *asker) refuses(c challenge) bool {
	d, ok := by.scheme.(*digestScheme)
	if !ok || !strings.EqualFold(c.scheme, "digest") || isStale(c) {
		return false
	}
	by.refused = append(by.refused, d.algorithm())
	return true
}

// newScheme makes one of the schemes that problem lets pass.
func (a *authentication) newScheme(name string, by *asker) scheme {
	switch on := (agreement{field: by.credentials}); name {
	case "ntlm":
		return &ntlmScheme{agreement: on, user: a.account.ntlmUser(), host: a.account.Host, password: a.password, tls: a.secure}
	case dskName:
		return &dskScheme{agreement: on, identity: a.account.Identity, certificate: a.certificate}
	}
	return &digestScheme{user: a.account.digestUser(), password: a.password, field: by.credentials, confirmation: by.confirmation, nonce: &Nonce{}}
}

// choose picks the challenge to answer: by our order of schemes, then by strength; never by the Registrar's order. What has
// been refused is picked when there is nothing else.
func (a *authentication) choose(offered []challenge, by *asker, m *message) (challenge, error) {
	if slices.ContainsFunc(offered, isDSK) {
		a.judgeOwn(m)
	}
	var answerable []challenge
	var problems, barred []string
	var closest AuthKind
	for _, c := range offered[:min(len(offered), maxListed)] {
		kind, problem := a.problem(c, a.preference(c) >= 0)
		if problem == "" {
			answerable = append(answerable, c)
			continue
		}
		problems, closest = append(problems, problem), max(closest, kind)
		if kind == SchemeNotAllowed {
			if kind, problem = a.problem(c, true); problem == "" || kind == PasswordResting {
				barred = append(barred, strings.ToLower(c.scheme))
			}
		}
	}
	switch {
	case len(offered) == 0:
		return challenge{}, &AuthError{Kind: NothingOffered, Problem: fmt.Sprintf("answered %d without a challenge", by.code)}
	case len(answerable) == 0 && a.failed != nil && slices.ContainsFunc(offered, isDSK):
		return challenge{}, a.failed
	case len(answerable) == 0:
		slices.Sort(problems)
		return challenge{}, &AuthError{Kind: closest, Offered: names(offered), Barred: slices.Compact(barred), Problem: strings.Join(slices.Compact(problems), "; ")}
	}
	return slices.MinFunc(answerable, func(x, y challenge) int {
		return cmp.Or(cmp.Compare(a.rank(x, m), a.rank(y, m)), by.doubts(x)-by.doubts(y), cmp.Compare(digestWeakness(x), digestWeakness(y)))
	}), nil
}

// doubts ranks the algorithm of a Digest challenge: first what it has accepted before, last what it has refused.
func (by *asker) doubts(c challenge) int {
	switch digest := strings.EqualFold(c.scheme, "digest"); {
	case digest && slices.Contains(by.refused, digestAlgorithm(c)):
		return 1
	case digest && by.likes == digestAlgorithm(c):
		return -1
	}
	return 0
}

// refused is how many proofs of the password were refused, by whoever has asked for them.
func (of *askers) refused() (times int) {
	for i := range of {
		times += len(of[i].refused)
	}
	return times
}

// proofs is how many may have been refused: with those that were sent before anybody had asked.
func (of *askers) proofs() int {
	times := of.refused()
	for i := range of {
		if of[i].spent {
			times++
		}
	}
	return times
}

// preference returns the place of a challenge's scheme in our order, -1 when it is not allowed.
func (a *authentication) preference(c challenge) int {
	return slices.IndexFunc(a.account.Schemes, func(name string) bool { return strings.EqualFold(name, c.scheme) })
}

// problem says why a challenge is not answered, "" when it may be; allowed is whether its scheme is.
func (a *authentication) problem(c challenge, allowed bool) (AuthKind, string) {
	switch scheme := strings.ToLower(c.scheme); {
	case scheme == "basic":
		return BasicOffered, "Basic would show the password and is never answered" // RFC 3261 section 22: deprecated
	case scheme == "kerberos":
		return KerberosOffered, printable(c.scheme) + " is not supported"
	case scheme != "digest" && scheme != "ntlm" && scheme != dskName:
		return SchemeUnknown, printable(c.scheme) + " is not supported"
	case !allowed:
		return SchemeNotAllowed, printable(c.scheme) + " is not allowed here"
	case scheme == dskName && a.certificate == nil:
		return CertificateMissing, "this device has no certificate"
	case scheme == dskName && a.failed != nil:
		return CertificateMissing, a.failed.Error()
	case !a.secure && !a.account.InClear:
		return ClearTCP, "credentials go over clear TCP only under credentials_over_tcp, to a host that SRV or the configuration names"
	case scheme == dskName:
		_, _, problem := sipaeVersion(c)
		return UnusableChallenge, problem
	case a.password() == "":
		return PasswordMissing, "no password is configured"
	case a.account.Rests:
		return PasswordResting, "the password rests"
	case scheme == "ntlm":
		_, _, problem := sipaeVersion(c)
		return UnusableChallenge, problem
	}
	return UnusableChallenge, digestProblem(c)
}

// moment is what time it is, to judge our own certificate by: as the Registrar says, who judges it too. Else our clock says,
// or the floor where our clock is known to be wrong.
func (a *authentication) moment(m *message) time.Time {
	if told := date(m); !told.IsZero() {
		return told
	}
	now := time.Now()
	if a.account.Identity != nil && now.Before(a.account.Identity.Floor) {
		now = a.account.Identity.Floor
	}
	return now
}

// judgeOwn puts aside a certificate that has expired.
func (a *authentication) judgeOwn(m *message) {
	if a.certificate == nil || a.failed != nil {
		return
	}
	d := &dskScheme{certificate: a.certificate, at: a.moment(m)}
	if d.left() <= 0 {
		a.putAside(d.failed(CertificateExpired, nil), m)
	}
}

// rank is the place of a challenge's scheme in our order; a certificate that is about to end comes last.
func (a *authentication) rank(c challenge, m *message) int {
	if isDSK(c) && a.certificate().Leaf.NotAfter.Sub(a.moment(m)) < leastLeft {
		return len(a.account.Schemes)
	}
	return a.preference(c)
}

// goOn carries a handshake on with the challenge that is its answer. Where it fails, the asker is left without a scheme, and
// another may be tried; but whoever has signed with the certificate on this connection is not let go of it unsigned.
func (a *authentication) goOn(by *asker, d *dskScheme, offered []challenge, m *message) error {
	c := challenge{params: params{}}
	if i := slices.IndexFunc(offered, isDSK); i >= 0 {
		c = offered[i]
	}
	var failed *CertificateError
	if err := d.answer(c, true); !errors.As(err, &failed) { // it makes no other while it is busy
		return err
	}
	failed.Status = a.refusal(m)
	a.putAside(failed, m)
	if d.hangUp(); d.current != nil {
		return failed
	}
	by.name, by.scheme = "", nil
	return nil
}

// putAside is the end of the certificate on this connection.
func (a *authentication) putAside(failed *CertificateError, m *message) {
	failed.Date = date(m)
	a.failed = failed
	if told := a.account.Identity.Failed; told != nil {
		told(failed)
	}
}

// foreign says whether a final answer refuses the certificate as that of another SIP address, and puts it aside then. A binding
// that the certificate has brought is not given up so.
func (a *authentication) foreign(m *message) bool {
	if m.code != 403 || m.unsigned || !slices.ContainsFunc(diagnostics(m), func(d Diagnostic) bool { return d.ID == anothersCredentials }) {
		return false
	}
	for i := range a.askers {
		by := &a.askers[i]
		if d, ok := by.scheme.(*dskScheme); ok && a.failed == nil && d.current != nil && d.current.count == 1 { // the first it has signed
			failed := d.failed(CertificateForeign, nil)
			failed.Status = a.refusal(m)
			a.putAside(failed, m)
			by.name, by.scheme = "", nil
			return true
		}
	}
	return false
}

// hangUp ends handshakes that have come to nothing.
func (a *authentication) hangUp() {
	for i := range a.askers {
		by := &a.askers[i]
		if d, ok := by.scheme.(*dskScheme); ok {
			if d.hangUp(); d.busy() {
				d.stage = fresh
			}
		}
	}
}

// maxService bounds the URL of a certificate service. (Our choice: those of Lync have 70 characters.)
const maxService = 1 << 10

// noteService takes the URL of the certificate service out of the challenges (sts-uri of TLS-DSK, MS-SIPAE section 2.2.1). What
// comes in clear may be anybody's word.
func (a *authentication) noteService(offered []challenge) {
	for _, c := range offered {
		if url := c.params["sts-uri"]; a.secure && isDSK(c) && url != "" && len(url) <= maxService {
			a.service = url
			return
		}
	}
}
