package agent

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"golang.org/x/tools/txtar"

	"homeward/e2e/needs"
)

// TestHandshakes signs in through a Director, through an Edge and at the backup, with OpenSSL at the other end of each handshake
// inside SIP: with TLS 1.0 and 1.2, RSA and ECDHE, with and without the extended master secret, which crypto/tls cannot leave out.
// What is expected is what the scenarios of the same sites expect.
func TestHandshakes(t *testing.T) {
	needs.Program(t, "openssl")
	for site, signIns := range map[string]int{"director": 2, "edge": 1, "backup": 2} {
		file := "testdata/scenarios/certificate-" + site + ".txtar"
		for _, version := range []string{"1.0", "1.2"} {
			for _, suites := range []string{"rsa", "ecdhe"} {
				for word, extended := range map[string]string{"ems": "with", "no-ems": "without"} {
					t.Run(fmt.Sprintf("%s TLS %s %s %s", site, version, suites, word), func(t *testing.T) {
						archive, err := txtar.ParseFile(file)
						if err != nil {
							t.Fatal(err)
						}
						tellRegistrars(archive, fmt.Sprintf(" dsk-tls=%s dsk-suites=%s dsk-openssl=%s", version, suites, word))
						s := compareScenario(t, archive, file)
						key := map[string]string{"rsa": "AES128-SHA", "ecdhe": "ECDHE-RSA-AES128-SHA"}[suites]
						want := fmt.Sprintf("TLS %s %s %s the extended master secret", version, key, extended)
						if got := s.site.Handshakes(); !slices.Equal(got, slices.Repeat([]string{want}, signIns)) {
							t.Errorf("OpenSSL has agreed on %q, want %d times %q", got, signIns, want)
						}
					})
				}
			}
		}
	}
}

// tellRegistrars adds options to all that are of Lync.
func tellRegistrars(archive *txtar.Archive, options string) {
	for i, section := range archive.Files {
		if section.Name != "registrars" {
			continue
		}
		lines := strings.Split(string(section.Data), "\n")
		for n, line := range lines {
			if slices.Contains(strings.Fields(line), "lync") {
				lines[n] += options
			}
		}
		archive.Files[i].Data = []byte(strings.Join(lines, "\n"))
	}
}
