package graph

// User is a directory user, with the properties that we select.
type User struct {
	ID                string // lower-case GUID
	UserPrincipalName string
	Mail              string // empty when Graph sent null
	DisplayName       string
	BusinessPhones    []string
	MobilePhone       string
	// UsageLocation is the two-letter country, by which national phone numbers are read.
	UsageLocation string
	// AccountEnabled is nil when the token may not read it.
	AccountEnabled *bool
	UserType       string // "Member", "Guest" or empty
}

// UserChange says that somebody in the directory came or changed, or, when
// Removed, is gone. What changed is to be read.
type UserChange struct {
	ID      string // lower-case GUID
	Removed bool
}

// Group is a directory group.
type Group struct {
	ID          string
	DisplayName string
}
