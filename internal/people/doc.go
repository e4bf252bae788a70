// Package people knows who is watched: it reads users and groups from the
// directory of a tenant, keeps them found by id, e-mail and phone, and follows
// the changes.
//
// It is not the presence of these people, and it does not call Graph itself:
// a caller hands in what reads users and groups. [Directory] is asked by the
// intake for every notification and by the operators' API; [Follower] keeps it
// up to date and is run by the app.
package people
