package signin

import (
	"cmp"
	"errors"
	"fmt"
	"slices"
	"time"

	"homeward/internal/sip"
	"homeward/provisioning"
)

// authFaults has every sip.AuthKind but that of a password that rests, which is no fault of its own.
var authFaults = map[sip.AuthKind]provisioning.Fault{
	sip.NothingOffered:     provisioning.FaultNoChallenge,
	sip.BasicOffered:       provisioning.FaultOnlyBasic,
	sip.SchemeUnknown:      provisioning.FaultNoScheme,
	sip.KerberosOffered:    provisioning.FaultOnlyKerberos,
	sip.SchemeNotAllowed:   provisioning.FaultSchemeNotAllowed,
	sip.CertificateMissing: provisioning.FaultNoIdentity,
	sip.ClearTCP:           provisioning.FaultInClear,
	sip.PasswordMissing:    provisioning.FaultNoPassword,
	sip.UnusableChallenge:  provisioning.FaultBadChallenge,
	sip.ChallengedTooOften: provisioning.FaultChallengedAgain,
	sip.NonceOutdated:      provisioning.FaultStale,
}

// longForNonce is how long an exchange takes that may be too slow for a nonce: few Registrars let them live for less. (Our choice.)
const longForNonce = time.Second

// answered is for a Registrar that has answered, or should have.
func (j *judgement) answered() provisioning.Trouble {
	var (
		certified   *sip.CertificateError
		credentials *sip.CredentialsError
		auth        *sip.AuthError
		lost        *sip.LostError
		malformed   *sip.MalformedError
		redirect    *sip.RedirectError
		signature   *sip.SignatureError
		silence     *sip.SilenceError
		status      *sip.StatusError
	)
	switch {
	case errors.As(j.err, &certified):
		return j.certified(certified)
	case errors.As(j.err, &credentials):
		return j.credentials(credentials)
	case errors.As(j.err, &auth):
		j.facts["offered"], j.facts["said"], j.facts["problem"] = auth.Offered, auth.Problem, auth.Problem
		if auth.Barred != nil {
			j.facts["barred"] = provisioning.Either(auth.Barred)
		}
		j.late(auth.Took)
		if auth.Kind == sip.PasswordResting {
			return provisioning.CredentialsResting.Met(j.raw)
		}
		if fault := authFaults[auth.Kind]; fault != "" {
			return j.met(fault)
		}
		return provisioning.SIPAuthNotSupported.Met(j.raw)
	case errors.As(j.err, &malformed):
		return j.malformed(malformed)
	case errors.As(j.err, &redirect): // in answer to a refresh: the user has moved
		return provisioning.BindingLost.Met(j.raw)
	case errors.As(j.err, &signature):
		j.facts["problem"] = signature.Missing()
		return j.met(provisioning.FaultUnsigned)
	case errors.Is(j.err, sip.ErrBadSignature):
		return provisioning.SIPBadSignature.Met(j.raw)
	case errors.As(j.err, &lost) && lost.Kind == sip.NothingGranted && j.attempt != nil:
		return j.met(provisioning.FaultGrantsNothing)
	case errors.As(j.err, &silence) && silence.Strange != "" && j.attempt != nil:
		j.facts["begins"], j.facts["differs"] = silence.Strange, silence.Differs
		return j.met(provisioning.FaultNotOurAnswer)
	case errors.Is(j.err, sip.ErrNoAnswer) && j.attempt != nil:
		return j.mute()
	case errors.Is(j.err, sip.ErrNoAnswer):
		return j.met(provisioning.FaultWentSilent)
	case errors.As(j.err, &status):
		return j.refused(status)
	default:
		return provisioning.Trouble{}
	}
}

func (j *judgement) malformed(e *sip.MalformedError) provisioning.Trouble {
	j.facts["begins"], j.facts["problem"] = e.Begins, e.Problem
	switch {
	case j.attempt == nil, e.Kind == sip.BadDocument, e.Kind == sip.BadMRASURI:
		return provisioning.SIPMalformed.Met(j.raw)
	case e.Kind == sip.NotSIP:
		return j.met(provisioning.FaultNotSIP)
	default:
		return j.met(provisioning.FaultBadSIP)
	}
}

