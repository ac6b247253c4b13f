// Package srv asks the Domain Name System where a Registrar is: SRV records (RFC 2782) and the addresses of host names.
//
// It exists beside net.Resolver because the rules of discovery depend on things that one hides: whether a name is proven
// absent or the name server merely failed, the target "." (service not offered), which server answered, and a verdict in
// time when some of the servers are dead. All servers are asked at once, names are always absolute (no search list), and
// no answer is remembered between calls.
//
// It is not for deciding what a verdict means: which names are asked, whether a target's name is allowed, and what happens
// when nothing is found belong to the caller. It keeps no cache, validates no DNSSEC, and reads no hosts file.
//
//	servers, err := srv.SystemResolvers()
//	r := srv.Resolver{Servers: servers, Dial: new(net.Dialer).DialContext}
//	targets, err := r.SRV(ctx, "_sipinternaltls._tcp.contoso.com")
//	addrs, err := r.Addrs(ctx, targets[0].Host)
//
// Read extended.go first, then error.go, message.go, pace.go, resolver.go, exchange.go, measure.go, flight.go, order.go, srv.go, resolvconf.go.
package srv
