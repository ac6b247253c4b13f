package main

import (
	"context"
	"encoding/json"
	"errors"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"homeward/internal/config"
	"homeward/internal/golden"
)

// A part that fails, one that is late and one that does not even notice do not spoil the others, and nobody waits long.
func TestCollect(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		never := make(chan struct{})
		began := time.Now() // of the bubble
		var told []string
		pieces, err := collect(t.Context(), []part{
			{"stuck.json", func(context.Context) ([]byte, error) { <-never; return nil, nil }},
			{"good.json", func(context.Context) ([]byte, error) { return []byte("{}"), nil }},
			{"late.jsonl", func(ctx context.Context) ([]byte, error) { <-ctx.Done(); return nil, ctx.Err() }},
			{"closed.txt", func(context.Context) ([]byte, error) { return nil, &advised{fs.ErrPermission, "be root"} }},
		}, func(p piece) { told = append(told, p.name) })
		if err != nil {
			t.Fatal(err)
		}
		if took := time.Since(began); took != partLimit+stuckLimit {
			t.Errorf("it took %v, want %v", took, partLimit+stuckLimit)
		}
		got := map[string]string{}
		for _, p := range pieces {
			got[p.name] = string(p.text)
		}
		want := map[string]string{
			"stuck.json": `{"version":1,"error":"not available within 17s: context deadline exceeded"}` + "\n",
			"good.json":  `{}`,
			"late.jsonl": `{"version":1,"error":"not available within 17s: context deadline exceeded"}` + "\n",
			"closed.txt": "error: permission denied\nhint: be root\n",
		}
		if diff := cmp.Diff(want, got); diff != "" || len(told) != len(pieces) {
			t.Errorf("told %v, %s", told, diff)
		}
		close(never)
	})
}

func TestCollectInterrupted(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	var f *failure
	_, err := collect(ctx, []part{{"late.json", func(ctx context.Context) ([]byte, error) { cancel(); <-ctx.Done(); return nil, ctx.Err() }}}, func(piece) {})
	if !errors.As(err, &f) || f.code != exitFailed {
		t.Errorf("got %v", err)
	}
}

// What fails on the way leaves nothing behind.
func TestWriteNew(t *testing.T) {
	dir := t.TempDir()
	file := filepath.Join(dir, "bundle.zip")
	if err := writeNew(file, func(w io.Writer) error { return errors.New("the disk is full") }, io.Discard); err == nil || !strings.Contains(err.Error(), "the disk is full") {
		t.Errorf("got %v", err)
	}
	if left, _ := os.ReadDir(dir); len(left) != 0 {
		t.Errorf("%v is left behind", left)
	}
	var out strings.Builder
	if err := writeNew(file, func(w io.Writer) error { _, err := io.WriteString(w, "whole"); return err }, &out); err != nil || out.String() != file+"\n" {
		t.Errorf("printed %q, err %v", &out, err)
	}
	if err := writeNew(file, func(w io.Writer) error { t.Error("it has begun to write"); return nil }, io.Discard); err == nil {
		t.Error("a file was overwritten")
	}
	at, err := os.Stat(file)
	if text, _ := os.ReadFile(file); string(text) != "whole" || err != nil || at.Mode().Perm() != bundleMode {
		t.Errorf("the file has %q, mode %v, err %v", text, at.Mode(), err)
	}
	if left, _ := os.ReadDir(dir); len(left) != 1 {
		t.Errorf("%v is left behind", left)
	}
}

// What is packed into the program is what is written in the page.
func TestPacked(t *testing.T) {
	const file = "bundle.html"
	text, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	golden.Packed(t, file, text)
}

