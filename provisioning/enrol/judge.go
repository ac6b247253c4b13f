package enrol

import (
	"errors"
	"strings"
	"time"

	"homeward/internal/certprov"
	"homeward/internal/identity"
	"homeward/internal/plain"
	"homeward/provisioning"
	"homeward/provisioning/signin"
)

// faults has every certprov.Kind.
var faults = map[certprov.Kind]provisioning.Fault{
	certprov.Unknown:            provisioning.FaultEnrolBroken,
	certprov.BadAddress:         provisioning.FaultEnrolNotThere,
	certprov.Unreachable:        provisioning.FaultEnrolUnreachable,
	certprov.Timeout:            provisioning.FaultEnrolDown,
	certprov.Cut:                provisioning.FaultEnrolDown,
	certprov.Redirected:         provisioning.FaultEnrolNotThere,
	certprov.NotFound:           provisioning.FaultEnrolNotThere,
	certprov.Unavailable:        provisioning.FaultEnrolDown,
	certprov.BadAnswer:          provisioning.FaultEnrolBroken,
	certprov.NoService:          provisioning.FaultEnrolNotThere,
	certprov.NoMethod:           provisioning.FaultEnrolMethod,
	certprov.BadChallenge:       provisioning.FaultEnrolChallenge,
	certprov.CredentialsRefused: provisioning.FaultEnrolCredentials,
	certprov.Faulted:            provisioning.FaultEnrolRefused,
	certprov.Rejected:           provisioning.FaultEnrolRefused,
	certprov.NoCertificate:      provisioning.FaultEnrolUnusable,
}

// Asked is how long the service has asked to be left alone; 0: it has not.
func Asked(t provisioning.Trouble) time.Duration {
	asked, _ := t.Facts["asked"].(time.Duration)
	return asked
}

// troubled is an error that says which Trouble it is.
type troubled struct{ provisioning.Trouble }

func (t troubled) Error() string { return t.What() }

// Judge says which fault the end of an enrolment is.
func Judge(err error, pin bool) provisioning.Trouble {
	var known troubled
	var e *certprov.Error
	switch {
	case err == nil:
		return provisioning.Trouble{}
	case errors.As(err, &known):
		return known.Trouble
	case !errors.As(err, &e):
		return provisioning.EnrolFailed.Met(plain.Words(err))
	}
	problem := *e
	problem.At = ""
	facts := provisioning.Facts{"at": e.At, "problem": problem.Error(), "said": e.Said(), "offered": e.Offered}
	if e.RetryAfter > 0 {
		facts["asked"] = e.RetryAfter
	}
	fault := faults[e.Kind]
	if e.Kind == certprov.CredentialsRefused && pin {
		fault = provisioning.FaultEnrolPIN
	}
	return fault.Met(facts)
}

// notRenewed says that a device has nothing but its certificate, and why that is not enough.
func notRenewed(err error) error {
	var e *certprov.Error
	errors.As(err, &e)
	said := e.Said()
	if len(e.Offered) > 0 {
		said = "it offers only " + strings.Join(e.Offered, ", ")
	}
	return troubled{provisioning.FaultEnrolNotRenewed.Met(provisioning.Facts{"at": e.At, "said": said})}
}

// JudgeIdentity says which fault of the device's own certificate an error of package identity is; none where there simply is no
// certificate.
func JudgeIdentity(err error, now time.Time) provisioning.Trouble {
	var e *identity.Error
	if !errors.As(err, &e) {
		return provisioning.Trouble{}
	}
	facts := provisioning.Facts{"now": now}
	if e.Err != nil {
		facts["problem"] = plain.Words(e.Err)
	}
	if !e.Pair.None() {
		leaf := e.Pair.Certificate.Leaf
		facts["owner"], facts["epid"] = e.Pair.Details.SIPAddress, e.Pair.Details.EndpointID
		facts["begins"], facts["ends"], facts["subject"] = leaf.NotBefore, leaf.NotAfter, leaf.Subject.String()
	}
	switch e.Kind {
	case identity.Absent:
		return provisioning.Trouble{}
	case identity.Damaged:
		return provisioning.FaultIdentityDamaged.Met(facts)
	case identity.Foreign:
		return provisioning.FaultIdentityNotOurs.Met(facts)
	case identity.Expired:
		return provisioning.FaultIdentityExpired.Met(facts)
	case identity.NotYetValid:
		return provisioning.FaultIdentityNotYetValid.Met(facts)
	default:
		return provisioning.FaultIdentityUnreadable.Met(facts)
	}
}

// unreachable says why no connection to a web service came about.
func unreachable(err error, c *provisioning.Candidate) error {
	cause := signin.Judge(err, c, c.Addrs[0]).With(provisioning.Facts{"unproven": nil}) // of the Registrar nothing is in doubt: it has named the service
	fault := provisioning.FaultEnrolUnreachable
	if cause.Reason().IsCertificate() {
		fault = provisioning.FaultEnrolUntrusted
	}
	return troubled{fault.Because(cause, provisioning.Facts{"at": c.HostPort(), "host": c.Host, "port": c.Port})}
}
