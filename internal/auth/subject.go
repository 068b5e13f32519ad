package auth

import (
	"cmp"
	"crypto/x509/pkix"
	"encoding/asn1"
	"encoding/hex"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"
)

// attributeTypes are the short names of attribute types (RFC 4514, 3, and those that Go and OpenSSL print), in upper case.
func attributeTypes() map[string]asn1.ObjectIdentifier {
	return map[string]asn1.ObjectIdentifier{
		"CN": {2, 5, 4, 3}, "L": {2, 5, 4, 7}, "ST": {2, 5, 4, 8}, "O": {2, 5, 4, 10}, "OU": {2, 5, 4, 11}, "C": {2, 5, 4, 6},
		"STREET": {2, 5, 4, 9}, "SERIALNUMBER": {2, 5, 4, 5}, "POSTALCODE": {2, 5, 4, 17},
		"DC": {0, 9, 2342, 19200300, 100, 1, 25}, "UID": {0, 9, 2342, 19200300, 100, 1, 1},
		"EMAILADDRESS": {1, 2, 840, 113549, 1, 9, 1},
	}
}

// errNotSubject is said of what has no attribute at its begin.
var errNotSubject = errors.New("must be a subject such as CN=batch,O=Acme, without spaces around , and =, or dns:NAME, uri:URI or email:ADDRESS")

// canonicalSubject is the one form of a subject in which subjects are compared: what pkix.RDNSequence prints. Not
// pkix.Name: its fields forget the order of attributes, and all but the last of several common names.
//
// The form is unambiguous because every value is a string of which all that separates attributes is escaped. Values with
// control characters or of other types, and broken UTF-8, are in no one's subject on purpose.
func canonicalSubject(rdns pkix.RDNSequence) (string, error) {
	if len(rdns) == 0 {
		return "", errors.New("is empty")
	}
	for _, rdn := range rdns {
		if len(rdn) == 0 {
			return "", errors.New("has an empty RDN")
		}
		for _, attribute := range rdn {
			value, ok := attribute.Value.(string)
			if !ok || value == "" || !utf8.ValidString(value) || strings.ContainsFunc(value, unicode.IsControl) {
				return "", errors.New("has an attribute that is empty or not text")
			}
		}
		// A set has no order (X.690, 11.6 gives it one in certificates, but not in what people write).
		slices.SortFunc(rdn, func(a, b pkix.AttributeTypeAndValue) int {
			return cmp.Or(slices.Compare(a.Type, b.Type), cmp.Compare(a.Value.(string), b.Value.(string)))
		})
	}
	return rdns.String(), nil
}

// subjectOf is the canonical form of the subject of a certificate.
func subjectOf(der []byte) (string, error) {
	var rdns pkix.RDNSequence
	if rest, err := asn1.Unmarshal(der, &rdns); err != nil || len(rest) > 0 {
		return "", errors.New("is not a sequence of RDNs")
	}
	return canonicalSubject(rdns)
}

// parseSubject reads the string form of a distinguished name (RFC 4514, 3), strictly. Libraries for this are lax: they
// take what is not escaped, and forget which attributes are in one RDN.
func parseSubject(text string) (pkix.RDNSequence, error) {
	var rdns pkix.RDNSequence
	types := attributeTypes()
	for first, rest := true, text; first || rest != ""; first = false {
		var rdn pkix.RelativeDistinguishedNameSET
		for more := true; more; {
			name, after, ok := strings.Cut(rest, "=")
			oid, known := types[strings.ToUpper(name)]
			if !ok || !known {
				if oid = parseOID(name); !ok || oid == nil {
					return nil, errNotSubject
				}
			}
			value, next, err := cutValue(after)
			if err != nil {
				return nil, fmt.Errorf("the value of %s %w", name, err)
			}
			rdn = append(rdn, pkix.AttributeTypeAndValue{Type: oid, Value: value})
			rest, more = next, strings.HasPrefix(next, "+")
			if next != "" {
				if rest = next[1:]; rest == "" {
					return nil, errNotSubject
				}
			}
		}
		rdns = append(rdns, rdn)
	}
	slices.Reverse(rdns) // the last RDN is written first
	return rdns, nil
}

// parseOID reads a dotted OID; nil if it is none.
func parseOID(text string) (oid asn1.ObjectIdentifier) {
	for part := range strings.SplitSeq(text, ".") {
		number, err := strconv.ParseUint(part, 10, 31)
		if err != nil || strconv.FormatUint(number, 10) != part {
			return nil
		}
		oid = append(oid, int(number))
	}
	if len(oid) < 2 {
		return nil
	}
	return oid
}

// cutValue reads the value at the begin of the text; the rest begins with the separator, if there is one.
func cutValue(text string) (value, rest string, err error) {
	if strings.HasPrefix(text, "#") {
		return cutHexValue(text[1:])
	}
	var out []byte
	i := 0
	for ; i < len(text) && text[i] != ',' && text[i] != '+'; i++ {
		switch c := text[i]; c {
		case '\\':
			plain, used := unescape(text[i+1:])
			if used == 0 {
				return "", "", errors.New(`has a \ that escapes nothing`)
			}
			out = append(out, plain)
			i += used
		case '"', ';', '<', '>':
			return "", "", fmt.Errorf(`has a %c, which is written \%c`, c, c)
		case ' ':
			if i == 0 || i+1 == len(text) || text[i+1] == ',' || text[i+1] == '+' {
				return "", "", errors.New(`begins or ends with a space, which is written "\ " if it belongs to it`)
			}
			out = append(out, c)
		default:
			out = append(out, c)
		}
	}
	return string(out), text[i:], nil
}

// unescape reads what follows a backslash: the byte that is meant, and how much of the text says so.
func unescape(text string) (plain byte, used int) {
	if text != "" && strings.IndexByte(` "#+,;<=>\`, text[0]) >= 0 {
		return text[0], 1
	}
	if len(text) < 2 {
		return 0, 0
	}
	octet, err := hex.DecodeString(text[:2])
	if err != nil {
		return 0, 0
	}
	return octet[0], 2
}

// cutHexValue reads a value that is given in DER (RFC 4514, 2.4).
func cutHexValue(text string) (value, rest string, err error) {
	end := len(text)
	if i := strings.IndexAny(text, ",+"); i >= 0 {
		end = i
	}
	der, err := hex.DecodeString(text[:end])
	if err != nil {
		return "", "", errors.New("begins with # but is not hexadecimal")
	}
	var decoded any
	more, err := asn1.Unmarshal(der, &decoded)
	value, ok := decoded.(string)
	if err != nil || len(more) > 0 || !ok {
		return "", "", errors.New("begins with # but is not a string in DER")
	}
	return value, text[end:], nil
}
