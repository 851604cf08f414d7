"""The JSON that Canvas sends to a student, with the keys of Canvas's own serializers."""
