package setup

import (
	"context"
	"errors"
	"slices"
	"time"

	"jtel.de/presencebridge/internal/graph"
)

// unheard are the refusals that something made a minute ago meets: Entra ID's
// sign-in hears of it later than the directory does.
// Source: Entra ID, "AADSTS error codes", and public reports.
var unheard = []int{700016, 7000215, 700027, 50034, 50126, 65001}

// wrongPassword is among them only for a password that this run set: tries with
// one that is really wrong lock the account.
const wrongPassword = 50126

// maxTries bounds them.
const maxTries = 7

// signIns tries whether everybody can sign in, while an administrator is still there.
func (r *run) signIns(ctx context.Context) error {
	if r.DryRun || r.Try == nil {
		return nil
	}
	if err := r.signInAs(ctx, "", "the app"); err != nil {
		return err
	}
	for _, a := range r.Facts.Accounts {
		if a.PasswordFile == "" || !Exists(a.PasswordFile) {
			continue // signs in by device code, or was said to be lost
		}
		if err := r.signInAs(ctx, a.Username, a.Username); err != nil {
			return err
		}
	}
	return nil
}

func (r *run) signInAs(ctx context.Context, username, who string) error {
	pause := r.Pause
	for try := 1; ; try++ {
		err := r.Try(ctx, r.Facts, username)
		if err == nil {
			r.say(Found, "%s signs in", who)
			return nil
		}
		s, refused := errors.AsType[*graph.SignInError](err)
		if ctx.Err() != nil {
			return ctx.Err()
		}
		if try == maxTries || refused && s.Permanent && !r.passes(s.AADSTS, username) {
			r.say(Problem, "%v", err)
			return nil
		}
		if try == 1 {
			r.say(Waiting, "%s cannot sign in yet", who)
		}
		timer := time.NewTimer(pause)
		select {
		case <-ctx.Done():
			timer.Stop()
			return ctx.Err()
		case <-timer.C:
		}
		pause = min(2*pause, 30*time.Second)
	}
}

// passes reports whether a refusal may be gone in a minute.
func (r *run) passes(code int, username string) bool {
	return slices.Contains(unheard, code) && (code != wrongPassword || r.fresh[username])
}
