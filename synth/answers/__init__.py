"""The one judge of answers.

`responses` reads which part of a response is its answer, `parsing` what type of answer that is, `comparing` whether two are
the same, `algebra` whether two expressions are; `judge` puts them together.
"""
