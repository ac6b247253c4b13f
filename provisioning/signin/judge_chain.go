package signin

import (
	"cmp"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"homeward/internal/plain"
	"homeward/internal/trust"
	"homeward/provisioning"
)

// certificateFaults has every trust.Problem.
var certificateFaults = map[trust.Problem]provisioning.Fault{
	trust.Unproven:             provisioning.FaultCertificate,
	trust.Untrusted:            provisioning.FaultUnknownAuthority,
	trust.OtherKey:             provisioning.FaultSameNameAuthority,
	trust.WrongIssuer:          provisioning.FaultWrongIssuer,
	trust.StrangeIssuer:        provisioning.FaultStrangeIssuer,
	trust.FormerRoot:           provisioning.FaultFormerRoot,
	trust.SelfSigned:           provisioning.FaultSelfSigned,
	trust.WeakSignature:        provisioning.FaultWeakSignature,
	trust.UnknownSignature:     provisioning.FaultUnknownSignature,
	trust.NotAuthority:         provisioning.FaultNotAuthority,
	trust.NotSigner:            provisioning.FaultNotSigner,
	trust.TooManyIntermediates: provisioning.FaultChainTooLong,
	trust.NameConstraint:       provisioning.FaultNameConstraint,
	trust.PolicyConstraint:     provisioning.FaultPolicyConstraint,
	trust.CriticalExtension:    provisioning.FaultCriticalExtension,
	trust.Unusable:             provisioning.FaultNotForServers,
	trust.NoCertificate:        provisioning.FaultNoCertificate,
	trust.NoRoots:              provisioning.FaultNoRoots,
	trust.Expired:              provisioning.FaultExpired,
	trust.NotYetValid:          provisioning.FaultNotYetValid,
	trust.ClockWrong:           provisioning.FaultClockCertificate,
	trust.WrongName:            provisioning.FaultWrongName,
	trust.NoName:               provisioning.FaultNoSAN,
	trust.Unreadable:           provisioning.FaultUnreadable,
}

// certificate is for a certificate that is not believed, whatever else is known of it.
func (j *judgement) certificate() provisioning.Trouble {
	var e *trust.CertificateError
	if !errors.As(j.err, &e) {
		return provisioning.Trouble{}
	}
	j.certificateFacts(e)
	var seen provisioning.SeenCertificates
	for _, c := range e.Sent {
		seen = append(seen, provisioning.SeenCertificate(c))
	}
	j.facts["seen"] = seen
	j.pin(seen)
	fault := certificateFaults[e.Problem]
	meant := slices.IndexFunc(e.Names, func(name string) bool { return means(name, e.Host) })
	ofAuthority, notNow := e.Of.Subject != "" && !e.Of.Leaf, e.Problem == trust.Expired || e.Problem == trust.NotYetValid
	switch {
	case fault == "", e.Problem == trust.CriticalExtension && len(e.Extensions) == 0:
		fault = provisioning.FaultCertificate
	case e.Nameless && notNow && !ofAuthority:
		j.know("stranger", trust.Listed(e.Names))
	case e.Problem == trust.WrongName && meant >= 0:
		fault = provisioning.FaultNameForm
		j.know("name", fmt.Sprintf("%q", e.Names[meant]))
	case e.Nameless && e.Problem == trust.SelfSigned:
		fault = provisioning.FaultSelfSignedNameless
	case e.Nameless && !notNow:
		fault = provisioning.FaultStrangerNameless
	case ofAuthority && e.Of.Root && e.Problem == trust.Expired:
		fault = provisioning.FaultRootExpired
		if j.attempt != nil {
			j.know("file", j.attempt.file)
		}
	case ofAuthority && e.Problem == trust.Expired:
		fault = provisioning.FaultIssuerExpired
	case ofAuthority && e.Problem == trust.NotYetValid:
		fault = provisioning.FaultIssuerNotYetValid
	case e.Of.Root && e.Problem == trust.NotAuthority:
		fault = provisioning.FaultRootNotAuthority
	case e.Of.Root && e.Problem == trust.NotSigner: // the site may have another one than this device
		j.know("here", e.Of.Subject)
		return j.met(fault).OnNoSide()
	case e.Problem == trust.Untrusted && j.facts["above"] == nil && (j.attempt == nil || j.attempt.met.IssuerEnds.IsZero()):
		fault = provisioning.FaultUnknownIssuer
		if j.attempt != nil && j.attempt.rooted {
			fault = provisioning.FaultNoIntermediate
		}
	}
	by := ""
	if j.attempt != nil && j.attempt.kept {
		by = "is synchronized"
	}
	return provisioning.Timed(j.met(fault), by)
}

