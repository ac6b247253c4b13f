package provisioning

// The way to a Registrar: the port, TLS, the certificate. {at} is the place, such as "fe01.contoso.com:5061".
var (
	FaultRefused = declare("connect.refused", ConnectRefused, "",
		"{at}[ ({address})] refuses the connection|"+notListening, "start the Registrar service on {host}[{-new}, or correct the port]|"+rejecting)
	FaultRefusedTCP = declare("connect.refused-tcp", ConnectRefused, "",
		"{at}[ ({address})] refuses the connection|"+notListening, "offer TLS on port 5061, or enable the port for plain TCP in the settings of the pool|"+rejecting)
	FaultFiltered = declare("connect.no-answer", ConnectTimeout, "",
		"{at}[ ({address})] does not answer at all|the server is down or hangs, or a firewall drops what is sent there or what comes back",
		"check that {host} is running and does not hang|"+dropsPort)
	FaultHostDrops = declare("connect.host-drops", ConnectTimeout, "",
		"{at}[ ({address})] does not answer, although a host has that address (it answers ARP or neighbour discovery)|its firewall, or a filter of the switch or access point, drops the packets, or the service hangs and takes no connections",
		"look at the firewall of {host}: it must allow TCP port {port} from this device (Windows: is the network profile still the right one?)|"+
			"look for a filter of the switch or access point (ACL, client isolation)|check that the service behind port {port} of {host}, or its whole system, does not hang")
	FaultNoNeighbour = declare("connect.nobody-there", ConnectTimeout, "",
		"no host answers at the address of {at}[ ({address})], which is in the subnet of this device: the server is off or unplugged, its address is wrong, or this device has the wrong subnet mask",
		"check that {host} is running and connected to this network|check its address record, and the subnet mask and VLAN of this device|on Wi-Fi, check that devices may reach each other (client isolation)")
	FaultNoGateway = declare("connect.no-gateway", ConnectTimeout, "",
		"the [gateway {gateway}][IPv6 router {router}] does not answer[; {dhcp} either]: this device cannot reach what is behind it, such as {at}[ ({address})]", mendGateway)
	FaultDeadRoute = declare("connect.dead-route", ConnectTimeout, "",
		"{route} leads through {hop}, which does not answer[, although the default gateway {other} does]: this device cannot reach what is behind it, such as {at}[ ({address})]", mendRoute)
	FaultRouteRefuses = declare("connect.route-refuses", ConnectUnreachable, SideDevice,
		"this device sends nothing to {at}[ ({address})]: its routing says \"{refuses}\"",
		"remove the route or the rule that says so from this device (Linux: ip route, ip rule)|if a program has made it, such as a VPN or a security program, change its settings")
	FaultPortFiltered = declare("connect.port-filtered", ConnectTimeout, "",
		"{at}[ ({address})] does not answer, but the same server {elsewhere}|the service behind port {port} hangs and takes no connections, or a firewall drops what is sent there or what comes back",
		"check that the service behind port {port} of {host} does not hang|"+dropsPort)
	FaultLossyWay = declare("connect.lossy", Lossy, SideNetwork,
		"packets are lost: {lost} of {asked} queries to the name server {server} were not answered ({share} %), and no connection to {at}[ ({address})] can be made",
		"look for a bad cable, weak Wi-Fi, a saturated link, or another host that has the address of this device|"+
			"if the name server only limits queries, look for a firewall that drops port {port}")
	FaultNoDefault = declare("connect.no-default-route", ConnectUnreachable, "",
		"this device has no default route, so it cannot reach {at}[ ({address})]", mendDefault)
	FaultNoWay = declare("connect.unreachable", ConnectUnreachable, "",
		"there is no route to {at}[ ({address})]", "check the address record, the gateway and the VLAN of this device")
	FaultHostUnreachable = declare("connect.host-unreachable", ConnectUnreachable, "",
		"{at}[ ({address})] cannot be reached|a router or firewall rejects the connection, or no host has that address",
		"look for a firewall that rejects port {port}, then check the address record and whether {host} is running")
	FaultNotPermitted = declare("connect.not-permitted", ConnectUnreachable, SideDevice,
		"this device does not permit the connection to {at}[ ({address})]", "look for a firewall or security policy on this device that blocks port {port}")
	FaultSlowWay = declare("connect.slow", Slow, SideNetwork,
		"the connection to {at} ({address}) is slow: connecting takes {ms} ms", "check the connection between this device and the Registrar: a saturated link, weak Wi-Fi, or lost packets")
	FaultCutAsking = declare("connect.cut-after-asking", ConnectReset, "",
		"{at}[ ({address})] accepts the connection and asks this device for a certificate, and then drops the connection|"+notServing,
		"[{-new}if a proxy or load balancer listens there, check that the Registrar behind it is running]|"+
			"[{-new}see whether this is a port for servers: clients use 5061 of a pool inside, 443 of an Access Edge outside]|[{-worked}check the log of the Registrar]|"+cutting)
	FaultDropsSIP = declare("connect.cut-after-tls", ConnectReset, "",
		"{at}[ ({address})] accepts the connection and TLS, and drops it when this device speaks SIP|"+notServing,
		"[{-new}if a proxy or load balancer listens there, check that the Registrar behind it is running and speaks SIP]|check the log of the Registrar|"+cutting)
	FaultStepCut = declare("connect.cut-in-sign-in", ConnectReset, "",
		"{at}[ ({address})] answers {method} with {answer}, and drops the connection[ {then}]|the Registrar, a proxy in front of it, or a firewall[ {there}] does that",
		"check the log of the Registrar, and of a proxy in front of it|"+cuttingLater)
	FaultCut = declare("connect.cut", ConnectReset, "",
		"{at}[ ({address})] accepts the connection and then drops it|"+notServing, "check the log of the Registrar|"+cutting)
	FaultAnsweredBefore = declare("connect.answered-before", "", "",
		"{cause.seen}, although it has just answered this device on another connection ({answer})|the Registrar, a proxy in front of it, or a firewall[ {there}] does that",
		"check the log of the Registrar, and of a proxy in front of it|look for a limit of connections from one address|"+cuttingLater)
	FaultWorked = declare("connect.worked-before", "", "",
		"this device was registered there {when}", "[{-hidden}see what has changed since then]")

	FaultSecondConnection = declare("connect.second", "", "",
		"beside the connection of the daemon, a second one from this device to {at} ({address}) {fails}|"+
			"either the number of connections is limited, or something has failed since the daemon registered",
		"look for a limit of connections from one address: in a firewall on the way, on {host}, or in a proxy in front of it|"+
			"see homeward status in a minute: if the daemon is no longer registered by then, run homeward check again")
	FaultSecondSilent = declare("connect.second-silent", "", SideRegistrar,
		"beside the connection of the daemon, a second one from this device to {at} ({address}) is accepted, but {protocol} is not answered|"+
			"most likely the service on {host} has hung since the daemon registered",
		"see whether the service on {host} answers other devices, and restart it if it does not|"+
			"look for a limit of connections from one address, on {host} or in a proxy in front of it|look for a firewall on the way that drops what {host} answers")

	FaultAlike = declare("connect.all-alike", "", "",
		"{cause.seen}. As it is the same at all of them, the cause is most likely {likely}. It is not known which",
		"look for one firewall or filter on the way to all of them, and what it does with connections to port {ports}|see what else they share: a host, a load balancer, a setting, an update|{cause.do}")

	FaultOtherPort = declare("port.other", "", "",
		"{source} leads to {at}[ ({address})], where {nothing}, but {host} accepts connections on port {other}",
		"correct the port to {other} in {source}")
	FaultOtherPortDHCP = declare("port.other-dhcp", "", SideRegistrar,
		"{source} leads to {at}[ ({address})], where {nothing}, but {host} accepts connections on port {other}",
		"configure the Registrar to listen on {port}: {source} contains no port")
	FaultOtherPortConfigured = declare("port.other-configured", "", SideDevice,
		"port {port} is configured for {host}, where {nothing}, but {host} accepts connections on port {other}",
		`set internal_server (or external_server) = "{host}:{other}"`)
	FaultEdgePort = declare("port.edge-configured", "", SideDevice,
		"port {port} is configured for {host}, but its Access Edge listens on 443", `set external_server = "{host}:443"`)
	FaultServerPort = declare("port.for-servers", TLSClientCert, "",
		"{at}[ ({address})] asks this device for a certificate, and accepts no connection without one|[{-new}it is a port for servers, or ]its settings demand one",
		"[{-new}if this is the port for clients (5061 of a pool inside, 443 of an Access Edge outside), ]configure the server to accept devices without a certificate|[{-new}if it is another port, use the port for clients]")
	FaultOnlyOutside = declare("discovery.only-outside", "", "",
		"only the external record leads to a Registrar, and its Access Edge {at}[ ({address})] does not answer from this network",
		"if this network belongs to the site, create _sipinternaltls._tcp.{domain} in the internal DNS zone; if the device is outside the site, open port {port} from here to {host}")
	FaultEdgeNotReached = declare("discovery.edge-not-reached", ConnectTimeout, SideNetwork,
		"the Access Edge {at}[ ({address})] of the external record cannot be reached from this network", "")
	FaultConfiguredAddress = declare("name.configured-address", TLSName, SideDevice,
		"", "configure the name (FQDN) instead of the IP address {host}: homeward needs a host name, to compare it with the certificate")

	FaultTLSNot = declare("tls.not-spoken", TLSFailed, SideRegistrar,
		"{at}[ ({address})] accepts the connection, but does not speak TLS[: its answer begins with {begins}]", "check that this port speaks TLS, and check the log of the Registrar")
	FaultTLSCut = declare("tls.cut", ConnectReset, "",
		"{at}[ ({address})] drops the connection during the TLS handshake|"+notServing, "check the log of the Registrar|"+cutting)
	FaultTLSHungUp = declare("tls.hung-up", ConnectReset, "",
		"{at}[ ({address})] accepts the connection, and drops it when the TLS handshake begins|"+notServing,
		"[{-new}if a proxy or load balancer listens there, check that the Registrar behind it is running]|[{-worked}check the log of the Registrar]|"+cutting+"|"+
			"check that the proxy passes on the name {host} (SNI), and expects no PROXY protocol from clients|"+
			"[{-new}check that this port speaks TLS, and check the log of the Registrar]")
	FaultTLSAlert = declare("tls.alert", TLSFailed, SideRegistrar,
		"{at}[ ({address})] ends the TLS handshake with alert {alert}", "check the log of the Registrar: only the Registrar knows why it sends this alert")
	FaultTLSNameUnknown = declare("tls.name-unknown", TLSName, SideRegistrar,
		"{at}[ ({address})] has no certificate for the name {host} (TLS alert 112, unrecognized name)",
		"configure the server, or the proxy in front of it, for the name {host}; or correct the record or setting that names {host}")
	FaultTLSAnew = declare("tls.renegotiates", TLSFailed, SideRegistrar,
		"{at}[ ({address})] asks for another TLS handshake on the same connection (renegotiation), which this device does not do",
		"switch TLS renegotiation off on the Registrar, or on the proxy in front of it; asking clients for a certificate only after the handshake causes it, too")
	FaultTLSUnknown = declare("tls.failed", TLSFailed, "",
		"the TLS handshake with {at}[ ({address})] failed: {problem}", "search the log of the Registrar for the time of this attempt; the message above is what this device saw|look for a firewall or proxy on the way that opens TLS")
	FaultTLSSilent = declare("tls.silent", TLSTimeout, "",
		"{at}[ ({address})] accepts the connection, but does not answer the TLS handshake[, which {arrived}]",
		"[check that port {odd} speaks TLS (a port for plain SIP waits in the same way)]|check that the service on {host} does not hang, and restart it if it does|"+
			"[check that port {usual} speaks TLS (a port for plain SIP waits in the same way)]|"+tooLarge+
			"|look for a firewall on the way that drops what {host} answers")
	FaultTLSStalls = declare("tls.stalls", TLSTimeout, "",
		"{at}[ ({address})] begins the TLS handshake, and then nothing more arrives",
		tooLarge+"|check whether the service on {host} is hung|look for a firewall or proxy on the way that holds back what the server sends")
	FaultTLSLost = declare("tls.packets-lost", TLSTimeout, SideNetwork,
		"packets of the TLS handshake with {at}[ ({address})] are lost on the way: {lost}",
		tooLarge+"|[look for a firewall on the way that drops {dropped} on connections to port {port}]")
	FaultTLSDropped = declare("tls.dropped", TLSTimeout, "",
		"{at}[ ({address})] accepts the connection, but the TLS handshake of this device never arrives there, not even in small packets|a firewall lets the connection through, and drops what is sent on it", dropping)
	FaultTLSOld = declare("tls.no-version-in-common", TLSVersion, SideRegistrar,
		"{at}[ ({address})] offers no TLS version that this device may use",
		`enable TLS 1.2 on the Registrar; until then, tls_min = "1.0" lets this device use what old servers offer`)
	FaultTLSCipher = declare("tls.no-cipher-in-common", TLSVersion, SideRegistrar,
		"{at}[ ({address})] accepts none of the ciphers that this device offers, or has a certificate whose kind of key this device does not take (alert {alert})",
		"enable cipher suites with ECDHE key exchange on the Registrar, such as ECDHE-RSA-AES256-GCM-SHA384 (RSA key exchange alone is not enough)|"+
			"give it a certificate with an RSA key of at least 2048 bits, or an ECDSA key on the curve P-256 or P-384")
	FaultUnreadable = declare("certificate.unreadable", TLSUnreadable, SideRegistrar,
		"a certificate that {at}[ ({address})] sends cannot be read: {problem}", "replace it with a certificate that does not have this fault")

	FaultWrongName = declare("certificate.other-name", TLSName, SideRegistrar,
		"the certificate of {at}[ ({address})] is not for {host}, but for {names}", rightCertificate)
	FaultWrongNameOfRecord = declare("certificate.other-name-than-dns", TLSName, SideRegistrar,
		"the certificate of {at}[ ({address})] is not for {host}, but for {names}",
		rightCertificate+"|[if {useful} is a name of this Registrar, let {source} name it]")
	FaultWrongNameUseful = declare("certificate.other-name-useful", TLSName, SideRegistrar,
		"the certificate of {at}[ ({address})] is not for {host}, but for {names}",
		rightCertificate+"|[if {useful} is a name of this Registrar, use it instead]")
	FaultWildcard = declare("certificate.wildcard", TLSName, SideRegistrar,
		"the certificate of {at}[ ({address})] is not for {host}, but for {names}", "issue a certificate that names {host}: devices do not accept a wildcard for SIP")
	FaultAddressNotProven = declare("certificate.configured-address", TLSName, SideDevice,
		"the server is configured by its address {host}, which its certificate does not prove: it is for {names}",
		"configure the name of the server[ ({useful})] instead of its address")
	FaultShortNotProven = declare("certificate.short-name", TLSName, SideDevice,
		"the server is configured by the short (NetBIOS) name {host}, which its certificate does not prove: it is for {names}",
		"configure the full name of the server[ ({useful})]")
	FaultNameForm = declare("certificate.name-form", TLSName, SideRegistrar,
		"the certificate of {at}[ ({address})] contains the name {host} only as {name}, which is not how a host name is written in a certificate",
		"issue a certificate whose Subject Alternative Name contains exactly {host}, as a DNS name")
	FaultNoSAN = declare("certificate.no-san", TLSNoName, SideRegistrar,
		"the certificate of {at}[ ({address})] contains no name that a device accepts: its Subject Alternative Name has no host name",
		"issue a certificate with {host} as Subject Alternative Name")
	FaultExpired = declare("certificate.expired", TLSExpired, "",
		whose+" expired on {ends} (it is {now} here)", "[check {clock} first; if it is right, ]renew the certificate of the Registrar")
	FaultIssuerExpired = declare("certificate.issuer-expired", TLSExpired, "",
		"the certificate of the authority {authority}, on which that of {at}[ ({address})] depends, expired on {ends} (it is {now} here)[; this device does not trust {unknown} either, to which it leads]",
		"[check {clock} first; then ]have the server send the present certificate of {authority} instead of the expired one|if that has not been renewed, renew it, or install the root certificate that replaces it on this device and add its path to the setting roots|"+
			"[if {unknown} is an authority of this site, install its certificate on this device and add its path to the setting roots]")
	FaultRootExpired = declare("certificate.root-expired", TLSExpired, SideDevice,
		"the root certificate {authority} on this device, to which the certificate of {at}[ ({address})] leads, expired on {ends} (it is {now} here)",
		"[check {clock} first; then ]install the certificate that replaces it on this device, and add its path to the setting roots|"+
			"if there is none yet, the site has to renew its root|[if {below} has a root certificate of its own, install that one]")
	FaultNotYetValid = declare("certificate.not-yet-valid", TLSNotYetValid, "",
		whose+" is not valid before {begins} (it is {now} here)", "[check {clock} first, then ]check the certificate of the Registrar")
	FaultIssuerNotYetValid = declare("certificate.issuer-not-yet-valid", TLSNotYetValid, "",
		"the certificate of the authority {authority}, on which that of {at}[ ({address})] depends, is not valid before {begins} (it is {now} here)",
		"[check {clock} first, then ]check the certificate of {authority}")
	FaultEndsSoon = declare("certificate.ends-soon", CertificateEnding, SideRegistrar,
		"the certificate of {whose} ends on {ends} ({left})", "renew this certificate before it ends: devices refuse it afterwards")
	FaultOwnEndsSoon = declare("certificate.own-ends-soon", CertificateEnding, SideDevice,
		"the certificate with which this device signs in ends on {ends} ({left}), and no newer one has come",
		"run homeward identity show to see why, then homeward identity enrol, or import a new one: homeward identity import FILE")
	FaultNotForServers = declare("certificate.not-for-servers", TLSUntrusted, SideRegistrar,
		whose+" is not meant for servers (extended key usage)",
		"[issue a certificate for server authentication{-own}]|[issue the certificate of {authority} again, without extended key usage or with server authentication in it]")
	FaultSelfSigned = declare("certificate.self-signed", TLSUntrusted, SideRegistrar,
		"the certificate of {at}[ ({address})] is self-signed: no authority vouches for it"+sends,
		"have the site's authority issue the certificate, or add the path of this certificate to the setting roots"+orPin)
	FaultSelfSignedNameless = declare("certificate.self-signed-nameless", TLSUntrusted, SideRegistrar,
		"the certificate of {at}[ ({address})] is self-signed, and does not contain the name {host} either",
		"have the site's authority issue a certificate with {host} as Subject Alternative Name")
	FaultWeakSignature = declare("certificate.weak-signature", TLSUntrusted, SideRegistrar,
		whose+" is signed with an algorithm that is no longer safe[: {signature}]",
		"have the certificate of the Registrar, and any intermediate one above it, signed with SHA-256")
	FaultSameNameAuthority = declare("certificate.new-authority", TLSUntrusted, SideDevice,
		"the certificate of {at}[ ({address})] leads to {root}, but this device trusts another authority of that name[ (its key identifier is {has}, not {needs})]; probably the site has created a new one"+sends,
		"ask the site, not over this network, whether its root is new; if it is, install it and add its path to the setting roots|"+
			"if that of this device is the newer one, have the certificate of the Registrar issued again under it"+orPin)
	FaultFormerRoot = declare("certificate.former-root", TLSUntrusted, SideRegistrar,
		whose+" was issued on {begins} by {issuer}, but not by the root of that name on this device[ (key identifier {has}, not {needs})], which is younger: it begins on {since}",
		"have the certificate of the Registrar issued again by an authority under the present root of the site|"+
			"if the site still uses its former root, install that one on this device and add its path to the setting roots")
	FaultNoIntermediate = declare("certificate.no-intermediate", TLSUntrusted, "",
		"the certificate of {at}[ ({address})] is issued by {issuer}, which this device does not know, and the server sends no intermediate certificate[, but its own {times}]"+sends,
		"configure the server to send the intermediate certificate {issuer} along with its own|"+opened+
			"|if {issuer} itself is a root of this site, install its certificate and add its path to the setting roots"+orPin)
	FaultUnknownIssuer = declare("certificate.unknown-issuer", TLSUntrusted, "",
		"the certificate of {at}[ ({address})] is issued by {issuer}, which this device does not know, and the server sends no intermediate certificate[, but its own {times}]"+sends,
		"if {issuer} belongs to this site, install the site's root certificate on this device and add its path to the setting roots|"+opened+
			"|if this device already has that root, configure the server to send its intermediate certificates"+orPin)
	FaultUnknownAuthority = declare("certificate.unknown-authority", TLSUntrusted, "",
		"the certificate of {at}[ ({address})] is issued by {issuer}[ and leads to {above}], which this device does not trust"+sends,
		"if {root} is an authority of this site, install its certificate on this device and add its path to the setting roots|"+
			"[if {open} is no root but an intermediate authority, have the server send its certificate, too]|"+opened+orPin)
	FaultStrangerNameless = declare("certificate.stranger", TLSUntrusted, SideRegistrar,
		"the certificate of {at}[ ({address})], issued by {issuer}, leads to no root that this device trusts, and it is not for {host} either[, but for {names}]",
		"have the server use a certificate for {host} that an authority of the site has issued: this one may be the default certificate of an appliance, or that of another service|"+
			"if {at} is not a Registrar, correct the record or setting that leads there")
	FaultStrangeIssuer = declare("certificate.strange-issuer", TLSUntrusted, SideRegistrar,
		whose+" was issued by {issuer}, but the server does not send the certificate of that authority: instead, it sends {others}",
		"install the certificate of {issuer}[ with the key identifier {needs}] on the server as an intermediate certificate, and have it send that one|"+
			"if {issuer} itself is a root of this site, install its certificate on this device and add its path to the setting roots|"+opened)
	FaultWrongIssuer = declare("certificate.wrong-issuer", TLSUntrusted, SideRegistrar,
		whose+" was issued by {issuer}, and the server sends a certificate of that name, but not the one whose key signed it[: key identifier {has} instead of {needs}]",
		"install the certificate of {issuer}[ with the key identifier {needs}] on the server, and have it send that one: what it sends is probably an older or newer one of the same authority")
	FaultNotAuthority = declare("certificate.not-authority", TLSUntrusted, SideRegistrar,
		"the certificate of {at}[ ({address})] depends on that of {of}, which is not an authority (CA)",
		"have the certificate of the Registrar signed by an authority; if {of} is one, issue its certificate again with CA:TRUE in the basic constraints")
	FaultRootNotAuthority = declare("certificate.root-not-authority", TLSUntrusted, SideDevice,
		"the certificate of {at}[ ({address})] is signed by {of}, which this device trusts, but the certificate of {of} is not that of an authority (CA)",
		"issue the certificate of {of} again, with the same key and with CA:TRUE in the basic constraints, and replace it in the setting roots")
	FaultNotSigner = declare("certificate.not-signer", TLSUntrusted, SideRegistrar,
		"the certificate of {at}[ ({address})] depends on that of {of}, whose key usage does not allow it to sign certificates",
		"issue the certificate of {of} again, with the key usage keyCertSign (certificate signing)|have the certificate of the Registrar issued by another authority")
	FaultChainTooLong = declare("certificate.chain-too-long", TLSUntrusted, SideRegistrar,
		"the chain of the certificate of {at}[ ({address})] has more intermediate certificates than {of} allows (path length)",
		"have the certificate of the Registrar issued by an authority nearer to the root, or raise the path length of {of}")
	FaultNameConstraint = declare("certificate.name-constraint", TLSUntrusted, SideRegistrar,
		"the name constraints[ of {authority}] do not permit the certificate of {at}[ ({address})], which is for {names}",
		"have the certificate of the Registrar issued by an authority that may issue it, or correct the name constraints")
	FaultPolicyConstraint = declare("certificate.policy-constraint", TLSUntrusted, SideRegistrar,
		"the certificate of {at}[ ({address})] lacks a certificate policy that an authority above it demands[: {authority}] (policy constraints)",
		"issue the certificate with a certificate policy that this authority allows, or correct the policy constraints of the authority")
	FaultCriticalExtension = declare("certificate.critical-extension", TLSUntrusted, SideRegistrar,
		whose+" has a critical extension that this device does not know: {extensions}",
		"issue the certificate without that extension, or with the extension not marked critical")
	FaultUnknownSignature = declare("certificate.unknown-signature", TLSUntrusted, SideRegistrar,
		whose+" is signed with an algorithm that this device does not know", "have it signed with SHA-256 and RSA (PKCS #1 version 1.5) or ECDSA; in AD CS: AlternateSignatureAlgorithm = 0")
	FaultNoCertificate = declare("certificate.none", TLSUntrusted, SideRegistrar,
		"{at}[ ({address})] sends no certificate", "give the Registrar a certificate for {host}")
	FaultNoRoots = declare("certificate.no-roots", TLSUntrusted, SideDevice,
		"this device has no root certificates, so it trusts no server: {problem}", "install the package ca-certificates, or add the path of the site's root certificate to the setting roots")
	FaultCertificate = declare("certificate.refused", TLSUntrusted, SideRegistrar,
		"the certificate of {at}[ ({address})] is refused: {problem}", "correct what this message says about the certificate, or issue another one for {host}")
)

