"""What several read models use: JSON documents, pages, search, tombstones and upserts."""
