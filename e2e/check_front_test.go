//go:build linux

package e2e

import (
	"crypto/x509"
	"fmt"
	"os"
	"strings"
	"testing"
)

// frontFaults are those of TLS front ends: the device comes to pool01, where a proxy ends TLS, and behind it is the Registrar that
// speaks SIP without TLS.
var frontFaults = []fault{
	{"haproxy", with(haproxy("bind 10.0.0.20:5061 ssl crt PEM\n server fe08 10.0.0.18:5061")), "", `
All is well: sip:phone1@contoso.com signs in to pool01.contoso.com:5061 over TLS (internal-tls).`},
	{"haproxy with TLS 1.0 only, and tls_min allows it", with(set(`tls_min = "1.0"`), haproxy("bind 10.0.0.20:5061 ssl crt PEM ssl-min-ver TLSv1.0 ssl-max-ver TLSv1.0 ciphers DEFAULT@SECLEVEL=0\n server fe08 10.0.0.18:5061")), "", `
All is well: sip:phone1@contoso.com signs in to pool01.contoso.com:5061 over TLS (internal-tls).`},
	{"haproxy, and nothing behind it", with(haproxy("bind 10.0.0.20:5061 ssl crt PEM\n server fe08 10.0.0.18:5999")), "connect-reset", `
pool01.contoso.com:5061 (10.0.0.20) accepts the connection and TLS, and drops it when this device speaks SIP: the service behind this port does not work, or a firewall on that host cuts the connection.
The problem is with the Registrar.
If a proxy or load balancer listens there, check that the Registrar behind it is running and speaks SIP.
- Check the log of the Registrar.
- Look for a firewall on that host that cuts connections to port 5061.`},
	{"haproxy that asks for a certificate, and nothing behind it", with(haproxy("bind 10.0.0.20:5061 ssl crt PEM ca-file ROOT verify optional\n server fe08 10.0.0.18:5999")), "connect-reset", `
pool01.contoso.com:5061 (10.0.0.20) accepts the connection and asks this device for a certificate, and then drops the connection: the service behind this port does not work, or a firewall on that host cuts the connection.
The problem is with the Registrar.
If a proxy or load balancer listens there, check that the Registrar behind it is running.
- See whether this is a port for servers: clients use 5061 of a pool inside, 443 of an Access Edge outside.
- Look for a firewall on that host that cuts connections to port 5061.`},
	{"haproxy that demands a certificate", with(haproxy("bind 10.0.0.20:5061 ssl crt PEM ca-file ROOT verify required\n server fe08 10.0.0.18:5061")), "tls-client-certificate", `
pool01.contoso.com:5061 (10.0.0.20) asks this device for a certificate, and accepts no connection without one: it is a port for servers, or its settings demand one.
If this is the port for clients (5061 of a pool inside, 443 of an Access Edge outside), configure the server to accept devices without a certificate.
- If it is another port, use the port for clients.`},
	{"haproxy for HTTP", with(haproxy("bind 10.0.0.20:5061 ssl crt PEM\n mode http\n server fe08 10.0.0.18:5061")), "sip-malformed", `
pool01.contoso.com:5061 (10.0.0.20) answers, but does not speak SIP: its answer begins with HTTP/1.1 400 Bad request.
The problem is with the Registrar.
Check that the address and port are those of the Registrar, and not of a web server or another service.`},
	{"haproxy sends the PROXY protocol to a Registrar that does not know it", with(haproxy("bind 10.0.0.20:5061 ssl crt PEM\n server fe08 10.0.0.18:5061 send-proxy")), "connect-reset", `
pool01.contoso.com:5061 (10.0.0.20) accepts the connection and TLS, and drops it when this device speaks SIP: the service behind this port does not work, or a firewall on that host cuts the connection.
The problem is with the Registrar.
If a proxy or load balancer listens there, check that the Registrar behind it is running and speaks SIP.
- Check the log of the Registrar.
- Look for a firewall on that host that cuts connections to port 5061.`},
	{"haproxy expects the PROXY protocol", with(haproxy("bind 10.0.0.20:5061 accept-proxy ssl crt PEM\n server fe08 10.0.0.18:5061")), "connect-reset", `
pool01.contoso.com:5061 (10.0.0.20) accepts the connection, and drops it when the TLS handshake begins: the service behind this port does not work, or a firewall on that host cuts the connection.
The problem is with the Registrar.
If a proxy or load balancer listens there, check that the Registrar behind it is running.
- Look for a firewall on that host that cuts connections to port 5061.
- Check that the proxy passes on the name pool01.contoso.com (SNI), and expects no PROXY protocol from clients.
- Check that this port speaks TLS, and check the log of the Registrar.`},
	{"haproxy passes on other names only", with(haproxy("bind 10.0.0.20:5061\n tcp-request inspect-delay 2s\n tcp-request content reject unless { req.ssl_sni -i other.contoso.com }\n server fe08 10.0.0.18:5061")), "connect-reset", `
pool01.contoso.com:5061 (10.0.0.20) accepts the connection, and drops it when the TLS handshake begins: the service behind this port does not work, or a firewall on that host cuts the connection.
The problem is with the Registrar.
If a proxy or load balancer listens there, check that the Registrar behind it is running.
- Look for a firewall on that host that cuts connections to port 5061.
- Check that the proxy passes on the name pool01.contoso.com (SNI), and expects no PROXY protocol from clients.
- Check that this port speaks TLS, and check the log of the Registrar.`},
	{"nginx", with(nginx("listen 10.0.0.20:5061 ssl; proxy_pass 10.0.0.18:5061;")), "", `
All is well: sip:phone1@contoso.com signs in to pool01.contoso.com:5061 over TLS (internal-tls).`},
	{"nginx, and nothing behind it", with(nginx("listen 10.0.0.20:5061 ssl; proxy_pass 10.0.0.18:5999;")), "connect-reset", `
pool01.contoso.com:5061 (10.0.0.20) accepts the connection and TLS, and drops it when this device speaks SIP: the service behind this port does not work, or a firewall on that host cuts the connection.
The problem is with the Registrar.
If a proxy or load balancer listens there, check that the Registrar behind it is running and speaks SIP.
- Check the log of the Registrar.
- Look for a firewall on that host that cuts connections to port 5061.`},
	{"nginx that demands a certificate", with(nginx("listen 10.0.0.20:5061 ssl; ssl_verify_client on; ssl_client_certificate ROOT; proxy_pass 10.0.0.18:5061;")), "connect-reset", `
pool01.contoso.com:5061 (10.0.0.20) accepts the connection and asks this device for a certificate, and then drops the connection: the service behind this port does not work, or a firewall on that host cuts the connection.
The problem is with the Registrar.
If a proxy or load balancer listens there, check that the Registrar behind it is running.
- See whether this is a port for servers: clients use 5061 of a pool inside, 443 of an Access Edge outside.
- Look for a firewall on that host that cuts connections to port 5061.`},
	{"nginx that does not know the name", with(nginxWeb("listen 10.0.0.20:5061 ssl; ssl_reject_handshake on;")), "tls-name", `
pool01.contoso.com:5061 (10.0.0.20) has no certificate for the name pool01.contoso.com (TLS alert 112, unrecognized name).
The problem is with the Registrar.
Configure the server, or the proxy in front of it, for the name pool01.contoso.com; or correct the record or setting that names pool01.contoso.com.`},
	{"stunnel", with(stunnel("accept = 10.0.0.20:5061\nconnect = 10.0.0.18:5061")), "", `
All is well: sip:phone1@contoso.com signs in to pool01.contoso.com:5061 over TLS (internal-tls).`},
	{"stunnel, and nothing behind it", with(stunnel("accept = 10.0.0.20:5061\nconnect = 10.0.0.18:5999")), "connect-reset", `
pool01.contoso.com:5061 (10.0.0.20) accepts the connection and TLS, and drops it when this device speaks SIP: the service behind this port does not work, or a firewall on that host cuts the connection.
The problem is with the Registrar.
If a proxy or load balancer listens there, check that the Registrar behind it is running and speaks SIP.
- Check the log of the Registrar.
- Look for a firewall on that host that cuts connections to port 5061.`},
	{"stunnel that demands a certificate", with(stunnel("accept = 10.0.0.20:5061\nconnect = 10.0.0.18:5061\nverifyChain = yes\nCAfile = ROOT")), "tls-client-certificate", `
pool01.contoso.com:5061 (10.0.0.20) asks this device for a certificate, and accepts no connection without one: it is a port for servers, or its settings demand one.
If this is the port for clients (5061 of a pool inside, 443 of an Access Edge outside), configure the server to accept devices without a certificate.
- If it is another port, use the port for clients.`},
	{"sslh", with(sslh("--tls", "10.0.0.11:5061", fe01.host)), "", `
All is well: sip:phone1@contoso.com signs in to fe01.contoso.com:5061 over TLS (internal-tls).`},
	{"sslh, and nothing behind it", with(sslh("--tls", "10.0.0.11:5999", pool01.host)), "connect-reset", `
pool01.contoso.com:5061 (10.0.0.20) accepts the connection, and drops it when the TLS handshake begins: the service behind this port does not work, or a firewall on that host cuts the connection.
The problem is with the Registrar.
If a proxy or load balancer listens there, check that the Registrar behind it is running.
- Look for a firewall on that host that cuts connections to port 5061.
- Check that the proxy passes on the name pool01.contoso.com (SNI), and expects no PROXY protocol from clients.
- Check that this port speaks TLS, and check the log of the Registrar.`},
	{"sslh that knows SSH only", with(sslh("--ssh", "10.0.0.11:2222", pool01.host), banner("10.0.0.11:2222", "SSH-2.0-OpenSSH_9.2p1")), "tls-failed", `
pool01.contoso.com:5061 (10.0.0.20) accepts the connection, but does not speak TLS: its answer begins with SSH-2.0-OpenSSH_9.2p1.
The problem is with the Registrar.
Check that this port speaks TLS, and check the log of the Registrar.`},
	{"the way to the server loses large packets", with(published(fe01), the(fe01, " meta length > 1000 drop")), "tls-timeout", `
Packets of the TLS handshake with fe01.contoso.com:5061 (10.0.0.11) are lost on the way: with smaller packets the handshake succeeds.
The problem is with the network between this device and the server.
Look for large packets that are lost on the way: a tunnel or VPN with an MTU that is too small, or a firewall that drops the ICMP message "fragmentation needed".`},
	{"the way from the server loses large packets", with(pool01Sends(openssl(adcs)), loses("tcp sport 5061 meta length > 1400")), "tls-timeout", `
Packets of the TLS handshake with pool01.contoso.com:5061 (10.0.0.20) are lost on the way: later packets of the server arrive, but not the ones before them.
The problem is with the network between this device and the server.
Look for large packets that are lost on the way: a tunnel or VPN with an MTU that is too small, or a firewall that drops the ICMP message "fragmentation needed".`},
	{"the way from the server loses the whole answer", with(pool01Has(nothingWrong), loses("tcp sport 5061 meta length > 700")), "tls-timeout", `
Packets of the TLS handshake with pool01.contoso.com:5061 (10.0.0.20) are lost on the way: with smaller packets the handshake succeeds.
The problem is with the network between this device and the server.
Look for large packets that are lost on the way: a tunnel or VPN with an MTU that is too small, or a firewall that drops the ICMP message "fragmentation needed".`},
	{"the way from the server loses everything after the first packets of a connection", with(pool01Sends(openssl(adcs)), loses("tcp sport 5061 meter connections { tcp dport quota over 2000 bytes }")), "tls-timeout", `
pool01.contoso.com:5061 (10.0.0.20) begins the TLS handshake, and then nothing more arrives.
Check whether the service on pool01.contoso.com is hung.
- Look for a firewall or proxy on the way that holds back what the server sends.`},
	{"a server that renegotiates", with(renegotiates), "tls-failed", `
pool01.contoso.com:5061 (10.0.0.20) asks for another TLS handshake on the same connection (renegotiation), which this device does not do.
The problem is with the Registrar.
Switch TLS renegotiation off on the Registrar, or on the proxy in front of it; asking clients for a certificate only after the handshake causes it, too.`},
}

