"""Attacks of strangers, students and Canvas hosts on a served process, and what others notice."""
