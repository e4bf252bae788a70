package handlers

import (
	"io/fs"
	"regexp"
	"strings"
	"testing"
)

// The files need no token, may be kept but not trusted, and load nothing from elsewhere.
func TestPageFiles(t *testing.T) {
	server := someOffice().serve(t, "token", FeedOptions{})
	for path, kind := range map[string]string{
		"/": "text/html; charset=utf-8", "/page/main.js": "text/javascript; charset=utf-8", "/page/page.css": "text/css; charset=utf-8", "/page/icon.svg": "image/svg+xml",
	} {
		res, body := ask(t, server, "GET", path)
		h := res.Header
		if res.StatusCode != 200 || h.Get("Content-Type") != kind || len(body) < 100 {
			t.Errorf("%s: %d %s", path, res.StatusCode, h.Get("Content-Type"))
		}
		for _, part := range []string{"default-src 'none'", "script-src 'self'", "style-src 'self'", "frame-ancestors 'none'", "form-action 'none'", "base-uri 'none'"} {
			if !strings.Contains(h.Get("Content-Security-Policy"), part) {
				t.Errorf("%s: the policy lacks %s", path, part)
			}
		}
		if strings.Contains(h.Get("Content-Security-Policy"), "unsafe") || h.Get("X-Content-Type-Options") != "nosniff" || h.Get("Referrer-Policy") != "no-referrer" {
			t.Errorf("%s: headers %v", path, h)
		}
		if again, body := ask(t, server, "GET", path, "If-None-Match", h.Get("ETag")); again.StatusCode != 304 || body != "" {
			t.Errorf("%s again: %d", path, again.StatusCode)
		}
	}
	for _, path := range []string{"/page/none.js", "/page/..%2fopenapi.json", "/page/", "/page/x/y"} {
		if res, _ := ask(t, server, "GET", path, "Authorization", "Bearer token"); res.StatusCode != 404 {
			t.Errorf("%s: %d", path, res.StatusCode)
		}
	}
}

// What the policy would block, or what would need the network, is in no file.
func TestPageIsSelfContained(t *testing.T) {
	files, err := fs.ReadDir(pageFiles, "page")
	if err != nil {
		t.Fatal(err)
	}
	inline := regexp.MustCompile(`(?i)<script(?:\s+type="module")?>|<style|\sstyle=|\son[a-z]+="|javascript:|innerHTML|outerHTML|insertAdjacentHTML|document\.write|\beval\(`)
	outside := regexp.MustCompile(`(?:https?:)?//[a-z0-9.-]+\.[a-z]{2,}[^\s'"]*`)
	for _, f := range files {
		content, err := fs.ReadFile(pageFiles, "page/"+f.Name())
		if err != nil {
			t.Fatal(err)
		}
		if m := inline.FindAllString(string(content), -1); m != nil {
			t.Errorf("%s holds %q", f.Name(), m)
		}
		for _, url := range outside.FindAllString(string(content), -1) {
			if url != "http://www.w3.org/2000/svg" { // a name, not an address
				t.Errorf("%s names %s", f.Name(), url)
			}
		}
	}
}
