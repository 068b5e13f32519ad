package devissuer

import (
	"crypto/subtle"
	"encoding/base64"
	"strconv"
	"strings"

	"github.com/zitadel/oidc/v3/pkg/oidc"
)

// session is what a refresh token continues. The token changes with each use (RFC 9700, 4.14.2).
type session struct {
	client string
	scopes []string
	login  login
	turn   int // how many refresh tokens were used up; the current one has this number
}

// refreshToken is the current refresh token of a session: "ID.TURN.MAC". By the last one who has it shows that it was made
// here, so that nobody can end a session by a token that is made up.
func (m *memory) refreshToken(id string, s *session) string {
	turn := strconv.Itoa(s.turn)
	mac := m.refresh.Of(id, ".", turn)
	return id + "." + turn + "." + base64.RawURLEncoding.EncodeToString(mac[:])
}

// sessionOf finds the session of a refresh token of a client, and its id. A token that was used up ends the session: one of
// the two that have it has stolen it. The caller holds the lock.
func (m *memory) sessionOf(token, client string) (id string, s *session, err error) {
	id, rest, _ := strings.Cut(token, ".")
	number, _, _ := strings.Cut(rest, ".")
	turn, err := strconv.Atoi(number)
	s, ok := m.sessions.get(id)
	made := m.refreshToken(id, &session{turn: turn})
	if err != nil || !ok || s.client != client || subtle.ConstantTimeCompare([]byte(made), []byte(token)) != 1 {
		return "", nil, oidc.ErrInvalidGrant().WithDescription("there is no such refresh token, or it has expired")
	}
	if turn != s.turn {
		m.end(id)
		return "", nil, oidc.ErrInvalidGrant().WithDescription("the refresh token was used before; the session is over")
	}
	return id, s, nil
}

// end makes all that came of a session invalid. The caller holds the lock.
func (m *memory) end(session string) {
	m.sessions.drop(session)
	m.revoked.put(session, struct{}{})
}
