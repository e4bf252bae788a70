package notification

// Reason says why an item was refused. The values are stable: they are labels
// of metrics and stand in logs. None of them says anything about a person.
type Reason string

// The reasons, in the order of the checks.
const (
	ReasonMalformedItem Reason = "malformed_item" // a member of a wrong type
	ReasonUnknownTenant Reason = "unknown_tenant" // not configured, or absent
	ReasonClientState   Reason = "client_state"   // not issued by us for this tenant
	ReasonOtherResource Reason = "other_resource" // not a presence
	ReasonOtherChange   Reason = "other_change"   // a change type other than updated
	ReasonNoUser        Reason = "no_user"        // nowhere a directory id of the person
	ReasonIDMismatch    Reason = "id_mismatch"    // two places name different people

	// ReasonTokenMissing: encrypted items came without any token. See [AdviceTokenMissing].
	ReasonTokenMissing     Reason = "token_missing"
	ReasonTokenMalformed   Reason = "token_malformed"
	ReasonTokenAlgorithm   Reason = "token_algorithm"     // anything but RS256
	ReasonTokenVersion     Reason = "token_version"       // neither 1.0 nor 2.0
	ReasonTokenIssuer      Reason = "token_issuer"        // not the authority for the token's tenant
	ReasonTokenPublisher   Reason = "token_publisher"     // not Microsoft Graph Change Tracking
	ReasonTokenExpired     Reason = "token_expired"       // more than five minutes ago
	ReasonTokenNotYetValid Reason = "token_not_yet_valid" // more than five minutes ahead
	ReasonTokenTenant      Reason = "token_tenant"        // no token for the tenant of the item
	ReasonTokenAudience    Reason = "token_audience"      // for another app
	ReasonTokenUnknownKey  Reason = "token_unknown_kid"   // signed with a key that the authority does not list
	ReasonTokenSignature   Reason = "token_signature"

	ReasonUnknownKey        Reason = "unknown_certificate" // encrypted for a key that we do not hold
	ReasonContent           Reason = "content"             // one reason for whatever fails in decrypting
	ReasonMalformedPresence Reason = "malformed_presence"  // decrypted, but not a presence
)

// AdviceTokenMissing is what an operator must do about [ReasonTokenMissing].
// Source: Graph, "change notifications that include resource data".
const AdviceTokenMissing = "Graph sent encrypted items without validation tokens: set appRoleAssignmentRequired to false " +
	"on the app's service principal (Entra ID: Enterprise applications, Properties, Assignment required = No), " +
	"or assign an app role of it to Microsoft Graph Change Tracking (" + Publisher + ")"
