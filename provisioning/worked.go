package provisioning

import (
	"slices"
	"strings"
)

// ofPlaces are the Reasons of what fails at a place, and may be otherwise than it was. Of refusals see SignedIn.
var ofPlaces = []Reason{
	ConnectRefused, ConnectReset, ConnectTimeout, TLSFailed, TLSTimeout, TLSVersion, TLSClientCert, TLSName, TLSNoName, TLSUntrusted, TLSUnreadable,
	SIPNoAnswer, SIPMalformed,
}

// Aside says whether a fault only adds to another what is known of that place: it does not say how the device signs in instead.
func (f Fault) Aside() bool {
	return f == FaultWorked || f == FaultSignedIn || f == FaultLed || f == FaultRedirected
}

// Led adds to what is wrong at a place that its name led elsewhere when this device last registered (see Memory.Earlier).
func Led(earlier Facts, t Trouble) Trouble {
	reason := t.Reason()
	if earlier == nil || t.OnSide() == SideDevice || !slices.Contains(ofPlaces, reason) && reason != ConnectUnreachable && !reason.IsCertificate() {
		return t
	}
	return t.With(Facts{"led": FaultLed.Met(earlier)})
}

// Since adds to what is wrong at a place that this device was registered there: "until 2026-11-30 03:54:29 UTC". What can be wrong only where
// it was not is not said then, nor advised: the fact "new" is for that.
func Since(worked string, t Trouble) Trouble {
	reason := t.Reason()
	if worked == "" || !slices.Contains(ofPlaces, reason) || t.OnSide() == SideDevice {
		return t
	}
	facts := Facts{"when": worked}
	if !reason.IsCertificate() && reason != TLSClientCert { // of those it is seen what has changed
		facts["hidden"] = true
	}
	t = t.With(nil)
	t.Facts["worked"] = FaultWorked.Met(facts)
	delete(t.Facts, "new")
	if odd := t.Facts["odd"]; odd != nil {
		t.Facts["usual"], t.Facts["odd"] = odd, nil
	}
	if t.Fault == FaultServerPort {
		return t.On(SideRegistrar)
	}
	return t
}

// SignedIn adds to what a Registrar refuses that this device had signed in there with this account: "until 2026-11-30 03:54:29 UTC", and by which
// scheme. same says that it was with the password that it has now.
func SignedIn(when, scheme string, same bool, t Trouble) Trouble {
	reason := t.Reason()
	if when == "" || schemes[scheme] == "" || reason != SIPForbidden && reason != SIPNotFound && (reason != SIPCredentials || scheme == "tls-dsk") {
		return t
	}
	facts := Facts{"when": when}
	if same && scheme != "tls-dsk" {
		facts["unchanged"] = true
	}
	t = t.With(facts)
	t.Facts["worked"] = FaultSignedIn.Met(facts)
	return t
}

// schemes are the names of the ways to sign in, as Registrars offer them.
var schemes = map[string]string{"digest": "Digest", "ntlm": "NTLM", "tls-dsk": "TLS-DSK"}

// Offers makes of what a Registrar offers, and this device cannot use, that it has offered another scheme before, by which this device had
// signed in there.
func Offers(when, scheme string, t Trouble) Trouble {
	before := schemes[scheme]
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
