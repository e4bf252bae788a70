package graphsim_test

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"encoding/base64"
	"net/url"
	"strings"
	"testing"
	"time"

	"jtel.de/presencebridge/internal/graphsim"
)

const adminScope = "https://graph.microsoft.com/Application.ReadWrite.All https://graph.microsoft.com/AppRoleAssignment.ReadWrite.All " +
	"https://graph.microsoft.com/DelegatedPermissionGrant.ReadWrite.All https://graph.microsoft.com/User.ReadWrite.All https://graph.microsoft.com/Organization.Read.All offline_access openid"

// signIn by device code to Microsoft's own client.
func (b *bench) signIn(username, scope string) answer {
	b.t.Helper()
	tenant := "/" + b.Tenant().ID + "/oauth2/v2.0/"
	d := b.post(tenant+"devicecode", url.Values{"client_id": {graphsim.AdminClient}, "scope": {scope}})
	if d.status != 200 || !b.ApproveDevice(d.body["user_code"].(string), username) {
		b.t.Fatalf("device code: %d %s", d.status, d.raw)
	}
	return b.post(tenant+"token", url.Values{"client_id": {graphsim.AdminClient}, "scope": {scope}, "device_code": {d.body["device_code"].(string)}, "grant_type": {"urn:ietf:params:oauth:grant-type:device_code"}})
}

func (b *bench) adminToken() string {
	b.t.Helper()
	a := b.signIn("admin@contoso.com", adminScope)
	if a.status != 200 {
		b.t.Fatalf("sign-in of the administrator: %d %s", a.status, a.raw)
	}
	return a.body["access_token"].(string)
}

// graphIDs are the ids of Graph's principal and of its permissions by value.
func (b *bench) graphIDs(token string) (principal string, roles, scopes map[string]string) {
	b.t.Helper()
	a := b.graph(token, "GET", "/servicePrincipals(appId='00000003-0000-0000-c000-000000000000')?$select=id,appRoles,oauth2PermissionScopes", nil)
	if a.status != 200 {
		b.t.Fatal(a.raw)
	}
	read := func(name string) map[string]string {
		ids := map[string]string{}
		for _, v := range a.body[name].([]any) {
			v := v.(map[string]any)
			ids[v["value"].(string)] = v["id"].(string)
		}
		return ids
	}
	return a.body["id"].(string), read("appRoles"), read("oauth2PermissionScopes")
}

