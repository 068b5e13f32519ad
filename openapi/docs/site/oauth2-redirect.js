"use strict";

// What an authorization server answers is for the window that has asked, which waits in swaggerUIRedirectOauth2.
const waiting = window.opener && window.opener.swaggerUIRedirectOauth2;
if (waiting) {
  const answer = new URLSearchParams(location.search);
  const fail = (message) => waiting.errCb({authId: waiting.auth.name, source: "auth", level: "error", message});
  if (answer.get("state") !== waiting.state) {
    fail("The answer belongs to another request (state). Authorize again.");
  } else if (!answer.get("code")) {
    fail([answer.get("error"), answer.get("error_description")].filter(Boolean).join(": ") || "There is no code in the answer.");
  } else {
    waiting.auth.state = answer.get("state");
    waiting.auth.code = answer.get("code");
    waiting.callback({auth: waiting.auth, redirectUrl: waiting.redirectUrl});
  }
  window.close();
}
