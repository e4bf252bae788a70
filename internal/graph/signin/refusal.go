package signin

import (
	"slices"
	"strconv"
	"time"

	"jtel.de/presencebridge/internal/graph"
)

// meaning is what a code says in plain English, what to do, and whether it
// stays until somebody does it.
type meaning struct {
	codes     []int
	text      string
	advice    string
	permanent bool
}

const permanent, passing = true, false

// aadsts are the codes that a sign-in of the app or of a service user meets.
// Source: Entra ID, "AADSTS error codes", and public reports.
var aadsts = []meaning{
	{[]int{50126}, "the user name or the password is wrong", "correct the password of the service user; do not try again and again, that locks the account", permanent},
	{[]int{50034}, "the user does not exist in this directory", "correct the user name or create the service user", permanent},
	{[]int{50055}, "the password has expired", "set a new password, let it never expire for this service user, and enter it in the configuration", permanent},
	{[]int{50053}, "the account is locked after too many wrong passwords, or the address is blocked", "wait until the lock ends and find who signs in with a wrong password", permanent},
	{[]int{50056}, "the account has no password in this directory", "set a password for the service user in Entra ID", permanent},
	{[]int{50057}, "the account is disabled", "enable the service user in Entra ID", permanent},
	{[]int{50144}, "the password has expired in the on-premises directory", "set a new password in the on-premises directory, or use a cloud-only service user", permanent},
	{[]int{50076, 50079, 50074}, "multi-factor authentication is demanded", "exempt the service user from multi-factor authentication, limited to this app, or sign it in by device code", permanent},
	{[]int{53003}, "a Conditional Access policy blocks the sign-in", "exclude the service user, this app or this location from the policy", permanent},
	{[]int{530035}, "the security defaults of the tenant block the sign-in", "replace the security defaults by Conditional Access policies that exclude the service user, or sign it in by device code", permanent},
	{[]int{65001, 90094}, "an administrator has not consented to the permissions of the app", "grant admin consent to the app's permissions in Entra ID", permanent},
	{[]int{7000215}, "the client secret is wrong", "enter the value of the secret, not its id", permanent},
	{[]int{7000222}, "the client secret has expired", "make a new client secret for the app and enter its value", permanent},
	{[]int{7000218}, "the client secret is missing", "enter the client secret or a certificate of the app", permanent},
	{[]int{700027}, "the certificate is not one of the app's", "upload the certificate to the app, or enter the one that is there with its key", permanent},
	{[]int{700025}, "the app is a public client, to which no secret may be sent", "register the app as a web (confidential) client", permanent},
	{[]int{700016}, "the app was not found in this directory", "correct the client id or the tenant id", permanent},
	{[]int{7000112}, "the app is disabled", "enable the app in Entra ID (enterprise applications)", permanent},
	{[]int{90002}, "the tenant was not found", "correct the tenant id, or the authority if the tenant is in a national cloud", permanent},
	{[]int{9001023}, "this way to sign in needs the tenant's id", "enter the tenant id instead of common or consumers", permanent},
	{[]int{50105}, "the user is not assigned to the app", "assign the service user to the app, or switch assignment required off", permanent},
	{[]int{50173}, "the sign-in was revoked, for instance by a password reset", "sign the service user in again", permanent},
	{[]int{700082}, "the refresh token was not used for too long", "sign the service user in again", permanent},
	{[]int{70008}, "the refresh token has expired", "sign the service user in again", permanent},
	{[]int{70043}, "the refresh token has ended under a sign-in frequency policy", "exclude the service user from the sign-in frequency policy and sign it in again", permanent},
	{[]int{50078, 50132, 50133}, "the sign-in is no longer good enough for the policies of the tenant", "sign the service user in again", permanent},
	{[]int{70016}, "nobody has entered the code yet", "enter the code in a browser", passing},
	{[]int{70017, 70018}, "the sign-in was declined, or the code is not known", "start again and enter the new code", permanent},
	{[]int{70020, 70019}, "the code was not entered in time", "start again and enter the new code within 15 minutes", permanent},
	{[]int{50196}, "Entra ID sees too many equal sign-ins (loop detected)", "it passes by itself; if it returns, check that only one installation uses this account", passing},
	{[]int{90055}, "Entra ID is throttling sign-ins", "it passes by itself", passing},
	{[]int{90033, 90024}, "Entra ID is not available for the moment", "it passes by itself", passing},
}

// refusals are the OAuth errors that a request repeated unchanged meets again.
// They decide when Entra ID sent no code that we know. Source: RFC 6749 §5.2
// and Entra ID, "error codes for token endpoint errors".
var refusals = []string{
	"invalid_grant", "invalid_client", "unauthorized_client", "invalid_request", "invalid_scope", "invalid_resource",
	"invalid_tenant", "unsupported_grant_type", "access_denied", "interaction_required", "consent_required",
	"login_required", "user_password_expired", "authorization_declined", "bad_verification_code", "expired_token",
}

// Label names a failed sign-in in few words that are few in number, for metrics:
// AADSTS and the code for codes that we know, set_up if Entra ID was not asked
// at all, no_answer, or other.
func Label(e *graph.SignInError) string {
	switch _, known := lookUp(e.AADSTS); {
	case known:
		return "AADSTS" + strconv.Itoa(e.AADSTS)
	case e.AADSTS != 0 || e.OAuth != "":
		return "other"
	case e.Permanent:
		return "set_up"
	}
	return "no_answer"
}

// Describe says in plain English what an AADSTS code, or else the OAuth error,
// means and what an operator can do. Permanent ones stay until somebody acts.
func Describe(code int, oauth string) (text, advice string, permanent bool) {
	if m, ok := lookUp(code); ok {
		return m.text, m.advice, m.permanent
	}
	if oauth == "user_password_expired" { // the older form of 50055
		return Describe(50055, "")
	}
	if slices.Contains(refusals, oauth) {
		return "Entra ID refused the sign-in", "look the code up in Microsoft's list of AADSTS codes and in the sign-in log of Entra ID", true
	}
	return "Entra ID could not be asked", "it passes by itself; if it does not, check network, proxy and name resolution", false
}

// Codes are the AADSTS codes that Describe knows, for those who describe them in
// other languages.
func Codes() []int {
	var all []int
	for _, m := range aadsts {
		all = append(all, m.codes...)
	}
	return all
}

func lookUp(code int) (meaning, bool) {
	i := slices.IndexFunc(aadsts, func(m meaning) bool { return slices.Contains(m.codes, code) })
	if i < 0 {
		return meaning{}, false
	}
	return aadsts[i], true
}

// lockable are the refusals that count towards, or come from, an account lock.
var lockable = []int{50126, 50034, 50053, 50055, 50056, 50057, 50144}

// remember is for how long Entra ID is not asked again after a refusal.
func remember(s *graph.SignInError) time.Duration {
	switch {
	case !s.Permanent || s.AADSTS == 0 && s.OAuth == "": // passes, or Entra ID was not asked at all
		return 0
	case slices.Contains(lockable, s.AADSTS):
		return time.Hour
	}
	return 10 * time.Minute
}
