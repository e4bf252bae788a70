package notification

import (
	"errors"

	"github.com/go-json-experiment/json"

	"jtel.de/presencebridge/internal/graph"
)

// resource is a presence as it stands in resourceData or in decrypted content.
// Availability and activity make a presence; the rest is optional, and in a
// wrong shape it counts as not told. Source: Graph, "resource type presence".
type resource struct {
	ODataID        string                   `json:"@odata.id"`
	ODataType      string                   `json:"@odata.type"`
	ID             string                   `json:"id"`
	Availability   string                   `json:"availability"`
	Activity       string                   `json:"activity"`
	SequenceNumber optional[string]         `json:"sequenceNumber"`
	OutOfOffice    optional[outOfOffice]    `json:"outOfOfficeSettings"`
	StatusMessage  optional[*statusMessage] `json:"statusMessage"`
	WorkLocation   optional[*workLocation]  `json:"workLocation"`
}

type outOfOffice struct {
	Is *bool `json:"isOutOfOffice"`
}

type statusMessage struct {
	Message struct {
		Content *string `json:"content"`
	} `json:"message"`
}

type workLocation struct {
	Type *string `json:"workLocationType"`
}

var errPresence = errors.New("not a presence")

// decodePresence reads decrypted content.
func decodePresence(plain []byte) (resource, error) {
	var r resource
	if err := json.Unmarshal(plain, &r); err != nil {
		return resource{}, errPresence // without the cause, which would quote the content
	}
	if !r.hasState() {
		return resource{}, errPresence
	}
	return r, nil
}

func (r *resource) hasState() bool { return r.Availability != "" && r.Activity != "" }

// presence gives our form of it, for this user.
func (r *resource) presence(user string) graph.Presence {
	p := graph.Presence{
		UserID:         user,
		Availability:   r.Availability,
		Activity:       r.Activity,
		OutOfOffice:    r.OutOfOffice.Value.Is,
		SequenceNumber: r.SequenceNumber.Value,
	}
	if s := r.StatusMessage.Value; s != nil {
		p.StatusMessage = s.Message.Content
	}
	if w := r.WorkLocation.Value; w != nil {
		p.WorkLocation = w.Type
	}
	return p
}
