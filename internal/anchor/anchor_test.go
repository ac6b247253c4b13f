package anchor

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

var root = Anchor{Fingerprint: "sha256:" + strings.Repeat("a1", 32), Subject: "CN=Contoso Root CA", SIPDomain: "contoso.com", By: FirstUse, At: time.Date(2026, 11, 28, 8, 0, 0, 0, time.UTC)}

func kept(t *testing.T, s Store, domain string) []Anchor {
	t.Helper()
	all, err := s.Of(domain)
	if err != nil {
		t.Fatal(err)
	}
	return all
}

func TestKeep(t *testing.T) {
	s := In(t.TempDir())
	if all := kept(t, s, "contoso.com"); len(all) != 0 {
		t.Fatalf("nothing is %v", all)
	}
	tech := root
	tech.By = Tech
	other := root
	other.SIPDomain = "fabrikam.com"
	for _, a := range []Anchor{root, other, tech} { // a tech takes the place of first use
		if err := s.Keep(a); err != nil {
			t.Fatal(err)
		}
	}
	if all := kept(t, s, "contoso.com"); len(all) != 1 || all[0] != tech {
		t.Errorf("got %+v", all)
	}
	if all := kept(t, s, "fabrikam.com"); len(all) != 1 || all[0] != other {
		t.Errorf("got %+v", all)
	}
	if had, err := s.Forget(); !had || err != nil {
		t.Errorf("%v, %v", had, err)
	}
	if had, err := s.Forget(); had || err != nil {
		t.Errorf("%v, %v", had, err)
	}
}

// A file that is not what was written trusts nobody.
func TestWhatIsNotOursIsNotBelieved(t *testing.T) {
	for name, change := range map[string]func(path string) error{
		"half":              func(path string) error { return os.Truncate(path, 40) },
		"empty":             func(path string) error { return os.Truncate(path, 0) },
		"a later version":   replaced(`"version": 1`, `"version": 2`),
		"no fingerprint":    replaced("sha256:a1", "sha256:zz"),
		"accepted by a cat": replaced(`"by": "first-use"`, `"by": "cat"`),
	} {
		t.Run(name, func(t *testing.T) { notBelieved(t, change) })
	}
}

// notBelieved wants nobody trusted after a change to the file.
func notBelieved(t *testing.T, change func(path string) error) {
	s := In(t.TempDir())
	if err := s.Keep(root); err != nil {
		t.Fatal(err)
	}
	if err := change(filepath.Join(s.dir, file)); err != nil {
		t.Fatal(err)
	}
	if all, err := s.All(); err == nil || len(all) > 0 {
		t.Errorf("got %v, %v", all, err)
	}
}

func replaced(old, with string) func(string) error {
	return func(path string) error {
		text, err := os.ReadFile(path)
		if err != nil {
			return err
		}
		return os.WriteFile(path, []byte(strings.Replace(string(text), old, with, 1)), 0o600)
	}
}

func TestParse(t *testing.T) {
	want := root.Fingerprint
	for _, good := range []string{want, strings.ToUpper(want), strings.TrimPrefix(want, "sha256:"), "A1" + strings.Repeat(":a1", 31), "sha256:oaGhoaGhoaGhoaGhoaGhoaGhoaGhoaGhoaGhoaGhoaE="} {
		if got, err := Parse(good); got != want || err != nil {
			t.Errorf("%s: %q, %v", good, got, err)
		}
	}
	for _, bad := range []string{"", "sha256:", want + "0", want[:20], "sha1:" + want, strings.Replace(want, "a1", "g1", 1)} {
		if got, err := Parse(bad); err == nil {
			t.Errorf("%s: %q", bad, got)
		}
	}
}
