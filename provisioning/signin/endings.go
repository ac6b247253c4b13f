package signin

import (
	"homeward/internal/trust"
	"homeward/provisioning"
)

// Endings are the certificate that a server has shown, and that of its issuer, if it ends before.
func Endings(host string, shown trust.Shown) []provisioning.Ending {
	if shown.NotAfter.IsZero() {
		return nil
	}
	ends := []provisioning.Ending{{Whose: host, NotBefore: shown.NotBefore, NotAfter: shown.NotAfter}}
	if !shown.IssuerEnds.IsZero() && shown.IssuerEnds.Before(shown.NotAfter) {
		ends = append(ends, provisioning.Ending{Whose: "its issuer " + shown.IssuerName + " (of " + host + ")", NotBefore: shown.IssuerBegins, NotAfter: shown.IssuerEnds})
	}
	return ends
}
