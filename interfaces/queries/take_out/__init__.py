"""What a person takes along: everything that is known about them, as JSON or as CSV files."""
