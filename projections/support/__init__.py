"""What several read models use: documents, pages, tombstones and SQL arrays."""
