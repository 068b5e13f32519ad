package main

import (
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"

	"ordermanagement/bench/callers"
)

func TestIntrospect(t *testing.T) {
	for _, test := range []struct {
		name, secret, token string
		status              int
		active              bool
	}{
		{"a token that is active", callers.ClientSecret, callers.Active(), http.StatusOK, true},
		{"one that is not", callers.ClientSecret, callers.Unknown(), http.StatusOK, false},
		{"a client that it does not know", "guess", callers.Active(), http.StatusUnauthorized, false},
	} {
		body := strings.NewReader(url.Values{"token": {test.token}}.Encode())
		request := httptest.NewRequest(http.MethodPost, "/", body)
		request.Header.Set("Content-Type", "application/x-www-form-urlencoded")
		request.SetBasicAuth(callers.ClientID, test.secret)
		recorder := httptest.NewRecorder()
		introspect(recorder, request)
		var got struct {
			Active             bool
			Sub, Tenant, Scope string
		}
		if recorder.Code == http.StatusOK {
			if err := json.Unmarshal(recorder.Body.Bytes(), &got); err != nil {
				t.Errorf("%s: %v", test.name, err)
			}
		}
		if recorder.Code != test.status || got.Active != test.active || test.active && (got.Sub != callers.Name || got.Tenant == "" || got.Scope == "") {
			t.Errorf("%s: %d %s", test.name, recorder.Code, recorder.Body)
		}
	}
}
