package check

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"maps"
	"net"
	"regexp"
	"slices"
	"sort"
	"strings"
	"sync"

	"homeward/internal/certprov"
	"homeward/provisioning"
)

// Description is what a web service says of itself to everybody, with the names of the site replaced.
type Description struct {
	Name string // "certprov", "webticket"
	Text []byte
}

// Describe asks the certificate service at a URL, and the web ticket service that it names, what they offer. No credentials are
// sent, and nobody is asked outside the SIP domain. What was got before an error is returned with it.
func Describe(ctx context.Context, o Options, url string) ([]Description, error) {
	e := newEye(&o)
	names := []string{"certprov", "webticket"}
	hide := newHider(o.Policy.SIPAddress.Domain)
	var all []Description
	asking := certprov.Enrolment{UserAgent: e.signer.UserAgent(), Dial: e.webService, Metadata: func(_ certprov.Address, text []byte) {
		if n := len(all); n < len(names) {
			all = append(all, Description{names[n], hide.in(text)})
		}
	}}
	defer asking.Close()
	_, err := asking.Discover(ctx, url)
	return all, err
}

// webService connects to a web service whose name obeys the name rule.
func (e *eye) webService(ctx context.Context, host string, port uint16) (net.Conn, error) {
	if !e.policy.MayBeWeb(host) {
		return nil, fmt.Errorf("%s is not under %s", host, e.policy.SIPAddress.Domain)
	}
	err := errors.New(host + " has no address")
	for _, addr := range e.resolve(ctx, []string{host})[0].Addrs {
		c := provisioning.Candidate{Step: provisioning.Redirect, Endpoint: provisioning.Endpoint{Host: host, Port: port, Transport: provisioning.TLS}}
		var conn net.Conn
		if conn, err = e.signer.Connect(ctx, &c, addr); err == nil {
			return conn, nil
		}
	}
	return nil, err
}

// maxHidden is how many hosts have names of their own in a description; the others share one. (Our choice.)
const maxHidden = 100

// hider replaces the names of a site: the same name by the same one.
type hider struct {
	domain string
	hosts  map[string]string
}

func newHider(domain string) *hider { return &hider{strings.ToLower(domain), map[string]string{}} }

var (
	aURL     = sync.OnceValue(func() *regexp.Regexp { return regexp.MustCompile(`(?i)(https?|net\.tcp|sip)://([^/:"'<>\s]+)`) })
	anUser   = sync.OnceValue(func() *regexp.Regexp { return regexp.MustCompile(`[A-Za-z0-9._+-]+@[A-Za-z0-9.-]+`) })
	hidden   = "contoso.example"
	wellKnow = []string{"schemas.xmlsoap.org", "schemas.microsoft.com", "docs.oasis-open.org", "www.w3.org", "tempuri.org"}
)

func (h *hider) in(text []byte) []byte {
	s := aURL().ReplaceAllStringFunc(string(text), func(url string) string {
		scheme, host, _ := strings.Cut(url, "://")
		if slices.Contains(wellKnow, strings.ToLower(host)) {
			return url
		}
		return scheme + "://" + h.name(host)
	})
	s = anUser().ReplaceAllString(s, "user@"+hidden)
	return []byte(h.known().ReplaceAllStringFunc(s, func(host string) string { // also where it stands outside a URL
		return cmp.Or(h.hosts[strings.ToLower(host)], hidden)
	}))
}

// known matches every name that is hidden, and of two that begin at one place the longer one.
func (h *hider) known() *regexp.Regexp {
	names := append(slices.Collect(maps.Keys(h.hosts)), h.domain)
	sort.Slice(names, func(i, j int) bool {
		return cmp.Or(len(names[j])-len(names[i]), strings.Compare(names[i], names[j])) < 0
	})
	for i, name := range names {
		names[i] = regexp.QuoteMeta(name)
	}
	return regexp.MustCompile("(?i)" + strings.Join(names, "|"))
}

// name is what stands for a host.
func (h *hider) name(host string) string {
	host = strings.ToLower(host)
	if h.hosts[host] == "" && len(h.hosts) >= maxHidden {
		return hidden
	}
	if h.hosts[host] == "" {
		h.hosts[host] = fmt.Sprintf("host%d.%s", len(h.hosts)+1, hidden)
	}
	return h.hosts[host]
}
