package cache

import (
	"os"
	"path/filepath"
	"slices"
	"testing"
)

// vouching returns the directory of a device whose record vouches for a host.
func vouching(t *testing.T) (dir string, r Record) {
	t.Helper()
	dir = t.TempDir()
	db := Open(dir)
	r = record(1)
	r.Vouched = Vouched{Hosts: []string{"pool01.corp.example"}, Under: "suffix"}
	if _, err := db.Commit(r); err != nil {
		t.Fatal(err)
	}
	return dir, load(db)
}

func TestMend01VouchedSurvivesARestart(t *testing.T) {
	dir, _ := vouching(t)
	if got := load(Open(dir)).Vouched.Hosts; !slices.Equal(got, []string{"pool01.corp.example"}) {
		t.Errorf("after a restart: %v", got)
	}
	if r, _, err := ReadFile(filepath.Join(dir, "last-good.json")); err != nil || r.Vouched.empty() {
		t.Errorf("a tech reads %+v, %v", r.Vouched, err)
	}
	if names := files(t, dir); !slices.Equal(names, []string{"homeward.db", "last-good.json", "record.key"}) {
		t.Errorf("files: %v", names)
	}
}

// What another has made, or has changed, vouches for nobody; the rest of the record is what it always is.
func TestMend01PlantedRecordVouchesForNobody(t *testing.T) {
	for name, plot := range map[string]func(t *testing.T, dir string){
		"a host put in, and the checksum made anew": func(t *testing.T, dir string) {
			plant(t, dir, reseal(mustRead(t, dir, "last-good.json"), "pool01.corp.example", "pool01.evil.example"))
		},
		"another rule put in": func(t *testing.T, dir string) {
			plant(t, dir, reseal(mustRead(t, dir, "last-good.json"), `"suffix"`, `"strict"`))
		},
		"the record of another device": func(t *testing.T, dir string) {
			other, _ := vouching(t)
			plant(t, dir, mustRead(t, other, "last-good.json"))
		},
		"no seal": func(t *testing.T, dir string) {
			sealed := mustRead(t, dir, "last-good.json")
			r := must(unseal(sealed))
			plant(t, dir, reseal(sealed, r.Vouched.Seal, ""))
		},
		"a key that others may read": func(t *testing.T, dir string) {
			if err := os.Chmod(filepath.Join(dir, keyName), 0o644); err != nil {
				t.Fatal(err)
			}
		},
		"a key that is none": func(t *testing.T, dir string) { mustWrite(t, dir, keyName, []byte("abc\n")) },
	} {
		t.Run(name, func(t *testing.T) {
			dir, before := vouching(t)
			plot(t, dir)
			r, ok := Open(dir).Load()
			if !ok || !r.Vouched.empty() {
				t.Errorf("vouched for: %v (record: %v)", r.Vouched.Hosts, ok)
			}
			if r.Registrar.Host != before.Registrar.Host {
				t.Errorf("Registrar %s, want %s", r.Registrar.Host, before.Registrar.Host)
			}
		})
	}
}

// A key that is lost is made again with the next commit, and what is known in memory stays known.
func TestMend01KeyIsMadeAgain(t *testing.T) {
	dir, r := vouching(t)
	db := Open(dir)
	mustWrite(t, dir, keyName, []byte("abc\n"))
	r.Registrar.Port++
	if _, err := db.Commit(r); err != nil {
		t.Fatal(err)
	}
	if got := load(Open(dir)).Vouched.Hosts; !slices.Equal(got, r.Vouched.Hosts) {
		t.Errorf("after a restart: %v", got)
	}
}