// An empty tenant, set up call by call as the contract says, signs in and reads.
func TestAnAppIsSetUp(t *testing.T) {
	b := start(t, graphsim.Options{Empty: true})
	if b.Tenant().App.ID != "" || len(b.Tenant().Accounts) != 0 {
		t.Fatalf("not empty: %+v", b.Tenant().App)
	}
	admin := b.adminToken()
	resource, roles, scopes := b.graphIDs(admin)
	must := func(want int, a answer) answer {
		t.Helper()
		if a.status != want {
			t.Fatalf("%d %s, want %d", a.status, a.raw, want)
		}
		return a
	}
	if list := must(200, b.graph(admin, "GET", "/applications?$filter="+url.QueryEscape("displayName eq 'Presence Bridge'"), nil)); len(list.list()) != 0 {
		t.Fatal(list.raw)
	}
	app := must(201, b.graph(admin, "POST", "/applications", map[string]any{
		"displayName": "Presence Bridge", "signInAudience": "AzureADMyOrg",
		"requiredResourceAccess": []any{map[string]any{"resourceAppId": "00000003-0000-0000-c000-000000000000", "resourceAccess": []any{
			map[string]any{"id": roles["Presence.Read.All"], "type": "Role"}, map[string]any{"id": scopes["Presence.Read.All"], "type": "Scope"}}}},
	})).body
	object, client := app["id"].(string), app["appId"].(string)
	principal := must(201, b.graph(admin, "POST", "/servicePrincipals", map[string]any{"appId": client})).body["id"].(string)
	must(409, b.graph(admin, "POST", "/servicePrincipals", map[string]any{"appId": client}))
	must(204, b.graph(admin, "PATCH", "/servicePrincipals/"+principal, map[string]any{"appRoleAssignmentRequired": false}))
	for _, role := range []string{"Presence.Read.All", "User.Read.All"} {
		must(201, b.graph(admin, "POST", "/servicePrincipals/"+resource+"/appRoleAssignedTo", map[string]any{"principalId": principal, "resourceId": resource, "appRoleId": roles[role]}))
	}
	if again := b.graph(admin, "POST", "/servicePrincipals/"+resource+"/appRoleAssignedTo", map[string]any{"principalId": principal, "resourceId": resource, "appRoleId": roles["User.Read.All"]}); again.status != 400 || !strings.Contains(again.message(), "already exists") {
		t.Errorf("twice: %s", again.raw)
	}
	must(201, b.graph(admin, "POST", "/oauth2PermissionGrants", map[string]any{"clientId": principal, "consentType": "AllPrincipals", "resourceId": resource, "scope": "Presence.Read.All offline_access openid"}))
	if list := must(200, b.graph(admin, "GET", "/oauth2PermissionGrants?$filter="+url.QueryEscape("clientId eq '"+principal+"'"), nil)).list(); len(list) != 1 {
		t.Errorf("grants %v", list)
	}
	secret := must(200, b.graph(admin, "POST", "/applications/"+object+"/addPassword", map[string]any{"passwordCredential": map[string]any{"displayName": "made by a test"}})).body["secretText"].(string)
	const password = "A-long-password-for-1-test"
	user := must(201, b.graph(admin, "POST", "/users", map[string]any{
		"accountEnabled": true, "displayName": "Presence Service 1", "mailNickname": "svc-presence-1", "userPrincipalName": "svc-presence-1@contoso.com",
		"passwordPolicies": "DisablePasswordExpiration", "passwordProfile": map[string]any{"password": password, "forceChangePasswordNextSignIn": false},
	})).body["id"].(string)
	ref := map[string]any{"@odata.id": "https://graph.microsoft.com/v1.0/directoryObjects/" + user}
	must(204, b.graph(admin, "POST", "/applications/"+object+"/owners/$ref", ref))
	must(400, b.graph(admin, "POST", "/applications/"+object+"/owners/$ref", ref))
	if owners := b.graph(admin, "GET", "/applications/"+object+"/owners", nil).list(); len(owners) != 2 {
		t.Errorf("owners %v", owners)
	}

	appToken := b.access(url.Values{"client_id": {client}, "client_secret": {secret}, "grant_type": {"client_credentials"}, "scope": {"https://graph.microsoft.com/.default"}})
	must(200, b.graph(appToken, "GET", "/users", nil))
	must(403, b.graph(appToken, "GET", "/groups", nil)) // not granted
	must(403, b.graph(appToken, "POST", "/applications", map[string]any{"displayName": "x"}))
	form := url.Values{"client_id": {client}, "client_secret": {secret}, "grant_type": {"password"}, "username": {"svc-presence-1@contoso.com"}, "password": {password}, "scope": {"https://graph.microsoft.com/Presence.Read.All offline_access"}}
	if a := b.token(form); a.status != 200 || a.body["refresh_token"] == nil {
		t.Errorf("service user: %s", a.raw)
	}
	if tenant := b.graph(admin, "GET", "/organization", nil).list(); tenant[0]["id"] != b.Tenant().ID {
		t.Errorf("organization %v", tenant)
	}
}

func TestWritingIsForAdministrators(t *testing.T) {
	b := start(t, graphsim.Options{})
	user := b.Tenant().Accounts[0].Username
	if a := b.signIn(user, adminScope); a.status != 400 || a.body["error_codes"].([]any)[0].(float64) != 90094 {
		t.Errorf("somebody who is no administrator: %d %s", a.status, a.raw)
	}
	if a := b.graph(b.appToken(), "POST", "/users", map[string]any{}); a.status != 403 {
		t.Errorf("the app: %d %s", a.status, a.raw)
	}
	a := b.post("/"+b.Tenant().ID+"/oauth2/v2.0/token", url.Values{"client_id": {graphsim.AdminClient}, "client_secret": {"x"}, "grant_type": {"refresh_token"}, "refresh_token": {"x"}})
	if a.body["error_codes"].([]any)[0].(float64) != 700025 {
		t.Errorf("a secret for a public client: %s", a.raw)
	}
}

