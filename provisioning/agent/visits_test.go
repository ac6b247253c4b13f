package agent

import (
	"regexp"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"golang.org/x/tools/txtar"
)

// Where no connection is kept, the device is signed in to anew within six hours. What refuses it then has lost it, and the password
// is not tried more often than anywhere else.
func TestSignedInToAnew(t *testing.T) {
	const file = "testdata/scenarios/release-idle-connection.txtar"
	archive, err := txtar.ParseFile(file)
	if err != nil {
		t.Fatal(err)
	}
	changed := map[string]string{
		"registrars": "10.0.0.5:5061 tls fe01.contoso.com digest user=phone1 password=correct-horse idle=20s\n",
		"change":     "+1h registrar 10.0.0.5:5061 digest user=phone1 password=other idle=20s\n",
		"script":     "run 5h50m\n",
	}
	archive.Files = append(archive.Files, txtar.File{Name: "password", Data: []byte("correct-horse\n")})
	for i, f := range archive.Files {
		if text, ok := changed[f.Name]; ok {
			archive.Files[i].Data = []byte(text)
		}
	}
	s := playScenario(t, archive, file)
	var told []string
	for line := range strings.Lines(s.timeline.String()) {
		_, event, _ := strings.Cut(strings.TrimSpace(line), " ")
		if len(told) == 0 || told[len(told)-1] != event {
			told = append(told, event)
		}
	}
	want := regexp.MustCompile(`attempt \S+ fe01\S+ \S+ tls: ok\n.*\n.*\nvisit \S+ tls\nattempt \S+ fe01\S+ \S+ tls: sip-credentials\nlost \S+ tls sip-credentials\nstate resting\n`)
	if got := strings.Join(told, "\n"); !want.MatchString(got) {
		t.Errorf("%s", got)
	}
	refused, inHalfAnHour := []time.Duration{}, 0
	for _, e := range s.site.Log() {
		if e.Auth == "Digest" && e.Code == 401 {
			refused = append(refused, e.After)
		}
	}
	for i, at := range refused {
		if i > 1 && at-refused[i-2] < 29*time.Minute {
			inHalfAnHour++
		}
	}
	if len(refused) == 0 || inHalfAnHour > 0 {
		t.Errorf("the password was refused at %v", refused)
	}
}

// Of reports at any rate, few are heeded, and ever fewer.
func TestReportsAreLimited(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := reports{heeded: make(chan struct{}, 1)}
		began := time.Now()
		var heeded []time.Duration
		for time.Since(began) < time.Hour {
			if until, ok := r.heed(); ok {
				heeded = append(heeded, time.Since(began))
			} else if !until.After(time.Now()) {
				t.Fatalf("not heeded until %v, which has passed", until)
			}
			time.Sleep(time.Second)
		}
		want := []time.Duration{0, 30, 90, 210, 450, 930, 1410, 1890, 2370, 2850, 3330}
		if len(heeded) != len(want) {
			t.Fatalf("heeded at %v", heeded)
		}
		for i := range want {
			if heeded[i] != want[i]*time.Second {
				t.Errorf("heeded at %v, want %v s", heeded[i], want[i])
			}
		}
		time.Sleep(reportsSettled)
		first, _ := r.heed()
		time.Sleep(30 * time.Second)
		if _, ok := r.heed(); !ok || !first.IsZero() {
			t.Error("after a quiet time the gaps do not begin anew")
		}
	})
}
