// Package admin changes the directory as an administrator: app registrations,
// permissions and consent, service users, owners. It is what setting up needs.
//
// It is not for the service, which may only read. It decides nothing: each
// method is one call of Graph; what is to be changed is internal/setup's.
//
// Ids of permissions are looked up in the tenant's own service principal of
// Microsoft Graph, never known by heart.
package admin