// TestFrontEndsAreToldTheSame: what `check` says of them, `status` and `history` of the daemon say, too.
func TestFrontEndsAreToldTheSame(t *testing.T) {
	tellTheSame(t, []fieldFault{
		{"haproxy, and nothing behind it", with(haproxy("bind 10.0.0.20:5061 ssl crt PEM\n server fe08 10.0.0.18:5999")), "connect-reset",
			"pool01.contoso.com:5061 (10.0.0.20) accepts the connection and tls, and drops it when this device speaks sip",
			"if a proxy or load balancer listens there, check that the registrar behind it is running and speaks sip"},
		{"nginx that does not know the name", with(nginxWeb("listen 10.0.0.20:5061 ssl; ssl_reject_handshake on;")), "tls-name",
			"pool01.contoso.com:5061 (10.0.0.20) has no certificate for the name pool01.contoso.com (tls alert 112, unrecognized name)",
			"configure the server, or the proxy in front of it, for the name pool01.contoso.com"},
		{"a final dot behind the name", with(fronted(leafWith(func(c *x509.Certificate) { c.DNSNames = []string{"pool01.contoso.com."} }))), "tls-name",
			`the certificate of pool01.contoso.com:5061 (10.0.0.20) contains the name pool01.contoso.com only as "pool01.contoso.com."`,
			"issue a certificate whose subject alternative name contains exactly pool01.contoso.com, as a dns name"},
		{"a proxy that changes the Call-ID", with(edge("OTHER_CALL")), "sip-no-answer",
			"pool01.contoso.com:5061 (10.0.0.20) answers sip/2.0 401 unauthorized, but that does not match the request of this device: its call-id is another one",
			"look for a proxy or firewall in between that changes sip messages (sip alg), and switch that off"},
		{"the way to the server loses large packets", with(published(fe01), the(fe01, " meta length > 1000 drop")), "tls-timeout",
			"packets of the tls handshake with fe01.contoso.com:5061 (10.0.0.11) are lost on the way",
			"look for large packets that are lost"},
	})
}

