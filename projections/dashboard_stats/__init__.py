"""Read model `dashboard_stats`: the numbers on a student's dashboard."""
