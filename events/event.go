package events

import (
	"errors"
	"fmt"
	"strings"
	"time"
)

// Event is a CloudEvent 1.0 of one of our types. The members specversion, type,
// source, subject and datacontenttype follow from the data and are not kept.
type Event[T Data] struct {
	// ID is the deduplication id, 1 to 128 printable ASCII characters.
	ID string
	// Time is when the bridge learnt of it. Left zero, it is encoded as the
	// data's ObservedAt, which is what the contract says.
	Time time.Time
	Data T
	// Sequence is the event's place on the stream, by which an older event is
	// told from a newer one. Set by whatever reads from NATS, ignored by Encode;
	// zero when it is not known. A stream that is made anew counts from one.
	Sequence uint64
}

// The events by name.
type (
	UserEvent      = Event[UserData]
	DirectoryEvent = Event[DirectoryData]
	CoverageEvent  = Event[CoverageData]
	DecisionEvent  = Event[DecisionData]
)

// Values of the CloudEvents member "type".
const (
	TypeUser      = "presence.user.changed.v1"
	TypeDirectory = "presence.directory.changed.v1"
	TypeCoverage  = "presence.coverage.changed.v1"
	TypeDecision  = "presence.decision.changed.v1"
)

// ContentType is the media type of a message.
const ContentType = "application/cloudevents+json"

// Data is what an event can carry. The set is closed: it is the contract.
type Data interface {
	UserData | DirectoryData | CoverageData | DecisionData

	route() (route, error)
}

// route is what follows from the data: where it goes and what it is about.
type route struct {
	source   string
	about    string // CloudEvents "subject"
	subject  string // of NATS
	observed time.Time
}

// filterFor is the wildcard over all subjects of a type of event.
func filterFor[T Data]() string {
	var data T
	switch any(data).(type) {
	case UserData:
		return UserSubjects
	case DirectoryData:
		return DirectorySubjects
	case CoverageData:
		return CoverageSubjects
	}
	return DecisionSubjects
}

// kindOf is the CloudEvents type of a type of event.
func kindOf[T Data]() string {
	var data T
	switch any(data).(type) {
	case UserData:
		return TypeUser
	case DirectoryData:
		return TypeDirectory
	case CoverageData:
		return TypeCoverage
	}
	return TypeDecision
}

// checkID: an id travels in a header, so it must not break one.
func checkID(id string) error {
	if id == "" || len(id) > 128 {
		return fmt.Errorf("event id of %d characters: 1 to 128 are allowed", len(id))
	}
	for i := range len(id) {
		if id[i] < 0x20 || id[i] > 0x7e {
			return errors.New("event id holds characters other than printable ASCII")
		}
	}
	if id[0] == ' ' || id[len(id)-1] == ' ' {
		return errors.New("event id begins or ends with a space")
	}
	return nil
}

// oneOf checks a member that has a fixed set of values.
func oneOf(what, value string, allowed ...string) error {
	for _, a := range allowed {
		if value == a {
			return nil
		}
	}
	return fmt.Errorf("%s %.40q is none of [%s]", what, value, strings.Join(allowed, " "))
}
