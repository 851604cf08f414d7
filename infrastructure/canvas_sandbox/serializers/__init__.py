"""The JSON a student gets to see, key by key as Canvas's serialisers write it."""
