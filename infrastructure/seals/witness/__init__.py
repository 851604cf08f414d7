"""A witness of C2SP tlog-witness: its keys, what it has cosigned, and how it decides."""
