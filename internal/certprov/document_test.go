package certprov

import (
	"fmt"
	"runtime"
	"strings"
	"testing"
)

// What a hostile service sends costs memory of its own order, not a multiple of it.
func TestDocumentsAreBounded(t *testing.T) {
	var namespaces strings.Builder
	for i := range maxAttrs {
		fmt.Fprintf(&namespaces, " xmlns:a%d=''", i)
	}
	for _, test := range []struct {
		name, document string
		refused        bool
	}{
		{"many namespaces around many elements", "<r" + namespaces.String() + ">" + strings.Repeat("<a/>", maxElements-2) + "</r>", false},
		{"a text in many pieces", "<a>" + strings.Repeat("xxxxxxx<?a?>", maxTokens/2-2) + "</a>", false},
		{"too many pieces", "<a>" + strings.Repeat("x<?a?>", maxTokens) + "</a>", true},
		{"too many elements", "<a>" + strings.Repeat("<a/>", maxElements) + "</a>", true},
		{"too deep", strings.Repeat("<a>", maxDepth+1), true},
	} {
		t.Run(test.name, func(t *testing.T) {
			var before, after runtime.MemStats
			runtime.ReadMemStats(&before)
			_, err := parseDocument([]byte(test.document))
			runtime.ReadMemStats(&after)
			if (err != nil) != test.refused {
				t.Errorf("refused with %v", err)
			}
			if got := (after.TotalAlloc - before.TotalAlloc) >> 20; got > 40 {
				t.Errorf("%d KiB of document cost %d MiB", len(test.document)>>10, got)
			}
		})
	}
}

// An element that is passed on keeps the namespaces that it takes from those around it, the nearest one of each name.
func TestWholeKeepsItsNamespaces(t *testing.T) {
	document, err := parseDocument([]byte(`<a:r xmlns:a="urn:a" xmlns:b="urn:far" xmlns="urn:d"><x xmlns:b="urn:near"><b:y a:z=""/></x></a:r>`))
	if err != nil {
		t.Fatal(err)
	}
	const want = `<b:y xmlns:b="urn:near" xmlns:a="urn:a" a:z=""/>`
	if got := document.find("y").whole(); got != want {
		t.Errorf("got  %s\nwant %s", got, want)
	}
}
