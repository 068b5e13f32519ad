package auth

import (
	"errors"
	"fmt"
	"regexp"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"

	"golang.org/x/crypto/bcrypt"
	"golang.org/x/text/unicode/norm"
)

// An htpasswd file has one line a user, "NAME:BCRYPT": its name, which the callers file knows, and the bcrypt hash of its
// password, as htpasswd -B of Apache writes it too. A user who was taken out of the callers file is not let in. The format of golang.org/x/crypto/bcrypt is all that is needed of it;
// libraries for the whole format take plain and MD5 passwords, and skip lines that they don't understand.

const (
	// maxPasswordBytes is what bcrypt looks at: of two passwords that differ only after it, one opens for the other.
	maxPasswordBytes = 72
	// Below minCost there is no bcrypt; above maxCost one check takes more than a second of a processor, and nothing can
	// stop it once it runs. Each step doubles the time.
	minCost, maxCost = bcrypt.MinCost, 14
	// newCost is that of hashes made here, some 50 ms.
	newCost = bcrypt.DefaultCost
)

// bcryptHash are the variants that mean the same today; 2x marks hashes of a broken implementation.
var bcryptHash = regexp.MustCompile(`^\$2[aby]\$[0-9]{2}\$[./A-Za-z0-9]{53}$`)

// users are the users of an htpasswd file.
type users struct {
	byName map[string]user
	costs  []int // one for each user, so that a random one is as frequent as it is among them
}

type user struct {
	caller Caller
	hash   string
	cost   int
}

func parseHtpasswd(data []byte, callers map[string]Caller) (known users, strangers []string, err error) {
	known = users{byName: map[string]user{}}
	seen := map[string]bool{}
	for number, line := range entryLines(data) {
		name, hash, cost, err := parseHtpasswdLine(line)
		if err != nil {
			return users{}, nil, fmt.Errorf("line %d: %w", number, err)
		}
		if seen[name] {
			return users{}, nil, fmt.Errorf("line %d: the user %q stands on an earlier line", number, name)
		}
		seen[name] = true
		caller, ok := callers[name]
		if !ok {
			strangers = append(strangers, "user:"+name)
			continue
		}
		known.byName[name] = user{caller, hash, cost}
		known.costs = append(known.costs, cost)
	}
	return known, strangers, nil
}

// parseHtpasswdLine says in its errors nothing of the password, which may stand there in plain text.
func parseHtpasswdLine(line string) (name, hash string, cost int, err error) {
	name, hash, ok := strings.Cut(line, ":")
	if !ok {
		return "", "", 0, errors.New("is not NAME:BCRYPT")
	}
	if !credentialName.MatchString(name) {
		return "", "", 0, errors.New("the name must be " + nameRule)
	}
	if !bcryptHash.MatchString(hash) {
		return "", "", 0, fmt.Errorf("the password of %q is not a bcrypt hash ($2a$, $2b$ or $2y$); make one with the htpasswd command", name)
	}
	cost, err = bcrypt.Cost([]byte(hash))
	if err != nil || cost < minCost || cost > maxCost {
		return "", "", 0, fmt.Errorf("the password of %q has a bcrypt cost that is not in %d to %d", name, minCost, maxCost)
	}
	return name, hash, cost, nil
}

// preparePassword brings a password into the form that is hashed: the same characters are the same bytes, however the
// client composes them (NFC, as RFC 7617, 2.1 asks for). It is an error if bcrypt would not look at all of it, or repeats
// it behind a NUL.
func preparePassword(password string) (string, error) {
	if password == "" || !utf8.ValidString(password) || strings.ContainsFunc(password, unicode.IsControl) {
		return "", errors.New("a password is UTF-8 text without control characters, and not empty")
	}
	password = norm.NFC.String(password)
	if len(password) > maxPasswordBytes {
		return "", fmt.Errorf("a password is at most %d bytes long, which is what bcrypt looks at", maxPasswordBytes)
	}
	return password, nil
}

// PasswordLine is the line of an htpasswd file for a user.
func PasswordLine(name, password string) (string, error) {
	if !credentialName.MatchString(name) {
		return "", errors.New("the name of a user must be " + nameRule)
	}
	password, err := preparePassword(password)
	if err != nil {
		return "", err
	}
	hash, err := bcrypt.GenerateFromPassword([]byte(password), newCost)
	return name + ":" + string(hash), err
}

// SetPassword is an htpasswd file with a line, which [PasswordLine] has made, in the place of the line of the same user,
// or at the end.
func SetPassword(file []byte, line string) []byte {
	name, _, _ := strings.Cut(line, ":")
	lines := strings.SplitAfter(string(file), "\n")
	isUser := func(there string) bool { return strings.HasPrefix(strings.TrimSpace(there), name+":") }
	if i := slices.IndexFunc(lines, isUser); i >= 0 {
		lines[i] = line + "\n"
		return []byte(strings.Join(lines, ""))
	}
	return withLine(file, line)
}
