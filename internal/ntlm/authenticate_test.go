package ntlm

import (
	"bytes"
	"crypto/hmac"
	"crypto/md5"
	"crypto/rc4"
	"encoding/binary"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"
)

func credentialsD() Credentials {
	v := vectorD()
	return Credentials{User: v.user, Password: func() string { return v.password }, Host: v.host}
}

// authenticated is an AUTHENTICATE message as a server reads it.
type authenticated struct {
	Flags                                  uint32
	Domain, User, Host, LM, NT, SessionKey []byte
	MIC                                    []byte // nil: none
}

// readAuthenticate reads what encode writes, in its own way: by the fields' offsets, each octet used once.
func readAuthenticate(message []byte) (authenticated, error) {
	var a authenticated
	if len(message) < 72 || string(message[:12]) != "NTLMSSP\x00\x03\x00\x00\x00" {
		return a, fmt.Errorf("no AUTHENTICATE message: %x", message)
	}
	a.Flags = binary.LittleEndian.Uint32(message[60:])
	first := len(message)
	for _, at := range []int{12, 20, 28, 36, 44, 52} {
		first = min(first, int(binary.LittleEndian.Uint32(message[at+4:])))
	}
	used := first // the header: 72 octets, or with a MIC 88
	if first != 72 && first != 88 {
		return a, fmt.Errorf("a header of %d octets", first)
	}
	if first == 88 {
		a.MIC = message[72:88]
	}
	for at, field := range map[int]*[]byte{12: &a.LM, 20: &a.NT, 28: &a.Domain, 36: &a.User, 44: &a.Host, 52: &a.SessionKey} {
		size, most := binary.LittleEndian.Uint16(message[at:]), binary.LittleEndian.Uint16(message[at+2:])
		from := int(binary.LittleEndian.Uint32(message[at+4:]))
		if size != most || from < first || from+int(size) > len(message) {
			return a, fmt.Errorf("field at %d: %d of %d octets at %d", at, size, most, from)
		}
		*field = message[from : from+int(size)]
		used += int(size)
	}
	if used != len(message) {
		return a, fmt.Errorf("%d of %d octets used", used, len(message))
	}
	return a, nil
}

// checkAsServer answers the challenge with the credentials of vector D and checks the answer as its server would, from
// the published NTOWFv2 on.
func checkAsServer(challenge []byte, f fresh, c Credentials) error {
	message, security, err := c.authenticate(challenge, f)
	if err != nil {
		if message != nil || security != nil {
			return errors.New("refused, but answered")
		}
		return err
	}
	a, err := readAuthenticate(message)
	if err != nil {
		return err
	}
	sum := func(key []byte, parts ...[]byte) []byte {
		h := hmac.New(md5.New, key)
		h.Write(slices.Concat(parts...))
		return h.Sum(nil)
	}
	hash := unhex(vectorD().want.NTOWFv2)
	asked, nonce := binary.LittleEndian.Uint32(challenge[20:]), challenge[24:32]
	base := sum(hash, a.NT[:16])
	session := make([]byte, 16)
	if cipher, err := rc4.NewCipher(base); err == nil {
		cipher.XORKeyStream(session, a.SessionKey)
	}
	size, at := binary.LittleEndian.Uint16(challenge[40:]), binary.LittleEndian.Uint32(challenge[44:])
	switch {
	case a.Flags&^asked != flagRequestTarget&^asked:
		return fmt.Errorf("flags %x were not offered: %x", a.Flags, asked)
	case a.Flags&^0x02080000 != 0x60908255:
		return fmt.Errorf("flags %x", a.Flags)
	case a.Flags&flagVersion == 0 && !bytes.Equal(message[64:72], make([]byte, 8)):
		return errors.New("a version is told, but was not negotiated")
	case a.Flags&flagExtendedSession == 0 && !c.WeakSignatures:
		return errors.New("weak signatures")
	case !bytes.Equal(a.NT[:16], sum(hash, nonce, a.NT[16:])):
		return errors.New("the NTLMv2 response is wrong")
	case a.MIC == nil && !bytes.Equal(a.LM, append(sum(hash, nonce, f.nonce[:]), f.nonce[:]...)):
		return errors.New("the LMv2 response is wrong")
	case a.MIC == nil && !bytes.Equal(a.NT[44:len(a.NT)-4], challenge[at:at+uint32(size)]):
		return errors.New("the target information is not the one sent")
	case (a.MIC != nil) != tellsTime(challenge[at:at+uint32(size)]):
		return errors.New("a MIC comes where the server tells the time, and nowhere else")
	case a.MIC != nil && !bytes.Equal(a.LM, make([]byte, 24)):
		return errors.New("an LMv2 response beside a MIC")
	case a.MIC != nil && !bytes.HasSuffix(a.NT, []byte("\x06\x00\x04\x00\x02\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00")):
		return errors.New("the target information does not promise a MIC")
	case a.MIC != nil && !bytes.Equal(a.MIC, sum(f.session[:], challenge, message[:72], make([]byte, 16), message[88:])):
		return errors.New("the MIC is wrong")
	case !bytes.Equal(session, f.session[:]):
		return errors.New("the session key is wrong")
	case len(security.Sign("text")) != 32:
		return errors.New("the signature has another size")
	}
	return nil
}

