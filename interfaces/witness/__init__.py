"""The HTTP interface of a witness."""
