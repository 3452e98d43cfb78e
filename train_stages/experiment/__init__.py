"""`compare`: one small model per arm at an equal token budget, several seeds, the same held-out items for all.

Arms differ in their rows, in how they are trained (loss, transforms, schedule, order, regularisers, adapter), or in both. Every
arm starts from the same model (per seed), the base or what it became on the rows of `before`, learns its own rows up to the
budget, then the same common rows, which teach the form of an answer to arms that never show one. An arm and seed is a file in
the experiment's folder: what is there is not made again. Not covered: budgets of several sizes (scaling curves).
"""
