// Package identity keeps the key and the certificate with which a device signs in (TLS-DSK): on its disk, for its owner alone, and
// never half. A pair belongs to one SIP address and one endpoint id, and is used for no other.
//
//	store := identity.In("/var/lib/homeward")
//	pair, err := store.Load(identity.Owner{SIPAddress: "sip:phone1@contoso.com", EndpointID: "a1b2c3d4e5"}, now) // an *Error
//	config.Certificates = []tls.Certificate{pair.Certificate}
//
// It asks nobody for a certificate, and decides neither when to use one nor when to renew it.
//
// Read pair.go first, then files.go, store.go, asked.go, import.go.
package identity
