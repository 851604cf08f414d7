"""The shapes of the answers, for the OpenAPI document: answers are never run through them."""
