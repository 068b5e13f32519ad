// Package oauth knows callers that other servers vouch for: by JWTs that they have signed ([JWT]), and by opaque tokens
// that they are asked about ([Introspection]). Both say of a token what [Claims] makes a caller of.
//
// The keys that verify JWTs are [Keys]: those of a file ([FileKeys]), or of the issuer itself ([RemoteKeys]), followed
// while the program runs.
//
// Signatures and keys are go-jose's; what a token must be like is decided here, after RFC 8725, the best practices for
// JWTs.
package oauth
