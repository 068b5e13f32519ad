package auth

import (
	"errors"
	"time"
)

// What a refusal means to the caller; errors.Is tells which of them a [*Refusal] is.
var (
	// ErrMissing: the request carries no credential.
	ErrMissing = errors.New("no credential")
	// ErrInvalid: the request carries a credential that is malformed, unknown, expired or revoked.
	ErrInvalid = errors.New("invalid credential")
	// ErrThrottled: too many attempts have failed; the credential was not looked at.
	ErrThrottled = errors.New("too many failed attempts")
	// ErrUnavailable: whether the credential is valid can't be found out now.
	ErrUnavailable = errors.New("can't be verified now")
)

// Kind is the kind of a credential, as logs and metrics name it.
type Kind string

// The kinds of credentials.
const (
	KindNone        Kind = "none"
	KindBearer      Kind = "bearer" // of which is not known: none of those that are taken has made it
	KindToken       Kind = "token"  // opaque, of the token file
	KindJWT         Kind = "jwt"
	KindIntrospect  Kind = "introspection"
	KindBasic       Kind = "basic"
	KindCertificate Kind = "certificate"
	KindOther       Kind = "other" // an unknown scheme
)

// Cause is why a credential is refused, as logs and metrics name it.
type Cause string

// The causes of refusals.
const (
	Missing       Cause = "missing"
	Repeated      Cause = "repeated" // more than one Authorization
	Malformed     Cause = "malformed"
	Unknown       Cause = "unknown" // nobody has this credential
	BadAlgorithm  Cause = "bad_algorithm"
	BadSignature  Cause = "bad_signature"
	UnknownKey    Cause = "unknown_key"
	Expired       Cause = "expired"
	NotYetValid   Cause = "not_yet_valid"
	WrongIssuer   Cause = "wrong_issuer"
	WrongAudience Cause = "wrong_audience"
	Inactive      Cause = "inactive"  // says the server that has issued it
	NoCaller      Cause = "no_caller" // genuine, but it says of nobody what is needed: no subject or no tenant
	Ambiguous     Cause = "ambiguous" // genuine, but of several callers
	Elsewhere     Cause = "elsewhere"
	Throttled     Cause = "throttled"
	Unavailable   Cause = "unavailable"
)

// Refusal is why a request has no caller. It never holds the credential.
type Refusal struct {
	Kind   Kind
	Cause  Cause
	Detail string // for the log
	// RetryAfter is how long it makes no sense to try again; zero if that is not known.
	RetryAfter time.Duration
}

// Refuse makes a refusal.
func Refuse(kind Kind, cause Cause, detail string) *Refusal {
	return &Refusal{Kind: kind, Cause: cause, Detail: detail}
}

func (r *Refusal) Error() string { return string(r.Kind) + " " + string(r.Cause) + ": " + r.Detail }

// Is tells what the refusal means.
func (r *Refusal) Is(target error) bool { return target == r.meaning() }

func (r *Refusal) meaning() error {
	switch r.Cause {
	case Missing:
		return ErrMissing
	case Throttled:
		return ErrThrottled
	case Unavailable:
		return ErrUnavailable
	default:
		return ErrInvalid
	}
}
