package config

import (
	"fmt"
	"net"
	"net/netip"
	"net/url"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"
)

// check finds what a single value cannot tell, and brings URLs and GUIDs into
// one form.
func (r *reader) check(c *Config) {
	r.checkFiles(c)
	r.checkURLs(c)
	r.checkListen(c)
	r.checkTLS(c.TLS, c.Pushes())
	if c.TLS.Mode == TLSACME && c.Pushes() {
		r.checkACME(c)
	}
	r.checkNATS(c.NATS)
	r.bounds("events.history", c.Events.History, time.Minute, 30*24*time.Hour)
	r.oneOf("rsa", c.RSA, []string{RSAAuto, RSAGo, RSALibcrypto})
	r.oneOf("log.format", c.Log.Format, []string{LogJSON, LogText})
	if c.DataDir == "" {
		r.wrong("data_dir", "is empty", "name a directory, or leave the key out for /var/lib/presencebridge")
	}
	if c.SealKeyFile == "" {
		c.SealKeyFile = filepath.Join(c.DataDir, "seal.key")
	}
	if len(c.Tenants) == 0 {
		r.wrong("tenants", "is missing", "give at least one tenant")
	}
	for i := range c.Tenants {
		r.checkTenant(fmt.Sprintf("tenants[%d]", i), &c.Tenants[i], c.Tenants[:i])
	}
}

func (r *reader) checkURLs(c *Config) {
	base := r.https("graph.base_url", &c.Graph.BaseURL, "leave the key out for Microsoft's own")
	r.https("graph.authority", &c.Graph.Authority, "leave the key out for Microsoft's own")
	if c.PublicURL == "" && !c.Pushes() {
		return
	}
	public := r.https("public_url", &c.PublicURL, "write it like https://presence.example.com")
	if public != nil && isLoopback(public.Hostname()) && (base == nil || !isLoopback(base.Hostname())) {
		r.wrong("public_url", "Microsoft Graph cannot reach "+public.Hostname(), "give the name under which the internet reaches the callback side")
	}
}

func (r *reader) checkListen(c *Config) {
	r.address("listen.callback", c.Listen.Callback)
	for i, proxy := range c.Listen.TrustedProxies {
		if _, err := ParseNetwork(proxy); err != nil {
			r.wrong(fmt.Sprintf("listen.trusted_proxies[%d]", i), shown(proxy)+" is neither an address nor a network", "write it like 10.0.0.5 or 10.0.0.0/24")
		}
	}
	host, ok := r.address("listen.admin", c.Listen.Admin)
	if ok && !isLoopback(host) && !c.Listen.AdminToken.IsSet() {
		r.wrong("listen.admin_token_file", "is missing, although others can reach "+c.Listen.Admin, "name a file with a token, or listen on 127.0.0.1")
	}
	if _, port, _ := net.SplitHostPort(c.Listen.Admin); port != "0" && c.Listen.Admin == c.Listen.Callback {
		r.wrong("listen.admin", "is the same address as listen.callback", "give it a port of its own: the two sides never mix")
	}
}

func (r *reader) checkTLS(t TLS, pushes bool) {
	r.oneOf("tls.mode", t.Mode, []string{TLSFiles, TLSACME, TLSOff})
	if t.Mode == TLSFiles && pushes {
		r.required("tls.cert_file", t.CertFile, "name the certificate chain (PEM), or set tls.mode to off behind a proxy")
		r.required("tls.key_file", t.KeyFile, "name the private key (PEM), or set tls.mode to off behind a proxy")
	}
	r.pair("tls", t.CertFile, t.KeyFile)
}

func (r *reader) checkACME(c *Config) {
	a := &c.TLS.ACME
	if !a.AcceptTerms {
		r.wrong("tls.acme.accept_terms", "is not true", "read the authority's terms of service (Let's Encrypt: letsencrypt.org/repository) and write true")
	}
	if r.required("tls.acme.email", a.Email, "give the address at which the authority may warn you") && !strings.Contains(a.Email, "@") {
		r.wrong("tls.acme.email", shown(a.Email)+" is not an e-mail address", "write it like ops@example.com")
	}
	if a.DirectoryURL != "" {
		r.https("tls.acme.directory_url", &a.DirectoryURL, "leave the key out for Let's Encrypt")
	}
	if a.HTTPListen != "" {
		r.address("tls.acme.http_listen", a.HTTPListen)
	}
	if u, err := url.Parse(c.PublicURL); err == nil && net.ParseIP(u.Hostname()) != nil {
		r.wrong("public_url", "acme needs a name, not an address", "write it like https://presence.example.com")
	}
}

func (r *reader) checkNATS(n NATS) {
	r.checkServers("nats.url", n.URL, "nats.credentials_file")
	r.checkForward(n.Forward)
	if n.URL != "" && n.URL == n.Forward.URL {
		r.wrong("nats.forward.url", "is the server that nats.url names", "leave nats.forward.url out, or leave nats.url out to store locally first")
	}
	if r.replicas("nats.replicas", n.Replicas) && n.Replicas > 1 && n.URL == "" {
		r.wrong("nats.replicas", "the embedded server is alone and keeps one copy", "write 1, or name a cluster in nats.url")
	}
	r.address("nats.embedded.listen", n.Embedded.Listen)
	r.oneOf("nats.embedded.sync", n.Embedded.Sync, []string{SyncAlways, SyncInterval})
	r.pair("nats.tls", n.TLS.CertFile, n.TLS.KeyFile)
}

