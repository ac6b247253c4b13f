// Package place has the values that say where a Registrar may be: what a host name and a SIP address are, the rule for its
// name, the classes of addresses to which a packet may go, and the ports at which it may listen. It decides from what it is
// given, and asks nobody.
//
//	err := place.CheckName("evilcontoso.com", "contoso.com", place.Suffix) // a *NameError
//
// Read host.go first, then sipaddress.go, name.go, place.go.
package place
