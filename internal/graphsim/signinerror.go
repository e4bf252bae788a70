package graphsim

import (
	"fmt"
	"net/http"
	"strconv"
	"strings"
	"time"
)

// signInSubject is what the texts of sign-in errors name.
type signInSubject struct{ tenant, app, user string }

type signInError struct {
	status              int
	err, suberror, text string
}

// signInErrors is the table of sign-in errors of the contract, §8.3.
var signInErrors = map[int]signInError{
	50034:   {400, "invalid_grant", "bad_token", "The user account {user} does not exist in the {tenant} directory. To sign into this application, the account must be added to the directory."},
	50053:   {400, "invalid_grant", "", "The account is locked, you've tried to sign in too many times with an incorrect user ID or password."},
	50055:   {400, "invalid_grant", "user_password_expired", "The password is expired."},
	50056:   {400, "invalid_grant", "", "Invalid or missing password: password does not exist in the directory for this user."},
	50057:   {400, "invalid_grant", "", "The user account is disabled."},
	50074:   {400, "invalid_grant", "basic_action", "Strong Authentication is required."},
	50076:   {400, "invalid_grant", "basic_action", "Due to a configuration change made by your administrator, or because you moved to a new location, you must use multi-factor authentication to access '00000003-0000-0000-c000-000000000000'."},
	50079:   {400, "invalid_grant", "basic_action", "Due to a configuration change made by your administrator, or because you moved to a new location, you must enroll in multi-factor authentication to access '00000003-0000-0000-c000-000000000000'."},
	50105:   {400, "invalid_grant", "", "Your administrator has configured the application ('{app}') to block users unless they are specifically granted ('assigned') access to the application."},
	50126:   {400, "invalid_grant", "", "Error validating credentials due to invalid username or password."},
	50144:   {400, "invalid_grant", "", "The user's Active Directory password has expired."},
	50173:   {400, "invalid_grant", "bad_token", "The provided grant has expired due to it being revoked, a fresh auth token is needed. The user might have changed or reset their password."},
	50196:   {400, "invalid_grant", "", "The server terminated an operation because it encountered a client request loop. Please contact your app vendor."},
	53003:   {400, "invalid_grant", "message_only", "Access has been blocked by Conditional Access policies. The access policy does not allow token issuance."},
	65001:   {400, "invalid_grant", "consent_required", "The user or administrator has not consented to use the application with ID '{app}' named 'Presence Bridge'. Send an interactive authorization request for this user and resource."},
	70008:   {400, "invalid_grant", "bad_token", "The provided authorization code or refresh token has expired due to inactivity."},
	70011:   {400, "invalid_scope", "", "The provided value for the input parameter 'scope' is not valid."},
	70016:   {400, "authorization_pending", "", "OAuth 2.0 device flow error. Authorization is pending. Continue polling."},
	70018:   {400, "bad_verification_code", "", "Invalid verification code due to User typing in wrong user code for device code flow."},
	70020:   {400, "expired_token", "", "The provided value for the input parameter 'device_code' is not valid. This device code has expired."},
	70043:   {400, "invalid_grant", "bad_token", "The refresh token has expired or is invalid due to sign-in frequency checks by conditional access."},
	90002:   {400, "invalid_request", "", "Tenant '{tenant}' not found. Check to make sure you have the correct tenant ID and are signing into the correct cloud. Check with your subscription administrator, this may happen if there are no active subscriptions for the tenant."},
	90024:   {503, "temporarily_unavailable", "", "A transient error has occurred. Please try again."},
	90033:   {503, "temporarily_unavailable", "", "A transient error has occurred. Please try again."},
	90055:   {429, "invalid_request", "", "Server is terminating this request because a tenant or user is sending too many requests."},
	90094:   {400, "invalid_grant", "consent_required", "Admin consent is required."},
	530035:  {400, "invalid_grant", "", "Access has been blocked by security defaults."},
	700016:  {400, "unauthorized_client", "", "Application with identifier '{app}' was not found in the directory '{tenant}'. This can happen if the application has not been installed by the administrator of the tenant or consented to by any user in the tenant. You may have sent your authentication request to the wrong tenant."},
	700025:  {401, "invalid_client", "", "Client is public so neither 'client_assertion' nor 'client_secret' should be presented."},
	700027:  {401, "invalid_client", "", "The certificate with identifier used to sign the client assertion is not registered on application, or the assertion is not valid."},
	700082:  {400, "invalid_grant", "bad_token", "The refresh token has expired due to inactivity."},
	900144:  {400, "invalid_request", "", "The request body must contain the following parameter: 'client_id' or 'grant_type'."},
	7000112: {400, "unauthorized_client", "", "Application '{app}'(Presence Bridge) is disabled."},
	7000215: {401, "invalid_client", "", "Invalid client secret provided. Ensure the secret being sent in the request is the client secret value, not the client secret ID, for a secret added to app '{app}'."},
	7000218: {401, "invalid_client", "", "The request body must contain the following parameter: 'client_assertion' or 'client_secret'."},
	7000222: {401, "invalid_client", "", "The provided client secret keys for app '{app}' are expired. Visit the Azure portal to create new keys for your app, or consider using certificate credentials for added security."},
	9001023: {400, "invalid_request", "", "The grant type is not supported over the /common or /consumers endpoints. Please use the /organizations or tenant-specific endpoint."},

	// Codes that the table does not give.
	declined:       {400, "authorization_declined", "", "The end user denied the authorization request."},
	grantUnknown:   {400, "unsupported_grant_type", "", "The app requested an unsupported grant type."},
	scopeNoDefault: {400, "invalid_scope", "", "The provided value for scope is not valid. Client credential flows must have a scope value with /.default suffixed to the resource identifier (application ID URI)."},
}

const (
	declined       = 70017
	grantUnknown   = 70003
	scopeNoDefault = 1002012
)

func aadsts(code int) string { return "AADSTS" + strconv.Itoa(code) }

// signInError is the answer for an AADSTS code.
func (s *Simulator) signInError(code int, who signInSubject) (int, object) {
	e, ok := signInErrors[code]
	if !ok {
		e = signInError{http.StatusBadRequest, "invalid_grant", "", "The request was refused."}
	}
	stamp, trace, correlation := time.Now().UTC().Format("2006-01-02 15:04:05Z"), s.ids.guid(), s.ids.guid()
	text := strings.NewReplacer("{app}", who.app, "{tenant}", who.tenant, "{user}", who.user).Replace(e.text)
	o := object{
		"error":             e.err,
		"error_description": fmt.Sprintf("%s: %s Trace ID: %s Correlation ID: %s Timestamp: %s", aadsts(code), text, trace, correlation, stamp),
		"error_codes":       []int{code},
		"timestamp":         stamp,
		"trace_id":          trace,
		"correlation_id":    correlation,
		"error_uri":         "https://login.microsoftonline.com/error?code=" + strconv.Itoa(code),
	}
	if e.suberror != "" {
		o["suberror"] = e.suberror
	}
	if code == 53003 {
		o["claims"] = `{"access_token":{"capolids":{"essential":true,"values":["` + s.ids.guid() + `"]}}}`
	}
	return e.status, o
}
