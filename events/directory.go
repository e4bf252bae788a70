package events

import (
	"errors"
	"time"
)

// Values of [DirectoryData].Change.
const (
	Added   = "added"
	Changed = "changed"
	// Removed: the person is no longer watched. The event names them by id alone,
	// and storing it wipes the earlier directory events about them.
	Removed = "removed"
)

// DirectoryData says that a watched person was added, changed or removed.
type DirectoryData struct {
	TenantID    string    `json:"tenantId"` // lower-case GUID
	Tenant      string    `json:"tenant"`
	Change      string    `json:"change"`
	User        User      `json:"user"`
	ObservedAt  time.Time `json:"observedAt"`
	PublishedAt time.Time `json:"publishedAt"`
}

func (d DirectoryData) route() (route, error) {
	subject, err := DirectorySubject(d.TenantID, d.User.ID)
	if err != nil {
		return route{}, err
	}
	err = errors.Join(
		oneOf("change", d.Change, Added, Changed, Removed),
		checkTime("observedAt", d.ObservedAt),
		checkTime("publishedAt", d.PublishedAt),
	)
	return route{"/tenants/" + d.TenantID, d.User.ID, subject, d.ObservedAt}, err
}
