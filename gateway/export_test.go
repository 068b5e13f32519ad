package gateway

// ForwardedHeader is a request header that reaches the server.
type ForwardedHeader struct {
	Name string
	Once bool // and must not be repeated
}

// ForwardedHeaders are those of the list in metadata.go, for tests that take every entry of it.
func ForwardedHeaders() (all []ForwardedHeader) {
	for _, f := range forwarded {
		all = append(all, ForwardedHeader{f.name, f.once})
	}
	return all
}

// ReservedKeys and ReservedPrefixes are what a caller can't send as metadata of its own.
func ReservedKeys() []string     { return reservedKeys }
func ReservedPrefixes() []string { return reservedPrefixes }

// WithEnd says when a connection is old, for tests that can't wait for it.
var WithEnd = withEnd
