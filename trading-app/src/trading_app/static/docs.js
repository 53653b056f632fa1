// Swagger UI forgets an entered token when the tab closes: nothing is stored in the browser.
SwaggerUIBundle({
  url: document.getElementById("swagger-ui").dataset.document,
  dom_id: "#swagger-ui",
  deepLinking: true,
  filter: true,
  tryItOutEnabled: true,
  displayRequestDuration: true,
  defaultModelsExpandDepth: 0, // the list of all schemas is long to draw, and each call shows its own
});
