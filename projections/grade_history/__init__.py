"""Read model `grade_history`: every change of a grade of a course or an assignment."""
