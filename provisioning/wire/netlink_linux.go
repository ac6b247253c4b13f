package wire

import (
	"encoding/binary"
	"net/netip"
	"syscall"

	"golang.org/x/sys/unix"
)

// Specification constant: struct nlattr, in bytes.
const attributeHeader = 4

// maxListed is how much of a table is read, in bytes: a device has some ten routes and neighbours; one that has ten thousand is a router.
// (Our choice.)
const maxListed = 1 << 20

// list calls tell with each entry of a table of the kernel. What cannot be read is passed over.
func list(table uint16, family byte, tell func(entry []byte)) {
	socket, err := openKernel()
	if err != nil {
		return
	}
	defer unix.Close(socket)
	ask := make([]byte, unix.SizeofNlMsghdr+unix.SizeofRtGenmsg)
	binary.NativeEndian.PutUint32(ask, uint32(len(ask)))
	binary.NativeEndian.PutUint16(ask[4:], table)
	binary.NativeEndian.PutUint16(ask[6:], unix.NLM_F_REQUEST|unix.NLM_F_DUMP)
	ask[unix.SizeofNlMsghdr] = family
	if unix.Sendto(socket, ask, 0, &unix.SockaddrNetlink{Family: unix.AF_NETLINK}) != nil {
		return
	}
	buf := make([]byte, 1<<15) // a part of an answer is never larger (netlink(7))
	for read := 0; read < maxListed; {
		n, _, err := unix.Recvfrom(socket, buf, 0)
		if err != nil {
			return
		}
		read += n
		messages, err := syscall.ParseNetlinkMessage(buf[:n])
		if err != nil {
			return
		}
		for _, m := range messages {
			if m.Header.Type == unix.NLMSG_DONE || m.Header.Type == unix.NLMSG_ERROR {
				return
			}
			tell(m.Data)
		}
	}
}

// openKernel opens a socket to the kernel. It needs no privilege.
func openKernel() (int, error) {
	return unix.Socket(unix.AF_NETLINK, unix.SOCK_RAW|unix.SOCK_CLOEXEC, unix.NETLINK_ROUTE)
}

// converse asks the kernel one thing and reads its answer, which it has at once.
func converse(ask, answer []byte) (int, error) {
	socket, err := openKernel()
	if err != nil {
		return 0, err
	}
	defer unix.Close(socket)
	if err := unix.Sendto(socket, ask, 0, &unix.SockaddrNetlink{Family: unix.AF_NETLINK}); err != nil {
		return 0, err
	}
	n, _, err := unix.Recvfrom(socket, answer, unix.MSG_DONTWAIT)
	return n, err
}

// addressIn is the address that an attribute of an entry holds, after a header of so many bytes; zero: it has none.
func addressIn(entry []byte, header int, attribute uint16) netip.Addr {
	addr, _ := netip.AddrFromSlice(attributeIn(entry, header, attribute))
	return addr
}

// attributeIn is what an attribute holds; nil: the entry has none.
func attributeIn(entry []byte, header int, attribute uint16) []byte {
	if len(entry) < header {
		return nil
	}
	for attributes := entry[header:]; len(attributes) >= attributeHeader; {
		length := int(binary.NativeEndian.Uint16(attributes))
		if length < attributeHeader || length > len(attributes) {
			break
		}
		if binary.NativeEndian.Uint16(attributes[2:]) == attribute {
			return attributes[attributeHeader:length]
		}
		attributes = attributes[min(len(attributes), (length+3)&^3):]
	}
	return nil
}

// numberIn is the number that an attribute of an entry holds, after a header of so many bytes; 0: it has none.
func numberIn(entry []byte, header int, attribute uint16) uint32 {
	if value := attributeIn(entry, header, attribute); len(value) == 4 {
		return binary.NativeEndian.Uint32(value)
	}
	return 0
}
