package ntlm

import (
	"bufio"
	"encoding/base64"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"homeward/e2e/needs"
)

// TestGSSNTLMSSP: a server that others have written takes our AUTHENTICATE message with its MIC, and both sides take each
// other's signatures. Its challenge does not ask to be identified, which is all that Registrars do besides.
func TestGSSNTLMSSP(t *testing.T) {
	library, python := needs.Program(t, "/usr/lib/*/gssntlmssp/gssntlmssp.so"), needs.Program(t, "/usr/bin/python3")
	for password, want := range map[string]string{"Passw0rd!": "accepted", "another": "refused"} {
		users := filepath.Join(t.TempDir(), "users")
		if err := os.WriteFile(users, []byte("CONTOSO:phone1:Passw0rd!\n"), 0o600); err != nil {
			t.Fatal(err)
		}
		server := exec.CommandContext(t.Context(), python, "testdata/gssntlmssp.py", library)
		server.Env, server.Stderr = append(os.Environ(), "NTLM_USER_FILE="+users), os.Stderr
		in, err := server.StdinPipe()
		if err != nil {
			t.Fatal(err)
		}
		out, err := server.StdoutPipe()
		if err != nil {
			t.Fatal(err)
		}
		if err := server.Start(); err != nil {
			t.Fatal(err)
		}
		lines := bufio.NewScanner(out)
		line := func() string { lines.Scan(); return lines.Text() }
		challenge, err := base64.StdEncoding.DecodeString(line())
		if err != nil {
			t.Fatal(err)
		}
		asked, err := parseChallenge(challenge)
		if err != nil || asked.timestamp == nil {
			t.Fatalf("%x: %v", challenge, err)
		}
		c := Credentials{User: `CONTOSO\phone1`, Password: func() string { return password }, Host: "phone-0011"}
		message, security, err := c.respond(asked, challenge, vectorD().fresh)
		if err != nil {
			t.Fatal(err)
		}
		fmt.Fprintln(in, base64.StdEncoding.EncodeToString(message))
		if got := line(); !strings.HasPrefix(got, want) {
			t.Errorf("password %s: %s", password, got)
		}
		if want == "accepted" {
			fmt.Fprintln(in, security.Sign("text"))
			if got := line(); got != "accepted" {
				t.Errorf("our signature: %s", got)
			}
			if got := line(); !security.Verify("text", got) {
				t.Errorf("its signature %s is not taken", got)
			}
		}
		in.Close()
		if err := server.Wait(); err != nil {
			t.Error(err)
		}
	}
}
