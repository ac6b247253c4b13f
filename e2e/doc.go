// Package e2e starts the built homeward binary against real servers: dnsmasq, BIND, Unbound, Knot DNS, PowerDNS and dnsdist for
// DNS, dnsmasq, Kea and ISC dhcpd for DHCP, Kamailio as the Registrar, openssl s_server as one whose TLS is at fault, dhclient as the
// device's own DHCP client, chronyd for the time. The daemon runs in the sandbox of its unit (confine_test.go). Each test
// runs in network namespaces below a private set of user, process, mount and network namespaces, which the test binary
// enters by starting itself again. Nothing outside them is touched, and nothing outlives the test, but for a fresh Debian,
// which is fetched once and kept in the user's cache directory.
//
// Since tests wait most of the time, several run at once, processors + 1 or as many as -parallel says (workers_test.go). They share
// the machine: its processors, the cgroups, files. With a part of a test in -run ("-run TestX/part"), or with one test alone, there is one set
// of namespaces, and what is printed appears at once.
//
// It is for what only the whole can show: that the bytes of other people's programs are understood, and that
// the device order holds from process start to REGISTER. It is not for rules that one package decides alone:
// those have tables and scenarios there, which run in fake time.
//
// Run it with
//
//	go test -count=1 ./e2e
//
// and, for how long it all takes on paths of some length,
//
//	go test -timeout 6h -run '^$' -bench SignIn ./e2e -args -quick
//
// It needs Linux and either root or unprivileged user namespaces, and programs of needs/needs.txt. What is missing is said
// in a skip; with E2E=required in the environment, as in CI, a skip is a failure instead.
package e2e
