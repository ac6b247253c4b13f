package provisioning

// Bootstrap says how a server is trusted whose authority is not among the roots.
type Bootstrap uint8

// The ways.
const (
	TrustRoots    Bootstrap = iota // not at all
	TrustPinned                    // by the fingerprint of a certificate that it sends
	TrustFirstUse                  // the first one that is met, if the web services of the site have the same authority
)

// Anchor is an authority that was accepted on this device, besides the roots.
type Anchor struct {
	Fingerprint string // "sha256:" and 64 hexadecimal digits
	Subject     string // "": not known. The text is that of who made it
	FirstUse    bool   // nobody has looked at it
}

// SeenCertificate is one that a server has sent. The text is that of who made it: escape it before it is shown.
type SeenCertificate struct {
	Subject     string `json:"subject"`     // "CN=Contoso Root CA"
	Fingerprint string `json:"fingerprint"` // "sha256:" and 64 hexadecimal digits
}

// SeenCertificates are those that a server has sent, its own first.
type SeenCertificates []SeenCertificate

// seen are the certificates of a server that is not trusted, by a trouble; nil: it is about something else.
func (t Trouble) seen() SeenCertificates {
	if t.Reason() != TLSUntrusted {
		return nil
	}
	seen, _ := t.Facts["seen"].(SeenCertificates)
	return seen
}
