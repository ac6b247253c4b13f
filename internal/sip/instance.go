package sip

import (
	"crypto/sha1"
	"encoding/binary"
	"fmt"
)

// namespace is the GUID fcacfb03-8a73-46ef-91b1-e5ebeeaba4fe as Windows lays it out. MS-SIPRE section 3.2.3.1.
const namespace = "\x03\xfb\xac\xfc\x73\x8a\xef\x46\x91\xb1\xe5\xeb\xee\xab\xa4\xfe"

// instance derives the +sip.instance (RFC 5626 section 4.1) that belongs to an endpoint id, as a Lync server does to check
// it; "" for no endpoint id. It is a UUID of version 5 but for the order of its octets: that of a GUID in Windows.
func instance(epid string) string {
	if epid == "" {
		return ""
	}
	sum := sha1.Sum([]byte(namespace + epid))
	le := binary.LittleEndian
	version5 := le.Uint16(sum[6:])&0x0fff | 0x5000
	sum[8] = sum[8]&0x3f | 0x80
	return fmt.Sprintf("urn:uuid:%08x-%04x-%04x-%x-%x", le.Uint32(sum[:]), le.Uint16(sum[4:]), version5, sum[8:10], sum[10:16])
}

// Instance returns the +sip.instance of a device by its endpoint id, "urn:uuid:…": so other services of Lync know it, too.
func Instance(epid string) string { return instance(epid) }
