package auth

import (
	"context"
	"crypto/x509"
	"errors"
	"fmt"
	"log/slog"
	"time"

	"ordermanagement/internal/follow"
)

// Files names the files of a [Directory]. One without a name is as good as empty.
type Files struct {
	Callers  string   // who the credentials are ([Entry])
	Tokens   string   // hashes of bearer tokens, a line NAME:sha256:HEX each
	Htpasswd string   // users and the bcrypt hashes of their passwords, a line NAME:BCRYPT each
	Optional []string // those of the files that need not be there; they are as good as empty then
}

// Directory knows the callers that an operator lets in by files: by opaque tokens, by user name and password, and by
// client certificate. The files are followed when they change, all of them together: what they say counts when it is
// right as a whole, within [follow.Interval]; otherwise what they said before stays in use, and the log says why.
type Directory struct {
	files     *follow.Files[snapshot]
	passwords *passwords
	subjects  subjects
	now       func() time.Time
}

var (
	_ TokenVerifier       = (*Directory)(nil)
	_ PasswordVerifier    = (*Directory)(nil)
	_ CertificateVerifier = (*Directory)(nil)
)

// DirectoryOptions say how a directory works.
type DirectoryOptions struct {
	Now    func() time.Time // time.Now if nil
	Logger *slog.Logger     // told when the files change; may be nil
}

// NewDirectory reads the files. An error names the file, and the line if there is one.
func NewDirectory(files Files, options DirectoryOptions) (*Directory, error) {
	if options.Now == nil {
		options.Now = time.Now
	}
	optional := append([]string{""}, files.Optional...)
	if options.Logger == nil {
		options.Logger = slog.New(slog.DiscardHandler)
	}
	followed, err := follow.New([]string{files.Callers, files.Tokens, files.Htpasswd}, func(contents [][]byte) (*snapshot, error) {
		read, err := files.parse(contents[0], contents[1], contents[2])
		if err == nil && len(read.strangers) > 0 {
			options.Logger.Warn("credentials of nobody in the callers file are not let in; add them to it, or take them out", "credentials", read.strangers)
		}
		return read, err
	}, follow.Options{What: "callers", Now: options.Now, Logger: options.Logger, Optional: optional})
	if err != nil {
		return nil, err
	}
	return &Directory{followed, newPasswords(options.Now), newSubjects(), options.Now}, nil
}

// Refresh looks at the files, should nobody have called for a while, and says whether what they hold is in use. It isn't
// while something in them is wrong.
func (d *Directory) Refresh() bool {
	d.files.Get()
	return d.files.Current()
}

// VerifyToken finds the caller of an opaque token of the token file; any other is [ErrNotMine].
func (d *Directory) VerifyToken(_ context.Context, token string, _ Origin) (Caller, error) {
	return d.files.Get().tokens.verify(token)
}

// HasUsers says whether anybody can have a right password.
func (d *Directory) HasUsers() bool { return len(d.files.Get().users.byName) > 0 }

// VerifyPassword finds the caller of a user of the htpasswd file. It may wait, at most some seconds, and it refuses with
// the cause [Throttled] what it does not look at because too much was wrong.
func (d *Directory) VerifyPassword(ctx context.Context, user, password string, origin Origin) (Caller, error) {
	users := d.files.Get().users
	if len(users.byName) == 0 {
		return Caller{}, Refuse(KindBasic, Unknown, "nobody has a password")
	}
	return d.passwords.verify(ctx, users, user, password, origin)
}

// VerifyCertificate finds the caller of a client certificate that TLS has verified. One that the callers file doesn't
// know is refused with the cause [Unknown], one that several callers have with [Ambiguous].
func (d *Directory) VerifyCertificate(certificate *x509.Certificate) (Caller, error) {
	if !certificate.NotAfter.IsZero() && d.now().After(certificate.NotAfter) { // TLS has looked when the connection began
		return Caller{}, Refuse(KindCertificate, Expired, "it ended at "+certificate.NotAfter.Format(time.RFC3339))
	}
	return d.subjects.verifyCertificate(d.files.Get().certificates, certificate)
}

// Check says what is wrong with contents that the files could have.
func (f Files) Check(callers, tokens, htpasswd []byte) error {
	_, err := f.parse(callers, tokens, htpasswd)
	return err
}

// snapshot is what the files said when they were read.
type snapshot struct {
	tokens       tokens
	users        users
	certificates map[string]Caller // by canonical identity
	strangers    []string          // credentials that are no caller's
}

func (f Files) parse(callersData, tokensData, htpasswdData []byte) (*snapshot, error) {
	callers, err := parseCallers(callersData)
	if err != nil { // whose the lines of the other files are can't be told then
		return nil, fmt.Errorf("%s: %w", f.Callers, err)
	}
	tokens, strangers, tokensErr := parseTokens(tokensData, callers.tokens)
	if tokensErr != nil {
		tokensErr = fmt.Errorf("%s: %w", f.Tokens, tokensErr)
	}
	users, more, usersErr := parseHtpasswd(htpasswdData, callers.users)
	if usersErr != nil {
		usersErr = fmt.Errorf("%s: %w", f.Htpasswd, usersErr)
	}
	if err := errors.Join(tokensErr, usersErr); err != nil {
		return nil, err
	}
	return &snapshot{tokens, users, callers.certificates, append(strangers, more...)}, nil
}