// TestMend248AllInStatus: what `check` says of all Registrars, `status` of the daemon says, with the same cure first. It tries no small packets.
func TestMend248AllInStatus(t *testing.T) {
	common := newScene(t)
	for name, f := range map[string]fieldFault{
		"the ways to both lose large packets": {given: with(published(fe01, second), behindRouter, firewall("meta length > 1000 drop")),
			what: "packets of the TLS handshake with each of the 2 Registrars (fe01.contoso.com, fe02.contoso.com) are lost on the way: the server does not acknowledge what this device sends. As it is the same at all of them, the cause is most likely one place on the way to them that loses packets, perhaps only large ones",
			do:   "look for large packets that are lost on the way: a tunnel or VPN with an MTU that is too small"},
		"the handshake arrives at both, and neither answers": {given: with(published(fe01, second), behindRouter, answersDropped("ip length > 60")),
			what: "each of the 2 Registrars (fe01.contoso.com, fe02.contoso.com) accepts the connection, but does not answer the TLS handshake, which has arrived (it was acknowledged). As it is the same at all of them, the cause is most likely a service that hangs on each of them, or something that they share, such as a load balancer; less likely, one device on the way drops what they answer, or only large packets of it",
			do:   "check that the service on each of them does not hang, and restart it if it does; homeward check tells whether it answers without TLS; otherwise see what else they share"},
		"nothing comes back from both": {given: with(published(fe01, second), behindRouter, dnsBehindRouter, answersDropped("")),
			what: "each of the 2 Registrars (fe01.contoso.com 10.0.0.11, fe02.contoso.com 10.0.0.14) does not answer. As it is the same at all of them, the cause is most likely one device on the way, such as a firewall between this network and them, or their own way back to this network",
			do:   "look for one firewall or filter on the way to all of them, and what it does with connections to port 5061; otherwise check the way back from 10.0.0.11, 10.0.0.14"},
	} {
		t.Run(name, func(t *testing.T) {
			d := fault{given: f.given}.arrange(t, common)
			d.boot(t)
			d.await(t, "resting", func(s status) bool { return s.State == "resting" })
			said, _ := d.run(t, "status")
			words := strings.Join(strings.Fields(said), " ")
			for _, want := range []string{f.what, f.do} {
				if !strings.Contains(words, want) {
					t.Errorf("status does not say\n%s\nbut\n%s", want, said)
				}
			}
		})
	}
}

