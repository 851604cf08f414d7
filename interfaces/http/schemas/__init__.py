"""Schemas of request and response bodies.

Response schemas are for the OpenAPI document and tests: responses are not validated when sent.
"""
