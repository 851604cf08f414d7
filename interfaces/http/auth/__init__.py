"""Authentication: JWT verification, JWKS and protected routes."""
