"""Loss never falls on what a tool says, tested on the tokens of a dialogue that a method made."""

from transformers import AutoTokenizer

from synth.environments import get_environment
from train_stages.data.encode import encode_conversations, show_loss


def test_what_an_environment_says_carries_no_loss(base, problems):
    calculator, problem = get_environment("calculator"), problems[0]
    asks = {"role": "assistant", "content": "calculate: 2 + 3"}
    turn = calculator.step(calculator.start(problem, 0), asks)
    [told] = turn.messages
    chat = [
        {"role": "user", "content": problem.prompt},
        asks,
        told,
        {"role": "assistant", "content": f"#### {problem.gold}"},
    ]
    tokenizer = AutoTokenizer.from_pretrained(base)
    encoded = encode_conversations(tokenizer, [chat], 1024)
    ids, labels = encoded.table["input_ids"][0].as_py(), encoded.table["labels"][0].as_py()
    said = tokenizer(told["content"], add_special_tokens=False)["input_ids"]
    starts = [at for at in range(len(ids)) if ids[at : at + len(said)] == said]
    assert starts and all(label == -100 for at in starts for label in labels[at : at + len(said)])
    learned = [part.split("<<")[0] for part in show_loss(tokenizer, encoded).split(">>")[1:]]
    assert [part.removeprefix(">").split("<|")[0] for part in learned] == ["calculate: 2 + 3", f"#### {problem.gold}"]
