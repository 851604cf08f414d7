"""The figures on somebody's dashboard."""