func (j *judgement) credentials(e *sip.CredentialsError) provisioning.Trouble {
	fault := provisioning.FaultCredentials
	j.know("realm", e.Realm)
	if e.Scheme == "digest" {
		j.late(e.Took)
	}
	if e.Status != nil {
		j.facts["said"] = e.Status.Said(fmt.Sprint(j.facts["host"]))
		j.know("login", e.Status.User)
		if d := diagnosed(j.err); d != "" && d.Reason() != provisioning.SIPCredentials {
			return j.named(d, provisioning.FaultCredentials)
		}
	}
	if e.Scheme == "ntlm" {
		fault = provisioning.FaultCredentialsNTLM
		if e.Status != nil && !hasDomain(e.Status.User) {
			j.facts["plain"] = true
		}
	}
	if j.facts["took"] != nil { // then it is not known
		return j.met(fault).OnNoSide()
	}
	return j.met(fault)
}

// late is for an answer that may have come too late for its nonce.
func (j *judgement) late(took time.Duration) {
	if took >= longForNonce {
		j.know("took", fmt.Sprintf("%.1f s", took.Seconds()))
	}
}

// refused is for a final answer that refuses, and is no challenge.
func (j *judgement) refused(e *sip.StatusError) provisioning.Trouble {
	j.facts["said"], j.facts["user"] = e.Said(fmt.Sprint(j.facts["host"])), e.User
	j.know("login", e.User)
	switch e.Accepted {
	case "":
		j.facts["unaccepted"] = true
	case "tls-dsk":
		j.know("accepted", "the certificate was")
	default:
		j.know("accepted", "user name and password were")
	}
	if e.TooManyBindings() {
		return j.met(provisioning.FaultTooManyBindings)
	}
	d, side := diagnosed(j.err), j.about(e)
	fault := statusFault(e.Code)
	switch {
	case d == "" && e.Unasked == nil && fault == provisioning.FaultAccountRefused && side == provisioning.SideRegistrar:
		return j.met(provisioning.FaultDeviceRefused)
	case doubtsPassword(j.err):
		return j.met(provisioning.FaultForbidden).On(side)
	case d != "":
		return j.named(d, fault)
	case e.NamesNoInterval():
		return j.met(provisioning.FaultNoMinExpires)
	case fault == provisioning.FaultRejected && e.Unbound:
		return j.met(provisioning.FaultNoQuery)
	case e.Code == 405 || e.Code == 501:
		return j.named(provisioning.FaultTakesNoRegister, fault)
	case e.Unasked != nil && (fault == provisioning.FaultAccountRefused || e.Code == 603):
		return provisioning.FaultRefusedUnasked.Because(fault.Met(j.facts), j.facts).On(cmp.Or(side, provisioning.SideOpen))
	case e.Unasked != nil && fault == provisioning.FaultAccountUnknown:
		return j.named(provisioning.FaultUnknownUnasked, fault)
	case fault == provisioning.FaultAccountRefused:
		return j.met(fault).On(side)
	case fault == provisioning.FaultRejected:
		return j.rejected(e)
	default:
		return j.met(fault)
	}
}

// leads are the fact that each subject of a refusal is, and whose side it leads to. Of a domain, sip_address may be wrong as well.
var leads = map[sip.Subject]struct {
	fact  string
	side  provisioning.Side
	words string
	as    string // the fact by which it is known to the Registrar, if one is
	value any    // what stands for it otherwise
}{
	sip.AboutAgent:     {"of-agent", provisioning.SideRegistrar, "the program, type or version of this device", "agent", "of this device"},
	sip.AboutAddress:   {"of-address", provisioning.SideRegistrar, "the address of this device", "own", "of this device"},
	sip.AboutTransport: {"of-transport", provisioning.SideRegistrar, "the transport", "", true},
	sip.AboutDomain:    {"of-domain", provisioning.SideOpen, "the domain", "", true},
	sip.AboutAccount:   {"of-account", provisioning.SideAccount, "the account", "user", nil},
	sip.AboutDevice:    {"of-device", provisioning.SideRegistrar, "this device", "", true},
}

