package service

import (
	"bufio"
	"encoding/binary"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"math"
	"math/bits"
	"net/netip"
	"os"
	"strconv"
	"strings"
	"time"

	"golang.org/x/sys/unix"
)

// The routes of this process's network namespace (proc_net(5)); spelled with "self", which the service still sees
// under ProcSubset=pid.
const (
	routesIPv4 = "/proc/self/net/route"
	routesIPv6 = "/proc/self/net/ipv6_route"
)

// maxRoutes is our choice: bytes read of each table. A device has ten routes; one that has ten thousand is a router, and
// need not read them all every time.
const maxRoutes = 64 << 10

// subscribe opens a socket on which the kernel tells of links, addresses and routes (rtnetlink(7)). It needs no privilege.
func subscribe() (io.ReadCloser, error) {
	fd, err := unix.Socket(unix.AF_NETLINK, unix.SOCK_RAW|unix.SOCK_CLOEXEC|unix.SOCK_NONBLOCK, unix.NETLINK_ROUTE)
	if err != nil {
		return nil, fmt.Errorf("open a netlink socket: %w", err)
	}
	groups := unix.RTMGRP_LINK | unix.RTMGRP_IPV4_IFADDR | unix.RTMGRP_IPV6_IFADDR | unix.RTMGRP_IPV4_ROUTE | unix.RTMGRP_IPV6_ROUTE
	if err := unix.Bind(fd, &unix.SockaddrNetlink{Family: unix.AF_NETLINK, Groups: uint32(groups)}); err != nil {
		unix.Close(fd)
		return nil, fmt.Errorf("subscribe to changes of the network: %w", err)
	}
	return os.NewFile(uintptr(fd), "rtnetlink"), nil
}

// wakings opens a timer that expires in 2038, and that the kernel cancels, again and again, when the clock of the day is set
// or goes on after a suspend (TFD_TIMER_CANCEL_ON_SET of timerfd_create(2)).
func wakings() (io.ReadCloser, error) {
	fd, err := unix.TimerfdCreate(unix.CLOCK_REALTIME, unix.TFD_CLOEXEC|unix.TFD_NONBLOCK)
	if err != nil {
		return nil, fmt.Errorf("create a timer: %w", err)
	}
	never := &unix.ItimerSpec{Value: unix.Timespec{Sec: math.MaxInt32}} // as far as 32 bits go; expired it is cancelled all the same
	if err := unix.TimerfdSettime(fd, unix.TFD_TIMER_ABSTIME|unix.TFD_TIMER_CANCEL_ON_SET, never, nil); err != nil {
		unix.Close(fd)
		return nil, fmt.Errorf("set a timer: %w", err)
	}
	return os.NewFile(uintptr(fd), "timerfd"), nil
}

// isEvent says whether an error of reading is one: the kernel had more to tell than fits into the socket (netlink(7)), and
// what was lost on the way is no loss; or a timer was cancelled. Both go on.
func isEvent(err error) bool { return errors.Is(err, unix.ENOBUFS) || errors.Is(err, unix.ECANCELED) }

// slept returns how long the system has been suspended since its start: one of two clocks goes on then.
func slept() time.Duration {
	var awake, all unix.Timespec
	if unix.ClockGettime(unix.CLOCK_MONOTONIC, &awake) != nil || unix.ClockGettime(unix.CLOCK_BOOTTIME, &all) != nil {
		return 0
	}
	return time.Duration(all.Nano() - awake.Nano())
}

// routes returns the routes of both protocols in words.
func routes() (all []string) {
	for file, read := range map[string]func([]string) string{routesIPv4: routeIPv4, routesIPv6: routeIPv6} {
		f, err := os.Open(file) // a kernel may lack IPv6
		if err != nil {
			continue
		}
		lines := bufio.NewScanner(io.LimitReader(f, maxRoutes))
		for lines.Scan() {
			if route := read(strings.Fields(lines.Text())); route != "" {
				all = append(all, route)
			}
		}
		f.Close()
	}
	return all
}

// routeIPv4 reads a line with the columns of /proc/net/route: device, destination, gateway, flags, three counts, mask;
// addresses are numbers of this machine. "": not a route to somewhere.
func routeIPv4(column []string) string {
	if len(column) < 8 || !leads(column[3]) {
		return ""
	}
	var addrs [3]netip.Addr
	for i, text := range []string{column[1], column[2], column[7]} {
		n, err := strconv.ParseUint(text, 16, 32)
		if err != nil {
			return ""
		}
		var b [4]byte
		binary.NativeEndian.PutUint32(b[:], uint32(n))
		addrs[i] = netip.AddrFrom4(b)
	}
	mask := addrs[2].As4()
	length := bits.OnesCount32(binary.BigEndian.Uint32(mask[:]))
	return routeText(netip.PrefixFrom(addrs[0], length), addrs[1], column[0])
}

// routeIPv6 reads a line with the columns of /proc/net/ipv6_route: destination, its length, source, its length, next hop,
// three counts, flags, device. "": not a route to somewhere beyond the link.
func routeIPv6(column []string) string {
	if len(column) < 10 || !leads(column[8]) {
		return ""
	}
	var addrs [2]netip.Addr
	for i, text := range []string{column[0], column[4]} {
		b, err := hex.DecodeString(text)
		if err != nil || len(b) != 16 {
			return ""
		}
		addrs[i] = netip.AddrFrom16([16]byte(b))
	}
	length, err := strconv.ParseUint(column[1], 16, 8)
	if err != nil || addrs[0].IsLinkLocalUnicast() || addrs[0].IsMulticast() {
		return ""
	}
	return routeText(netip.PrefixFrom(addrs[0], int(length)), addrs[1], column[9])
}

// leads says whether a route with these flags leads away from this device.
func leads(flags string) bool {
	const anycast = 0x00100000 // RTF_ANYCAST of linux/ipv6_route.h
	const nowhere = unix.RTF_REJECT | unix.RTF_LOCAL | unix.RTF_CACHE | anycast
	n, err := strconv.ParseUint(flags, 16, 32)
	return err == nil && n&unix.RTF_UP != 0 && n&nowhere == 0
}

func routeText(to netip.Prefix, gateway netip.Addr, device string) string {
	text := "route " + to.String()
	if to.Bits() == 0 {
		text = "default route"
	}
	if !gateway.IsUnspecified() {
		text += " via " + gateway.String()
	}
	return text + " on " + device
}
