// Package trust decides whom the device believes: which host names DNS and DHCP may name, and what a
// certificate must prove. It does no I/O and knows nothing of Registrars; which rule applies is the caller's
// policy.
package trust
