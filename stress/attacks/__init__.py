"""Attacks on what Nightschool promises, as data and scripts. `python -m stress.attacks` tries all and prints a table.

A kind of attack is a folder with `attacks.yaml` (a list of attacks: `name`, `tries`: what it tries, `must_not`: what must not
happen, and the data it is tried with) and `attack.py` with `attack(entry, folder)`: it tries one in an empty folder and returns
None when the promise held, else a sentence. Whatever it raises counts as an attack that succeeded, but for the runner's
`NotTried`: what this machine cannot try is counted apart, with its reason.
"""
