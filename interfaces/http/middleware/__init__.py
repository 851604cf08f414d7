"""ASGI middleware; `interfaces/http/app.py` has the order."""