// tellsTime says whether target information has a timestamp.
func tellsTime(info []byte) bool {
	for len(info) >= 4 && info[0]|info[1] != 0 {
		if info[0] == 7 && info[1] == 0 {
			return true
		}
		info = info[4+int(binary.LittleEndian.Uint16(info[2:])):]
	}
	return false
}

func TestWeakSignaturesOnRequestOnly(t *testing.T) {
	weak := vectorD().challenge
	weak[22] &^= flagExtendedSession >> 16
	allowed := credentialsD()
	allowed.WeakSignatures = true

	var refused *ChallengeError
	if err := checkAsServer(weak, vectorD().fresh, credentialsD()); !errors.As(err, &refused) {
		t.Errorf("without being allowed: got %v, want a *ChallengeError", err)
	}
	if err := checkAsServer(weak, vectorD().fresh, allowed); err != nil {
		t.Errorf("allowed: %v", err)
	}
	for why, test := range map[string]struct {
		challenge []byte
		want      bool
	}{
		"weak signatures where the Registrar has no others": {weak, true},
		"strong ones where it has":                          {vectorD().challenge, false},
	} {
		_, security, err := allowed.authenticate(test.challenge, vectorD().fresh)
		if err != nil {
			t.Fatal(err)
		}
		if got := security.Sign("text") == newSecurity(unhex("000102030405060708090a0b0c0d0e0f"), false).Sign("text"); got != test.want {
			t.Errorf("%s: weak is %v", why, got)
		}
	}
}