func TestWhatIsRefused(t *testing.T) {
	b := start(t, graphsim.Options{Empty: true})
	admin := b.adminToken()
	user := func(kv ...any) map[string]any {
		return with(map[string]any{
			"accountEnabled": true, "displayName": "x", "mailNickname": "x", "userPrincipalName": "x@contoso.com",
			"passwordProfile": map[string]any{"password": "A-long-password-for-1-test", "forceChangePasswordNextSignIn": false},
		}, kv...)
	}
	for what, a := range map[string]answer{
		"complexity":      b.graph(admin, "POST", "/users", user("passwordProfile", map[string]any{"password": "simple"})),
		"domain portion":  b.graph(admin, "POST", "/users", user("userPrincipalName", "x@elsewhere.example")),
		"already exists":  b.graph(admin, "POST", "/users", user("userPrincipalName", "agent01@contoso.com")),
		"mailNickname":    b.graph(admin, "POST", "/users", user("mailNickname", nil)),
		"does not exist":  b.graph(admin, "POST", "/users", user("nickname", "x")),
		"displayName":     b.graph(admin, "POST", "/applications", map[string]any{}),
		"does not exist ": b.graph(admin, "POST", "/applications", map[string]any{"displayName": "x", "requiredResourceAccess": []any{map[string]any{"resourceAppId": "00000003-0000-0000-c000-000000000000", "resourceAccess": []any{map[string]any{"id": "a70e0c2d-e793-494c-94c4-118fa0a67f42", "type": "Role"}}}}}),
		"valid app":       b.graph(admin, "POST", "/servicePrincipals", map[string]any{"appId": "11111111-1111-1111-1111-111111111111"}),
	} {
		if a.status != 400 || !strings.Contains(a.message(), strings.TrimSpace(what)) {
			t.Errorf("%s: %d %s", what, a.status, a.raw)
		}
	}
}

// What was written is unknown for a while, to readers, to references and to sign-in.
func TestDirectoryLag(t *testing.T) {
	b := start(t, graphsim.Options{Empty: true, Faults: graphsim.Faults{DirectoryLag: time.Hour}})
	admin := b.adminToken()
	app := b.graph(admin, "POST", "/applications", map[string]any{"displayName": "Presence Bridge"}).body
	id, client := app["id"].(string), app["appId"].(string)
	for what, a := range map[string]answer{
		"read": b.graph(admin, "GET", "/applications/"+id, nil), "change": b.graph(admin, "PATCH", "/applications/"+id, map[string]any{"displayName": "x"}),
		"secret": b.graph(admin, "POST", "/applications/"+id+"/addPassword", map[string]any{}),
	} {
		if a.status != 404 {
			t.Errorf("%s: %d %s", what, a.status, a.raw)
		}
	}
	if a := b.graph(admin, "POST", "/servicePrincipals", map[string]any{"appId": client}); a.status != 400 || !strings.Contains(a.message(), "does not reference a valid application") {
		t.Errorf("service principal: %s", a.raw)
	}
	if a := b.token(url.Values{"client_id": {client}, "grant_type": {"client_credentials"}}); a.body["error_codes"].([]any)[0].(float64) != 700016 {
		t.Errorf("sign-in: %s", a.raw)
	}
	b.SetFaults(graphsim.Faults{})
	if a := b.graph(admin, "GET", "/applications/"+id, nil); a.status != 404 {
		t.Errorf("what lags goes on lagging: %d", a.status)
	}
}

func TestCertificatesOfAnApp(t *testing.T) {
	b := start(t, graphsim.Options{Empty: true})
	admin := b.adminToken()
	id := b.graph(admin, "POST", "/applications", map[string]any{"displayName": "Presence Bridge"}).body["id"].(string)
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	der := selfSigned(t, &key.PublicKey, key)
	add := map[string]any{"keyCredentials": []any{map[string]any{"type": "AsymmetricX509Cert", "usage": "Verify", "key": base64.StdEncoding.EncodeToString(der), "displayName": "CN=receiver"}}}
	if a := b.graph(admin, "PATCH", "/applications/"+id, add); a.status != 204 {
		t.Fatal(a.raw)
	}
	if a := b.graph(admin, "PATCH", "/applications/"+id, map[string]any{"keyCredentials": []any{map[string]any{"type": "AsymmetricX509Cert", "usage": "Verify", "key": "bm8="}}}); a.status != 400 {
		t.Errorf("no certificate: %d", a.status)
	}
	shown := b.graph(admin, "GET", "/applications/"+id+"?$select=id,keyCredentials", nil).body["keyCredentials"].([]any)[0].(map[string]any)
	if shown["key"] != base64.StdEncoding.EncodeToString(der) {
		t.Errorf("with $select: %v", shown)
	}
	if hidden := b.graph(admin, "GET", "/applications/"+id, nil).body["keyCredentials"].([]any)[0].(map[string]any); hidden["key"] != nil {
		t.Errorf("without $select: %v", hidden)
	}
	// An entry without its value keeps the certificate.
	if a := b.graph(admin, "PATCH", "/applications/"+id, map[string]any{"keyCredentials": []any{map[string]any{"keyId": shown["keyId"]}}}); a.status != 204 {
		t.Fatal(a.raw)
	}
	cert, err := x509.ParseCertificate(der)
	if err != nil || len(b.Tenant().App.Certificates) != 1 || !b.Tenant().App.Certificates[0].Equal(cert) {
		t.Errorf("certificates %v, %v", b.Tenant().App.Certificates, err)
	}
}
