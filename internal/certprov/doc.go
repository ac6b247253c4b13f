// Package certprov asks the web services of a Lync site for a certificate (MS-OCAUTHWS): first the Web Ticket Service for a
// ticket, with a password, a PIN or the certificate at hand, then the Certificate Provisioning Service for a certificate for a key of the device.
//
//	e := certprov.Enrolment{Dial: dial, UserAgent: "homeward/1.0"} // dial proves the name of the server, by TLS
//	defer e.Close()
//	service, err := e.Discover(ctx, url)                           // what the two services say of themselves
//	ticket, err := e.Ticket(ctx, service, sipAddress, credentials)
//	der, err := e.Certificate(ctx, service, ticket, request)
//
// Whatever a server sends is bounded in size, depth and time, and costs an enrolment at most. Nothing is fetched over plain
// HTTP, no redirect is followed, and no other name is asked than the caller lets it dial. Every error is an *Error.
//
// It neither makes keys nor keeps anything, and does not decide when to enrol.
//
// Read errors.go first, then address.go, document.go, http.go, login.go, envelope.go, policy.go, metadata.go, ticket.go,
// canonical.go, pkcs7.go, certificate.go, renewal.go.
package certprov
