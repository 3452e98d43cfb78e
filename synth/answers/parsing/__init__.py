"""A text as one of the types of answers: numbers with units, lists, intervals, equations, letters of choices and the like."""
