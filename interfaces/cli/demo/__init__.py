"""`easeboard demo`: the whole program at work in half a minute."""
