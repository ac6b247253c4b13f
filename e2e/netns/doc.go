// Package netns gives tests of other packages a network of their own.
//
//	func TestNetworkNamespace(t *testing.T) { netns.Run(t) }
//
//	func TestNamespaceLink(t *testing.T) {
//		netns.Need(t)
//		…
//	}
//
// It is not for the tests of e2e, which have several networks each.
package netns