// checkServers checks the URLs of NATS servers.
func (r *reader) checkServers(path, servers, credentials string) {
	if servers == "" {
		return
	}
	for server := range strings.SplitSeq(servers, ",") {
		u, err := url.Parse(strings.TrimSpace(server))
		switch {
		case err != nil || u.Host == "" || !slices.Contains([]string{"nats", "tls", "ws", "wss"}, u.Scheme):
			r.wrong(path, shown(server)+" is not the URL of a NATS server", "write it like tls://nats.example.com:4222; several with commas between")
		case u.User != nil:
			r.wrong(path, "holds a user or a token", "put them into "+credentials)
		}
	}
}

func (r *reader) checkForward(f Forward) {
	r.checkServers("nats.forward.url", f.URL, "nats.forward.credentials_file")
	r.pair("nats.forward.tls", f.TLS.CertFile, f.TLS.KeyFile)
	r.replicas("nats.forward.replicas", f.Replicas)
	r.bounds("nats.forward.max_age", f.MaxAge, time.Hour, 30*24*time.Hour)
	if low, high := 16, 1<<20; f.MaxMiB < low || f.MaxMiB > high {
		r.wrong("nats.forward.max_mib", fmt.Sprintf("%d is out of bounds", f.MaxMiB), fmt.Sprintf("choose between %d and %d", low, high))
	}
}

func (r *reader) replicas(path string, n int) bool {
	ok := slices.Contains([]int{1, 3, 5}, n)
	if !ok {
		r.wrong(path, fmt.Sprintf("%d is not a number of replicas that can agree", n), "write 1, 3 or 5")
	}
	return ok
}

// https checks an https URL and takes slashes from its end; nil if it is wrong.
func (r *reader) https(path string, value *string, right string) *url.URL {
	if !r.required(path, *value, right) {
		return nil
	}
	u, err := url.Parse(*value)
	switch {
	case err != nil || u.Scheme != "https" || u.Hostname() == "" || u.Opaque != "":
		r.wrong(path, shown(*value)+" is not an https URL", right)
	case u.User != nil:
		r.wrong(path, "holds a user name", right)
	case u.RawQuery != "" || u.ForceQuery || strings.Contains(*value, "#"):
		r.wrong(path, "has a query or a fragment", "leave out everything from ? or # on")
	default:
		*value = strings.TrimRight(*value, "/")
		return u
	}
	return nil
}

// address checks host:port, where an empty host means every interface.
func (r *reader) address(path, value string) (host string, ok bool) {
	host, port, err := net.SplitHostPort(value)
	number, portErr := strconv.ParseUint(port, 10, 16)
	if err != nil || portErr != nil || number == 0 && port != "0" {
		r.wrong(path, shown(value)+" is not an address to listen on", "write it like 127.0.0.1:9090, or :8443 for every interface")
		return "", false
	}
	return host, true
}

// ParseNetwork reads an address or a network like 10.0.0.0/24.
func ParseNetwork(text string) (netip.Prefix, error) {
	if p, err := netip.ParsePrefix(text); err == nil {
		return p.Masked(), nil
	}
	ip, err := netip.ParseAddr(text)
	if err != nil {
		return netip.Prefix{}, err
	}
	return ip.Unmap().Prefix(ip.Unmap().BitLen())
}

func isLoopback(host string) bool {
	ip, err := netip.ParseAddr(host)
	host = strings.ToLower(strings.TrimSuffix(host, "."))
	return host == "localhost" || strings.HasSuffix(host, ".localhost") || err == nil && ip.Unmap().IsLoopback()
}

// oneOf checks a choice.
func (r *reader) oneOf(path, value string, choices []string) {
	if !slices.Contains(choices, value) {
		r.wrong(path, shown(value)+" is not a choice", "write "+strings.Join(choices, " or "))
	}
}

func (r *reader) bounds(path string, d, low, high time.Duration) {
	if d < low || d > high {
		r.wrong(path, short(d)+" is out of bounds", "choose between "+short(low)+" and "+short(high))
	}
}

// short writes 2m0s as 2m.
func short(d time.Duration) string {
	text := d.String()
	if strings.HasSuffix(text, "m0s") {
		text = strings.TrimSuffix(text, "0s")
	}
	if strings.HasSuffix(text, "h0m") {
		text = strings.TrimSuffix(text, "0m")
	}
	return text
}

func (r *reader) required(path, value, right string) bool {
	if value == "" {
		r.wrong(path, "is missing", right)
	}
	return value != ""
}

var guidForm = regexp.MustCompile(`^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$`)

func isGUID(text string) bool { return guidForm.MatchString(strings.ToLower(text)) }

// guid checks an id and puts it into lower case. The value is not repeated: ids
// and secrets are copied from the same page, and are easily mixed up.
func (r *reader) guid(path string, value *string, right string) {
	if r.required(path, *value, right) && !isGUID(*value) {
		r.wrong(path, "is not a GUID", right+", like 24d3b144-21ae-4080-943f-7067b395b913")
	}
	*value = strings.ToLower(*value)
}
