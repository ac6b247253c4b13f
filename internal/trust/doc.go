// Package trust decides what a certificate must prove. It does no I/O and knows nothing of Registrars; which rule applies
// is the caller's policy.
//
// Read sessions.go first, then settings.go, names.go, errors.go, path.go, shown.go, chain.go, tls.go, firstuse.go, handshake.go.
package trust
