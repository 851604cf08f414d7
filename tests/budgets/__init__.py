"""Budgets of CPU time: a test fails if something costs about twice what it did."""