// certificateFacts are what is known of the certificate that is not believed, and of those around it.
func (j *judgement) certificateFacts(e *trust.CertificateError) {
	j.facts["begins"], j.facts["ends"], j.facts["extensions"] = e.Of.NotBefore, e.Of.NotAfter, named(e.Extensions)
	j.know("names", trust.Listed(e.Names))
	j.know("of", e.Of.Subject)
	j.know("issuer", e.Of.Issuer)
	j.know("signature", e.Of.Signature)
	if e.Err != nil {
		j.know("problem", plain.Words(e.Err))
	}
	if e.Problem == trust.Expired || e.Problem == trust.NotYetValid {
		j.know("clock", "the clock of this device")
	}
	if !e.Now.IsZero() {
		j.facts["now"] = e.Now
	}
	whose := "own"
	if e.Of.Subject != "" && !e.Of.Leaf {
		whose = "authority"
	}
	j.know(whose, cmp.Or(e.Of.Subject, whose))
	j.others(e)
	if j.attempt == nil {
		return
	}
	met := &j.attempt.met
	if j.facts["maker"] = "the authority " + met.Issuer; met.SelfSigned {
		j.facts["maker"] = "the server, which has issued it itself,"
	}
	j.know("trusts", j.attempt.trusts)
	switch e.Problem {
	case trust.WrongIssuer, trust.StrangeIssuer, trust.FormerRoot:
		j.know("root", e.Of.Issuer)
		if e.Nameless { // then the words are about the server's own, whatever the problem is about
			j.know("issuer", met.Issuer)
		}
		return
	default:
		j.know("issuer", met.Issuer)
		j.know("root", met.LeadsTo)
	}
	if met.Issuer != met.LeadsTo {
		j.know("above", met.LeadsTo)
	}
	for _, c := range e.Sent[min(1, len(e.Sent)):] {
		if c.Subject != e.Of.Subject {
			j.know("below", c.Subject)
		}
	}
	if e.Unknown {
		j.know("unknown", met.LeadsTo)
	}
	switch {
	case met.Complete:
	case len(e.Sent) > 1:
		j.know("open", met.LeadsTo)
	case met.Sent == 2:
		j.know("times", "twice")
	case met.Sent > 2:
		j.know("times", fmt.Sprintf("%d times", met.Sent))
	}
}

// others are the certificates that stand where that of an issuer should be, and the identifiers of the keys by which they differ.
func (j *judgement) others(e *trust.CertificateError) {
	all := ""
	for i, c := range e.Others {
		if i > 0 {
			all += " and "
		}
		all += "that of " + c.Subject
		switch {
		case !c.Authority:
			all += " (not an authority)"
		case e.Now.After(c.NotAfter):
			all += " (expired on " + c.NotAfter.UTC().Format(time.DateOnly) + ")"
		case c.Subject == c.Issuer:
			all += " (a root certificate)"
		}
	}
	j.know("others", all)
	j.know("needs", e.Of.IssuerKey)
	instead := e.Above
	if instead != nil {
		j.facts["since"] = instead.NotBefore
	} else if len(e.Others) == 1 {
		instead = e.Others[0]
	}
	if instead != nil && instead.Key != e.Of.IssuerKey {
		j.know("has", instead.Key)
	}
}

// pin says what the server has sent, and how the last of it is trusted by its fingerprint.
func (j *judgement) pin(seen provisioning.SeenCertificates) {
	if len(seen) == 0 {
		return
	}
	var sent []string
	for _, c := range seen {
		sent = append(sent, strings.TrimSpace(c.Fingerprint+" "+c.Subject))
	}
	last := seen[len(seen)-1]
	j.facts["sent"] = sent
	j.know("last", cmp.Or(last.Subject, "that certificate"))
	j.know("anchor", last.Fingerprint)
	j.know("pin", fmt.Sprintf("trust_pins = [%q]", last.Fingerprint))
}

// means says whether a name of a certificate that is not the host's was meant to be: with a final dot, blanks, or as a part of a URL.
func means(name, host string) bool {
	_, rest, isURL := strings.Cut(name, "://")
	if !isURL {
		rest = name
	}
	for _, scheme := range []string{"sip:", "sips:"} {
		rest = strings.TrimPrefix(rest, scheme)
	}
	rest, _, _ = strings.Cut(strings.TrimSpace(rest), "/")
	rest, _, _ = strings.Cut(rest, ":")
	return host != "" && strings.EqualFold(strings.TrimSuffix(rest, "."), host)
}

// extensionNames are those of extensions that sites meet (MS-WCCE section 2.2.2.7.7.3, RFC 5280 section 4.2.1.10).
var extensionNames = map[string]string{
	"1.3.6.1.4.1.311.21.10": "Application Policies",
	"2.5.29.30":             "name constraints of a kind that it cannot check, such as directory names",
}

// named adds them.
func named(extensions []string) []string {
	all := slices.Clone(extensions)
	for i, id := range all {
		if name := extensionNames[id]; name != "" {
			all[i] += " (" + name + ")"
		}
	}
	return all
}
