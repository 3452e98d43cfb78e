"""A setting that a stage would ignore is refused, with what works instead; keys stand in the message as in the recipe."""

import pytest

from storage.errors import RecipeError
from train_stages.config import CptConfig, PreferenceConfig, RlConfig, SftConfig, read_config

MIXTURE = {"phases": [{"weights": {"rows": 1}}]}


@pytest.mark.parametrize(
    ("config", "options", "message"),
    [
        (PreferenceConfig, {"budget_tokens": 5}, "budget_tokens: there is no such setting: pairs are .* set epochs"),
        (PreferenceConfig, {"beta": 5}, "beta: .* write loss: {beta: ...}"),
        (PreferenceConfig, {"loss_type": "ipo"}, "loss_type: .* write loss: NAME"),
        (RlConfig, {"epochs": 2}, "epochs: there is no such setting: .* set steps"),
        (RlConfig, {"batch_tokens": 2}, "batch_tokens: .* prompts_per_step"),
        (RlConfig, {"variant": "dapo"}, "variant: .* write loss: dapo"),
        (RlConfig, {"format_weight": 0.1}, "format_weight: .* write rewards"),
        (RlConfig, {"resampling_rounds": 5}, "resampling_rounds is for resampling: dynamic"),
        (RlConfig, {"difficulty": "all", "least_tries": 4}, "least_tries is for difficulty"),
        (RlConfig, {"rollouts": "transformers", "rollout_memory": 0.5}, "rollout_memory is for a vLLM server"),
        (RlConfig, {"loss": {"kind": "cispo", "epsilon": 0.1}}, "loss.epsilon: unknown setting .* .of the loss cispo"),
        (SftConfig, {"step_mask": True}, "step_mask: .* write mask: steps"),
        (SftConfig, {"epochs": 1, "budget_tokens": 5}, "budget_tokens and epochs both say how long"),
        (SftConfig, {"order": {"strategy": "cyclical"}}, "order.strategy: .* write kind: NAME"),
        (SftConfig, {"order": {"kind": "cyclical", "start": 0.9, "end": 0.5}}, r"order: start \(0.9\) must not exceed"),
        (SftConfig, {"optimiser": {"kind": "muon", "adamw_learning_rte": 1}}, "did you mean 'adamw_learning_rate'"),
        (SftConfig, {"optimiser": "muon", "adamw_learning_rate": 1}, "write optimiser: {kind: muon"),
        (SftConfig, {"warmup": 0.1}, "warmup: .* write schedule: {warmup: ...}"),
        (SftConfig, {"schedule": {"kind": "constant", "decay": 0.5}}, "schedule.decay: unknown setting 'decay'"),
        (SftConfig, {"schedule": 5}, "schedule: write {kind: NAME, ...} or NAME, of: constant, cosine"),
        (SftConfig, {"processes": 2}, "processes is for accelerate"),
        (SftConfig, {"epocs": 2}, "epocs: unknown setting 'epocs'; did you mean 'epochs'"),
        (SftConfig, {"learning_rate": 0}, "learning_rate = 0: .* greater than 0"),
        (CptConfig, {"mixture": MIXTURE, "order": "random"}, "mixture says which row comes when: leave order out"),
        (CptConfig, {"mixture": {**MIXTURE, "general": 5}}, "mixture.general = 5: .* valid string"),
        (CptConfig, {"transforms": ["dualformer"]}, "transforms.0: dualformer is a transform of other stages; here are denoising"),
    ],
)  # fmt: skip
def test_it_is_refused_with_what_works(config, options, message):
    with pytest.raises(RecipeError, match=rf"^train\.plan\.0\.x(\.|: )(.*){message}"):
        read_config(config, options, "train.plan.0.x")


def test_what_is_not_given_is_the_stages_own():
    linear = PreferenceConfig(schedule={"decay": 0.5}).schedule
    assert (linear.warmup, linear.decay) == (0.1, 0.5)
    assert PreferenceConfig(schedule="constant").schedule.warmup == 0.02, "another kind has its own defaults"
    assert PreferenceConfig(loss={"beta": 2}).loss.name == "sigmoid_norm"
    assert RlConfig(loss={"scale_rewards": "group"}).loss.name == "dr_grpo"
    dapo = RlConfig(loss="dapo")
    assert (dapo.loss.epsilon_high, dapo.loss.mask_truncated, dapo.resampled) == (0.28, True, "dynamic")
    assert RlConfig(loss="dapo", resampling="none").resampled == "none"
    assert RlConfig(loss="srpo").resampled == "history" and RlConfig().resampled == "none"


@pytest.mark.parametrize("config", [CptConfig, SftConfig, PreferenceConfig, RlConfig])
def test_what_is_written_is_read_again(config):
    assert config.model_validate(config().model_dump(mode="json", exclude_none=True, exclude_defaults=True)) == config()
    assert config().model_dump(mode="json")["optimiser"]["kind"] == "adamw"
