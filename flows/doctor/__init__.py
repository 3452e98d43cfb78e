"""What `nightschool doctor` looks at, and what it says."""
