package provisioning

import (
	"slices"
	"strings"
	"time"
)

// ofPlaces are the Reasons of what fails at a place, and may be otherwise than it was. Of refusals see SignedIn.
var ofPlaces = []Reason{
	ConnectRefused, ConnectReset, ConnectTimeout, TLSFailed, TLSTimeout, TLSVersion, TLSClientCert, TLSName, TLSNoName, TLSUntrusted, TLSUnreadable,
	SIPNoAnswer, SIPMalformed,
}

// Aside says whether a fault only adds to another what is known of that place: it does not say how the device signs in instead.
func (f Fault) Aside() bool {
	return f == FaultWorked || f == FaultSignedIn || f == FaultLed || f == FaultRedirected || f == FaultPauses
}

// Led adds to what is wrong at a place that its name led elsewhere when this device last registered (see Memory.Earlier).
func Led(earlier Facts, t Trouble) Trouble {
	reason := t.Reason()
	if earlier == nil || t.OnSide() == SideDevice || !slices.Contains(ofPlaces, reason) && reason != ConnectUnreachable && !reason.IsCertificate() {
		return t
	}
	return t.With(Facts{"led": FaultLed.Met(earlier)})
}

// Moment is when a device was registered last; zero: that is not known.
type Moment struct {
	At   time.Time
	Lost bool // that is when it lost its registration, to the second
}

// date is the moment by itself; "": it is not known.
func (m Moment) date() string {
	switch {
	case m.At.IsZero():
		return ""
	case m.Lost:
		return m.At.UTC().Format("2006-01-02 15:04:05 UTC")
	default:
		return m.At.UTC().Format("2006-01-02 15:04 UTC")
	}
}

// String is when the device was registered: "until 2026-11-30 03:54:29 UTC", "at 2026-11-30 03:54 UTC"; "": it is not known.
func (m Moment) String() string {
	switch {
	case m.At.IsZero():
		return ""
	case m.Lost:
		return "until " + m.date()
	default:
		return "at " + m.date()
	}
}

// Past is how a device was registered before; zero: it is not known to have been.
type Past struct {
	Moment
	Scheme    string // as in cache.Record
	Elsewhere string // the host where that was, if it is another place than the one asked about

	Port uint16 // at which, if it was at the address asked about, and only the port is another
	Step string // by which that was found

	Issuer string // who had issued the certificate of the place asked about; "": not known

	User     string // the login name that signed in, if it is another now
	Nameless bool   // a password signed in, and with which login name is not known

	SameTime bool      // the file of the password was written when the one was with which it signed in; another may have been given its time
	Written  time.Time // when it was written since, perhaps with the same password; zero: it was not, or nobody knows
	File     string    // what it is called
}

// there is when that was, if it was at the place asked about.
func (p *Past) there() string {
	if p.Elsewhere != "" {
		return ""
	}
	return p.String()
}

// Since adds to what is wrong at a place that this device was registered there. What can be wrong only where
// it was not is not said then, nor advised: the fact "new" is for that.
func Since(past Past, t Trouble) Trouble {
	reason, worked := t.Reason(), past.there()
	if worked == "" || !slices.Contains(ofPlaces, reason) && t.Facts["sender"] == nil || t.OnSide() == SideDevice {
		return t
	}
	facts := Facts{"when": worked}
	if !reason.IsCertificate() && reason != TLSClientCert { // of those it is seen what has changed
		facts["hidden"], facts["since"] = true, past.date()
	}
	t = t.With(nil)
	if issuer, _ := t.Facts["issuer"].(string); past.Issuer != "" && issuer != "" && issuer != past.Issuer {
		facts["issuer"], t.Facts["former"], t.Facts["replaced"] = past.Issuer, past.Issuer, past.date()
	}
	t.Facts["worked"] = FaultWorked.Met(facts)
	delete(t.Facts, "new")
	if odd := t.Facts["odd"]; odd != nil {
		t.Facts["usual"], t.Facts["odd"] = odd, nil
	}
	if t.Fault == FaultServerPort || t.Fault == FaultNoHost {
		return t.On(SideRegistrar)
	}
	return t
}

