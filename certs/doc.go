// Package certs issues the certificates of a development authority and builds TLS configurations that reload
// themselves.
//
// Issuing: [NewAuthority] or [LoadAuthority], then [Authority.Issue]; [EnsureDevelopment] does all of it for a data
// directory. Serving and calling: [ServerConfig] and [ClientConfig]. They fail at once when a file can't be used, and
// follow its changes afterwards.
//
// Certificates follow the profile of RFC 5280. Private keys are PKCS#8 (RFC 5208) in PEM (RFC 7468).
package certs
