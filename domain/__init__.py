"""The rules of Canvas connections and their syncs, without input and output."""
