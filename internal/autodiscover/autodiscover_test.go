package autodiscover

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"strconv"
	"strings"
	"testing"
	"testing/synctest"
	"time"
)

const (
	xmlRoot = `<?xml version="1.0"?><AutodiscoverResponse xmlns="http://schemas.microsoft.com/rtc/2012/03/ucwa" AccessLocation="Internal"><Root>` +
		`<Link token="Domain" href="https://web01.contoso.com/Autodiscover/AutodiscoverService.svc/root/domain"/>` +
		`<Link token="User" href=" https://Pool01.contoso.com:443/Autodiscover/AutodiscoverService.svc/root/oauth/user "/></Root></AutodiscoverResponse>`
	jsonRoot = `{"_links":{"self":{"href":"https://web01.contoso.com/Autodiscover/AutodiscoverService.svc/root"},` +
		`"user":{"href":"https://pool01.contoso.com/Autodiscover/AutodiscoverService.svc/root/oauth/user"},"xframe":{"href":"https://x"}}}`
)

// answer is that of a web server.
func answer(status, headers, body string) string {
	return "HTTP/1.1 " + status + "\r\n" + headers + "Content-Length: " + strconv.Itoa(len(body)) + "\r\n\r\n" + body
}

// ask asks a server that sends this and hangs up, or says nothing more.
func ask(t *testing.T, says string, stays bool) (root Root, seen *http.Request, err error) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		ours, theirs := net.Pipe()
		done := make(chan struct{})
		go func() {
			defer close(done)
			seen, _ = http.ReadRequest(bufio.NewReader(theirs))
			io.WriteString(theirs, says)
			if !stays {
				theirs.Close()
			}
		}()
		ctx, cancel := context.WithTimeout(t.Context(), 3*time.Second)
		defer cancel()
		root, err = Ask(ctx, ours, Question{"lyncdiscover.contoso.com", "phone+1@contoso.com", "homeward/test"})
		ours.Close()
		<-done
		theirs.Close()
	})
	return root, seen, err
}

func TestRoots(t *testing.T) {
	for name, test := range map[string]struct {
		says string
		want Root
	}{
		"XML":                   {answer("200 OK", "", xmlRoot), Root{"Internal", "pool01.contoso.com", ""}},
		"JSON":                  {answer("200 OK", "", jsonRoot), Root{"", "pool01.contoso.com", ""}},
		"a mark before it":      {answer("200 OK", "", "\ufeff"+jsonRoot), Root{"", "pool01.contoso.com", ""}},
		"prefixes":              {answer("200 OK", "", `<a:AutodiscoverResponse xmlns:a="b" AccessLocation="Mars"><a:Root><a:Link token="redirect" href="https://webdir.online.lync.com/x"/></a:Root></a:AutodiscoverResponse>`), Root{"", "", "webdir.online.lync.com"}},
		"in pieces":             {fmt.Sprintf("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n64\r\n%s\r\n%x\r\n%s\r\n0\r\n\r\n", jsonRoot[:100], len(jsonRoot)-100, jsonRoot[100:]), Root{"", "pool01.contoso.com", ""}},
		"a redirect of HTTP":    {answer("302 Found", "Location: https://web02.contoso.com/x\r\n", ""), Root{"", "", "web02.contoso.com"}},
		"the first of each":     {answer("200 OK", "", strings.Replace(xmlRoot, "</Root>", `<Link token="User" href="https://evil.example/"/></Root>`, 1)), Root{"Internal", "pool01.contoso.com", ""}},
		"a link that is no use": {answer("200 OK", "", strings.Replace(xmlRoot, "<Root>", `<Root><Link token="Redirect" href="http://web02.contoso.com/"/>`, 1)), Root{"Internal", "pool01.contoso.com", ""}},
	} {
		t.Run(name, func(t *testing.T) {
			if got, _, err := ask(t, test.says, false); err != nil || got != test.want {
				t.Errorf("got %+v, %v", got, err)
			}
		})
	}
}

