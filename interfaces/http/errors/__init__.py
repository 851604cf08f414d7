"""Problems (RFC 9457) and the exceptions that become them."""