// SignedIn adds to what a Registrar refuses that this device had signed in with this account, there or elsewhere. same says that it was with the
// password that it has now.
func SignedIn(past Past, same bool, t Trouble) Trouble {
	reason := t.Reason()
	switch {
	case past.At.IsZero(), reason != SIPForbidden && reason != SIPNotFound && reason != SIPCredentials:
		return t
	case reason == SIPForbidden && schemes[past.Scheme] == "", reason == SIPCredentials && !past.byPassword():
		return t // nobody had asked who it is, or not for the password
	}
	facts, told := Facts{"when": past.Moment, "since": past.date()}, Facts{"when": past.Moment, "place": "there", "did": "signed in", "as": "with this account"}
	if schemes[past.Scheme] == "" {
		told["did"] = "was registered"
	}
	if past.Elsewhere != "" {
		told["place"] = "at " + past.Elsewhere
	}
	if past.Nameless && !same {
		told["as"] = "with this SIP address"
	}
	switch {
	case !past.byPassword():
	case past.User != "" && !same:
		told["as"] = "as " + past.User
		if t.Facts["login"] != nil && t.OnSide() != SideRegistrar && slices.Contains(ofLogins, t.Fault) {
			return loginChanged(past, t)
		}
	case !mayBeOfPassword(t):
	case same:
		facts["unchanged"], told["unchanged"] = true, true
		if reason == SIPCredentials {
			told["probably"] = true
		}
	case past.SameTime:
		facts["unchanged"], told["untouched"] = true, true
	case !past.Written.IsZero():
		facts["retyped"], facts["changed"] = past.File, past.Written
		told["retyped"], told["changed"] = past.File, past.Written
	}
	t = t.With(facts)
	t.Facts["worked"] = FaultSignedIn.Met(told)
	if reason == SIPCredentials && facts["retyped"] != nil && t.Facts["took"] == nil {
		return retyped(t)
	}
	if t.Fault == FaultUnknownUnasked { // the device has not changed
		return t.On(SideRegistrar)
	}
	return t
}

// mayBeOfPassword says whether the password may be why a Registrar refuses: it has asked for one and has not accepted it, and does not say that
// something else is the reason.
func mayBeOfPassword(t Trouble) bool {
	return t.Facts["accepted"] == nil && (t.Reason() == SIPCredentials || t.Fault == FaultForbidden && t.OnSide() != SideRegistrar)
}

// ofLogins are the refusals of credentials that a wrong login name may have. One that is right, and of another account, is refused as well.
var ofLogins = []Fault{FaultCredentials, FaultCredentialsNTLM, FaultForbidden, FaultAccountRefused, FaultOfDiagnostics(1000), FaultOfDiagnostics(4004)}

// loginChanged is for a refusal of credentials whose login name is not that which had signed in.
func loginChanged(past Past, t Trouble) Trouble {
	facts := Facts{"host": t.Facts["host"], "login": t.Facts["login"], "setting": t.Facts["setting"], "was": past.User, "when": past.Moment, "place": "there"}
	if past.Elsewhere != "" {
		facts["place"] = "at " + past.Elsewhere
	}
	changed := FaultLoginChanged.Because(t, facts)
	if t.Facts["took"] != nil || t.Fault == FaultAccountRefused {
		return changed.OnNoSide()
	}
	return changed.On(SideDevice)
}

// retyped is for a password that was refused, and whose file was written since one signed in: whether the password is another is not known.
func retyped(t Trouble) Trouble {
	facts := Facts{"worked": t.Facts["worked"], "host": t.Facts["host"], "retyped": t.Facts["retyped"], "changed": t.Facts["changed"]}
	alone := t.With(nil)
	delete(alone.Facts, "worked")
	return FaultRetyped.Because(alone, facts).OnNoSide()
}

// OfWhoAsks says whether a refusal is about who asks, the account or this device, and not about whom: each Registrar may refuse the same. On
// whose side that is does not matter: a policy that keeps devices out is the Registrar's.
func OfWhoAsks(t Trouble) bool {
	return t.OnSide() == SideAccount || slices.Contains([]Reason{SIPCredentials, CredentialsResting, SIPForbidden, SIPNotFound}, t.Reason())
}

// byPassword says whether the device signed in with its password.
func (p *Past) byPassword() bool { return p.Scheme == "digest" || p.Scheme == "ntlm" }

// schemes are the names of the ways to sign in, as Registrars offer them.
var schemes = map[string]string{"digest": "Digest", "ntlm": "NTLM", "tls-dsk": "TLS-DSK"}

// Offers makes of what a Registrar offers, and this device cannot use, that it has offered another scheme before, by which this device had
// signed in there.
func Offers(past Past, t Trouble) Trouble {
	before, when := schemes[past.Scheme], past.there()
	offered, known := t.Facts["offered"].([]string)
	if before == "" || when == "" || !known || t.Reason() != SIPAuthNotSupported {
		return t
	}
	for _, name := range offered {
		if strings.HasPrefix(name, before) { // "Digest SHA-256"
			return t
		}
	}
	now := "none"
	if len(offered) > 0 {
		now = strings.Join(offered, ", ")
	}
	return FaultOfferChanged.Because(t, Facts{"host": t.Facts["host"], "before": before, "when": when, "now": now})
}
