package setup

import (
	"context"
	"errors"
	"fmt"
	"os"
	"slices"
	"strings"

	"jtel.de/presencebridge/internal/graph"
	"jtel.de/presencebridge/internal/graph/admin"
)

// serviceUsers makes as many as are needed.
func (r *run) serviceUsers(ctx context.Context) error {
	n := r.Accounts
	if !r.signsUsersIn() {
		r.say(Found, "everybody is polled by the app itself: no service user is needed")
	} else if n == 0 {
		people, err := r.Count(ctx)
		if err != nil {
			return fmt.Errorf("count who is watched: %w; or say with --accounts how many service users there shall be", err)
		}
		n = max(1, (people+graph.MaxPeople-1)/graph.MaxPeople) + 1
		r.say(Found, "%d people are watched: %d service users carry them, one of them as a spare", people, n)
	}
	for i := range n {
		username := fmt.Sprintf("%s-%d@%s", r.Prefix, i+1, r.Domain)
		if err := r.serviceUser(ctx, i+1, username); err != nil {
			return err
		}
	}
	if r.Facts.People.All { // service users are no people
		for _, a := range r.Facts.Accounts {
			if !slices.Contains(r.Facts.People.Exclude, a.Username) {
				r.Facts.People.Exclude = append(r.Facts.People.Exclude, a.Username)
			}
		}
	}
	return nil
}

func (r *run) serviceUser(ctx context.Context, number int, username string) error {
	name, _, _ := strings.Cut(username, "@")
	file := r.Files.Secret(name)
	account := Account{Username: username, PasswordFile: file}
	if r.DeviceCode {
		account.PasswordFile = ""
	}
	r.Facts.Accounts = append(r.Facts.Accounts, account)

	u, err := r.Directory.User(ctx, username)
	if err != nil && graph.Classify(err) != graph.NotFound {
		return err
	}
	if err == nil {
		r.users = append(r.users, u)
		return r.keepUser(ctx, u, file)
	}
	what := fmt.Sprintf("service user %s, password in %s", username, file)
	if r.DryRun {
		r.users = append(r.users, admin.User{Username: username})
		r.say(Would, "%s", what)
		return nil
	}
	u, made, err := r.makeUser(ctx, username, fmt.Sprintf("Presence Service %d", number), file)
	if err != nil {
		return err
	}
	r.users = append(r.users, u)
	if !made {
		return r.keepUser(ctx, u, file)
	}
	r.fresh[username] = true
	r.say(Made, "%s", what)
	return nil
}

// makeUser makes one, unless it exists although not everybody knows it yet.
func (r *run) makeUser(ctx context.Context, username, displayName, file string) (u admin.User, made bool, err error) {
	known := Exists(file)
	password, err := r.passwordFor(file)
	if err != nil {
		return u, false, err
	}
	tries := 0
	err = r.patiently(ctx, username, func() (err error) {
		tries++
		u, err = r.Directory.CreateUser(ctx, username, displayName, password)
		return err
	})
	if !admin.Exists(err) {
		return u, err == nil, err
	}
	// One that exists at the first try has another password; later it may be ours,
	// made by a try that was answered as if nothing had happened.
	if !known && tries == 1 {
		if err := os.Remove(file); err != nil {
			return u, false, err
		}
	}
	err = r.patiently(ctx, username, func() (err error) { u, err = r.Directory.User(ctx, username); return err })
	return u, false, err
}

// passwordFor makes a password and keeps it before anybody has it: what is lost
// could only be reset. One that an interrupted run left in the file is used.
func (r *run) passwordFor(file string) (string, error) {
	if there, err := os.ReadFile(file); err == nil && len(strings.TrimSpace(string(there))) >= passwordLength {
		return strings.TrimSpace(string(there)), nil
	} else if err != nil && Exists(file) {
		return "", fmt.Errorf("read password: %w", err)
	}
	password := newPassword()
	return password, Write(file, []byte(password+"\n"))
}

// keepUser looks after one that exists.
func (r *run) keepUser(ctx context.Context, u admin.User, file string) error {
	if !u.Enabled {
		r.say(Problem, "service user %s is disabled: enable it in Entra ID", u.Username)
	}
	if u.NeverExpires() {
		r.say(Found, "service user %s, whose password does not end", u.Username)
	} else if err := r.do(ctx, Changed, fmt.Sprintf("the password of service user %s does not end any more", u.Username), func() error {
		return r.Directory.KeepPassword(ctx, u)
	}); err != nil {
		return err
	}
	switch {
	case Exists(file) || r.DeviceCode:
		return nil
	case !r.ResetPasswords:
		r.say(Problem, "the password of %s is not known here: put it into %s (mode 0600), or run again with --reset-passwords", u.Username, file)
		return nil
	}
	return r.do(ctx, Changed, fmt.Sprintf("new password of service user %s, in %s", u.Username, file), func() error {
		password, next := newPassword(), file+".new"
		if err := Write(next, []byte(password+"\n")); err != nil {
			return err
		}
		if err := r.Directory.SetPassword(ctx, u.ID, password); err != nil {
			return errors.Join(err, os.Remove(next))
		}
		r.fresh[u.Username] = true
		return os.Rename(next, file)
	})
}

// owners of the app: whoever is asked when its secret ends.
func (r *run) owners(ctx context.Context) error {
	wanted := []admin.User{r.me}
	for _, name := range r.Owners {
		u, err := r.Directory.User(ctx, name)
		if err != nil {
			return fmt.Errorf("find owner %s: %w", name, err)
		}
		wanted = append(wanted, u)
	}
	if r.ServiceOwners {
		wanted = append(wanted, r.users...)
	}
	var have []string
	if r.app.ID != "" {
		err := r.patiently(ctx, "owners of the app", func() (err error) { have, err = r.Directory.Owners(ctx, r.app.ID); return err })
		if err != nil {
			return err
		}
	}
	for _, u := range wanted {
		if u.ID != "" && slices.Contains(have, strings.ToLower(u.ID)) { // those of a dry run have none
			r.say(Found, "owner %s", u.Username)
			continue
		}
		if err := r.do(ctx, Made, "owner "+u.Username, func() error { return r.Directory.AddOwner(ctx, r.BaseURL, r.app.ID, u.ID) }); err != nil {
			return err
		}
		have = append(have, strings.ToLower(u.ID))
	}
	return nil
}

// configuration is written last: it says what is there.
func (r *run) configuration(context.Context) error {
	if r.DryRun {
		if Exists(r.Files.Config) && !r.Force {
			r.say(Found, "configuration %s is there; it would be left as it is if it differs", r.Files.Config)
		} else {
			r.say(Would, "configuration %s", r.Files.Config)
		}
		return nil
	}
	changed, err := r.Files.WriteConfig(r.Facts, r.Force)
	switch {
	case errors.Is(err, ErrExists):
		r.say(Found, "configuration %s is there, differs and was left as it is: --force has a new one written", r.Files.Config)
		return nil
	case err == nil && changed:
		r.say(Made, "configuration %s", r.Files.Config)
	case err == nil:
		r.say(Found, "configuration %s", r.Files.Config)
	}
	return err
}
