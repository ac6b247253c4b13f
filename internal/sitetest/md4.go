package sitetest

import (
	"encoding/binary"
	"math/bits"
)

// md4Rounds are those of RFC 1320 section 3.4: how words are mixed, in which order, how far they turn.
var md4Rounds = [3]struct {
	mix      func(x, y, z uint32) uint32
	constant uint32
	order    [16]int
	turns    [4]int
}{
	{func(x, y, z uint32) uint32 { return x&y | ^x&z }, 0, [16]int{0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15}, [4]int{3, 7, 11, 19}},
	{func(x, y, z uint32) uint32 { return x&y | x&z | y&z }, 0x5A827999, [16]int{0, 4, 8, 12, 1, 5, 9, 13, 2, 6, 10, 14, 3, 7, 11, 15}, [4]int{3, 5, 9, 13}},
	{func(x, y, z uint32) uint32 { return x ^ y ^ z }, 0x6ED9EBA1, [16]int{0, 8, 4, 12, 2, 10, 6, 14, 1, 9, 5, 13, 3, 11, 7, 15}, [4]int{3, 9, 11, 15}},
}

// md4Of is the hash of passwords (RFC 1320). It is written anew because the client's comes from a library:
// nothing that signs is shared by both ends.
func md4Of(text []byte) []byte {
	size := uint64(len(text)) * 8
	text = append(text[:len(text):len(text)], 0x80)
	for len(text)%64 != 56 {
		text = append(text, 0)
	}
	text = binary.LittleEndian.AppendUint64(text, size)
	sum := [4]uint32{0x67452301, 0xEFCDAB89, 0x98BADCFE, 0x10325476}
	for ; len(text) > 0; text = text[64:] {
		a, b, c, d := sum[0], sum[1], sum[2], sum[3]
		for _, round := range md4Rounds {
			for i, word := range round.order {
				a += round.mix(b, c, d) + binary.LittleEndian.Uint32(text[4*word:]) + round.constant
				a, b, c, d = d, bits.RotateLeft32(a, round.turns[i%4]), b, c
			}
		}
		sum = [4]uint32{sum[0] + a, sum[1] + b, sum[2] + c, sum[3] + d}
	}
	var out []byte
	for _, word := range sum {
		out = binary.LittleEndian.AppendUint32(out, word)
	}
	return out
}
