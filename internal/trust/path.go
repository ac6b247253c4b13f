package trust

import (
	"bytes"
	"crypto/x509"
	"slices"
)

// maxSeen bounds what is kept and compared of a chain that is not believed. (Our choice: an honest one has four certificates.)
const maxSeen = 8

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
func next(below *x509.Certificate, sent []*x509.Certificate) *x509.Certificate {
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
		signed = signed || hasSigned(best, below)
		if hasSigned(c, below) && (!signed || c.NotAfter.After(best.NotAfter)) {
			best, signed = c, true
		}
	}
	return best
}

// hasSigned says whether the key of a certificate has signed another, whatever it may sign.
func hasSigned(c, below *x509.Certificate) bool {
	return c.CheckSignature(below.SignatureAlgorithm, below.RawTBSCertificate, below.Signature) == nil
}

// signedPath is the chain as far as what is sent proves it: the server's own certificate, and above each the one that has signed it.
func signedPath(sent []*x509.Certificate) []*x509.Certificate {
	return append(sent[:1:1], above(sent, func(below *x509.Certificate, sent []*x509.Certificate) *x509.Certificate {
		if c := next(below, sent); c != nil && below.CheckSignatureFrom(c) == nil {
			return c
		}
		return nil
	})...)
}

// strangers are those that are sent and have no place in the chain as far as it is proven: nobody in it has been issued by them.
func strangers(sent []*x509.Certificate) (others []*x509.Certificate) {
	path := signedPath(sent)
	for _, c := range sent {
		if len(others) < maxSeen && !contains(path, c) && !contains(others, c) && !inPlace(c, path) {
			others = append(others, c)
		}
	}
	return others
}

// inPlace says whether a certificate has signed one of a path: there may be a better one of that name.
func inPlace(c *x509.Certificate, path []*x509.Certificate) bool {
	for _, below := range path {
		if bytes.Equal(c.RawSubject, below.RawIssuer) && hasSigned(c, below) {
			return true
		}
	}
	return false
}

func contains(all []*x509.Certificate, wanted *x509.Certificate) bool {
	for _, c := range all {
		if c.Equal(wanted) {
			return true
		}
	}
	return false
}
