package sitetest

import (
	"bufio"
	"cmp"
	"crypto/sha1"
	"crypto/sha256"
	"crypto/sha512"
	"crypto/tls"
	"crypto/x509"
	"encoding/binary"
	"encoding/hex"
	"encoding/pem"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
)

// How OpenSSL writes what dsk-tls= and dsk-suites= say.
var (
	opensslVersions = map[uint16]string{tls.VersionTLS10: "TLSv1", tls.VersionTLS11: "TLSv1.1", tls.VersionTLS12: "TLSv1.2"}
	opensslSuites   = map[string]string{
		"rsa":   "AES128-SHA:AES256-SHA",
		"ecdhe": "ECDHE-RSA-AES128-SHA:ECDHE-RSA-AES256-SHA:ECDHE-ECDSA-AES128-SHA:ECDHE-ECDSA-AES256-SHA",
		"gcm":   "ECDHE-RSA-AES256-GCM-SHA384:AES128-GCM-SHA256",
		"none":  "ECDHE-ECDSA-CHACHA20-POLY1305",
	}
)

// opensslEnd is a server of OpenSSL at the other end of a handshake inside SIP, one for each. It says which keys come of it, too.
type opensslEnd struct {
	cmd    *exec.Cmd
	dir    string // its key and its configuration
	output *bufio.Reader
	input  io.Closer // it ends when its input does
	conn   net.Conn
	hello  []byte // its ServerHello
	err    error

	ended    bool
	material []byte // 128 bytes, as it has exported them
	suite    string // as it calls it
	device   []byte // the device's certificate
}

// startOpenSSL begins to listen for a handshake.
func startOpenSSL(certificate *tls.Certificate, d dskManner) (*opensslEnd, error) {
	dir, err := os.MkdirTemp("", "sitetest")
	if err != nil {
		return nil, err
	}
	e := &opensslEnd{dir: dir}
	if err := e.start(certificate, d); err != nil {
		e.close()
		return nil, fmt.Errorf("start OpenSSL: %w", err)
	}
	return e, nil
}

func (e *opensslEnd) start(certificate *tls.Certificate, d dskManner) error {
	der, err := x509.MarshalPKCS8PrivateKey(certificate.PrivateKey)
	if err != nil {
		return err
	}
	text := pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: der})
	for _, c := range certificate.Certificate {
		text = append(text, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: c})...)
	}
	lowest, highest := cmp.Or(opensslVersions[d.version], "TLSv1"), cmp.Or(opensslVersions[d.version], "TLSv1.2")
	suites := cmp.Or(opensslSuites[d.suites], opensslSuites["ecdhe"]+":"+opensslSuites["rsa"])
	configuration := fmt.Sprintf("openssl_conf = o\n[o]\nssl_conf = s\n[s]\nsystem_default = d\n[d]\nOptions = %s\nMinProtocol = %s\nMaxProtocol = %s\nCipherString = %s:@SECLEVEL=0\n",
		opensslWords[d.openssl], lowest, highest, suites)
	key, settings := filepath.Join(e.dir, "key.pem"), filepath.Join(e.dir, "openssl.cnf")
	if err := errors.Join(os.WriteFile(key, text, 0o600), os.WriteFile(settings, []byte(configuration), 0o600)); err != nil {
		return err
	}
	e.cmd = exec.Command("openssl", "s_server", "-accept", "127.0.0.1:0", "-naccept", "1", "-no_ticket", "-cert", key, "-cert_chain", key, "-key", key, "-Verify", "1",
		"-keymatexport", "client EAP encryption", "-keymatexportlen", "128")
	e.cmd.Env = append(os.Environ(), "OPENSSL_CONF="+settings)
	output, err := e.cmd.StdoutPipe()
	if err != nil {
		return err
	}
	if e.input, err = e.cmd.StdinPipe(); err != nil {
		return err
	}
	e.output = bufio.NewReader(output)
	if err := e.cmd.Start(); err != nil {
		return err
	}
	for {
		line, err := e.output.ReadString('\n')
		if err != nil {
			return err
		}
		if at, found := strings.CutPrefix(strings.TrimSpace(line), "ACCEPT "); found {
			e.conn, err = net.Dial("tcp", at)
			return err
		}
	}
}

// take feeds a flight, and returns the one that answers it.
func (e *opensslEnd) take(flight []byte) []byte {
	if e.ended {
		return nil
	}
	if _, err := e.conn.Write(flight); err != nil {
		e.end(err)
		return nil
	}
	said, last := e.flight()
	if len(e.hello) == 0 {
		e.hello = slices.Clone(said)
	}
	if last {
		e.end(nil)
	}
	return oneRecord(said)
}