// named is for a fault that the answer names, and that is what its status stands for: its side is its own, be it known or not.
func (j *judgement) named(d, status provisioning.Fault) provisioning.Trouble {
	return d.Because(status.Met(j.facts), j.facts).On(cmp.Or(d.Side(), provisioning.SideOpen))
}

// about notes what the words of a refusal lead to, and returns whose side that is; "": they do not tell.
func (j *judgement) about(e *sip.StatusError) provisioning.Side {
	if u := e.Unasked; u != nil {
		j.facts["agent"], j.facts["own"], j.facts["user"] = u.UserAgent, u.Address, u.AOR
	}
	subject := e.Subject()
	if subject == 0 && !e.Explains() {
		j.facts["vague"] = true
	}
	lead, known := leads[subject]
	if !known {
		return ""
	}
	j.facts["subject"], j.facts[lead.fact] = lead.words, lead.value
	if as, _ := j.facts[lead.as].(string); as != "" {
		j.facts[lead.fact] = as
	}
	return lead.side
}

// demands are the statuses by which a Registrar asks for more than this device does, or has been set up to loop: they say why. The others
// do not say whether the request is wrong, or who refuses it.
var demands = []int{420, 421, 423, 439, 482, 483, 494}

// rejected is for a request that is refused as it stands.
func (j *judgement) rejected(e *sip.StatusError) provisioning.Trouble {
	demanded, says := slices.Contains(demands, e.Code), "mute"
	if demanded || e.Explains() {
		says = "says"
	}
	j.facts[says] = true
	if demanded {
		return j.met(provisioning.FaultRejected).On(provisioning.SideRegistrar)
	}
	return j.met(provisioning.FaultRejected)
}

// statusFault is the fault of a status code (RFC 3261 section 21). A 4xx says that this request cannot be granted as it
// stands; what is about the server, or about now, is said elsewhere.
func statusFault(code int) provisioning.Fault {
	switch {
	case code == 403:
		return provisioning.FaultAccountRefused
	case code == 404 || code == 604:
		return provisioning.FaultAccountUnknown
	case code == 300 || code == 301 || code == 302 || code == 305: // one that can be followed is a sip.RedirectError
		return provisioning.FaultRedirectNowhere
	case code == 408 || code == 477 || code == 480 || code >= 500 && code < 600: // 477: Kamailio does not reach the next hop
		return provisioning.FaultUnavailable
	default:
		return provisioning.FaultRejected
	}
}

// diagnosed returns the fault that the first diagnostics of an answer name of which we know something, or nil.
func diagnosed(err error) provisioning.Fault {
	for _, said := range diagnosticsOf(err) {
		if fault := provisioning.FaultOfDiagnostics(said.ID); fault != "" {
			return fault
		}
	}
	return ""
}

// doubtsPassword says whether a refusal may be that of the password, although it is no 401: Asterisk's chan_sip answers
// 403 to a wrong one. What the Registrar says clearly of another fault is none, and neither is what carried no credentials.
func doubtsPassword(err error) bool {
	var status *sip.StatusError
	if !errors.As(err, &status) || status.Code != 403 || status.Scheme == "" {
		return false
	}
	d := diagnosed(err)
	return d == "" || d.Reason() == provisioning.SIPCredentials
}

func diagnosticsOf(err error) []sip.Diagnostic {
	var status *sip.StatusError
	if errors.As(err, &status) {
		if status.Unsigned { // shown, but no advice is built on it
			return nil
		}
		return status.Diagnostics
	}
	var credentials *sip.CredentialsError
	if errors.As(err, &credentials) && credentials.Status != nil {
		return credentials.Status.Diagnostics
	}
	return nil
}
