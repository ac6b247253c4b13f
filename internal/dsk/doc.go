// Package dsk is the client side of TLS-DSK (MS-SIPAE): signing in to a SIP Registrar of the Lync family with a
// certificate. A TLS handshake travels inside REGISTER requests and their answers, and the keys it leaves behind sign every
// message from then on. No TLS record carries data.
//
// Start begins a handshake, Step takes in what the Registrar has sent and returns what is to be sent, and, once Done, Security
// signs and verifies. The handshake is that of crypto/tls, over a connection that exists in memory alone.
//
// It is not for SIP: it knows neither headers nor what they sign, and judges no certificate of its own accord: the caller says
// what the server must prove. It reads no files, and opens no connection.
//
//	h, flight := dsk.Start(dsk.Settings{Certificate: certificate, Verify: verify})
//	defer h.Close()
//	for !h.Done() {
//		flight, err = h.Step(exchange(flight))
//		...
//	}
//	security, err := h.Security(dsk.SHA1)
//
// Read errors.go first, then prf.go, security.go, pipe.go, handshake.go.
package dsk
