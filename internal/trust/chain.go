package trust

import (
	"bytes"
	"crypto/x509"
	"errors"
	"fmt"
	"slices"
	"time"
)

// describe gives a failed verification its Problem, and the certificate it is about. crypto/x509 has a type for most of
// them; for what it says in words alone, the chain is examined here.
func describe(host string, chain []*x509.Certificate, s Settings, err error) *CertificateError {
	leaf, now, by := chain[0], s.now(), newSignatures()
	e := &CertificateError{Host: host, Names: names(leaf), Now: now, Err: err}
	for _, c := range by.path(chain) {
		e.Sent = append(e.Sent, Seen{distinguished(c.RawSubject, &c.Subject), Fingerprint(c)})
	}
	// Of a certificate that is valid at the floor, the clock is not what fails.
	atFloor := now.Before(s.Floor) && !s.Floor.Before(leaf.NotBefore) && !s.Floor.After(leaf.NotAfter)
	problem, of := Unproven, leaf
	switch {
	case !atFloor && (now.After(leaf.NotAfter) || now.Before(leaf.NotBefore)):
		problem = wrongTime(leaf, now, s.Floor)
	case errors.Is(err, errNoName):
		problem = NoName
	case errors.As(err, new(x509.HostnameError)):
		problem = WrongName
		if len(leaf.DNSNames) == 0 && len(leaf.IPAddresses) == 0 {
			problem, e.Err = NoName, fmt.Errorf("it has no Subject Alternative Name, only the common name %q", short(leaf.Subject.CommonName, maxName))
		}
	default:
		problem, of = by.chainProblem(chain, s, now, err)
	}
	e.Problem, e.Of = problem, *certificate(of, leaf)
	e.Of.Root = !contains(chain, of) || isSelfSigned(of) && contains(s.Own, of)
	if e.Of.Root {
		e.Own = slices.IndexFunc(s.Own, of.Equal) + 1
	}
	e.examine(chain, s, of, by)
	return e
}

// examine adds what is known of the certificates beside the one that has the Problem.
func (e *CertificateError) examine(chain []*x509.Certificate, s Settings, of *x509.Certificate, by *signatures) {
	switch e.Problem {
	case SelfSigned, Untrusted, StrangeIssuer, WrongIssuer, OtherKey, FormerRoot:
		e.Nameless = checkNames(chain[0], e.Host, s.Allowed) != nil
	case CriticalExtension:
		for _, id := range of.UnhandledCriticalExtensions[:min(len(of.UnhandledCriticalExtensions), maxSeen)] {
			e.Extensions = append(e.Extensions, short(id.String(), maxName))
		}
	case Expired, NotYetValid:
		e.Nameless = checkNames(chain[0], e.Host, s.Allowed) != nil
		e.Unknown = !e.Of.Leaf && !e.Of.Root && !slices.ContainsFunc(append(above(chain, by.next), of), func(c *x509.Certificate) bool { return hasRoot(s.Roots, c.RawIssuer) })
	default: // nothing more is known
	}
	for _, c := range by.strangers(chain) {
		if e.Problem == StrangeIssuer || e.Problem == WrongIssuer && bytes.Equal(c.RawSubject, of.RawIssuer) {
			e.Others = append(e.Others, certificate(c, chain[0]))
		}
	}
	if root := ownIssuer(s.Own, of); root != nil {
		e.Above = certificate(root, chain[0])
	}
}

// ownIssuer is the root of the site that has the name of the issuer of a certificate, the one that began first; nil: there is none.
func ownIssuer(own []*x509.Certificate, below *x509.Certificate) (root *x509.Certificate) {
	for _, c := range own {
		if bytes.Equal(c.RawSubject, below.RawIssuer) && (root == nil || c.NotBefore.Before(root.NotBefore)) {
			root = c
		}
	}
	return root
}

// wrongTime is the Problem of a certificate that is not valid now.
func wrongTime(c *x509.Certificate, now, floor time.Time) Problem {
	switch {
	case now.After(c.NotAfter):
		return Expired
	case now.Before(floor):
		return ClockWrong
	default:
		return NotYetValid
	}
}

