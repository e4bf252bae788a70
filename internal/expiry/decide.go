package expiry

import (
	"errors"
	"io/fs"
	"math"
	"net/http"
	"strings"
	"time"

	"jtel.de/presencebridge/internal/graph"
)

// hintLength is how much of a secret the directory tells.
// Source: Graph, "passwordCredential resource type".
const hintLength = 3

const (
	day = 24 * time.Hour
	// unsetDays is what counts for a domain that names no period.
	// Source: Graph, "domain resource type".
	unsetDays = 90
	// refreshLife is how long a refresh token lives unused.
	// Source: Entra ID, "refresh tokens in the Microsoft identity platform".
	refreshLife = 90 * day
)

const (
	replaceSecret      = "make a new client secret beside the old one and replace the file; no restart is needed"
	replaceCertificate = "make a new certificate, upload it to the app beside the old one and replace the file; no restart is needed"
	replacePassword    = "set a new password and replace the file, or better let the password never expire; no restart is needed"
	replaceTLS         = "replace the files of tls.cert_file and tls.key_file; no restart is needed"
	askSomebody        = "ask whoever looks after the directory, and note the date"
)

// secret finds the end of the secret in use among those of the app.
func secret(i Item, app graph.Application, value string) Item {
	hint := value[:min(hintLength, len(value))]
	var alike []graph.AppSecret
	for _, s := range app.Secrets {
		if s.Hint != "" && strings.HasPrefix(hint, s.Hint) {
			alike = append(alike, s)
		}
	}
	if len(alike) == 0 {
		return i.unknown("no secret of the app begins like the one in use", "check that the configuration holds the value of a secret that exists")
	}
	first, note := alike[0], ""
	for _, s := range alike[1:] {
		note = "several secrets of the app begin alike; this is the one of them that ends first"
		if s.Ends.Before(first.Ends) {
			first = s
		}
	}
	return i.ends(first.Ends, note, replaceSecret)
}

// password finds the end of a service user's password.
// Sources: Graph, "user resource type" and "domain resource type".
func password(i Item, facts graph.PasswordFacts, policy graph.PasswordPolicy, policyErr error) Item {
	switch {
	case facts.Synchronised:
		return i.unknown("the on-premises directory decides, which Graph does not tell", askSomebody)
	case facts.NeverExpires:
		return i.never("the user's password policy says so")
	case policyErr != nil:
		return i.failed(policyErr, "Domain.Read.All")
	case policy.Federated:
		return i.unknown("a federation service checks the password of this domain", askSomebody)
	case policy.Days == math.MaxInt32:
		return i.never("the policy of the domain says so")
	case facts.Changed.IsZero():
		return i.unknown("the directory does not tell when the password was changed", askSomebody)
	case policy.Days <= 0:
		return i.ends(facts.Changed.Add(unsetDays*day), "the domain names no period; 90 days are what Microsoft documents for that", replacePassword)
	}
	return i.ends(facts.Changed.Add(time.Duration(policy.Days)*day), "by the policy of the domain", replacePassword)
}

// failed is what could not be read, because of a missing permission or otherwise.
func (i Item) failed(err error, permission string) Item {
	if g, ok := errors.AsType[*graph.Error](err); ok && g.Status == http.StatusForbidden {
		i.Permission = permission
		return i.unknown("permission missing: "+permission, "grant the app the application permission "+permission+" to have it told")
	}
	i.passing = graph.Classify(err) != graph.NotFound
	if graph.Classify(err) == graph.NotFound {
		return i.unknown("the directory does not have it", "check the configuration")
	}
	return i.unknown("could not be read: "+err.Error(), "it is tried again")
}

// refresh finds the end of a sign-in by device code.
func refresh(i Item, used time.Time, err error, again string) Item {
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return i.unknown("nobody has signed this service user in yet", again)
	case err != nil:
		return i.unknown("could not be read: "+err.Error(), again)
	}
	return i.ends(used.Add(refreshLife), "90 days after its last use; each use starts them anew", again)
}