// front has internal TLS lead to a program in front of the Registrar that speaks without TLS. In its text PEM is the file of
// certificate and key, CERT and KEY are those of each, and ROOT is that of the root.
func front(c *scene, t testing.TB, text string) (filled, dir string) {
	t.Helper()
	published(pool01)(t, c)
	dir = t.TempDir()
	cert, key := c.ca.issue(t, dir, pool01.host)
	all := write(t, dir, "all.pem", read(t, cert)+read(t, key))
	return strings.NewReplacer("PEM", all, "CERT", cert, "KEY", key, "ROOT", c.ca.file, "DIR", dir).Replace(text), dir
}

func haproxy(proxy string) given {
	return func(t testing.TB, c *scene) {
		text, dir := front(c, t, "defaults\n mode tcp\n timeout connect 1s\n timeout client 30s\n timeout server 30s\nlisten sip\n "+proxy+"\n")
		listens(t, start(t, c.registrar, "haproxy", "-db", "-f", write(t, dir, "haproxy.cfg", text)), pool01)
	}
}

func nginx(server string) given {
	return func(t testing.TB, c *scene) {
		startNginx(t, c, "load_module /usr/lib/nginx/modules/ngx_stream_module.so; stream { ssl_certificate CERT; ssl_certificate_key KEY; proxy_connect_timeout 1s; server { "+server+" } }")
	}
}

