"""The settings of the environment and `.env`, and the types of their values."""
