//go:build linux

package e2e

import (
	"os/exec"
	"strings"
	"testing"
	"time"
)

// authorities are what openssl makes, a certificate a line: its file, its name, whose key signs it, its extensions, its dates, and whose
// key it has, if not one of its own.
const authorities = `
root      Contoso_Root_CA         -         ca
younger   Contoso_Root_CA         -         ca      young
issuing1  Contoso_Issuing_CA_1    root      ca
issuing2  Contoso_Issuing_CA_2    root      ca
former2   Contoso_Issuing_CA_2    root      ca
ended2    Contoso_Issuing_CA_2    root      ca      ended  issuing2
policy    Contoso_Policy_CA       root      ca
issuing3  Contoso_Issuing_CA_3    policy    ca
mute      Contoso_Issuing_CA_4    root      mute
private   Contoso_Issuing_CA_5    -         private
clients   Contoso_Issuing_CA_6    -         clients
old       Old_Trust_Root          -         ca      ended
new       New_Trust_Root          -         ca
cross     New_Trust_Root          old       ca      valid  new
crossold  New_Trust_Root          old       ca      ended  new
vendor    Appliance_Vendor_Root   -         ca
device    Appliance_Device_CA     vendor    ca
line      Appliance_Line_CA       device    ca
leaf      pool01.contoso.com      issuing2  leaf
leaf3     pool01.contoso.com      issuing3  leaf
leafmute  pool01.contoso.com      mute      leaf
leafpriv  pool01.contoso.com      private   leaf
leafcli   pool01.contoso.com      clients   leaf
leafnew   pool01.contoso.com      new       leaf
leafroot  pool01.contoso.com      root      leaf
box       box-0042.example.net    device    box
linebox   box-0042.example.net    line      box
`

// authorityConfig is what openssl knows of them.
const authorityConfig = `
[req]
distinguished_name = name
[name]
[authority]
database = index
serial = serial
new_certs_dir = .
policy = any
default_md = sha256
unique_subject = no
[any]
commonName = supplied
[ca]
basicConstraints = critical,CA:true
keyUsage = critical,keyCertSign,cRLSign
subjectKeyIdentifier = hash
authorityKeyIdentifier = keyid
[mute]
basicConstraints = critical,CA:true
keyUsage = critical,digitalSignature
subjectKeyIdentifier = hash
[private]
keyUsage = critical,digitalSignature
subjectKeyIdentifier = hash
[clients]
basicConstraints = critical,CA:true
keyUsage = critical,keyCertSign,cRLSign
extendedKeyUsage = clientAuth
subjectKeyIdentifier = hash
[leaf]
keyUsage = critical,digitalSignature
extendedKeyUsage = serverAuth
subjectKeyIdentifier = hash
authorityKeyIdentifier = keyid
subjectAltName = DNS:pool01.contoso.com
[box]
keyUsage = critical,digitalSignature
extendedKeyUsage = serverAuth
authorityKeyIdentifier = keyid
subjectAltName = DNS:box-0042.example.net
`

// certify has openssl make the authorities, and returns the directory of their files.
func certify(t testing.TB) string {
	t.Helper()
	dir := t.TempDir()
	write(t, dir, "openssl.cnf", authorityConfig)
	day := func(days int) string { return time.Now().UTC().AddDate(0, 0, days).Format("20060102150405Z") }
	dates := map[string][]string{"valid": {day(-60), day(60)}, "young": {day(-1), day(60)}, "ended": {day(-90), day(-30)}}
	run := func(args ...string) {
		cmd := exec.Command("openssl", args...)
		cmd.Dir = dir
		if out, err := cmd.CombinedOutput(); err != nil {
			t.Fatalf("openssl %q: %v\n%s", args, err, out)
		}
	}
	for line := range strings.Lines(strings.TrimSpace(authorities)) {
		f := append(strings.Fields(line), "valid", "")
		if len(f) == 7 {
			f = append(f[:5], "") // dates, and a key of its own
		}
		name, issuer, key := f[0], f[2], f[5]
		if key != "" {
			write(t, dir, name+".key", read(t, dir+"/"+key+".key"))
		} else {
			run("ecparam", "-name", "prime256v1", "-genkey", "-noout", "-out", name+".key")
		}
		write(t, dir, "index", "")
		run("rand", "-hex", "-out", "serial", "8")
		run("req", "-new", "-config", "openssl.cnf", "-key", name+".key", "-subj", "/CN="+strings.ReplaceAll(f[1], "_", " "), "-out", name+".csr")
		by := []string{"-selfsign", "-keyfile", name + ".key"}
		if issuer != "-" {
			by = []string{"-cert", issuer + ".pem", "-keyfile", issuer + ".key"}
		}
		run(append([]string{
			"ca", "-batch", "-notext", "-config", "openssl.cnf", "-name", "authority", "-extensions", f[3], "-in", name + ".csr", "-out", name + ".pem",
			"-startdate", dates[f[4]][0], "-enddate", dates[f[4]][1],
		}, by...)...)
	}
	return dir
}

