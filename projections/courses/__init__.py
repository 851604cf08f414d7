"""Which courses somebody takes."""
