package identity

import (
	"crypto/rsa"
	"crypto/x509"
	"encoding/pem"
	"errors"
)

// Import makes a pair of a PEM text that holds one unencrypted private key (PKCS#8 or PKCS#1) and its certificate, in either
// order, as "openssl pkcs12 -nodes" writes them; further certificates are passed over.
func Import(text []byte, d Details) (Pair, error) {
	var key *rsa.PrivateKey
	var certificates [][]byte
	for len(text) > 0 {
		block, rest := pem.Decode(text)
		if block == nil {
			break
		}
		text = rest
		switch block.Type {
		case "CERTIFICATE":
			certificates = append(certificates, block.Bytes)
		case "ENCRYPTED PRIVATE KEY":
			return Pair{}, errors.New("the private key is encrypted: decrypt it first (openssl pkey -in FILE -out FILE)")
		case "PRIVATE KEY", "RSA PRIVATE KEY":
			if key != nil {
				return Pair{}, errors.New("it holds more than one private key")
			}
			var err error
			if key, err = rsaKey(block); err != nil {
				return Pair{}, err
			}
		}
	}
	switch {
	case key == nil:
		return Pair{}, errors.New("it holds no private key in PEM")
	case len(certificates) == 0:
		return Pair{}, errors.New("it holds no certificate in PEM")
	}
	var first error
	for _, der := range certificates { // others are those of authorities
		p, err := Join(key, der, &d)
		if err == nil {
			return p, nil
		}
		if first == nil {
			first = err
		}
	}
	return Pair{}, first
}

func rsaKey(block *pem.Block) (*rsa.PrivateKey, error) {
	if block.Type == "RSA PRIVATE KEY" {
		if block.Headers["DEK-Info"] != "" {
			return nil, errors.New("the private key is encrypted: decrypt it first (openssl pkey -in FILE -out FILE)")
		}
		return x509.ParsePKCS1PrivateKey(block.Bytes)
	}
	key, err := x509.ParsePKCS8PrivateKey(block.Bytes)
	if err != nil {
		return nil, err
	}
	private, ok := key.(*rsa.PrivateKey)
	if !ok {
		return nil, errors.New("the private key is no RSA key: Registrars are known to take no other")
	}
	return private, nil
}
