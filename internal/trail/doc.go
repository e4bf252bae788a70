// Package trail keeps what came about each person, also what told nothing new,
// for as long as the stream keeps events, and answers why somebody was what they
// were at some time: what came, what was published, what adapters decided.
//
// What was published and decided stands on the stream and is read from there.
// Kept here is only what the stream does not have, in memory: a few notes for
// each person. It decides nothing. internal/app asks it and has it forget.
package trail
