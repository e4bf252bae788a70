package graphsim

import (
	"net/http"
	"strings"
	"time"

	"github.com/go-json-experiment/json"
)

// object is a JSON object on its way out.
type object = map[string]any

// aadIssuer and stsIssuer are the issuers of tokens of version 2 and 1. They name
// Microsoft's hosts although nothing here runs there: tokens look as they will.
func aadIssuer(tenant string) string { return "https://login.microsoftonline.com/" + tenant + "/v2.0" }
func stsIssuer(tenant string) string { return "https://sts.windows.net/" + tenant + "/" }

// serveAuthority answers what sign-in libraries and token checks ask of Entra ID.
func (s *Simulator) serveAuthority(w http.ResponseWriter, r *http.Request) {
	started := time.Now()
	status, body, who := s.authority(r)
	writeJSON(w, status, body)
	code, _ := body["error"].(string)
	if codes, ok := body["error_codes"].([]int); ok && len(codes) > 0 {
		code = aadsts(codes[0])
	}
	s.record(Request{At: started, Kind: KindAuthority, Method: r.Method, Path: r.URL.Path, Query: r.URL.RawQuery, Status: status, Took: time.Since(started), Who: who, Code: code})
}

func (s *Simulator) authority(r *http.Request) (status int, body object, who string) {
	tenant, rest, _ := strings.Cut(strings.TrimPrefix(r.URL.Path, "/"), "/")
	method := http.MethodGet
	if strings.HasPrefix(rest, "oauth2/v2.0/") {
		method = http.MethodPost
	}
	if r.Method != method {
		return http.StatusMethodNotAllowed, object{"error": "invalid_request", "error_description": "AADSTS900561: The endpoint only accepts " + method + " requests."}, ""
	}
	known := s.knowsTenant(tenant)
	if !known && rest != "oauth2/v2.0/token" && rest != "oauth2/v2.0/devicecode" {
		status, body = s.signInError(90002, signInSubject{tenant: tenant})
		body["error"] = "invalid_tenant" // where discovery and the token endpoint differ
		return status, body, ""
	}
	switch rest {
	case ".well-known/openid-configuration":
		return http.StatusOK, s.discovery(tenant, false), ""
	case "v2.0/.well-known/openid-configuration":
		return http.StatusOK, s.discovery(tenant, true), ""
	case "discovery/keys":
		return http.StatusOK, s.keys.published(""), ""
	case "discovery/v2.0/keys":
		return http.StatusOK, s.keys.published("https://login.microsoftonline.com/" + issuerTenant(tenant) + "/v2.0"), ""
	case "oauth2/v2.0/token":
		return s.token(r, tenant)
	case "oauth2/v2.0/devicecode":
		status, body = s.deviceCode(r, tenant)
		return status, body, ""
	}
	if upn, ok := strings.CutPrefix(rest, "UserRealm/"); ok && r.URL.Query().Get("api-version") == "1.0" {
		return http.StatusOK, s.realm(upn), upn
	}
	return http.StatusNotFound, object{"error": "not_found"}, ""
}

func (s *Simulator) knowsTenant(tenant string) bool {
	switch strings.ToLower(tenant) {
	case "common", "organizations", "consumers":
		return true
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	return strings.EqualFold(tenant, s.tenant.ID) || strings.EqualFold(tenant, s.tenant.Domain)
}

// issuerTenant is how a discovery document names its tenant.
func issuerTenant(tenant string) string {
	switch strings.ToLower(tenant) {
	case "common", "organizations", "consumers":
		return "{tenantid}"
	}
	return tenant
}

func (s *Simulator) discovery(tenant string, v2 bool) object {
	base := s.AuthorityURL() + "/" + tenant
	named := tenant
	if strings.EqualFold(tenant, s.Tenant().Domain) {
		named = s.tenantID()
	}
	doc := object{
		"token_endpoint":                        base + "/oauth2/v2.0/token",
		"authorization_endpoint":                base + "/oauth2/v2.0/authorize",
		"device_authorization_endpoint":         base + "/oauth2/v2.0/devicecode",
		"jwks_uri":                              base + "/discovery/v2.0/keys",
		"issuer":                                aadIssuer(issuerTenant(named)),
		"token_endpoint_auth_methods_supported": []string{"client_secret_post", "private_key_jwt", "client_secret_basic"},
		"response_types_supported":              []string{"code", "id_token"},
		"id_token_signing_alg_values_supported": []string{"RS256"},
		"subject_types_supported":               []string{"pairwise"},
		"scopes_supported":                      []string{"openid", "profile", "email", "offline_access"},
		"tenant_region_scope":                   "EU",
		"cloud_instance_name":                   "microsoftonline.com",
		"msgraph_host":                          "graph.microsoft.com",
	}
	if !v2 {
		doc["jwks_uri"] = base + "/discovery/keys"
		doc["issuer"] = stsIssuer(issuerTenant(named))
	}
	return doc
}

// realm tells whether a user's password is Entra's to check.
func (s *Simulator) realm(upn string) object {
	s.mu.Lock()
	defer s.mu.Unlock()
	_, domain, _ := strings.Cut(upn, "@")
	o := object{
		"ver": "1.0", "account_type": "Unknown", "domain_name": domain,
		"cloud_instance_name": "microsoftonline.com", "cloud_audience_urn": "urn:federation:MicrosoftOnline",
	}
	if strings.EqualFold(domain, s.tenant.Domain) {
		o["account_type"] = "Managed"
	}
	if a := s.account(upn); a != nil && a.Federated {
		o["account_type"], o["federation_protocol"] = "Federated", "WSTrust"
		o["federation_metadata_url"] = "https://" + s.graphAddr + "/adfs/services/trust/mex"
		o["federation_active_auth_url"] = "https://" + s.graphAddr + "/adfs/services/trust/2005/usernamemixed"
	}
	return o
}

func (s *Simulator) record(r Request) {
	s.history.add(r)
	s.log.Debug("simulator request", "kind", r.Kind, "method", r.Method, "path", r.Path, "status", r.Status, "code", r.Code)
}

func writeJSON(w http.ResponseWriter, status int, body any) {
	w.Header().Set("Content-Type", "application/json; charset=utf-8")
	w.Header().Set("Cache-Control", "no-store, no-cache")
	w.WriteHeader(status)
	// An error here is the client gone; there is nobody left to tell.
	_ = json.MarshalWrite(w, body)
}
