package people

import (
	"maps"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
)

// Directory holds the watched people of every tenant. It is safe for
// concurrent use: readers take no lock, since every roster is replaced as a
// whole and never changed.
type Directory struct {
	mu      sync.Mutex // one writer at a time
	tenants atomic.Pointer[map[string]*roster]
}

// roster is one tenant's people and the ways to find them.
type roster struct {
	people  map[string]Person
	ids     []string            // sorted
	byMail  map[string][]string // lower-case mail or UPN -> ids, sorted
	byPhone map[string][]string // E.164, or the raw text -> ids, sorted
}

// NewDirectory gives an empty directory.
func NewDirectory() *Directory {
	d := &Directory{}
	d.tenants.Store(&map[string]*roster{})
	return d
}

// Diff is what a replacement changed, each list sorted by id. Changed holds the
// people as they are now.
type Diff struct{ Added, Changed, Removed []Person }

// Empty reports whether nothing changed.
func (d Diff) Empty() bool { return len(d.Added)+len(d.Changed)+len(d.Removed) == 0 }

// Lookup finds a watched person; both ids are lower-case GUIDs. This is asked
// for every notification and allocates nothing.
func (d *Directory) Lookup(tenantID, userID string) (Person, bool) {
	r := (*d.tenants.Load())[tenantID]
	if r == nil {
		return Person{}, false
	}
	p, ok := r.people[userID]
	return p, ok
}

// IDs gives the ids of a tenant's watched people, sorted. The slice is the caller's.
func (d *Directory) IDs(tenantID string) []string {
	r := (*d.tenants.Load())[tenantID]
	if r == nil {
		return nil
	}
	return slices.Clone(r.ids)
}

// FindByMail finds people by mail address or user principal name, without
// regard to case, sorted by tenant and id. An empty tenantID searches every
// tenant. More than one answer means that the address is ambiguous.
func (d *Directory) FindByMail(tenantID, mail string) []Person {
	key := mailKey(mail)
	return d.find(tenantID, func(r *roster) []string { return r.byMail[key] })
}

// FindByPhone finds people by phone number, sorted by tenant and id; callers
// try [Directory.FindByMail] first. A number in international form is found in
// whatever way it is written; any other text only as the directory has it.
// Several people may share a number: then nobody in particular was found.
func (d *Directory) FindByPhone(tenantID, phone string) []Person {
	key, ok := E164(phone, "")
	if !ok {
		key = strings.TrimSpace(phone)
	}
	return d.find(tenantID, func(r *roster) []string { return r.byPhone[key] })
}

func (d *Directory) find(tenantID string, ids func(*roster) []string) []Person {
	var found []Person
	for tenant, r := range *d.tenants.Load() {
		if tenantID != "" && tenant != tenantID {
			continue
		}
		for _, id := range ids(r) {
			found = append(found, r.people[id])
		}
	}
	slices.SortFunc(found, byID)
	return found
}

// Replace makes people the whole of a tenant's watched people and tells what
// that changed. It fills in their tenant; of two with the same id the later
// counts.
func (d *Directory) Replace(tenantID string, people []Person) Diff {
	next := newRoster(tenantID, people)

	d.mu.Lock()
	defer d.mu.Unlock()
	tenants := maps.Clone(*d.tenants.Load())
	before := tenants[tenantID]
	if before == nil {
		before = &roster{}
	}
	tenants[tenantID] = next
	d.tenants.Store(&tenants)
	return compare(before, next)
}

func newRoster(tenantID string, people []Person) *roster {
	r := &roster{
		people:  make(map[string]Person, len(people)),
		byMail:  make(map[string][]string, 2*len(people)),
		byPhone: make(map[string][]string, len(people)),
	}
	for _, p := range people {
		p.TenantID, p.ID = tenantID, strings.ToLower(p.ID)
		r.people[p.ID] = p
	}
	r.ids = slices.Sorted(maps.Keys(r.people))
	for _, id := range r.ids {
		p := r.people[id]
		index(r.byMail, mailKey(p.Mail), id)
		index(r.byMail, mailKey(p.UserPrincipalName), id)
		for _, number := range p.Phones {
			index(r.byPhone, number, id)
		}
		for _, raw := range p.RawPhones {
			index(r.byPhone, raw, id)
		}
	}
	return r
}

func mailKey(mail string) string { return strings.ToLower(strings.TrimSpace(mail)) }

func index(m map[string][]string, key, id string) {
	if key != "" {
		m[key] = appendNew(m[key], id)
	}
}

func compare(before, after *roster) Diff {
	var d Diff
	for _, id := range after.ids {
		now := after.people[id]
		if old, known := before.people[id]; !known {
			d.Added = append(d.Added, now)
		} else if !old.same(now) {
			d.Changed = append(d.Changed, now)
		}
	}
	for _, id := range before.ids {
		if _, stays := after.people[id]; !stays {
			d.Removed = append(d.Removed, before.people[id])
		}
	}
	return d
}
