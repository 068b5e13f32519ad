"use strict";

// The documents come from the page, which knows what versions there are; the first is shown first.
const reference = document.getElementById("reference");

window.ui = SwaggerUIBundle({
  domNode: reference,
  urls: JSON.parse(reference.dataset.documents),
  layout: "StandaloneLayout",
  presets: [SwaggerUIBundle.presets.apis, SwaggerUIStandalonePreset],
  deepLinking: true,
  displayRequestDuration: true,
  defaultModelsExpandDepth: 0,
  validatorUrl: null, // an online service
});
