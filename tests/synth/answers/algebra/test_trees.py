from synth.answers.algebra.expression import whole_expression
from synth.answers.algebra.trees import has, symbols, walk


def test_nodes_and_variables_of_an_expression():
    tree = whole_expression(r"2x + \sqrt{y}\pi")
    assert symbols(tree) == {"x", "y"}
    assert has(tree, "f", "sqrt") and has(tree, "c") and not has(tree, "f", "sin")
    assert sum(1 for node in walk(tree) if node[0] == "n") == 1