// chainProblem is why no chain to a trusted root was found, and the certificate where that shows.
func (by *signatures) chainProblem(chain []*x509.Certificate, s Settings, now time.Time, err error) (Problem, *x509.Certificate) {
	var (
		invalid x509.CertificateInvalidError
		unknown x509.UnknownAuthorityError
		noRoots x509.SystemRootsError
	)
	leaf := chain[0]
	switch {
	case errors.As(err, &invalid):
		return by.invalidProblem(chain, s, now, invalid)
	case errors.As(err, &unknown) && unknown.Cert != nil:
		return by.unknownProblem(chain, s, unknown.Cert)
	case errors.As(err, new(x509.UnhandledCriticalExtension)):
		return CriticalExtension, first(by.withRoots(chain, s.Own), func(c *x509.Certificate) bool { return len(c.UnhandledCriticalExtensions) > 0 })
	case errors.As(err, &noRoots):
		return NoRoots, leaf
	}
	return Unproven, leaf
}

func (by *signatures) invalidProblem(chain []*x509.Certificate, s Settings, now time.Time, invalid x509.CertificateInvalidError) (Problem, *x509.Certificate) {
	of := invalid.Cert
	if of == nil {
		of = chain[0]
	}
	all := by.withRoots(chain, s.Own)
	switch invalid.Reason {
	case x509.Expired: // what crypto/x509 calls so may as well begin later
		return wrongTime(of, now, s.Floor), of
	case x509.NotAuthorizedToSign:
		return NotAuthority, of
	case x509.TooManyIntermediates:
		return TooManyIntermediates, of
	case x509.IncompatibleUsage, x509.CANotAuthorizedForExtKeyUsage:
		if i := slices.IndexFunc(all, func(c *x509.Certificate) bool { return !forServers(c) }); i >= 0 {
			return Unusable, all[i]
		}
		return Unproven, of
	case x509.CANotAuthorizedForThisName, x509.UnconstrainedName, x509.NameConstraintsWithoutSANs, x509.TooManyConstraints:
		return NameConstraint, first(all, constrains) // crypto/x509 names the certificate that is refused, and not who refuses it
	case x509.NoValidChains: // crypto/x509 says so where the policies of all chains are at fault
		if i := slices.IndexFunc(all, demandsPolicy); i >= 0 {
			return PolicyConstraint, all[i]
		}
		return Unproven, of
	default:
		return Unproven, of
	}
}

// withRoots adds the roots of the site to which what is sent leads.
func (by *signatures) withRoots(chain, own []*x509.Certificate) []*x509.Certificate {
	all := slices.Clip(chain)
	for _, root := range own {
		if slices.ContainsFunc(chain, func(c *x509.Certificate) bool {
			return bytes.Equal(c.RawIssuer, root.RawSubject) && by.hasSigned(root, c)
		}) {
			all = append(all, root)
		}
	}
	return all
}

// unknownProblem says why nobody is found who has signed a certificate of the chain: crypto/x509 knows, and says it in words
// alone.
func (by *signatures) unknownProblem(chain []*x509.Certificate, s Settings, of *x509.Certificate) (Problem, *x509.Certificate) {
	if of.Equal(chain[0]) && isSelfSigned(of) {
		return SelfSigned, of
	}
	named, sent := hasRoot(s.Roots, of.RawIssuer), false
	for _, issuer := range append(slices.Clip(chain), s.Own...) {
		if issuer.Equal(of) || !bytes.Equal(issuer.RawSubject, of.RawIssuer) {
			continue
		}
		err := by.check(signature{issuer, of, true})
		isCA := issuer.IsCA && issuer.BasicConstraintsValid
		switch limited := errors.As(err, new(x509.ConstraintViolationError)) && by.hasSigned(issuer, of); {
		case limited && isCA:
			return NotSigner, issuer
		case limited:
			return NotAuthority, issuer
		case errors.As(err, new(x509.InsecureAlgorithmError)):
			return WeakSignature, of
		case errors.Is(err, x509.ErrUnsupportedAlgorithm):
			return UnknownSignature, of
		}
		sent = sent || err != nil && !errors.Is(err, errTooMany)
	}
	root := ownIssuer(s.Own, of)
	switch {
	case named && isWeak(of.SignatureAlgorithm):
		return WeakSignature, of
	case named && of.SignatureAlgorithm == x509.UnknownSignatureAlgorithm:
		return UnknownSignature, of
	case root != nil && of.NotBefore.Before(root.NotBefore):
		return FormerRoot, of
	case named:
		return OtherKey, of
	case sent:
		return WrongIssuer, of
	case !isSelfSigned(of) && len(by.strangers(chain)) > 0:
		return StrangeIssuer, of
	}
	return Untrusted, of
}

