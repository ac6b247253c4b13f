// Package netns gives a test a network of its own, with nothing in it but a loopback that is down.
//
//	func TestLink(t *testing.T) {
//		if !netns.Enter(t) {
//			return
//		}
//		…
//	}
//
// It is not for the tests of e2e, which have several networks each.
package netns
