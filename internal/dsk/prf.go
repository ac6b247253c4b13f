package dsk

import (
	"crypto/hmac"
	"crypto/md5"
	"crypto/sha1"
	"crypto/sha256"
	"crypto/sha512"
	"crypto/subtle"
	"crypto/tls"
	"hash"
	"slices"
)

// Specification constants.
const (
	// The label of EAP-TLS (RFC 5216 section 2.3), with which Schannel makes the 128 octets that it calls the EAP key block.
	label     = "client EAP encryption"
	blockSize = 128
	keySize   = 32 // MS-SIPAE: the third quarter of the block is the client's key, the last one the server's
	clientKey = 64
	serverKey = clientKey + keySize

	randomSize = 32 // RFC 5246 section 7.4.1.2
	masterSize = 48 // RFC 5246 section 8.1
)

// The suites, in our order. The first are those whose records are protected by SHA-1, since it is known what signs messages
// after them; they are old, but no data is protected by them here. The others come with them only where a Registrar takes
// none of these.
var (
	sha1Suites = []uint16{
		tls.TLS_ECDHE_RSA_WITH_AES_256_CBC_SHA, tls.TLS_ECDHE_RSA_WITH_AES_128_CBC_SHA, tls.TLS_RSA_WITH_AES_256_CBC_SHA, tls.TLS_RSA_WITH_AES_128_CBC_SHA,
		tls.TLS_ECDHE_ECDSA_WITH_AES_256_CBC_SHA, tls.TLS_ECDHE_ECDSA_WITH_AES_128_CBC_SHA,
	}
	otherSuites = []uint16{
		tls.TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256, tls.TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384, tls.TLS_RSA_WITH_AES_128_GCM_SHA256, tls.TLS_RSA_WITH_AES_256_GCM_SHA384,
		tls.TLS_RSA_WITH_AES_128_CBC_SHA256, tls.TLS_ECDHE_RSA_WITH_AES_128_CBC_SHA256,
		tls.TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256, tls.TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384,
	}
)

// signsSHA1 says whether it is known that messages are signed with HMAC-SHA1.
func signsSHA1(version, suite uint16) bool {
	return version < tls.VersionTLS12 || slices.Contains(sha1Suites, suite)
}

// keyBlock derives the keys from the master secret. Whether that was an extended one (RFC 7627) makes no difference here.
func keyBlock(version, suite uint16, master, clientRandom, serverRandom []byte) []byte {
	seed := slices.Concat([]byte(label), clientRandom, serverRandom)
	if version >= tls.VersionTLS12 {
		return expand(prfHash(suite), master, seed, blockSize)
	}
	// RFC 2246 section 5: one half of the secret for each hash; of an odd number of octets, they share the middle one.
	half := (len(master) + 1) / 2
	block := expand(md5.New, master[:half], seed, blockSize)
	subtle.XORBytes(block, block, expand(sha1.New, master[len(master)-half:], seed, blockSize))
	return block
}

// expand is P_hash of RFC 5246 section 5.
func expand(hash func() hash.Hash, secret, seed []byte, size int) []byte {
	sum := func(parts ...[]byte) []byte {
		h := hmac.New(hash, secret)
		for _, part := range parts {
			h.Write(part)
		}
		return h.Sum(nil)
	}
	var out []byte
	for a := sum(seed); len(out) < size; a = sum(a) {
		out = append(out, sum(a, seed)...)
	}
	return out[:size]
}

// prfHash is the hash of the pseudorandom function of TLS 1.2: SHA-256, but for suites that name a larger one (RFC 5246
// section 5, RFC 5288 section 3).
func prfHash(suite uint16) func() hash.Hash {
	switch suite {
	case tls.TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384, tls.TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384, tls.TLS_RSA_WITH_AES_256_GCM_SHA384:
		return sha512.New384
	default:
		return sha256.New
	}
}
