package trust

import (
	"bytes"
	"crypto/x509"
	"errors"
	"slices"
)

// maxSeen bounds what is kept and compared of a chain that is not believed. (Our choice: an honest one has four certificates.)
const maxSeen = 8

// maxChecks bounds how many signatures are checked to say what is wrong with a chain: each may take milliseconds, no deadline ends them,
// and a server may send hundreds of certificates. (Our choice: an honest chain takes a dozen.)
const maxChecks = 64

// signatures knows who has signed whom. It checks each once, and at most maxChecks in all: what is asked then is not proven.
type signatures struct {
	known map[signature]error
	left  int
}

// signature is that of one certificate by another. may: only one who may sign certificates counts.
type signature struct {
	by, of *x509.Certificate
	may    bool
}

var errTooMany = errors.New("too many signatures to check")

func newSignatures() *signatures { return &signatures{map[signature]error{}, maxChecks} }

func (by *signatures) check(one signature) error {
	err, known := by.known[one]
	switch {
	case known:
		return err
	case by.left == 0:
		return errTooMany
	case one.may:
		err = one.of.CheckSignatureFrom(one.by)
	default:
		err = one.by.CheckSignature(one.of.SignatureAlgorithm, one.of.RawTBSCertificate, one.of.Signature)
	}
	by.left--
	by.known[one] = err
	return err
}

// hasSigned says whether the key of a certificate has signed another, whatever it may sign.
func (by *signatures) hasSigned(c, below *x509.Certificate) bool {
	return by.check(signature{c, below, false}) == nil
}

func isSelfSigned(c *x509.Certificate) bool { return bytes.Equal(c.RawIssuer, c.RawSubject) }

// above are the certificates that continue the chain above the first, from below, by names: they come in any order, with others among
// them. pick chooses the one above another; nil: there is none.
func above(sent []*x509.Certificate, pick func(below *x509.Certificate, sent []*x509.Certificate) *x509.Certificate) (all []*x509.Certificate) {
	for at := sent[0]; len(all) < min(len(sent), maxSeen); all = append(all, at) {
		if at = pick(at, sent); at == nil {
			break
		}
	}
	return all
}

// last is the end of the chain.
func last(sent []*x509.Certificate, pick func(below *x509.Certificate, sent []*x509.Certificate) *x509.Certificate) *x509.Certificate {
	all := above(sent, pick)
	return append(sent[:1:1], all...)[len(all)]
}

// firstNamed is the first certificate of the name that continues the chain above one.
func firstNamed(below *x509.Certificate, sent []*x509.Certificate) *x509.Certificate {
	i := slices.IndexFunc(sent, func(c *x509.Certificate) bool { return bytes.Equal(c.RawSubject, below.RawIssuer) })
	if i < 0 || isSelfSigned(below) {
		return nil
	}
	return sent[i]
}

// next is the certificate that continues the chain above one, by its name. Of several the one counts that has signed it, and of several
// that have, the one that ends last: servers go on sending what has been replaced. Nil: there is none.
func (by *signatures) next(below *x509.Certificate, sent []*x509.Certificate) *x509.Certificate {
	if isSelfSigned(below) {
		return nil
	}
	var best *x509.Certificate
	signed, compared := false, 0
	for _, c := range sent {
		if !bytes.Equal(c.RawSubject, below.RawIssuer) {
			continue
		}
		if best == nil {
			best = c
			continue
		}
		if compared++; compared == maxSeen {
			break
		}
		signed = signed || by.hasSigned(best, below)
		if by.hasSigned(c, below) && (!signed || c.NotAfter.After(best.NotAfter)) {
			best, signed = c, true
		}
	}
	return best
}

// path is the chain as far as what is sent proves it: the server's own certificate, and above each the one that has signed it.
func (by *signatures) path(sent []*x509.Certificate) []*x509.Certificate {
	return append(sent[:1:1], above(sent, func(below *x509.Certificate, sent []*x509.Certificate) *x509.Certificate {
		if c := by.next(below, sent); c != nil && by.check(signature{c, below, true}) == nil {
			return c
		}
		return nil
	})...)
}

// strangers are those that are sent and have no place in the chain as far as it is proven: nobody in it has been issued by them. Who
// cannot be told from the others any more, since too many are sent, is none.
func (by *signatures) strangers(sent []*x509.Certificate) (others []*x509.Certificate) {
	path := by.path(sent)
	for _, c := range sent {
		if len(others) < maxSeen && !contains(path, c) && !contains(others, c) && by.outOfPlace(c, path) {
			others = append(others, c)
		}
	}
	return others
}

// outOfPlace says whether a certificate has signed none of a path: it might have, and there be a better one of that name.
func (by *signatures) outOfPlace(c *x509.Certificate, path []*x509.Certificate) bool {
	for _, below := range path {
		if !bytes.Equal(c.RawSubject, below.RawIssuer) {
			continue
		}
		if err := by.check(signature{c, below, false}); err == nil || errors.Is(err, errTooMany) {
			return false
		}
	}
	return true
}

func contains(all []*x509.Certificate, wanted *x509.Certificate) bool {
	for _, c := range all {
		if c.Equal(wanted) {
			return true
		}
	}
	return false
}
