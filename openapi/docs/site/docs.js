"use strict";

// The documents come from the page, which knows what versions there are; the first is shown first.
const reference = document.getElementById("reference");

// A document lists its operations in the order in which their examples tell a story.
const place = (operation) => ui.specSelectors.specJson().get("x-story").indexOf(operation.getIn(["operation", "operationId"]));

window.ui = SwaggerUIBundle({
  domNode: reference,
  urls: JSON.parse(reference.dataset.documents),
  layout: "StandaloneLayout",
  presets: [SwaggerUIBundle.presets.apis, SwaggerUIStandalonePreset],
  deepLinking: true,
  operationsSorter: (a, b) => place(a) - place(b),
  displayRequestDuration: true,
  defaultModelsExpandDepth: 0,
  validatorUrl: null, // an online service
});