// chained is a Registrar that sends a chain, and a device that trusts roots: names of files of the authorities.
type chained struct {
	name              string
	leaf, sent, roots string
	reason            string // "": the device takes it, and so does openssl
	want              string
}

// TestMend77Mend78Chains: what a Registrar sends does not lead from its certificate to a root of the device. check says where it ends, and
// what stands there; openssl refuses what it refuses.
func TestMend77Mend78Chains(t *testing.T) {
	dir, common := certify(t), newScene(t)
	file := func(names string) (all string) {
		for _, name := range strings.Fields(names) {
			all += read(t, dir+"/"+name+".pem")
		}
		return all
	}
	for _, row := range chains {
		t.Run(row.name, func(t *testing.T) {
			args := []string{"verify", "-CAfile", write(t, dir, "roots.pem", file(row.roots))}
			if row.sent != "" {
				args = append(args, "-untrusted", write(t, dir, "sent.pem", file(row.sent)))
			}
			said, err := exec.Command("openssl", append(args, dir+"/"+row.leaf+".pem")...).CombinedOutput()
			if taken := err == nil; taken != (row.reason == "" || row.reason == "tls-untrusted" && row.leaf == "leafcli") { // openssl leaves the usages of a root alone
				t.Errorf("openssl takes it: %t\n%s", taken, said)
			}
			d := fault{given: with(rootsFile(file(row.roots)), fronted(func(t testing.TB, _ *site, _ string) (cert, key, chain string) {
				if row.sent != "" {
					chain = write(t, t.TempDir(), "sent.pem", file(row.sent))
				}
				return dir + "/" + row.leaf + ".pem", dir + "/" + row.leaf + ".key", chain
			}))}.arrange(t, common)
			r := d.check(t)
			got := "\n" + r.said()
			if row.reason == "" && r.Reason == "slow" { // of a busy machine
				got = taken
			} else if r.Reason != row.reason {
				t.Errorf("reason %s, want %s", r.Reason, row.reason)
			}
			if !reads(got, row.want) {
				t.Errorf("check says%s\nwant%s", got, row.want)
			}
		})
	}
}

const taken = `
All is well: sip:phone1@contoso.com signs in to pool01.contoso.com:5061 over TLS (internal-tls).`

