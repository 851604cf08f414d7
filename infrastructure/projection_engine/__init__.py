"""Applies the event log to read models. It works for any read model and imports none of them."""
