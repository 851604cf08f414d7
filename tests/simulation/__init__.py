"""Simulates a day of many connections on a virtual clock: real scheduling in a modelled world."""
