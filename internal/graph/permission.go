package graph

// Need says when a permission is needed.
type Need int

// The needs.
const (
	Always    Need = iota
	ForPush        // unless everybody is only polled
	ForGroups      // if people are named by groups
	ForHidden      // for groups whose membership is hidden
	Optional       // only warns earlier
)

// Permission is one of Microsoft Graph that the bridge uses. None can change anything.
type Permission struct {
	Name      string
	Delegated bool // of a service user; otherwise of the app itself
	Need      Need
	// Within are stronger ones that include it.
	Within []string
}

// Permissions are all that the bridge uses, the least for each purpose.
// Source: Graph, the "permissions" table of each call.
func Permissions() []Permission {
	return []Permission{
		{Name: "Presence.Read.All", Delegated: true, Need: ForPush, Within: []string{"Presence.ReadWrite.All"}},
		{Name: "Presence.Read.All", Within: []string{"Presence.ReadWrite.All"}},
		{Name: "User.Read.All", Within: []string{"User.ReadWrite.All", "Directory.Read.All", "Directory.ReadWrite.All"}},
		{Name: "GroupMember.Read.All", Need: ForGroups, Within: []string{"GroupMember.ReadWrite.All", "Group.Read.All", "Group.ReadWrite.All", "Directory.Read.All", "Directory.ReadWrite.All"}},
		{Name: "Member.Read.Hidden", Need: ForHidden},
		{Name: "Application.Read.All", Need: Optional, Within: []string{"Application.ReadWrite.All", "Directory.Read.All", "Directory.ReadWrite.All"}},
		{Name: "Domain.Read.All", Need: Optional, Within: []string{"Domain.ReadWrite.All", "Directory.Read.All", "Directory.ReadWrite.All"}},
	}
}
