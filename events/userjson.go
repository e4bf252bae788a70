package events

import (
	"time"

	"github.com/go-json-experiment/json/jsontext"
)

// userWriter writes user events by hand: they are nearly all events, and the
// library's reflection took more time for one than everything else that the
// bridge does about it. A test holds it against the library.
type userWriter struct {
	b   []byte
	err error
}

// encodeUser writes a checked event. Its members and their order are those of
// [envelope] and [UserData].
func encodeUser(e *UserEvent, to route) ([]byte, error) {
	w := userWriter{b: make([]byte, 0, 1024)}
	d := &e.Data
	w.text(`{"specversion":"1.0","id":`, e.ID)
	w.text(`,"type":`, TypeUser)
	w.text(`,"source":`, to.source)
	w.text(`,"subject":`, to.about)
	w.time(`,"time":`, e.Time)
	w.text(`,"datacontenttype":"application/json","data":{"tenantId":`, d.TenantID)
	w.text(`,"tenant":`, d.Tenant)
	w.user(&d.User)
	w.text(`,"availability":`, d.Availability)
	w.text(`,"activity":`, d.Activity)
	if d.OutOfOffice != nil {
		w.flag(`,"outOfOffice":`, *d.OutOfOffice)
	}
	if d.StatusMessage != nil {
		w.text(`,"statusMessage":`, *d.StatusMessage)
	}
	if d.WorkLocation != nil {
		w.text(`,"workLocation":`, *d.WorkLocation)
	}
	w.optional(`,"sequenceNumber":`, d.SequenceNumber)
	if p := d.Previous; p != nil {
		w.text(`,"previous":{"availability":`, p.Availability)
		w.text(`,"activity":`, p.Activity)
		w.time(`,"observedAt":`, p.ObservedAt)
		w.b = append(w.b, '}')
	}
	w.text(`,"origin":`, d.Origin)
	w.time(`,"observedAt":`, d.ObservedAt)
	w.time(`,"publishedAt":`, d.PublishedAt)
	w.text(`,"freshness":`, d.Freshness)
	w.b = append(w.b, "}}"...)
	return w.b, w.err
}

func (w *userWriter) user(u *User) {
	w.text(`,"user":{"id":`, u.ID)
	w.optional(`,"userPrincipalName":`, u.UserPrincipalName)
	w.optional(`,"mail":`, u.Mail)
	w.optional(`,"displayName":`, u.DisplayName)
	before := `,"phones":[`
	for _, phone := range u.Phones {
		w.text(before, phone)
		before = `,`
	}
	if len(u.Phones) > 0 {
		w.b = append(w.b, ']')
	}
	w.b = append(w.b, '}')
}

// text writes a quoted value after what stands before it. Text that is not
// UTF-8 is an error.
func (w *userWriter) text(before, value string) {
	var err error
	w.b = append(w.b, before...)
	if w.b, err = jsontext.AppendQuote(w.b, value); err != nil && w.err == nil {
		w.err = err
	}
}

func (w *userWriter) optional(before, value string) {
	if value != "" {
		w.text(before, value)
	}
}

func (w *userWriter) flag(before string, value bool) {
	w.b = append(w.b, before...)
	if value {
		w.b = append(w.b, "true"...)
	} else {
		w.b = append(w.b, "false"...)
	}
}

func (w *userWriter) time(before string, t time.Time) {
	w.b = append(w.b, before...)
	w.b = append(w.b, '"')
	w.b = appendTime(w.b, t)
	w.b = append(w.b, '"')
}
