import pytest
import torch
from transformers import AutoModelForCausalLM, AutoTokenizer

from storage.errors import RecipeError
from tests.train_stages import every
from train_stages.config import RlConfig
from train_stages.rewards.judge import QUESTION
from train_stages.rewards.scoring import make_rewards
from train_stages.stages.rl import bare_prompt

REWARDS = [{"kind": "judge", "model": "strong", "at_once": 2, "most_tokens": 200}, {"kind": "answer", "weight": 0}]


@pytest.mark.slow
def test_it_earns_the_chance_of_yes_and_the_checker_stands_beside_it(base, problems):
    rewards = make_rewards(problems[:4], RlConfig(rewards=REWARDS).rewards, {"strong": base}, bare_prompt)
    texts = [problems[0].solution, "no idea", "x " * 500, "#### -1"]
    given = {"completions": [[{"role": "assistant", "content": text}] for text in texts], "number": [0, 1, 2, 3]}
    judged, checked = (function(**given) for function in rewards.functions)
    tokenizer, model = AutoTokenizer.from_pretrained(base), AutoModelForCausalLM.from_pretrained(base)
    yes, no = (tokenizer(word, add_special_tokens=False)["input_ids"][0] for word in ("Yes", "No"))
    for number in (0, 1, 3):
        text = QUESTION.format(problem=problems[number].prompt, answer=texts[number])
        ids = tokenizer.apply_chat_template(
            [{"role": "user", "content": text}], add_generation_prompt=True, return_dict=True, return_tensors="pt"
        )
        with torch.no_grad():
            last = model(**ids).logits[0, -1]
        assert judged[number] == pytest.approx(float(last[[yes, no]].softmax(0)[0]), abs=1e-5)
    assert judged[2] is None and checked == [1.0, 0.0, None, 0.0] and rewards.weights == (1.0, 0.0)


def test_what_asks_a_model_wants_a_checker_beside_it():
    with pytest.raises(RecipeError, match=r"judge asks a model.* add \{kind: answer, weight: 0\}"):
        every.read("rl", rewards=["judge"])
    with pytest.raises(RecipeError, match=r"verifier asks a model"):
        every.read("rl", rewards=["verifier", "format"])
    assert every.read("rl", rewards=["verifier", "assignment"]).rewards[0].model == "verifier"
