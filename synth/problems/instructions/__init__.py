"""Instructions that a program verifies (IFEval, arXiv:2311.07911): constraints on the form of a response, composed into prompts.

One checker is the reward, the filter and the evaluation, since the task `instructions` is judged by it.
"""
