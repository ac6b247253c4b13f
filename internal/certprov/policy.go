package certprov

import (
	"crypto"
	_ "crypto/sha1"   // algorithms
	_ "crypto/sha256" // algorithms
	"strings"
)

// Specification constants: XML Signature and its algorithms.
const (
	nsDSig    = "http://www.w3.org/2000/09/xmldsig#"
	exclusive = "http://www.w3.org/2001/10/xml-exc-c14n#"
)

// algorithms are those of a signature (XML Signature section 6.1, RFC 6931 section 2.3.2).
type algorithms struct {
	signature, digest string
	hash              crypto.Hash
}

var (
	hmacSHA1  = algorithms{nsDSig + "hmac-sha1", nsDSig + "sha1", crypto.SHA1}
	rsaSHA1   = algorithms{nsDSig + "rsa-sha1", nsDSig + "sha1", crypto.SHA1}
	rsaSHA256 = algorithms{"http://www.w3.org/2001/04/xmldsig-more#rsa-sha256", "http://www.w3.org/2001/04/xmlenc#sha256", crypto.SHA256}
)

// proving is how a Web Ticket Service wants a certificate to be proven, as its policy says: by a signature over the time, over TLS
// (WS-SecurityPolicy 1.2 section 8.3; CertificateOverTransport of Windows Communication Foundation).
type proving struct {
	with    algorithms
	address bool // over the address in the header, too
}

// suiteOf reads the name of an algorithm suite (WS-SecurityPolicy 1.2 section 7.1). Windows signs with SHA-256, too, where that is in
// the name.
func suiteOf(name string) (with algorithms, known bool) {
	name, sha256 := strings.CutSuffix(strings.TrimSuffix(name, "Rsa15"), "Sha256")
	if with = rsaSHA1; sha256 {
		with = rsaSHA256
	}
	return with, name == "Basic256" || name == "Basic192" || name == "Basic128" || name == "TripleDes"
}

// provingOf reads the policy of the port for certificates; false: there is none, or it asks for anything else than is known here.
func provingOf(document *element, port string) (how proving, known bool) {
	policy := policyOf(document, port)
	binding, endorsing := policy.find("TransportBinding"), policy.find("EndorsingSupportingTokens")
	if endorsing == nil {
		endorsing = policy.find("SignedEndorsingSupportingTokens")
	}
	token, suite := endorsing.find("X509Token"), binding.find("AlgorithmSuite").child("Policy")
	switch {
	case binding == nil, token == nil, suite == nil, len(suite.children) != 1, policy.count("All") > 1, policy.find("AsymmetricBinding") != nil, policy.find("SymmetricBinding") != nil:
		return proving{}, false
	case !strings.HasSuffix(token.attr("IncludeToken"), "/AlwaysToRecipient"), token.find("RequireDerivedKeys") != nil, endorsing.find("SignedElements") != nil:
		return proving{}, false
	}
	how.with, known = suiteOf(suite.children[0].name)
	if parts := endorsing.find("SignedParts"); parts != nil {
		how.address = true
		header := parts.child("Header")
		known = known && len(parts.children) == 1 && header.attr("Name") == "To" && header.attr("Namespace") == nsWSA
	}
	return how, known
}

// policyOf is the policy of a port; nil: there is none.
func policyOf(document *element, port string) (policy *element) {
	document.each(func(e *element) {
		if e.name == "Policy" && e.attr("Id") == port+"_policy" && policy == nil {
			policy = e
		}
	})
	return policy
}
