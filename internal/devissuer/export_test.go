package devissuer

// Kept counts what the issuer remembers, for tests of its bounds.
func (i *Issuer) Kept() (codes, sessions, opaque, revoked, peers int) {
	i.memory.mu.Lock()
	defer i.memory.mu.Unlock()
	i.page.mu.Lock()
	defer i.page.mu.Unlock()
	return i.memory.codes.entries.Len(), i.memory.sessions.entries.Len(), i.memory.opaque.entries.Len(), i.memory.revoked.entries.Len(), i.page.peers.Len()
}

// The bounds.
const (
	MaxCodes    = maxCodes
	MaxSessions = maxSessions
	MaxOpaque   = maxOpaque
	MaxRevoked  = maxRevoked
	MaxPeers    = maxPeers
	CodeTTL     = codeTTL
	SessionTTL  = sessionTTL
	LoginTime   = loginTime
)
