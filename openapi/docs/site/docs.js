"use strict";

// The documents come from the page, which knows what versions there are; the first is shown first.
const reference = document.getElementById("reference");

// A document lists its operations in the order in which their examples tell a story.
const place = (operation) => ui.specSelectors.specJson().get("x-story").indexOf(operation.getIn(["operation", "operationId"]));

// The body of a stream is lines of JSON. Swagger UI takes any type with "json" in its name for one value, and quotes texts.
const lines = () => ({
  afterLoad() {
    const sample = this.fn.getSampleSchema;
    this.fn.getSampleSchema = (schema, type, ...rest) => sample(schema, type === "application/x-ndjson" ? "text/plain" : type, ...rest);
  },
});

window.ui = SwaggerUIBundle({
  domNode: reference,
  urls: JSON.parse(reference.dataset.documents),
  layout: "StandaloneLayout",
  plugins: [lines],
  presets: [SwaggerUIBundle.presets.apis, SwaggerUIStandalonePreset],
  deepLinking: true,
  operationsSorter: (a, b) => place(a) - place(b),
  displayRequestDuration: true,
  defaultModelsExpandDepth: 0,
  validatorUrl: null, // an online service
  oauth2RedirectUrl: new URL("/docs/oauth2-redirect.html", location).href,
  // What one authorizes with is kept in this page only, and lasts when it shows another version. It is not written to
  // localStorage (persistAuthorization), where it would outlive the page.
  persistAuthorization: false,
});

if (reference.dataset.oauth2Client) {
  ui.initOAuth({clientId: reference.dataset.oauth2Client, usePkceWithAuthorizationCodeGrant: true});
}
