// Package sitetest simulates a site — name servers, DHCP servers, Registrars with
// TLS, those of Lync too, and Media Relays — from a text file, for tests and for the lab. It is not for
// production, it knows no client code, and it judges nothing: a test reads
// [Site.Log] and decides.
//
// One file, two worlds. [Site.Start] keeps everything in memory, for the bubbles
// of testing/synctest. [Site.Listen] opens real sockets on loopback. The same
// code answers in both.
//
//	site, err := sitetest.Parse("outage.txtar", text)
//	wire, err := site.Start()   // or live, err := site.Listen()
//	defer site.Close()
//	conn, err := wire.Dial(ctx, "tcp", "10.0.0.5:5061")
//
// # File format
//
// Text up to the first section is prose. A section begins with a line
// "-- name --"; the sections are zone, dhcp, registrars, provisioning, relays and
// change, each at most once and each optional. A line is a list of words; a word that starts with #
// begins a comment. Durations are Go durations ("20ms"). Mistakes are reported as
// file:line.
//
// # zone
//
// Records in the spirit of a zone file: a name without a final dot is relative to
// the SIP domain, and A and AAAA take several addresses. A name nobody mentions
// does not exist (NXDOMAIN).
//
//	domain contoso.com                 the SIP domain; first line; the default is contoso.com
//	_sipinternaltls._tcp SRV 0 0 5061 fe01
//	fe01 A 10.0.0.5 10.0.0.6
//	pool CNAME fe01
//	server 10.0.0.53                   a name server; the default is this one alone
//	server 10.0.0.54 servfail          a name server and its behaviour
//	silent                             the behaviour of every server, for every name
//	fe01 truncated                     the behaviour for one name
//
// For one question the behaviour of the name counts first, then that of the
// server, then that of the zone. A behaviour is one of these words, "delay D"
// (the answer comes D later), or both:
//
//	answer      what the records say
//	servfail    SERVFAIL
//	refused     REFUSED
//	nxdomain    the name does not exist
//	nodata      the name exists, without such a record
//	silent      no answer
//	truncated   over UDP an empty answer with TC set, over TCP the whole
//	malformed   an answer that ends in the middle of a record
//	noedns      FORMERR for a query with EDNS
//	closed      nothing listens: refused connection, ICMP port unreachable
//	            (not for one name)
//
// # dhcp
//
// One server a line, or one word for all of them. DHCPINFORM is answered, and by
// servers that "reply" DHCPv6, nothing else; option 120 and option 43 are sent only when asked for in option 55, and
// option 43 only to the vendor class MS-UC-Client, as Microsoft's server does.
// Without the section nobody answers.
//
//	10.0.0.67 ack 120=pool.contoso.com,pool2.contoso.com 43=https://web.contoso.com delay=5ms
//	10.0.0.68 nak
//	fe80::67 reply 21=pool.contoso.com 22=2001:db8::12 delay=5ms
//	lease /var/lib/dhcp/dhclient.leases 120=pool.contoso.com expires=1h
//	silent                   no server answers
//	denied                   Listen fails with fs.ErrPermission
//	answer                   the servers answer again (for a change)
//
//	120=NAME,…               names (RFC 3361 encoding 0)
//	120=ip:ADDRESS,…         addresses (encoding 1)
//	120=hex:…  43=hex:…      the bytes after code and length
//	43=URL                   sub-options 1 to 5; port and path have Microsoft's defaults
//	class=C                  option 43 is for the vendor class C instead
//	21=NAME,…  22=ADDRESS,…  of DHCPv6: names, addresses (RFC 3319)
//	expires=D                the lease ends D after the start; default: never
//	delay=D                  the answer comes D later
//
// # registrars
//
//	10.0.0.5:5061 tls fe01.contoso.com pool01.contoso.com accept expires=600
//	ADDRESS:PORT tls|tcp [NAME …] BEHAVIOUR [OPTION …]
//
// The names, known by their dots, are those of the certificate; one may be an IPv4 address. An address no
// line mentions is unreachable; another port of a mentioned one is refused.
//
//	accept                   200 OK
//	digest                   200 OK once the digest is right (needs user= and password=)
//	lync                     a Registrar of Lync: see below
//	status 503               that status
//	redirect URI …           301 to these Contacts; ";q=" after the URI
//	offer SCHEME …           401 with these schemes, whatever comes
//	http                     answers like a web server, and closes
//	silent [hello]           never answers a SIP request (or not even the first byte)
//	reset [hello]            resets at the first SIP request (or at the first byte)
//	refuse                   ECONNREFUSED; connections made before go on
//	unreachable              EHOSTUNREACH or ENETUNREACH; connections made before go on
//	blackhole                everything sent is lost, on connections made before too
//
// Options of every behaviour that answers:
//
//	user=U password=P        digest first, then the behaviour; no blanks in U and P
//	schemes=S,…              with NTLM instead of digest, as below
//	algorithm=A,…            MD5, SHA-256; one challenge each, in this order; default SHA-256
//	basic                    offer Basic beside Digest
//	forbids                  403 to a digest that is wrong, as chan_sip of Asterisk
//	stale                    call the first right answer of a connection stale
//	proxy                    407 instead of 401
//	expires=N                seconds granted; default 600
//	retry-after=N            seconds
//	delay=D                  each SIP answer comes D later
//	rtt=D                    round trip of the line: connecting takes D, and so does each answer
//	clock=D                  the Date header is D ahead (or behind: -1h)
//	nopong                   no answer to CRLF CRLF; pong is the default
//	idle=D                   closes when nothing came for D
//	diagnostics=N            with a status: ms-diagnostics, or with edge ms-diagnostics-public
//	split                    answers come in seven pieces
//	pad=N                    bodies have N blanks more at their end
//	upper                    header names in upper case
//	folded                   headers folded after commas
//	tlsmax=V                 highest TLS version, 1.0 to 1.3
//	clientcert               takes nobody without a certificate of the authority
//	cert=K                   expired, notyet, selfsigned, untrusted (another authority),
//	                         wrongname, cnonly (no subject alternative name), wildcard,
//	                         sha1, wrongeku (not for servers), san:NAME,… (these names instead),
//	                         negserial, oddname (a URI among the names): crypto/x509 cannot read them
//
// # Lync
//
//	10.0.0.5:5061 tls fe01.contoso.com pool01.contoso.com lync user=CONTOSO\phone1 password=Passw0rd!
//	10.0.0.4:5061 tls dir01.contoso.com lync home=pool01.contoso.com,pool02.contoso.com user=… password=…
//	10.0.0.5:5061 tls fe01.contoso.com status 403 diagnostics=4004 schemes=NTLM user=… password=…
//
// lync and, with schemes=, every other behaviour asks for NTLM over SIP (MS-SIPAE):
// three rounds, NTLMv2 only, and from then on the site verifies every request and
// signs every answer but 401, and all it sends on its own; the answers of the device to that are verified too (Entry.Proof). lync without a user asks
// for nothing. The user is DOMAIN\user, a UPN, or a bare name. In challenges the
// server is the first name of the certificate.
//
// lync takes a REGISTER with "Event: registration" (else 489, 4055), with an epid
// (else 400, 4010 or 4011) from which +sip.instance, if there, is derived, and
// gruu-10 beside msrtc-event-categories (else 421, 2057); it lists another endpoint
// of the user before this one. It answers SUBSCRIBE with the section provisioning,
// SERVICE with the section relays, and everything else with 200.
//
//	schemes=S,…              offered, in this order; only NTLM is ever accepted; lync has NTLM,Kerberos,TLS-DSK
//	version=N                of the protocol: 4, 3 or 2; default 4
//	noess                    no extended session security: signatures by CRC32, as of old servers
//	salife=D                 an association ends D after the sign-in: 401
//	home=NAME,NAME           301 once authenticated: primary (q=0.7) and backup (q=0.3); :PORT after a name, default 5061
//	keepalive=N              timeout of ms-keep-alive; default 300; CRLF CRLF is not answered unless pong
//	backup                   is-connected-to-primary="no"
//	edge                     through an Edge: RemoteUser, no Kerberos, ms-diagnostics-public
//	workstations=NAME,…      the account may sign in from these only, told by NTLM
//	nosubscribe=N            status N for a SUBSCRIBE without "Expires: 0"
//	nopiggyback              the provisioning document comes after the 200, not in it
//	rspauth=F                wrong or missing, on everything the site should sign
//
// # provisioning
//
// The in-band provisioning document, the same from all Registrars: elements of
// ServerConfiguration, and properties of other groups. Only the groups asked for are
// sent. Without mrasUri there is no Media Relay service.
//
//	poolUri sip:pool01.contoso.com@contoso.com;gruu;opaque=srvr:HomeServer:AbC
//	mrasUri sip:edge01-int.contoso.com@contoso.com;gruu;opaque=srvr:MRAS:GhI
//	ucEnableSIPSecurityMode High
//	mediaConfiguration/bypassEnabled true
//
// # relays
//
// One address of a Media Relay a line. A name with several addresses has several
// lines (and a record in the zone); without a name MRAS tells the address.
//
//	10.0.0.30 intranet edge01-int.contoso.com
//	203.0.113.10 internet udp=3478 tcp=443 silent
//	ADDRESS [intranet|internet] [NAME] [udp=N] [tcp=N] [BEHAVIOUR]
//	mras duration=60                   what MRAS answers: OK
//	mras Server Busy                   … 200 with that reasonPhrase
//	mras 503                           … that status
//	mras silent                        … nothing
//
//	intranet|internet        the location told for; default both
//	udp=N tcp=N              ports; defaults 3478 and 443; 0 for none
//	answer                   UDP: 401 to an Allocate of MS-TURN; TCP: takes connections; the default
//	silent                   UDP: nothing; TCP: a black hole
//	refuse                   UDP: ICMP port unreachable; TCP: ECONNREFUSED
//	duration=N               minutes granted at most; default 480
//	user=U password=P        of the Relays; defaults cmVsYXktdXNlcg== and cmVsYXktc2VjcmV0
//
// # change
//
// What happens to the site, counted from its start. The same lines, without the
// time, are the argument of [Site.Apply].
//
//	+60s zone servfail                     a line of the section zone
//	+60s zone fe01 A 10.0.0.6              … replaces the records of that name and type
//	+60s dhcp silent                       a line of the section dhcp
//	+60s registrar 10.0.0.5:5061 refuse    new behaviour and options; transport and names stay
//	+60s provisioning mrasUri              a line of the section provisioning, or a name alone to take it away;
//	                                       who has subscribed gets a BENOTIFY (or NOTIFY)
//	+60s relays 10.0.0.30 silent           new behaviour
//	+60s relays mras Server Busy           … of MRAS
//	+90s reset 10.0.0.5:5061               resets the connections that exist
//	+90s forget 10.0.0.5:5061              forgets the bindings of these connections: their next REGISTER is "added"
//	+90s forget 10.0.0.5:5061 fixed        … is "fixed"
//	+90s deregister 10.0.0.5:5061 rejected tells them, by NOTIFY; also unregistered, deactivated and
//	                                       preferred-registrar-change SIP-URI; benotify at the end for BENOTIFY
//	+90s ask 10.0.0.5:5061 OPTIONS         sends them this request of the Registrar's; with a number behind it, a body of
//	                                       so many bytes
//	+90s network 10.0.0.22                 the device has this address (it began with 10.0.0.21); its connections
//	                                       from another are lost in silence
//	+90s network down                      … none, and reaches nothing
//	+90s network words                     something else on its network has changed, which changes nothing here
//	                                       (each of these in memory only; the device is told)
//	+2m heal                               everything as the file began
//
// # Loopback
//
// [Site.Listen] gives each IPv4 address of a Registrar or Relay an address in 127.0.0.0/8
// (an address already there is kept) and all of IPv6 one, ::1; DNS answers,
// redirects, MRAS and "120=ip:" say these. Ports stay, except that a port below 1024
// that may not be opened becomes port+10000, in SRV records, redirects and MRAS too.
// Name servers get ports of 127.0.0.1. DHCP is answered on lo where port 67 may be
// opened. The black hole needs Linux, and so do addresses other than 127.0.0.1.
//
// # Files
//
// words.go, lane.go, entry.go and wire.go are below all: words, simulated connections, what is logged, what a device
// touches. Then comes the file as data, up to parse.go, with a type for each section; a site that runs, with its clock, log
// and connections (simulation.go), and where the world outside finds its addresses (mapping.go); the name servers, the DHCP
// servers and the Media Relays; the Registrars, from messages and NTLM over what one remembers of a caller and what it
// answers to the connection that carries both (registrar.go); and the two worlds, memory.go and loopback.go.
//
// Read words.go first, then lane.go, entry.go, wire.go, zone.go, dhcp.go, manner.go, document.go, relays.go, state.go,
// parse.go, certs.go, simulation.go, mapping.go, nameservers.go, dhcpservers.go, message.go, mediarelays.go, md4.go, ntlm.go,
// sipae.go, caller.go, answer.go, digest.go, signin.go, mras.go, subscribe.go, lync.go, registrar.go, registrars.go,
// servers.go, memory.go, loopback.go, full_linux.go, door.go, site.go.
package sitetest