// hasRoot says whether there is a trusted root of that name. Where the system verifies, its roots are not to be seen.
func hasRoot(roots *x509.CertPool, name []byte) bool {
	if roots == nil {
		var err error
		if roots, err = x509.SystemCertPool(); err != nil {
			return false
		}
	}
	return slices.ContainsFunc(roots.Subjects(), func(subject []byte) bool { return bytes.Equal(subject, name) }) //nolint:staticcheck // deprecated, as it does not show the roots that only the system knows
}

// isWeak says whether crypto/x509 takes no certificate signed so.
func isWeak(algorithm x509.SignatureAlgorithm) bool {
	switch algorithm {
	case x509.MD2WithRSA, x509.MD5WithRSA, x509.SHA1WithRSA, x509.DSAWithSHA1, x509.ECDSAWithSHA1:
		return true
	default:
		return false
	}
}

// forServers says whether a certificate, or those that an authority issues, may prove a server (RFC 5280 section 4.2.1.12).
func forServers(c *x509.Certificate) bool {
	return len(c.ExtKeyUsage)+len(c.UnknownExtKeyUsage) == 0 ||
		slices.Contains(c.ExtKeyUsage, x509.ExtKeyUsageServerAuth) || slices.Contains(c.ExtKeyUsage, x509.ExtKeyUsageAny)
}

// constrains says whether an authority may issue for certain names alone (RFC 5280 section 4.2.1.10).
func constrains(c *x509.Certificate) bool {
	return c.IsCA && len(c.PermittedDNSDomains)+len(c.ExcludedDNSDomains)+len(c.PermittedIPRanges)+len(c.ExcludedIPRanges)+
		len(c.PermittedEmailAddresses)+len(c.ExcludedEmailAddresses)+len(c.PermittedURIDomains)+len(c.ExcludedURIDomains) > 0
}

// demandsPolicy says whether an authority demands that certificates below it have a policy, or limits which (RFC 5280 section 4.2.1.11).
func demandsPolicy(c *x509.Certificate) bool {
	return c.IsCA && (c.RequireExplicitPolicy > 0 || c.RequireExplicitPolicyZero || c.InhibitPolicyMapping > 0 || c.InhibitPolicyMappingZero ||
		c.InhibitAnyPolicy > 0 || c.InhibitAnyPolicyZero)
}

// first returns the first certificate that has a fault, or else that of the server: the fault is then in a root.
func first(chain []*x509.Certificate, faulty func(*x509.Certificate) bool) *x509.Certificate {
	if i := slices.IndexFunc(chain, faulty); i >= 0 {
		return chain[i]
	}
	return chain[0]
}

func certificate(c, leaf *x509.Certificate) *Certificate {
	issuerKey := c.AuthorityKeyId
	if len(issuerKey) == 0 && isSelfSigned(c) {
		issuerKey = c.SubjectKeyId
	}
	return &Certificate{
		Leaf: c.Equal(leaf), Subject: distinguished(c.RawSubject, &c.Subject), Issuer: distinguished(c.RawIssuer, &c.Issuer), NotBefore: c.NotBefore, NotAfter: c.NotAfter,
		Signature: c.SignatureAlgorithm.String(), Key: keyID(c.SubjectKeyId), IssuerKey: keyID(issuerKey),
		Authority: c.IsCA && c.BasicConstraintsValid,
	}
}