func TestUserForms(t *testing.T) {
	type names struct{ Domain, User string }
	for form, want := range map[string]names{
		`CONTOSO\phone1`:           {"CONTOSO", "phone1"},
		"CONTOSO/phone1":           {"CONTOSO", "phone1"},
		"phone1@contoso.example":   {"", "phone1@contoso.example"},
		"phone1":                   {"", "phone1"},
		`contoso.example\phone1@x`: {"contoso.example", "phone1@x"},
		`CONTOSO\odd/name`:         {"CONTOSO", "odd/name"},
		"KÖLN/jürgen 😀":            {"KÖLN", "jürgen 😀"},
		`\phone1`:                  {"", "phone1"},
	} {
		credentials := credentialsD()
		credentials.User = form
		message, _, err := Authenticate(vectorD().challenge, credentials)
		if err != nil {
			t.Errorf("%s: %v", form, err)
			continue
		}
		a, err := readAuthenticate(message)
		if err != nil {
			t.Errorf("%s: %v", form, err)
			continue
		}
		if !bytes.Equal(a.Domain, utf16le(want.Domain)) || !bytes.Equal(a.User, utf16le(want.User)) {
			t.Errorf("%s: got domain %q, user %q", form, a.Domain, a.User)
		}
	}
	for _, form := range []string{"", `CONTOSO\`, "CONTOSO/", strings.Repeat("u", 33000), strings.Repeat("d", 33000) + `\u`} {
		credentials := credentialsD()
		credentials.User = form
		message, security, err := Authenticate(vectorD().challenge, credentials)
		if err == nil || message != nil || security != nil {
			t.Errorf("user name of %d octets: answered", len(form))
		}
	}
}

// The user's case does not matter to the proof, but the domain's does (MS-NLMP section 3.3.2).
func TestHashCase(t *testing.T) {
	want := hashV2("User", "Domain", "Password")
	for why, test := range map[string]struct {
		user, domain, password string
		same                   bool
	}{
		"the user in capitals":     {"USER", "Domain", "Password", true},
		"the domain in capitals":   {"User", "DOMAIN", "Password", false},
		"the password in capitals": {"User", "Domain", "PASSWORD", false},
	} {
		if got := bytes.Equal(want, hashV2(test.user, test.domain, test.password)); got != test.same {
			t.Errorf("%s: same is %v", why, got)
		}
	}
	if !bytes.Equal(hashV2("ÉLODIE", "", "x"), hashV2("élodie", "", "x")) {
		t.Error("the case of é matters")
	}
}

func TestTime(t *testing.T) {
	synctest.Test(t, func(t *testing.T) { // it is midnight, 1 January 2000 UTC
		time.Sleep(1500 * time.Millisecond)
		for why, test := range map[string]struct {
			challenge []byte
			want      uint64
		}{
			"our clock, when the challenge does not tell": {vectorB().challenge, 125911584015000000},
			"the server's clock, when it does":            {vectorD().challenge, 0x01d4f54cf65a0000},
		} {
			message, _, err := Authenticate(test.challenge, credentialsD())
			if err != nil {
				t.Fatal(err)
			}
			a, err := readAuthenticate(message)
			if err != nil {
				t.Fatal(err)
			}
			if got := binary.LittleEndian.Uint64(a.NT[24:]); got != test.want {
				t.Errorf("%s: got %d, want %d", why, got, test.want)
			}
		}
	})
}

func TestEachAnswerIsFresh(t *testing.T) {
	sign := func() (nonce []byte, signature string) {
		message, security, err := Authenticate(vectorD().challenge, credentialsD())
		if err != nil {
			t.Fatal(err)
		}
		a, err := readAuthenticate(message)
		if err != nil {
			t.Fatal(err)
		}
		return a.NT[32:40], security.Sign("text")
	}
	nonce, signature := sign()
	otherNonce, otherSignature := sign()
	if bytes.Equal(nonce, otherNonce) {
		t.Error("the client challenge was used twice")
	}
	if signature == otherSignature {
		t.Error("the session key was used twice")
	}
}

// However credentials and keys are printed or logged, and wherever they are kept, nobody sees them.
func TestSecretsAreNotPrintable(t *testing.T) {
	v := vectorD()
	_, security, err := credentialsD().authenticate(v.challenge, v.fresh)
	if err != nil {
		t.Fatal(err)
	}
	type holder struct {
		credentials Credentials
		security    *Security
		inner       Security
	}
	var secrets []string
	for _, secret := range [][]byte{
		[]byte(v.password), utf16le(v.password), v.fresh.session[:], unhex(v.want.NTOWFv2), unhex(v.want.SessionBase),
		unhex(v.want.ClientSign), unhex(v.want.ClientSeal), unhex(v.want.ServerSign), unhex(v.want.ServerSeal),
	} {
		secrets = append(secrets, string(secret), fmt.Sprintf("%x", secret), fmt.Sprintf("%X", secret),
			strings.Trim(fmt.Sprintf("%d", secret), "[]"), strings.TrimPrefix(strings.TrimSuffix(fmt.Sprintf("%#v", secret), "}"), "[]byte{"))
	}
	var printed strings.Builder
	for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%q", "%x", "%d"} {
		for _, value := range []any{
			credentialsD(), security, *security, holder{credentialsD(), security, *security}, &holder{credentialsD(), security, *security},
		} {
			fmt.Fprintf(&printed, verb+"\n", value)
		}
		if got := fmt.Sprintf(verb, security); got != "[redacted]" {
			t.Errorf("%s of the keys: %s", verb, got)
		}
	}
	for _, handler := range []slog.Handler{slog.NewTextHandler(&printed, nil), slog.NewJSONHandler(&printed, nil)} {
		slog.New(handler).Info("signed in", "security", security)
	}
	for _, secret := range secrets {
		if strings.Contains(printed.String(), secret) {
			t.Errorf("%q is printed", secret)
		}
	}
	got := []string{security.String(), security.LogValue().String()}
	if diff := cmp.Diff([]string{"[redacted]", "[redacted]"}, got); diff != "" {
		t.Errorf("(-want +got)\n%s", diff)
	}
}

// The workstation is told as a directory lists it: by its NetBIOS name.
func TestMend21Workstation(t *testing.T) {
	for host, want := range map[string]string{
		"phone-0011": "PHONE-0011", "reception.floor1.contoso.com": "RECEPTION", "a-rather-long-name-of-a-host": "A-RATHER-LONG-N", "": "",
	} {
		if got := workstation(host); got != want {
			t.Errorf("%q: %q, want %q", host, got, want)
		}
	}
}
