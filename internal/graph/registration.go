package graph

import "time"

// Application is an app registration, as far as we look at it.
type Application struct {
	ObjectID string
	ClientID string
	Name     string
	Secrets  []AppSecret
}

// AppSecret is what the directory tells about a client secret, never its value.
type AppSecret struct {
	KeyID string
	Name  string
	Hint  string // how the value begins
	Ends  time.Time
}

// PasswordFacts is what decides when a user's password ends, together with the
// policy of the domain.
type PasswordFacts struct {
	UserID       string
	Changed      time.Time // zero when the directory does not tell
	NeverExpires bool      // by the user's own policy
	Synchronised bool      // from an on-premises directory, whose policy counts
	Enabled      *bool     // nil when the directory does not tell
}

// PasswordPolicy of a domain.
type PasswordPolicy struct {
	Days      int // 0: the domain names no period; math.MaxInt32: never
	Federated bool
}