// Whatever the parts hold, the page has one script of its own and shows the rest as text.
func TestPage(t *testing.T) {
	const hostile = `</script><script>alert(1)</script><!--data-->NONCE<img src=x onerror=alert(1)>` + "\u202e\x07"
	detail := string(quotedJSON(hostile))
	page := string(bundle{made: noon, redacted: true, pieces: []piece{
		{name: "status.json", text: []byte(`{"version":1,"state":"resting","sip_address":` + detail + `,"reason":"sip-forbidden","detail":` + detail + `}`)},
		{name: "failures.jsonl", text: []byte(`{"at":"2026-11-20T12:00:00Z","event":"lost","host":` + detail + "}\n")},
		{name: "log.txt", text: []byte(hostile)},
		{name: "plan.json", text: []byte(`{"version":1,"error":` + detail + `,"hints":[` + detail + `]}`), err: errors.New("secret: the page takes the text that was redacted")},
		{name: "odd.json", text: []byte(hostile)},
	}}.page())
	if n := strings.Count(page, "<script"); n != 2 {
		t.Errorf("it has %d scripts", n)
	}
	for _, not := range []string{"<img", "alert(1)</script>", "\u202e", "\x07", "secret", "<!--facts-->", "<!--parts-->"} {
		if strings.Contains(page, not) {
			t.Errorf("it holds %q", not)
		}
	}
	for _, want := range []string{"NOT REGISTERED (resting)", "&lt;img src=x", "error: &lt;/script&gt;", "<em>not available</em>", `\u202e`} {
		if !strings.Contains(page, want) {
			t.Errorf("it lacks %q", want)
		}
	}
	if strings.Contains(page, "script nonce=\"NONCE\"") {
		t.Error("its script has no number of its own")
	}
}

// What is over by now, as the whole history shows, is not told as what to do.
func TestPageTellsWhatIsOver(t *testing.T) {
	const lost = `{"at":"2026-11-20T12:00:00Z","event":"lookup","step":"internal-tls","query":"q","reason":"dns-timeout","hint":"ask another server"}` + "\n"
	const found = `{"at":"2026-11-20T12:01:00Z","event":"lookup","step":"internal-tls","query":"q"}` + "\n"
	for heading, history := range map[string]string{"what to do\n": lost, "over by now": lost + found} {
		page := string(bundle{made: noon, pieces: []piece{{name: "history.jsonl", text: []byte(history)}, {name: "failures.jsonl", text: []byte(lost)}}}.page())
		if !strings.Contains(page, heading) {
			t.Errorf("it lacks %q", heading)
		}
	}
}

func TestPageData(t *testing.T) {
	var got struct {
		Missing []string
		Parts   map[string]json.RawMessage
	}
	text := bundle{made: noon, pieces: []piece{
		{name: "status.json", text: []byte(`{"state":"<b>"}`)},
		{name: "history.jsonl", text: []byte("{\"event\":\"state\"}\n{\"event\":\"lost\"}\n")},
		{name: "log.txt", text: []byte("on the page")},
		{name: "plan.json", text: []byte(`{"error":"none"}`), err: fs.ErrPermission},
	}}.data()
	if err := json.Unmarshal(text, &got); err != nil || strings.Contains(string(text), "<") {
		t.Fatalf("%v: %s", err, text)
	}
	if diff := cmp.Diff([]string{"plan.json"}, got.Missing); diff != "" {
		t.Error(diff)
	}
	if len(got.Parts) != 2 || string(got.Parts["history.jsonl"]) != `[{"event":"state"},{"event":"lost"}]` {
		t.Errorf("the parts are %s", got.Parts)
	}
}

func TestDiscreet(t *testing.T) {
	for _, test := range []struct {
		key  string
		v    config.Value
		want any
	}{
		{"password_file", config.Value{Text: "/home/alice/password"}, true},
		{"password_file", config.Value{}, false},
		{"roots", config.Value{List: []string{"/home/alice/root.pem"}}, []string{"root.pem"}},
		{"on_change", config.Value{List: []string{"/opt/bin/reload", "--token", "t0k3n"}}, []string{"reload", "(2 arguments left out)"}},
		{"on_change", config.Value{}, []string{}},
		{"tls_floor", config.Value{Truth: true}, true},
		{"internal_server", config.Value{Text: "pool01.contoso.com"}, "pool01.contoso.com"},
	} {
		if diff := cmp.Diff(test.want, discreet(keyNamed(test.key), test.v)); diff != "" {
			t.Errorf("%s: %s", test.key, diff)
		}
	}
}

func keyNamed(name string) config.Key {
	all := config.Keys()
	return all[slices.IndexFunc(all, func(k config.Key) bool { return k.Name == name })]
}
