"""What we can be asked about: one folder per read model."""
