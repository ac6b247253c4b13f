// Package brokertest is a test prop: a real Mosquitto on loopback, with the configuration and the ACL of packaging/fleet, and an
// authority that signs certificates for it.
//
//	if !netns.Enter(t) {
//		return
//	}
//	b := brokertest.Start(t, "../../packaging/fleet")
//	certificate := b.Certificate(t, "phone1")
//
// Read authority.go first, then broker_linux.go, eventually.go.
package brokertest
