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

// What one has authorized with is for all versions: the page that shows another one forgets it, unless it is written to
// localStorage (persistAuthorization), where it would outlive the page. Now it lasts as long as the page.
const keepAuthorization = () => ({
  statePlugins: {
    auth: {
      wrapActions: {
        restoreAuthorization: (restore) => (state) => Object.keys(state.authorized).length > 0 && restore(state),
      },
    },
  },
});

window.ui = SwaggerUIBundle({
  domNode: reference,
  urls: JSON.parse(reference.dataset.documents),
  layout: "StandaloneLayout",
  plugins: [lines, keepAuthorization],
  presets: [SwaggerUIBundle.presets.apis, SwaggerUIStandalonePreset],
  deepLinking: true,
  operationsSorter: (a, b) => place(a) - place(b),
  displayRequestDuration: true,
  defaultModelsExpandDepth: 0,
  validatorUrl: null, // an online service
  oauth2RedirectUrl: new URL("/docs/oauth2-redirect.html", location).href,
});

if (reference.dataset.oauth2Client) {
  ui.initOAuth({clientId: reference.dataset.oauth2Client, usePkceWithAuthorizationCodeGrant: true});
}
