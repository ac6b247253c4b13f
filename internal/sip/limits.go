package sip

import "time"

// Specification constants.
const (
	branchCookie = "z9hG4bK"        // RFC 3261 section 8.1.1.7
	defaultTLS   = 5061             // RFC 3261 section 19.1.2
	defaultTCP   = 5060             // RFC 3261 section 19.1.2
	finalAnswer  = 32 * time.Second // RFC 3261 section 17.1.2.2: timer F, 64 times T1
	pongWait     = 10 * time.Second // RFC 5626 section 4.4.1
	ping         = "\r\n\r\n"       // RFC 5626 section 3.5.1
	pong         = "\r\n"           // RFC 5626 section 3.5.1

	leaving = "0" // Expires of a REGISTER that takes the binding back: RFC 3261 section 10.2.2

	// What we can do: RFC 3327 (proxies on the way may stay in it), MS-SIPREGE section 2.2.1.5. Without gruu-10 a Lync
	// server refuses the rest, and without ms-cluster-failover it may not name the backup Registrar.
	supported = "path, gruu-10, adhoclist, msrtc-event-categories, ms-cluster-failover, ms-userservices-state-notification"

	provisioningEvent = "vnd-microsoft-provisioning-v2"                         // MS-SIPREGE section 2.2.2.5
	provisioningType  = "application/vnd-microsoft-roaming-provisioning-v2+xml" // of its documents

	associationLife = 8 * time.Hour // MS-SIPAE section 3.2.2

	anothersCredentials = 4004 // MS-OCER: the credentials are not those of the SIP address
)

// Our choices.
const (
	// A Registrar that is alive answers at once, and the next candidate is waiting.
	firstAnswer = 4 * time.Second
	// Other requests go through to other servers, and nothing is lost while they take their time.
	firstAnswerFromBehind = 10 * time.Second
	// How long the first provisioning document may take after the answer to SUBSCRIBE.
	documentWait = 5 * time.Second
	// Nothing we write is larger than a socket's buffer: a write that blocks meets a dead peer.
	writeWait = 4 * time.Second
	// lastWordWait is for what the other side said before the connection broke, which has arrived already if there is any.
	lastWordWait = 500 * time.Millisecond
	// A message that has begun must end, or one byte a second would hold the connection for ever.
	messageWait = 32 * time.Second

	// Far above what Registrars send (a Lync provisioning answer has 50 kB), far below what hurts a small device.
	maxHead    = 64 << 10
	maxHeaders = 200
	maxBody    = 256 << 10
	// A body beyond maxBody is passed over as it comes, at no cost but time, of which messageWait is the limit. Only
	// beyond this is the length taken for a fault, and the connection given up.
	maxSkipped = 16 << 20
	// Elements inside of each other in a document; Lync's have five.
	maxDepth = 32
	// What a stranger sends is shown to people up to here.
	maxText = 256
	// URIs we are told are repeated up to here; those of Lync have 100 to 200 bytes.
	maxURI = 1024
	// More diagnostics or redirect targets than this help nobody.
	maxListed = 16

	// Granted lifetimes are believed between these; below, refreshing would be a flood, above, a lost binding would
	// go unnoticed for days. Without any, 600 s: the default of Lync.
	minExpires     = 5
	maxExpires     = 86400
	defaultExpires = 600
	// What is learnt in band takes less than a minute; a binding that is left behind should not live much longer.
	briefExpires  = 120
	maxRetryAfter = 3600
	// A refresh happens somewhere in this part of the lifetime: late enough to be rare, early enough to leave time for a
	// second attempt, and spread so that a site does not refresh in step.
	refreshFrom, refreshTo = 0.5, 0.9

	// A refresh that is refused without a signature is tried again so often, after so long: as Lync's own client would.
	maxDoubted  = 5
	doubtedWait = time.Minute

	// A subscription is believed to live between these, in seconds; without a lifetime, an hour. Where it cannot be renewed,
	// that is tried again after the least.
	minSubscription, maxSubscription = 300, 86400
	defaultSubscription              = 3600

	// Credentials for Media Relays, in minutes: asked for (the servers' own limit), and believed between.
	relayMinutes                     = 480
	minRelayMinutes, maxRelayMinutes = 5, 1440

	// So many proofs of the password may be refused where Account.Tries does not say otherwise: the next may lock the account.
	mostProofs = 2

	// The first challenge, and three more when the nonce was stale each time (or a proxy asks as well).
	maxChallenges = 4

	// An association is replaced before the Registrar forgets it.
	associationMargin = 5 * time.Minute
	// With a certificate that is about to end, it lives so long all the same: the Registrar has the last word.
	shortestLife = time.Minute

	// A certificate that ends sooner is used where nothing else will do: Lync's own clients use it no more.
	leastLeft = time.Hour

	// Shorter than the idle time-outs of home routers and firewalls for TCP and TLS.
	pingInterval = 30 * time.Second
	firstPing    = 5 * time.Second
	// The part of the silence a Registrar tolerates after which we ping.
	pingShare = 0.8
	// The system has probed the connection more than once, and nothing came back; it is sure before the last ping that is held.
	probesInVain = 3500 * time.Millisecond
	heldFor      = 3 * time.Second
	maxHeld      = 2
	// Told intervals are believed from here on, and pings of the peer answered no more often.
	minPingInterval = 5 * time.Second
	minPongInterval = time.Second
)
