package config

import (
	"bytes"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"fmt"
	"io/fs"
	"slices"
	"strings"
	"sync"

	"homeward/internal/plain"
)

// Our choices.
const (
	maxRoots    = 1 << 20 // bytes of a file: the whole Mozilla list has 200 KB
	maxLeftOut  = 8       // certificates of all files that are named as left out; of the others only how many there are
	pemBoundary = "-----BEGIN "
	rootAgain   = ", or correct the setting roots; then run homeward service start"
)

// readRoots returns the certificates of the files. What cannot be read in a file is left out, and told as a warning; it is an error
// when a file is not there, and when no file has a certificate that can be read. With each comes the file that it is from.
func readRoots(paths []string) (read []*x509.Certificate, files, warnings []string, err error) {
	if len(paths) == 0 {
		return nil, nil, nil, nil
	}
	var left leftOut
	for _, path := range paths {
		certificates, err := readCertificates(path, &left)
		if errors.Is(err, fs.ErrNotExist) {
			return nil, nil, nil, &advised{err, "copy the root certificate of the site to " + path + rootAgain}
		}
		if err != nil {
			return nil, nil, nil, err
		}
		read = append(read, certificates...)
		files = append(files, slices.Repeat([]string{path}, len(certificates))...)
	}
	switch err := errors.New(strings.Join(left.texts(), "; ")); {
	case len(read) == 0 && left.page:
		return nil, nil, nil, &advised{err, "get the file again: what was saved is a web page, such as the log-in page of a site or of a proxy"}
	case len(read) == 0 && left.noPEM:
		return nil, nil, nil, &advised{err, "export the certificate as PEM, which Windows calls Base-64"}
	case len(read) == 0 && left.why != nil:
		in := strings.Join(paths, ", ")
		return nil, nil, nil, &advised{fmt.Errorf("%s holds no usable certificate: %s", in, strings.Join(left.why, "; ")), "copy the root certificate of the site to " + in + " again" + rootAgain}
	case len(read) == 0:
		return nil, nil, nil, err
	}
	return read, files, left.texts(), nil
}

// pools returns the roots, and all: these and the system's, which take their time to read. Where there are none, roots is nil, which
// means the system's.
func pools(read []*x509.Certificate) (roots *x509.CertPool, all func() *x509.CertPool) {
	if len(read) == 0 {
		return nil, nil
	}
	with := func(pool *x509.CertPool) *x509.CertPool {
		for _, c := range read {
			pool.AddCert(c)
		}
		return pool
	}
	return with(x509.NewCertPool()), sync.OnceValue(func() *x509.CertPool {
		pool, err := x509.SystemCertPool()
		if err != nil { // a small device may have none
			pool = x509.NewCertPool()
		}
		return with(pool)
	})
}

// leftOut is what could not be read, in words.
type leftOut struct {
	first []string
	more  int
	why   []string // of those in PEM
	noPEM bool     // a file was of another form
	page  bool     // and that is a web page
}

func (l *leftOut) add(format string, args ...any) {
	if len(l.first) == maxLeftOut {
		l.more++
		return
	}
	l.first = append(l.first, fmt.Sprintf(format, args...))
}

func (l *leftOut) texts() []string {
	if l.more == 0 {
		return l.first
	}
	return append(l.first, fmt.Sprintf("%d more certificates in roots were skipped", l.more))
}

// readCertificates reads a file of PEM blocks, or one certificate in DER.
func readCertificates(path string, left *leftOut) ([]*x509.Certificate, error) {
	text, err := readText(path, maxRoots, openAny, anybodys)
	if err != nil {
		return nil, err
	}
	if !bytes.Contains(text, []byte(pemBoundary)) {
		c, err := x509.ParseCertificate(text)
		if err != nil {
			left.noPEM = true
			if page := bytes.HasPrefix(bytes.TrimLeft(text, "\ufeff \t\r\n"), []byte{'<'}); page {
				left.page = true
				left.add("%s contains no certificate, but a web page (HTML)", path)
				return nil, nil
			}
			left.add("%s contains no certificate, neither in PEM nor in DER", path)
			return nil, nil
		}
		return []*x509.Certificate{c}, nil
	}
	return blocks(path, text, left), nil
}

// blocks reads the certificates of a PEM file. Each block is looked at by itself: the decoder passes over what it cannot
// read without a word.
func blocks(path string, text []byte, left *leftOut) []*x509.Certificate {
	var certificates []*x509.Certificate
	number := 0
	for i, part := range bytes.Split(text, []byte(pemBoundary)) {
		kind, _, _ := bytes.Cut(part, []byte("-----"))
		if i == 0 || !bytes.HasSuffix(kind, []byte("CERTIFICATE")) && !bytes.HasPrefix(kind, []byte("PKCS7")) {
			continue // text, a key, a list of what has been revoked
		}
		number++
		block, _ := pem.Decode(append([]byte(pemBoundary), part...))
		why := ""
		switch {
		case string(kind) != "CERTIFICATE":
			why = fmt.Sprintf("it is a %.40q, not a CERTIFICATE; openssl x509 converts it", kind)
		case block == nil:
			why = "its block is damaged or truncated"
		default:
			c, err := x509.ParseCertificate(block.Bytes)
			if err == nil {
				certificates = append(certificates, c)
				continue
			}
			why = plain.Words(err)
		}
		if left.add("%s: certificate %d was skipped: %s", path, number, why); left.more == 0 {
			left.why = append(left.why, fmt.Sprintf("certificate %d: %s", number, why))
		}
	}
	if number == 0 {
		left.add("%s contains no certificate in PEM", path)
	}
	return certificates
}
