package graphsim

import (
	"time"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"
)

// collection is the body of a POST to a notification URL.
type collection struct {
	Value  []wireItem     `json:"value"`
	Tokens jsontext.Value `json:"validationTokens,omitzero"`
	Future object         `json:"futureMember,omitzero"`
}

type wireItem struct {
	ID             string  `json:"id,omitzero"`
	SubscriptionID string  `json:"subscriptionId"`
	Expires        string  `json:"subscriptionExpirationDateTime"`
	TenantID       string  `json:"tenantId"`
	OrganizationID string  `json:"organizationId,omitzero"`
	ClientState    *string `json:"clientState,omitzero"`
	ChangeType     string  `json:"changeType,omitzero"`
	LifecycleEvent string  `json:"lifecycleEvent,omitzero"`
	Resource       string  `json:"resource,omitzero"`
	ResourceData   object  `json:"resourceData,omitzero"`
	Encrypted      *sealed `json:"encryptedContent,omitzero"`
	Future         object  `json:"futureMember,omitzero"`
}

// sealed is an item's encryptedContent. Bytes are printed in base64.
type sealed struct {
	Data       []byte `json:"data"`
	Signature  []byte `json:"dataSignature"`
	Key        []byte `json:"dataKey"`
	CertID     string `json:"encryptionCertificateId"`
	Thumbprint string `json:"encryptionCertificateThumbprint"`
}

// render writes the body for some items of one URL.
func (s *Simulator) render(items []*item) ([]byte, error) {
	f, tenant := s.Faults(), s.tenantID()
	c := collection{Value: make([]wireItem, 0, len(items)+1)}
	audiences := map[audience]bool{}
	for _, i := range items {
		w, err := i.notification.wire(&f, tenant)
		if err != nil {
			return nil, err
		}
		if w.Encrypted != nil {
			audiences[audience{i.app, tenant}] = true
		}
		c.Value = append(c.Value, w)
	}
	if items[0].lifecycle == "" && s.chance.chance(f.ForeignItems) {
		w := s.foreign(c.Value[0])
		if w.Encrypted != nil {
			audiences[audience{s.keys.foreignApp, w.TenantID}] = true
		}
		c.Value = append(c.Value, w)
	}
	if f.Reorder {
		s.chance.shuffle(len(c.Value), func(i, j int) { c.Value[i], c.Value[j] = c.Value[j], c.Value[i] })
	}
	if len(audiences) > 0 {
		c.Tokens = s.validationTokens(audiences)
	}
	if f.UnknownMembers {
		c.Future = object{"schema": 2}
	}
	return json.Marshal(c)
}

// foreign is an item of somebody else who uses the same URL.
func (s *Simulator) foreign(like wireItem) wireItem {
	like.SubscriptionID, like.TenantID = s.ids.guid(), s.keys.foreignTenant
	state := s.ids.guid()
	like.ClientState = &state
	if like.OrganizationID != "" {
		like.OrganizationID = like.TenantID
	}
	return like
}

// wire is the notification as it is printed.
func (n *notification) wire(f *Faults, tenant string) (wireItem, error) {
	w := wireItem{ID: n.itemID, SubscriptionID: n.id, TenantID: tenant, Expires: wireTime(n.expires, f)}
	if n.clientState != "" {
		w.ClientState = &n.clientState
	}
	if f.UnknownMembers {
		w.Future = object{"shard": 7}
	}
	if n.lifecycle != "" {
		w.LifecycleEvent = n.lifecycle
		return w, nil
	}
	w.ChangeType = "updated"
	w.Resource = "communications/presences('" + n.user + "')"
	if f.ResourceForm == "slash" {
		w.Resource = "communications/presences/" + n.user
	}
	w.ResourceData = object{"@odata.type": odataType(f), "@odata.id": w.Resource, "id": n.user}
	if f.NullID {
		w.ResourceData["id"] = nil
	}
	if n.rich {
		var err error
		n.once.Do(func() { n.sealed, err = seal(n.cert, n.certID, n.plain(f)) })
		w.Encrypted = n.sealed
		return w, err
	}
	w.OrganizationID = tenant
	if f.ClearPresence {
		w.ResourceData["availability"], w.ResourceData["activity"] = n.state.spelled(f)
	}
	return w, nil
}

func odataType(f *Faults) string {
	if f.CapitalType {
		return "#Microsoft.Graph.presence"
	}
	return "#microsoft.graph.presence"
}

func wireTime(t time.Time, f *Faults) string {
	if f.SevenDigits {
		return t.UTC().Format("2006-01-02T15:04:05.0000000+00:00")
	}
	return t.UTC().Format("2006-01-02T15:04:05.999Z")
}

// plain is the presence that is encrypted.
func (n *notification) plain(f *Faults) []byte {
	o := object{"@odata.id": "users/" + n.user + "/presence", "@odata.type": odataType(f), "id": n.user}
	o["availability"], o["activity"] = n.state.spelled(f)
	if f.SequenceInNotifications {
		o["sequenceNumber"] = n.state.sequenceNumber()
	}
	if f.UnknownMembers {
		o["@odata.context"] = "https://graph.microsoft.com/v1.0/$metadata#users('" + n.user + "')/presence/$entity"
		o["futureMember"] = []any{}
	}
	b, err := json.Marshal(o)
	if err != nil {
		panic(err) // strings only
	}
	return b
}
