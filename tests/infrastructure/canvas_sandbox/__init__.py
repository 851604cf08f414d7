"""The sandbox behaves as Canvas does."""
