"""What is due, what is handed in and what is graded."""
