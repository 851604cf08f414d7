"""Log messages, traces, and the metric instruments that the code records to."""
