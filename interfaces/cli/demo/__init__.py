"""`easeboard demo`: runs the whole service against a Canvas sandbox and prints what happens."""