// What is sent: who asks, and no credentials.
func TestRequest(t *testing.T) {
	_, seen, _ := ask(t, answer("200 OK", "", jsonRoot), false)
	if seen == nil || seen.Method != "GET" || seen.Host != "lyncdiscover.contoso.com" || seen.RequestURI != "/?sipuri=phone%2B1%40contoso.com" || seen.UserAgent() != "homeward/test" {
		t.Errorf("got %+v", seen)
	}
	for _, name := range []string{"Authorization", "Cookie", "Referer"} {
		if seen.Header.Get(name) != "" {
			t.Errorf("%s is sent", name)
		}
	}
	if accepts := seen.Header.Get("Accept"); !strings.HasPrefix(accepts, "application/vnd.microsoft.rtc.autodiscover+xml;v=1") {
		t.Errorf("Accept: %s", accepts)
	}
}

func TestKinds(t *testing.T) {
	met := map[Kind]bool{}
	for name, test := range map[string]struct {
		says  string
		stays bool
		kind  Kind
		words string
	}{
		"silence":                    {"", true, NoAnswer, "no answer in time"},
		"the end":                    {"", false, NoAnswer, "the other side has hung up"},
		"half an answer":             {answer("200 OK", "", xmlRoot)[:200], true, NoAnswer, "no answer in time"},
		"cut":                        {answer("200 OK", "", xmlRoot)[:200], false, NoAnswer, "the other side has hung up"},
		"cut in a header":            {"HTTP/1.1 200 OK\r\nServ", false, NoAnswer, "the other side has hung up"},
		"another protocol":           {"220 mail.contoso.com ESMTP\r\n", false, NotHTTP, "the answer is not HTTP"},
		"no such page":               {answer("404 Not Found", "", "nothing here"), false, BadStatus, "the web server answers 404 Not Found"},
		"a redirect to nowhere":      {answer("302 Found", "", ""), false, BadStatus, "the web server answers 302 Found"},
		"a redirect to plain HTTP":   {answer("302 Found", "Location: http://web02.contoso.com/\r\n", ""), false, Clear, "the web server redirects to plain HTTP"},
		"a redirect to no host":      {answer("302 Found", "Location: https://a_b/\r\n", ""), false, NoDocument, "the web server sends something else"},
		"a page for people":          {answer("200 OK", "", "<html><body>It works!</body></html>"), false, NoDocument, "the web server sends something else"},
		"nothing":                    {answer("200 OK", "", ""), false, NoDocument, "the web server sends something else"},
		"other JSON":                 {answer("200 OK", "", `{"error":"x"}`), false, NoDocument, "the web server sends something else"},
		"JSON that is cut":           {answer("200 OK", "", jsonRoot[:100]), false, NoDocument, "the web server sends something else"},
		"a document without a link":  {answer("200 OK", "", `<AutodiscoverResponse><Root/></AutodiscoverResponse>`), false, NoDocument, "the web server sends something else"},
		"a link to plain HTTP alone": {answer("200 OK", "", strings.ReplaceAll(jsonRoot, "https:", "http:")), false, NoDocument, "the web server sends something else"},
		"an entity":                  {answer("200 OK", "", `<!DOCTYPE a [<!ENTITY b "c">]><AutodiscoverResponse><Root><Link token="User" href="https://&b;.contoso.com"/></Root></AutodiscoverResponse>`), false, NoDocument, "the web server sends something else"},
		"more than is read":          {answer("200 OK", "", xmlRoot+strings.Repeat(" ", maxAnswer)), true, NoAnswer, "the other side has hung up"},
		"headers without end":        {"HTTP/1.1 200 OK\r\nA: " + strings.Repeat("x", 2*maxAnswer), true, NoAnswer, "the other side has hung up"},
	} {
		t.Run(name, func(t *testing.T) {
			root, _, err := ask(t, test.says, test.stays)
			var e *Error
			if !errors.As(err, &e) || e.Kind != test.kind || err.Error() != test.words || root != (Root{}) {
				t.Errorf("got %+v, %v (%+v)", root, err, e)
			}
			met[test.kind] = true
		})
	}
	for k := Kind(1); k <= lastKind; k++ {
		if !met[k] {
			t.Errorf("kind %d is never met", k)
		}
	}
}

// Whatever a server sends costs an answer and nothing else.
func FuzzRoot(f *testing.F) {
	for _, text := range []string{xmlRoot, jsonRoot, "<a/>", "{}", ""} {
		f.Add(text)
	}
	f.Fuzz(func(t *testing.T, text string) {
		root, err := parse([]byte(text))
		if (err == nil) != (root.Leads() != "") || strings.ContainsAny(root.Leads(), "\r\n /") {
			t.Errorf("%q: %+v, %v", text, root, err)
		}
	})
}
