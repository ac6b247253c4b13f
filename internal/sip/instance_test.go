package sip

import "testing"

// Endpoint ids and what was derived from them: the examples of MS-SIPRE, MS-SIPAE and MS-SIPREGE, a capture, one of ours.
func TestInstance(t *testing.T) {
	for epid, want := range map[string]string{
		"01010101":   "urn:uuid:4b1682a8-f968-5701-83fc-7c6741dc6697",
		"c8ca638a15": "urn:uuid:34d859db-6585-5f91-a3b4-de853c15347d",
		"8248ca9ebb": "urn:uuid:4233fd41-093b-5fd6-b5d2-651ed55969e6",
		"2ebb6f264f": "urn:uuid:124841e4-264d-52e8-96c5-d22aa8cdc316",
		"a0ae9e6cb0": "urn:uuid:c1589240-e660-594f-a8b3-4b55f358cbc1",
		"a1b2c3d4e5": "urn:uuid:7446beda-e8b3-53b7-a965-b85a66a31cfc",
		"":           "",
	} {
		if got := instance(epid); got != want {
			t.Errorf("%q: got %s, want %s", epid, got, want)
		}
	}
}
