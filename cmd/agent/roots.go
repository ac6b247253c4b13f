package main

import (
	"crypto/x509"
	"encoding/pem"
	"fmt"
	"io"
)

// maxRoots is our choice: the whole Mozilla list has 200 KB.
const maxRoots = 1 << 20

// readRoots returns the system's roots and those of the files; nil, which means the system's, without files.
func readRoots(paths []string) (*x509.CertPool, error) {
	if len(paths) == 0 {
		return nil, nil
	}
	pool, err := x509.SystemCertPool()
	if err != nil { // a small device may have none
		pool = x509.NewCertPool()
	}
	for _, path := range paths {
		certificates, err := readCertificates(path)
		if err != nil {
			return nil, err
		}
		for _, c := range certificates {
			pool.AddCert(c)
		}
	}
	return pool, nil
}

func readCertificates(path string) ([]*x509.Certificate, error) {
	f, _, err := openRegular(path, true)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	text, err := io.ReadAll(io.LimitReader(f, maxRoots))
	if err != nil {
		return nil, err
	}
	var certificates []*x509.Certificate
	for block, rest := pem.Decode(text); block != nil; block, rest = pem.Decode(rest) {
		if block.Type != "CERTIFICATE" {
			continue
		}
		c, err := x509.ParseCertificate(block.Bytes)
		if err != nil {
			return nil, fmt.Errorf("%s: certificate %d: %w", path, len(certificates)+1, err)
		}
		certificates = append(certificates, c)
	}
	if len(certificates) == 0 {
		return nil, fmt.Errorf("%s holds no certificate in PEM form", path)
	}
	return certificates, nil
}
