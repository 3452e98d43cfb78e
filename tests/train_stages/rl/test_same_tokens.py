"""vLLM writes greedily what transformers would, on the suite's server; a trained checkpoint's whole answers: `stress/`."""

import pytest
import torch
from transformers import AutoModelForCausalLM, AutoTokenizer

from train_stages.rl.rollouts import VllmRollouts

pytestmark = pytest.mark.slow

NEARLY = 0.05
"""The server computes in bfloat16: of two tokens that are nearly as likely it may take either."""


@pytest.mark.vllm
def test_each_greedy_token_of_vllm_is_the_one_that_transformers_takes(vllm_server, tmp_path):
    tokenizer = AutoTokenizer.from_pretrained(vllm_server.checkpoint)
    model = AutoModelForCausalLM.from_pretrained(vllm_server.checkpoint, dtype=torch.float32)
    prompts = [
        list(tokenizer.apply_chat_template([{"role": "user", "content": text}], add_generation_prompt=True, return_dict=True)
             ["input_ids"])
        for text in ("What is 2 + 3?", "Ann says Ben lies.", "x")
    ]  # fmt: skip
    server = VllmRollouts(vllm_server.endpoint, tmp_path, temperature=0.0, max_tokens=24)
    answers = server.generate(prompts, 1)
    same = total = 0
    for prompt, (ids, logs) in zip(prompts, answers, strict=True):
        assert len(ids) == len(logs) and (len(ids) == 24 or ids[-1] == tokenizer.eos_token_id)
        with torch.no_grad():
            logps = torch.log_softmax(model(input_ids=torch.tensor([prompt + ids])).logits[0, len(prompt) - 1 : -1], -1)
        chosen = logps.gather(1, torch.tensor(ids)[:, None])[:, 0]
        best = logps.max(1).values
        assert float((best - chosen).max()) < NEARLY
        assert torch.tensor(logs) == pytest.approx(chosen.numpy(), abs=NEARLY)
        same += int((best == chosen).sum())
        total += len(ids)
    assert same >= 0.9 * total
