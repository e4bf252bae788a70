package events

import (
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"
)

// envelope is the structured form of a CloudEvent 1.0. The order of its members
// is the one of the contract's example.
type envelope[T Data] struct {
	SpecVersion     string    `json:"specversion"`
	ID              string    `json:"id"`
	Type            string    `json:"type"`
	Source          string    `json:"source"`
	Subject         string    `json:"subject"`
	Time            time.Time `json:"time"`
	DataContentType string    `json:"datacontenttype"`
	Data            T         `json:"data"`
}

var (
	encodeTimes = json.WithMarshalers(json.MarshalToFunc(func(e *jsontext.Encoder, t time.Time) error {
		return e.WriteToken(jsontext.String(formatTime(t)))
	}))
	decodeTimes = json.WithUnmarshalers(json.UnmarshalFromFunc(func(d *jsontext.Decoder, t *time.Time) error {
		token, err := d.ReadToken()
		if err != nil {
			return err
		}
		if token.Kind() != '"' {
			return errors.New("a time must be a string")
		}
		*t, err = parseTime(token.String())
		return err
	}))
)

// formatTime writes RFC 3339 in UTC with milliseconds. A whole second has no
// fraction, as in the contract's example and as Java's Instant prints it.
func formatTime(t time.Time) string { return string(appendTime(nil, t)) }

func appendTime(b []byte, t time.Time) []byte {
	if t = t.UTC(); t.Nanosecond() < int(time.Millisecond) {
		return t.AppendFormat(b, "2006-01-02T15:04:05Z")
	}
	return t.AppendFormat(b, "2006-01-02T15:04:05.000Z")
}

// parseTime reads RFC 3339 with any offset and fraction.
func parseTime(text string) (time.Time, error) {
	t, err := time.Parse(time.RFC3339Nano, text)
	if err != nil {
		return time.Time{}, fmt.Errorf("%.40q is not a time of RFC 3339", text)
	}
	return t.UTC(), nil
}

// checkTime: what has no four-digit year cannot be written, and the zero time
// was forgotten to be set.
func checkTime(what string, t time.Time) error {
	if year := t.UTC().Year(); t.IsZero() || year < 0 || year > 9999 {
		return fmt.Errorf("%s is missing or out of range", what)
	}
	return nil
}

// Encode writes an event. Ids are written in lower case; an event that the
// contract does not allow (a bad id, an unknown origin, no time) is an error.
func Encode[T Data](e Event[T]) ([]byte, error) {
	b, _, err := encode(e)
	return b, err
}

func encode[T Data](e Event[T]) ([]byte, route, error) {
	to, err := check(&e)
	if err != nil {
		return nil, route{}, fmt.Errorf("encode %s: %w", kindOf[T](), err)
	}
	var b []byte
	if user, ok := any(&e).(*UserEvent); ok {
		b, err = encodeUser(user, to)
	} else {
		b, err = encodeAny(e, to)
	}
	if err != nil {
		return nil, route{}, fmt.Errorf("encode %s: %w", kindOf[T](), err)
	}
	return b, to, nil
}

func encodeAny[T Data](e Event[T], to route) ([]byte, error) {
	return json.Marshal(&envelope[T]{
		SpecVersion: "1.0", ID: e.ID, Type: kindOf[T](), Source: to.source, Subject: to.about,
		Time: e.Time, DataContentType: "application/json", Data: e.Data,
	}, encodeTimes)
}

// Decode reads an event of a known type, for example Decode[events.UserData](b).
// Unknown members are ignored. Another type, another version of CloudEvents or
// data that the contract does not allow is an error.
func Decode[T Data](b []byte) (Event[T], error) {
	var in envelope[T]
	if err := readEnvelope(b, &in); err != nil {
		return Event[T]{}, fmt.Errorf("decode %s: %w", kindOf[T](), err)
	}
	e := Event[T]{ID: in.ID, Time: in.Time, Data: in.Data}
	if _, err := check(&e); err != nil {
		return Event[T]{}, fmt.Errorf("decode %s: %w", kindOf[T](), err)
	}
	return e, nil
}

// DecodeAny reads an event of whatever type and gives a UserEvent,
// DirectoryEvent, CoverageEvent or DecisionEvent.
func DecodeAny(b []byte) (any, error) {
	var head struct {
		Type string `json:"type"`
	}
	if err := json.Unmarshal(b, &head); err != nil {
		return nil, fmt.Errorf("decode event: %w", err)
	}
	switch head.Type {
	case TypeUser:
		return Decode[UserData](b)
	case TypeDirectory:
		return Decode[DirectoryData](b)
	case TypeCoverage:
		return Decode[CoverageData](b)
	case TypeDecision:
		return Decode[DecisionData](b)
	}
	return nil, fmt.Errorf("decode event: type %.60q is unknown", head.Type)
}

func readEnvelope[T Data](b []byte, in *envelope[T]) error {
	// The type is read first: data of another type would fail for a wrong reason.
	var head struct {
		SpecVersion string `json:"specversion"`
		Type        string `json:"type"`
	}
	if err := json.Unmarshal(b, &head); err != nil {
		return err
	}
	if head.SpecVersion != "1.0" {
		return fmt.Errorf("specversion %.20q is not 1.0", head.SpecVersion)
	}
	if head.Type != kindOf[T]() {
		return fmt.Errorf("type is %.60q", head.Type)
	}
	return json.Unmarshal(b, in, decodeTimes)
}

// check brings an event into the form that the contract demands, or says why not.
func check[T Data](e *Event[T]) (route, error) {
	normalise(&e.Data)
	to, err := e.Data.route()
	if err != nil {
		return route{}, err
	}
	if e.Time.IsZero() {
		e.Time = to.observed
	}
	return to, errors.Join(checkID(e.ID), checkTime("time", e.Time))
}

// normalise writes ids in lower case, and strips a removal to the id.
func normalise(data any) {
	switch d := data.(type) {
	case *UserData:
		d.TenantID, d.User.ID = strings.ToLower(d.TenantID), strings.ToLower(d.User.ID)
	case *DirectoryData:
		d.TenantID, d.User.ID = strings.ToLower(d.TenantID), strings.ToLower(d.User.ID)
		if d.Change == Removed {
			d.User = User{ID: d.User.ID}
		}
	case *CoverageData:
		d.TenantID, d.Account = strings.ToLower(d.TenantID), strings.ToLower(d.Account)
	case *DecisionData:
		d.TenantID, d.UserID = strings.ToLower(d.TenantID), strings.ToLower(d.UserID)
		d.Client = strings.ToLower(d.Client)
	}
}
