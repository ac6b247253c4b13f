package provisioning

import (
	"net"
	"strconv"
)

// Endpoint is where a Registrar is, however it was found: two that are equal are the same place. Host is in the normal form
// of place.Host.
type Endpoint struct {
	Host      string    `json:"host,omitempty"` // the name the certificate must prove, or an address without brackets
	Port      uint16    `json:"port,omitempty"`
	Transport Transport `json:"transport"`
}

// HostPort is the place whatever the transport: "fe01.contoso.com:5061", "[2001:db8::5]:5061", or the host alone when no
// port is known.
func (e Endpoint) HostPort() string {
	if e.Port == 0 {
		return e.Host
	}
	return net.JoinHostPort(e.Host, strconv.Itoa(int(e.Port)))
}

// String returns "fe01.contoso.com:5061 tls".
func (e Endpoint) String() string { return e.HostPort() + " " + e.Transport.String() }

// Over is the same host and port over another transport.
func (e Endpoint) Over(t Transport) Endpoint {
	e.Transport = t
	return e
}
