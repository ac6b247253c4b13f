// Package anchor keeps the authorities that were accepted on this device besides its roots, by their fingerprints, in the directory
// trust of a state directory. Nothing in it is secret; but who can write there decides whom the device trusts, so that files of
// others are not believed.
//
//	store := anchor.In("/var/lib/homeward")
//	kept, err := store.Of("contoso.com")
//
// It decides neither what is accepted nor what it is good for.
//
// There is one file, anchor.go.
package anchor
