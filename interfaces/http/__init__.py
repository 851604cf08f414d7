"""The HTTP API: routes, schemas, middleware, authentication, errors and the server."""