// What is seen of a port that refuses, and of one that accepts and ends the connection: the host does that, or a firewall in its name.
const (
	notListening = "nothing listens on this port, or a firewall[ {there}] rejects it"
	notServing   = "\x0a"
	rejecting    = "look for a firewall[ {there}] that rejects connections to port {port}"
	cutting      = "\x09"
)

// cuttingLater is for a firewall that has let something of SIP through.
const cuttingLater = "\x08"

// dropsPort is for a port that does not answer: the same is seen where the answer is dropped on its way back.
const dropsPort = "look for a firewall that drops packets to or from port {port}, on the way, on {host} itself or on this device"

// dropping is for a firewall that looks into connections.
const dropping = "\x07"

// tooLarge is for packets of which only the large ones are lost.
const tooLarge = "\x06"

// rightCertificate is for a server that shows the certificate of another name: of another service, more often than not.
const rightCertificate = "\x05"

// opened is what a firewall with TLS inspection looks like. Wherever trusting an authority is advised, so is this.
const opened = "\x04"

// whose says which certificate: that of the server, or one of an authority above it.
const whose = "\x01"

// sends and orPin are for a server that a pin would make trusted: the fingerprints of what it sends, and what to do with the last.
const (
	sends = "\x02"
	orPin = "\x03"
)
