package sip

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	sipgo "github.com/emiago/sipgo/sip"
	"github.com/google/go-cmp/cmp"
)

// The messages of RFC 4475 in its order, S01 to S49, sent to a phone that keeps its binding; then an OPTIONS asks whether
// it is still there. "valid" holds what a SIP element must be able to read, "invalid" what it may refuse.
func TestTorture(t *testing.T) {
	const alive = "\nstill there"
	for i, test := range []struct{ file, want string }{
		{"valid/wsinv", "answered 501" + alive},
		{"valid/intmeth", "answered 501" + alive},
		{"valid/esc01", "answered 501" + alive},
		{"valid/escnull", "answered 405" + alive},
		{"valid/esc02", "answered 501" + alive},
		{"valid/lwsdisp", "answered 200" + alive},
		{"valid/longreq", "answered 501" + alive},
		{"valid/dblreq", "answered 200\npong\nanswered 200" + alive},
		{"valid/semiuri", "answered 200" + alive},
		{"valid/transports", "answered 200" + alive},
		{"valid/mpart01", "answered 405" + alive},
		{"valid/unreason", "still there"},
		{"valid/noreason", "still there"},
		{"invalid/badinv01", "answered 501" + alive}, // its Via can be echoed, its Contact is not our business
		{"invalid/clerr", "ping\nbinding lost: a message that was not complete after 32s"},
		{"invalid/ncl", `binding lost: framing: Content-Length "-999"`},
		{"invalid/scalar02", "answered 400" + alive},
		{"invalid/scalarlg", "still there"},
		{"invalid/quotbal", "answered 501" + alive}, // we need nothing but its text
		{"invalid/ltgtruri", "answered 501" + alive},
		{"invalid/lwsruri", `binding lost: not SIP but "INVITE sip:phone1@contoso.com; lr SIP/2.0"`},
		{"invalid/lwsstart", "answered 501" + alive},
		{"invalid/trws", "answered 200" + alive},
		{"invalid/escruri", "answered 501" + alive},
		{"invalid/baddate", "answered 501" + alive},
		{"invalid/regbadct", "answered 405" + alive},
		{"invalid/badaspec", "answered 200" + alive},
		{"invalid/baddn", "answered 200" + alive},
		{"invalid/badvers", `binding lost: not SIP but "OPTIONS sip:phone1@contoso.com SIP/7.0"`},
		{"invalid/mismatch01", "answered 400" + alive},
		{"invalid/mismatch02", "answered 400" + alive},
		{"invalid/bigcode", `binding lost: not SIP but "SIP/2.0 4294967301 better not break the receiver"`},
		{"valid/badbranch", "answered 200" + alive},
		{"invalid/insuf", "answered 400" + alive},
		{"valid/unkscm", "answered 200" + alive},
		{"valid/novelsc", "answered 200" + alive},
		{"valid/unksm2", "answered 405" + alive},
		{"valid/bext01", "answered 200" + alive}, // RFC 3261 wants 420; being found matters more
		{"valid/invut", "answered 501" + alive},
		{"valid/regaut01", "answered 405" + alive},
		{"invalid/multi01", "answered 400" + alive},
		{"invalid/mcl01", "binding lost: framing: two Content-Length headers that differ"},
		{"valid/bcast", "still there"},
		{"valid/zeromf", "answered 200" + alive},
		{"valid/cparam01", "answered 405" + alive},
		{"valid/cparam02", "answered 405" + alive},
		{"valid/regescrt", "answered 405" + alive},
		{"valid/sdp01", "answered 501" + alive},
		{"valid/inv2543", "answered 501" + alive},
	} {
		t.Run(fmt.Sprintf("S%02d %s", i+1, test.file), func(t *testing.T) {
			raw := torture(t, test.file)
			probe := "MESSAGE sip:phone1@10.0.0.21 SIP/2.0\r\nVia: SIP/2.0/TLS h;branch=z9hG4bKlast\r\nFrom: <sip:a@b>;tag=1\r\n" +
				"To: <sip:a@b>\r\nCall-ID: last\r\nCSeq: 1 MESSAGE\r\nContent-Length: 0\r\n\r\n"
			got := keep(t, phone, 40*time.Second, []step{answer("200 OK", "ms-keep-alive: UAS; timeout=37")}, func(p *peer) {
				p.send(string(raw))
				time.Sleep(time.Second)
				p.send(probe)
			})
			if diff := cmp.Diff(test.want, told(got)); diff != "" {
				t.Error(diff)
			}
		})
	}
}

// told drops the times of a transcript, and what stands after the probe.
func told(transcript string) string {
	var lines []string
	for line := range strings.Lines(transcript) {
		at, text, _ := strings.Cut(strings.TrimSpace(line), " ")
		if at == "+1s" && text == "answered 405" {
			return strings.Join(append(lines, "still there"), "\n")
		}
		lines = append(lines, text)
	}
	return strings.Join(lines, "\n")
}

func torture(t testing.TB, file string) []byte {
	raw, err := os.ReadFile(filepath.Join("testdata", "torture", filepath.FromSlash(file)+".sip"))
	if err != nil {
		t.Fatal(err)
	}
	return raw
}

// What an independent parser makes of a valid message, ours makes of it too.
func TestTortureAgainstSipgo(t *testing.T) {
	files, err := filepath.Glob("testdata/torture/valid/*.sip")
	if err != nil || len(files) == 0 {
		t.Fatal("no messages", err)
	}
	compared := 0
	for _, file := range files {
		raw, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		theirs, err := sipgo.NewParser().ParseSIP(raw)
		if err != nil {
			continue // it is the stricter one
		}
		ours, err := parseOne(raw)
		if err != nil {
			t.Errorf("%s: %v", file, err)
			continue
		}
		compared++
		got := []string{ours.get("Call-ID"), ours.phrase, ours.method}
		want := []string{theirs.CallID().Value(), "", ""}
		switch m := theirs.(type) {
		case *sipgo.Request:
			want[2] = string(m.Method)
			got[2] = strings.ToUpper(got[2]) // sipgo forgets the case
		case *sipgo.Response:
			want[1] = strings.TrimSpace(m.Reason)
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("%s: %s", file, diff)
		}
	}
	if compared < 20 {
		t.Errorf("only %d messages compared", compared)
	}
}
