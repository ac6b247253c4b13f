// Package trust decides what a certificate must prove. It does no I/O and knows nothing of Registrars; which rule applies
// is the caller's policy.
package trust
