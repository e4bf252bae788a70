package graph

// ServicePrincipal is what a tenant's directory holds of an app. What the token
// may not read is nil.
type ServicePrincipal struct {
	ID                 string
	Enabled            *bool
	AssignmentRequired *bool
}

// ChangeTracking is how the directory names the service that sends notifications.
// Source: Graph, "change notifications with resource data".
const ChangeTracking = "Microsoft Graph Change Tracking"
