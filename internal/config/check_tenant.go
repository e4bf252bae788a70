package config

import (
	"fmt"
	"regexp"
	"slices"
	"strings"
	"time"
)

var (
	tenantName = regexp.MustCompile(`^[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?$`)
	upnForm    = regexp.MustCompile(`^[^@\s]+@[^@\s.]+(\.[^@\s.]+)+$`)
)

func (r *reader) checkTenant(path string, t *Tenant, before []Tenant) {
	if t.Name == "" {
		r.wrong(path+".name", "is missing", "give it a short name, like contoso")
	} else if !tenantName.MatchString(t.Name) {
		r.wrong(path+".name", shown(t.Name)+" is not a name for a tenant", "use lower-case letters, digits and -, at most 63")
	}
	r.guid(path+".tenant_id", &t.ID, `copy "Directory (tenant) ID" from the app's overview`)
	r.guid(path+".client_id", &t.ClientID, `copy "Application (client) ID" from the app's overview`)
	if t.ID != "" && t.ID == t.ClientID {
		r.wrong(path+".client_id", "is the same as tenant_id", "copy each from its own line of the app's overview")
	}
	for _, other := range before {
		if t.Name != "" && other.Name == t.Name {
			r.wrong(path+".name", "another tenant has this name", "give each its own")
		}
		if t.ID != "" && other.ID == t.ID {
			r.wrong(path+".tenant_id", "another tenant has this id", "keep one of the two, and name all its people there")
		}
	}
	r.checkClientSecret(path, t)
	r.checkAccounts(path, t)
	r.checkPeople(path+".people", t.People)
	r.oneOf(path+".mode", t.Mode, []string{ModePush, ModePoll})
	r.bounds(path+".sweep.interval", t.Sweep.Interval, time.Second, time.Hour)
	r.bounds(path+".sweep.fast_interval", t.Sweep.FastInterval, time.Second, time.Hour)
	if t.Sweep.FastInterval > t.Sweep.Interval {
		r.wrong(path+".sweep.fast_interval", "is longer than sweep.interval", "make it shorter: it is for the time when nothing is pushed")
	}
	r.bounds(path+".stale_after", t.StaleAfter, time.Second, 24*time.Hour)
	if t.StaleAfter <= t.Sweep.Interval {
		r.wrong(path+".stale_after", "is not longer than sweep.interval", "make it at least twice as long, or states are stale between two sweeps")
	}
}

func (r *reader) checkClientSecret(path string, t *Tenant) {
	if !r.exactlyOne(path, "client_secret", "client_secret_file", "client_certificate_file") {
		return
	}
	at := r.given(path, "client_secret", "client_secret_file")
	if len(at) == 0 {
		return
	}
	if value, err := t.ClientSecret.Read(); err == nil && isGUID(value) {
		r.wrong(at[0], "this looks like the secret ID", "give the secret value, which Entra ID shows only once, when the secret is made")
	}
}

func (r *reader) checkAccounts(path string, t *Tenant) {
	if len(t.Accounts) == 0 && t.Mode != ModePoll {
		r.wrong(path+".accounts", "is missing", "give a service user, who carries the subscription, or set mode to poll")
	}
	for i, a := range t.Accounts {
		path := fmt.Sprintf("%s.accounts[%d]", path, i)
		const right = "write it like svc-presence@contoso.com"
		if r.required(path+".username", a.Username, right) && !upnForm.MatchString(a.Username) {
			r.wrong(path+".username", "is not a user principal name", right)
		}
		if slices.ContainsFunc(t.Accounts[:i], func(b Account) bool { return a.Username != "" && strings.EqualFold(a.Username, b.Username) }) {
			r.wrong(path+".username", "another account has this name", "name each once: Graph allows each one subscription")
		}
		r.exactlyOne(path, "password", "password_file", "sign_in")
		// The value may be a password in the wrong place: it is not repeated.
		if a.SignIn != "" && a.SignIn != SignInDeviceCode {
			r.wrong(path+".sign_in", "is not a way to sign in", "write device_code, or give password_file instead")
		}
	}
}

func (r *reader) checkPeople(path string, p People) {
	if len(p.Groups) == 0 && len(p.Users) == 0 && !p.All {
		r.wrong(path, "names nobody", "give groups or users, or set all to true")
	}
	for i, group := range p.Groups {
		r.required(fmt.Sprintf("%s.groups[%d]", path, i), strings.TrimSpace(group), "give an object id or a name")
	}
	for name, list := range map[string][]string{"users": p.Users, "exclude": p.Exclude} {
		for i, person := range list {
			if !isGUID(person) && !upnForm.MatchString(person) {
				r.wrong(fmt.Sprintf("%s.%s[%d]", path, name, i), "is neither an object id nor an address", "give an object id, a user principal name or an e-mail address")
			}
		}
	}
	r.bounds(path+".refresh", p.Refresh, time.Minute, 24*time.Hour)
}

// exactlyOne checks keys that exclude each other, and reports whether one is set.
func (r *reader) exactlyOne(path string, names ...string) bool {
	set := r.given(path, names...)
	choice := strings.Join(names[:len(names)-1], ", ") + " or " + names[len(names)-1]
	switch {
	case len(set) == 0:
		if !slices.ContainsFunc(names, func(name string) bool { return r.isWrong(join(path, name)) }) {
			r.wrong(join(path, names[0]), "is missing", "give exactly one of "+choice)
		}
	case len(set) > 1:
		r.wrong(set[1], fmt.Sprintf("given besides %s at %s", set[0][len(path)+1:], r.places[set[0]]), "give exactly one of "+choice)
	}
	return len(set) == 1
}

// given lists those of the keys that have a value.
func (r *reader) given(path string, names ...string) []string {
	var set []string
	for _, name := range names {
		if at := join(path, name); r.written[at] {
			set = append(set, at)
		}
	}
	return set
}
