package events

import (
	"crypto/sha256"
	"encoding/base64"
	"encoding/binary"
	"strings"
)

// UserMessageID is the id of the event that a notification gives. The same
// notification gives the same id at every replica and every delivery, so that
// the stream stores it once. 24 characters, base64url.
func UserMessageID(tenantID, userID, notificationKey string) string {
	return messageID("user/notification", strings.ToLower(tenantID), strings.ToLower(userID), notificationKey)
}

// ReadMessageID is the id of the event that a read gives: the same state read
// twice after the same event gives the same id, and the same state after
// another event gives another one. State is whatever a change of which makes a
// new event: availability, activity, freshness and so on, in a fixed order.
//
// For the first state of somebody pass the id of the directory event that added
// them: without it, somebody who left and came back with the same state would
// get the same id, and the stream would take the event for a repeat.
func ReadMessageID(tenantID, userID, previousEventID string, state ...string) string {
	parts := append([]string{"user/read", strings.ToLower(tenantID), strings.ToLower(userID), previousEventID}, state...)
	return messageID(parts...)
}

// DirectoryMessageID is the id of a directory event: the same change after the
// same directory event about the person gives the same id, so that publishing it
// again stores it once; after another event it gives another one. State is
// whatever a change of which makes a new event, in a fixed order.
func DirectoryMessageID(tenantID, userID, previousEventID, change string, state ...string) string {
	parts := append([]string{"directory", strings.ToLower(tenantID), strings.ToLower(userID), previousEventID, change}, state...)
	return messageID(parts...)
}

// messageID hashes the parts, each led by its length: no two lists of parts
// give the same bytes.
func messageID(parts ...string) string {
	buf := make([]byte, 0, 256) // as a rule on the stack
	for _, part := range parts {
		buf = binary.AppendUvarint(buf, uint64(len(part)))
		buf = append(buf, part...)
	}
	sum := sha256.Sum256(buf)
	var id [24]byte
	base64.RawURLEncoding.Encode(id[:], sum[:18])
	return string(id[:])
}

// DecisionMessageID is the id of a decision event. The same decision about the
// same user event after the same earlier decision gives the same id, so that a
// decision that is published again after a crash is recognised as a repeat.
func DecisionMessageID(client, userID, previousID, eventID, decision string) string {
	return messageID("decision", strings.ToLower(client), strings.ToLower(userID), previousID, eventID, decision)
}