var chains = []chained{
	{"as it should be", "leaf", "issuing2", "root", "", taken},
	{"a stranger before the right one", "leaf", "issuing1 issuing2", "root", "", taken},
	{"a former one before the right one", "leaf", "former2 issuing2", "root", "", taken},
	{"an expired one before the right one", "leaf", "ended2 issuing2", "root", "", taken},
	{"a cross-signature that has ended, and the root is trusted", "leafnew", "crossold", "old new", "", taken},
	{"of another authority", "leaf", "issuing1", "root", "tls-untrusted", `
The certificate of pool01.contoso.com:5061 (10.0.0.20) was issued by CN=Contoso Issuing CA 2, but the server does not send the certificate of that authority: instead, it sends that of CN=Contoso Issuing CA 1.
Install the certificate of CN=Contoso Issuing CA 2 with the key identifier … on the server as an intermediate certificate, and have it send that one.
- If CN=Contoso Issuing CA 2 is a root of this site, ask the administrator of the Registrar, not over this network, for the root certificate and its fingerprint; if they match, install it and add its path to the setting roots.
- If CN=Contoso Issuing CA 2 is not an authority of this site, a firewall or proxy on the way opens TLS: exempt port 5061 from TLS inspection.`},
	{"the root in its place", "leaf", "root", "root", "tls-untrusted", `
The certificate of pool01.contoso.com:5061 (10.0.0.20) was issued by CN=Contoso Issuing CA 2, but the server does not send the certificate of that authority: instead, it sends that of CN=Contoso Root CA (a root certificate).
Install the certificate of CN=Contoso Issuing CA 2 with the key identifier … on the server as an intermediate certificate, and have it send that one.
- If CN=Contoso Issuing CA 2 is a root of this site, ask the administrator of the Registrar, not over this network, for the root certificate and its fingerprint; if they match, install it and add its path to the setting roots.
- If CN=Contoso Issuing CA 2 is not an authority of this site, a firewall or proxy on the way opens TLS: exempt port 5061 from TLS inspection.`},
	{"of another authority, and the root", "leaf", "issuing1 root", "root", "tls-untrusted", `
The certificate of pool01.contoso.com:5061 (10.0.0.20) was issued by CN=Contoso Issuing CA 2, but the server does not send the certificate of that authority: instead, it sends that of CN=Contoso Issuing CA 1 and that of CN=Contoso Root CA (a root certificate).
Install the certificate of CN=Contoso Issuing CA 2 with the key identifier … on the server as an intermediate certificate, and have it send that one.
- If CN=Contoso Issuing CA 2 is a root of this site, ask the administrator of the Registrar, not over this network, for the root certificate and its fingerprint; if they match, install it and add its path to the setting roots.
- If CN=Contoso Issuing CA 2 is not an authority of this site, a firewall or proxy on the way opens TLS: exempt port 5061 from TLS inspection.`},
	{"a former one of the same name", "leaf", "former2", "root", "tls-untrusted", `
The certificate of pool01.contoso.com:5061 (10.0.0.20) was issued by CN=Contoso Issuing CA 2, and the server sends a certificate of that name, but not the one whose key signed it: key identifier … instead of ….
Install the certificate of CN=Contoso Issuing CA 2 with the key identifier … on the server, and have it send that one: what it sends is probably an older or newer one of the same authority.
- If the site has had no other authority of the name CN=Contoso Issuing CA 2, a firewall or proxy on the way opens TLS: exempt port 5061 from TLS inspection.`},
	{"an expired one with the same key", "leaf", "ended2", "root", "tls-expired", `
The certificate of the authority CN=Contoso Issuing CA 2, on which that of pool01.contoso.com:5061 (10.0.0.20) depends, expired on … (it is … here).
Check the clock of this device first; then have the server send the present certificate of CN=Contoso Issuing CA 2 instead of the expired one.
- If that has not been renewed, renew it.
- If a new root replaces it, ask the administrator of the Registrar, not over this network, for the root certificate and its fingerprint; if they match, install it and add its path to the setting roots.
- If CN=Contoso Root CA is not an authority of this site, a firewall or proxy on the way opens TLS: exempt port 5061 from TLS inspection.`},
	{"the one above is missing, and a stranger stands there", "leaf3", "issuing3 issuing1", "root", "tls-untrusted", `
The certificate of pool01.contoso.com:5061 (10.0.0.20) depends on that of the authority CN=Contoso Issuing CA 3, which was issued by CN=Contoso Policy CA, but the server does not send the certificate of that authority: instead, it sends that of CN=Contoso Issuing CA 1.
Install the certificate of CN=Contoso Policy CA with the key identifier … on the server as an intermediate certificate, and have it send that one.
- If CN=Contoso Policy CA is a root of this site, ask the administrator of the Registrar, not over this network, for the root certificate and its fingerprint; if they match, install it and add its path to the setting roots.
- If CN=Contoso Policy CA is not an authority of this site, a firewall or proxy on the way opens TLS: exempt port 5061 from TLS inspection.`},
	{"the one above is missing", "leaf3", "issuing3", "root", "tls-untrusted", `
The certificate of pool01.contoso.com:5061 (10.0.0.20) is issued by CN=Contoso Issuing CA 3 and leads to CN=Contoso Policy CA, which this device does not trust; this device trusts what roots in … names.
If CN=Contoso Policy CA belongs to this site, ask the administrator of the Registrar, not over this network, for the root certificate and its fingerprint; if they match, install it and add its path to the setting roots.
- If CN=Contoso Policy CA is no root but an intermediate authority, have the server send its certificate, too.
- If CN=Contoso Policy CA is not an authority of this site, a firewall or proxy on the way opens TLS: exempt port 5061 from TLS inspection.
- Ask the site, not over this network, for the fingerprint of CN=Contoso Issuing CA 3; if it is …, set trust_bootstrap = "pin" and trust_pins = ["…"], or run homeward trust accept with it.`},
	{"its own twice", "leaf", "leaf", "root", "tls-untrusted", `
The certificate of pool01.contoso.com:5061 (10.0.0.20) is issued by CN=Contoso Issuing CA 2, which this device does not know, and the server sends no intermediate certificate, but its own twice; this device trusts what roots in … names.
Configure the server to send the intermediate certificate CN=Contoso Issuing CA 2 along with its own.
- If CN=Contoso Issuing CA 2 is not an authority of this site, a firewall or proxy on the way opens TLS: exempt port 5061 from TLS inspection.
- If CN=Contoso Issuing CA 2 is a root of this site, ask the administrator of the Registrar, not over this network, for the root certificate and its fingerprint; if they match, install it and add its path to the setting roots.
- Ask the site, not over this network, for the fingerprint of CN=pool01.contoso.com; if it is …, set trust_bootstrap = "pin" and trust_pins = ["…"], or run homeward trust accept with it.`},
	{"an authority that may not sign", "leafmute", "mute", "root", "tls-untrusted", `
The certificate of pool01.contoso.com:5061 (10.0.0.20) depends on that of CN=Contoso Issuing CA 4, whose key usage does not allow it to sign certificates.
The problem is with the Registrar.
Issue the certificate of CN=Contoso Issuing CA 4 again, with the key usage keyCertSign (certificate signing).
- Have the certificate of the Registrar issued by another authority.`},
	{"a trusted certificate that is none of an authority", "leafpriv", "", "private", "tls-untrusted", `
The certificate of pool01.contoso.com:5061 (10.0.0.20) is signed by CN=Contoso Issuing CA 5, which this device trusts, but the certificate of CN=Contoso Issuing CA 5 is not that of an authority (CA).
The problem is with this device.
Issue the certificate of CN=Contoso Issuing CA 5 again, with the same key and with CA:TRUE in the basic constraints, and replace it in the setting roots.`},
	{"a trusted root for clients", "leafcli", "", "clients", "tls-untrusted", `
The certificate of pool01.contoso.com:5061 (10.0.0.20) depends on that of the authority CN=Contoso Issuing CA 6, which is not meant for servers (extended key usage).
The problem is with the Registrar.
Issue the certificate of CN=Contoso Issuing CA 6 again, without extended key usage or with server authentication in it.`},
	{"signed by a root that has ended, and is all that is trusted", "leafnew", "cross", "old", "tls-expired", `
The root certificate CN=Old Trust Root on this device, to which the certificate of pool01.contoso.com:5061 (10.0.0.20) leads, expired on … (it is … here).
The problem is with this device.
Check the clock of this device first; then replace this root in … by the renewed one, if its fingerprint is as the administrator tells you, and run: homeward service restart.
- If the site has no newer root yet, it has to renew its root.
- If CN=New Trust Root has a root certificate of its own, ask for that one.`},
	{"a cross-signature that has ended, and nobody knows either", "leafnew", "crossold", "root", "tls-expired", `
The certificate of the authority CN=New Trust Root, on which that of pool01.contoso.com:5061 (10.0.0.20) depends, expired on … (it is … here); this device does not trust CN=Old Trust Root either, to which it leads.
Check the clock of this device first; then have the server send the present certificate of CN=New Trust Root instead of the expired one.
- If that has not been renewed, renew it.
- If a new root replaces it, ask the administrator of the Registrar, not over this network, for the root certificate and its fingerprint; if they match, install it and add its path to the setting roots.
- If CN=Old Trust Root is not an authority of this site, a firewall or proxy on the way opens TLS: exempt port 5061 from TLS inspection.
- If CN=Old Trust Root belongs to this site, ask the administrator of the Registrar, not over this network, for the root certificate and its fingerprint; if they match, install it and add its path to the setting roots.`},
	{"a root of the same name that is younger", "leafroot", "", "younger", "tls-untrusted", `
The certificate of pool01.contoso.com:5061 (10.0.0.20) says that CN=Contoso Root CA issued it on …, but it is not signed by the root of that name on this device (key identifier …, not …), which is younger: it begins on ….
Ask the site, not over this network, whether a former root of that name issued this certificate; if it did, have the certificate of the Registrar issued again under the present root.
- If the site has had no other authority of the name CN=Contoso Root CA, a firewall or proxy on the way opens TLS: exempt port 5061 from TLS inspection.
- If the site still uses its former root, ask for that one in the same way, install it and add its path to the setting roots.`},
	{"the default of an appliance", "box", "device vendor", "root", "tls-untrusted", `
The certificate of pool01.contoso.com:5061 (10.0.0.20), issued by CN=Appliance Device CA, leads to no root that this device trusts, and it is not for pool01.contoso.com either, but for box-0042.example.net.
Have the server use a certificate for pool01.contoso.com that an authority of the site has issued: this one may be the default certificate of an appliance, or that of another service.
- If the Registrar has another certificate than this one, look for what answers in its place: a firewall or proxy on the way, or another device with the address 10.0.0.20.
- If pool01.contoso.com:5061 is not a Registrar, correct the record or setting that leads there.`},
	{"the default of an appliance, and a stranger in place of the authority above (mend-101)", "linebox", "line issuing1", "root", "tls-untrusted", `
The certificate of pool01.contoso.com:5061 (10.0.0.20), issued by CN=Appliance Line CA, leads to no root that this device trusts, and it is not for pool01.contoso.com either, but for box-0042.example.net.
Have the server use a certificate for pool01.contoso.com that an authority of the site has issued: this one may be the default certificate of an appliance, or that of another service.
- If the Registrar has another certificate than this one, look for what answers in its place: a firewall or proxy on the way, or another device with the address 10.0.0.20.
- If pool01.contoso.com:5061 is not a Registrar, correct the record or setting that leads there.`},
}
