package gateway

import (
	"iter"
	"mime"
	"regexp"
	"strconv"
	"strings"
)

// maxMediaRanges is how many elements of Accept headers are read. People's programs send a dozen at most.
const maxMediaRanges = 100

// prefersEvents reports whether a stream is answered with events, by the Accept headers of its request (RFC 9110,
// 12.5.1): only if the client wants them more than records. So records are what a tie, a wildcard, and no header at all
// get; and so does a client that accepts neither, since a server may disregard the header rather than answer 406, as is
// done for answers of one JSON value, which have no other form.
func prefersEvents(accept []string) bool {
	events, records, json := wanted{media: typeEvents}, wanted{media: typeNDJSON}, wanted{media: typeJSON}
	for mediaRange, quality := range mediaRanges(accept) {
		events.apply(mediaRange, quality)
		records.apply(mediaRange, quality)
		json.apply(mediaRange, quality)
	}
	if json.precision == exact { // who names JSON means our records too, each of which is some
		records.quality = max(records.quality, json.quality)
	}
	return events.quality > records.quality
}

// wanted is how much a client wants a media type: the quality, from 0 to 1, of the most precise of its ranges that cover
// the type, and of several such ranges the highest.
type wanted struct {
	media     string
	precision int
	quality   float64
}

const (
	anything = 1 + iota // */*
	family              // text/*
	exact               // text/event-stream
)

func (w *wanted) apply(mediaRange string, quality float64) {
	var precision int
	kind, wild := strings.CutSuffix(mediaRange, "/*")
	switch {
	case mediaRange == w.media:
		precision = exact
	case wild && strings.HasPrefix(w.media, kind+"/"):
		precision = family
	case mediaRange == "*/*":
		precision = anything
	default:
		return
	}
	if precision > w.precision || precision == w.precision && quality > w.quality {
		w.precision, w.quality = precision, quality
	}
}

// qvalue is how a quality is written (RFC 9110, 12.4.2).
var qvalue = regexp.MustCompile(`^(0(\.[0-9]{0,3})?|1(\.0{0,3})?)$`)

// mediaRanges are the ranges of Accept headers, in lower case, and their qualities. Elements that can't be read are left
// out, as are ranges with parameters, which narrow them down to what we don't have, except for our charset.
func mediaRanges(accept []string) iter.Seq2[string, float64] {
	return func(yield func(string, float64) bool) {
		read := 0
		for _, list := range accept {
			for list != "" {
				if read++; read > maxMediaRanges {
					return
				}
				var element string
				element, list = cutElement(list)
				mediaRange, params, err := mime.ParseMediaType(element)
				if err != nil {
					continue
				}
				quality := 1.0
				if q, ok := params["q"]; ok {
					if !qvalue.MatchString(q) {
						continue
					}
					quality, _ = strconv.ParseFloat(q, 64)
					delete(params, "q")
				}
				if strings.EqualFold(params["charset"], "utf-8") {
					delete(params, "charset")
				}
				if len(params) == 0 && !yield(mediaRange, quality) {
					return
				}
			}
		}
	}
}

// cutElement cuts the first element off a list (RFC 9110, 5.6.1), at a comma that is not inside of a quoted string.
func cutElement(list string) (element, rest string) {
	quoted := false
	for i := 0; i < len(list); i++ {
		switch c := list[i]; {
		case c == '"':
			quoted = !quoted
		case quoted && c == '\\':
			i++
		case !quoted && c == ',':
			return list[:i], list[i+1:]
		}
	}
	return list, ""
}