func nginxWeb(server string) given {
	return func(t testing.TB, c *scene) {
		startNginx(t, c, "http { access_log off; client_body_temp_path DIR; proxy_temp_path DIR; fastcgi_temp_path DIR; uwsgi_temp_path DIR; scgi_temp_path DIR; server { "+server+" } }")
	}
}

func startNginx(t testing.TB, c *scene, what string) {
	t.Helper()
	text, dir := front(c, t, what+"\ndaemon off; master_process off; error_log stderr; pid DIR/pid; events {}\n")
	program(t, "/usr/lib/nginx/modules/ngx_stream_module.so")
	listens(t, start(t, c.registrar, "nginx", "-p", dir, "-c", write(t, dir, "nginx.conf", text)), pool01)
}

func stunnel(service string) given {
	return func(t testing.TB, c *scene) {
		text, dir := front(c, t, "foreground = yes\npid =\n[sip]\ncert = CERT\nkey = KEY\n"+service+"\n")
		listens(t, start(t, c.registrar, "stunnel4", write(t, dir, "stunnel.conf", text)), pool01)
	}
}

// sslh tells protocols apart at one port; host is the name that leads there.
func sslh(protocol, backend, host string) given {
	return func(t testing.TB, c *scene) {
		p := pool01
		p.host = host
		published(p)(t, c)
		listens(t, start(t, c.registrar, "sslh", "-f", "-n", "-t", "2", "-p", "10.0.0.20:5061", protocol, backend), pool01)
	}
}

// banner is a server that says who it is before anybody asks.
func banner(addr, text string) given {
	return func(t testing.TB, c *scene) {
		self, err := os.Executable()
		if err != nil {
			t.Fatal(err)
		}
		p := start(t, c.registrar, "env", fmt.Sprintf("%s=banner %s %s", envProp, addr, text), self)
		eventually(t, "the server with a banner listens", contains(t, p.log, "listening"))
	}
}

// loses has the network lose what is on its way to the device, packet by packet as it goes over a wire.
func loses(what string) given {
	return func(t testing.TB, c *scene) {
		mustIP(t, "-n", c.registrar.name, "link", "set", "eth0", "gso_max_segs", "1")
		c.site.device.fault(t, what+" drop")
		t.Cleanup(func() { c.site.device.heal(t) })
	}
}

// renegotiates asks for a new handshake once the device has spoken: openssl does so at a line "R".
func renegotiates(t testing.TB, c *scene) {
	text, _ := front(c, t, "touch DIR/heard; (until grep -q REGISTER DIR/heard; do sleep 0.1; done; echo R; sleep 60) | "+
		"openssl s_server -tls1_2 -accept 10.0.0.20:5061 -cert CERT -key KEY >DIR/heard 2>&1")
	listens(t, start(t, c.registrar, "sh", "-c", text), pool01)
}
