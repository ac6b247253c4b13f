// Package kinds lists the kinds of an enumeration, for who has a word for each, and for tests that miss none.
package kinds

// All returns the kinds from the first to the last.
func All[K ~uint8](first, last K) []K {
	all := make([]K, 0, int(last-first)+1)
	for k := int(first); k <= int(last); k++ {
		all = append(all, K(k))
	}
	return all
}