// flight reads what is sent in one go: up to a ServerHelloDone, or the end of the handshake, which is an alert, or what follows a
// ChangeCipherSpec (RFC 5246 section 7.3).
func (e *opensslEnd) flight() (said []byte, last bool) {
	var clear []byte
	for changed := false; ; {
		head := make([]byte, 5)
		if _, err := io.ReadFull(e.conn, head); err != nil {
			return said, true
		}
		body := make([]byte, binary.BigEndian.Uint16(head[3:]))
		if _, err := io.ReadFull(e.conn, body); err != nil {
			return said, true
		}
		said = slices.Concat(said, head, body)
		switch kind := head[0]; {
		case kind == 21, changed:
			return said, true
		case kind == 20:
			changed = true
		case endsHello(append(clear, body...)):
			return said, false
		default:
			clear = append(clear, body...)
		}
	}
}

// endsHello says whether a ServerHelloDone is among handshake messages in the clear.
func endsHello(messages []byte) bool {
	for len(messages) >= 4 {
		size := 4 + int(messages[1])<<16 + int(messages[2])<<8 + int(messages[3])
		if messages[0] == 14 {
			return true
		}
		messages = messages[min(size, len(messages)):]
	}
	return false
}

// end hears what OpenSSL has to say of the handshake.
func (e *opensslEnd) end(err error) {
	e.ended, e.err = true, err
	e.conn.Close()
	e.input.Close()
	text, err := io.ReadAll(e.output)
	if e.err = errors.Join(e.err, err); e.err != nil {
		return
	}
	for line := range strings.Lines(string(text)) {
		if value, found := strings.CutPrefix(strings.TrimSpace(line), "Keying material: "); found {
			e.material, e.err = hex.DecodeString(value)
		}
		if value, found := strings.CutPrefix(line, "CIPHER is "); found {
			e.suite = strings.TrimSpace(value)
		}
	}
	for block, rest := pem.Decode(text); block != nil; block, rest = pem.Decode(rest) {
		if block.Type == "CERTIFICATE" {
			e.device = block.Bytes
		}
	}
}

// isDone says whether the handshake has succeeded.
func (e *opensslEnd) isDone() bool { return e.ended && e.err == nil && len(e.material) == 128 }

func (e *opensslEnd) close() {
	if e.conn != nil {
		e.conn.Close()
	}
	if e.cmd != nil && e.cmd.Process != nil {
		_ = e.cmd.Process.Kill() // it may have ended
		_ = e.cmd.Wait()
	}
	os.RemoveAll(e.dir)
}

// keys are the second half of what OpenSSL has exported.
func (e *opensslEnd) keys(byPRF bool) (dskKeys, error) {
	if !e.isDone() {
		return dskKeys{}, errors.New("no keying material")
	}
	k := dskKeys{client: e.material[64:96], server: e.material[96:], sum: sha1.New}
	if byPRF {
		if k.sum = sha256.New; strings.HasSuffix(e.suite, "SHA384") {
			k.sum = sha512.New384
		}
	}
	return k, nil
}

func (e *opensslEnd) peer() []byte { return e.device }

func (e *opensslEnd) version() uint16 { return helloVersion(e.hello) }

// agreed is what a handshake has come to, such as "TLS 1.2 AES128-SHA with the extended master secret". The last part is read from
// the ServerHello.
func (e *opensslEnd) agreed() string {
	extended := "without"
	if helloExtends(e.hello) {
		extended = "with"
	}
	return fmt.Sprintf("%s %s %s the extended master secret", tls.VersionName(e.version()), e.suite, extended)
}

// helloVersion is the version in a ServerHello (RFC 5246 section 7.4.1.3) that is the first in a record.
func helloVersion(record []byte) uint16 {
	if len(record) < 11 {
		return 0
	}
	return binary.BigEndian.Uint16(record[9:])
}

// helloExtends says whether a ServerHello has the extension extended_master_secret (RFC 7627 section 5.1).
func helloExtends(record []byte) bool {
	if len(record) < 44 {
		return false
	}
	rest := record[9:min(len(record), 9+int(binary.BigEndian.Uint16(record[7:])))] // version, random, session, suite, compression, extensions
	if from := 2 + 32 + 1 + int(rest[34]) + 2 + 1 + 2; from < len(rest) {
		rest = rest[from:]
	} else {
		return false
	}
	for len(rest) >= 4 {
		if binary.BigEndian.Uint16(rest) == 23 {
			return true
		}
		rest = rest[min(len(rest), 4+int(binary.BigEndian.Uint16(rest[2:]))):]
	}
	return false
}
