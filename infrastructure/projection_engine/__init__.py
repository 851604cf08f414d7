"""Applies the event log to read models. It works for any read model and knows none of them."""
