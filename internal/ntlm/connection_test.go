package ntlm

import (
	"bytes"
	"encoding/binary"
	"encoding/hex"
	"errors"
	"strings"
	"testing"
)

// The message that begins: 32 bytes, as clients of web services send it.
func TestNegotiate(t *testing.T) {
	const want = "4e544c4d53535000" + "01000000" + "07820800" + "00000000000000000000000000000000"
	if got := hex.EncodeToString(Negotiate()); got != want {
		t.Errorf("got  %s\nwant %s", got, want)
	}
}

// On a connection no key is sent. Where the challenge tells the time, the messages are bound by a MIC (MS-NLMP section
// 3.1.5.1.2), and the target information says so.
func TestAnswerOnAConnection(t *testing.T) {
	v := vectorD()
	opening := Negotiate()
	message, err := credentialsD().answer(opening, v.challenge, v.fresh)
	if err != nil {
		t.Fatal(err)
	}
	field := func(at int) []byte {
		from, size := binary.LittleEndian.Uint32(message[at+4:]), uint32(binary.LittleEndian.Uint16(message[at:]))
		return message[from : from+size]
	}
	hash := unhex(v.want.NTOWFv2)
	nt := field(20)
	if !bytes.Equal(nt[:16], hmacMD5(hash, string(v.challenge[24:32])+string(nt[16:]))) {
		t.Error("the NTLMv2 response is wrong")
	}
	if !bytes.Equal(field(12), make([]byte, 24)) || len(field(52)) != 0 {
		t.Errorf("LM response %x, key %x", field(12), field(52))
	}
	if !bytes.Contains(nt, []byte("\x06\x00\x04\x00\x02\x00\x00\x00\x00\x00\x00\x00")) {
		t.Error("the target information promises no MIC")
	}
	mic := bytes.Clone(message[72:88])
	copy(message[72:88], make([]byte, 16))
	base := hmacMD5(hash, string(nt[:16]))
	if !bytes.Equal(mic, hmacMD5(base, string(opening)+string(v.challenge)+string(message))) {
		t.Error("the MIC is wrong")
	}
}

func TestAnswerWithoutATime(t *testing.T) {
	v := vectorB()
	message, err := credentialsD().answer(Negotiate(), v.challenge, v.fresh)
	if err != nil {
		t.Fatal(err)
	}
	a, err := readAuthenticate(message)
	if err != nil || len(a.SessionKey) != 0 || len(a.LM) != 24 || bytes.Equal(a.LM, make([]byte, 24)) {
		t.Errorf("got %+v, %v", a, err)
	}
	if a.Flags&(flagKeyExchange|flagSign|flagDatagram) != 0 {
		t.Errorf("flags %x", a.Flags)
	}
}

func TestAnswerRefuses(t *testing.T) {
	v := vectorD()
	plain := bytes.Clone(v.challenge)
	plain[20] &^= flagUnicode
	for why, row := range map[string]struct {
		challenge []byte
		user      string
		blamed    bool
	}{
		"no Unicode":      {plain, "phone1", true},
		"no message":      {[]byte("hello"), "phone1", true},
		"no user":         {v.challenge, "", false},
		"a user too long": {v.challenge, strings.Repeat("u", 33000), false},
	} {
		c := credentialsD()
		c.User = row.user
		message, err := Answer(Negotiate(), row.challenge, c)
		var blamed *ChallengeError
		if err == nil || message != nil || errors.As(err, &blamed) != row.blamed {
			t.Errorf("%s: %v", why, err)
		}
	}
}
