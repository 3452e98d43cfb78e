"""Settings of an adapter: small matrices that are trained beside the frozen weights (LoRA), which may be kept in 4 bits (QLoRA)."""

from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field

ALL_LINEAR = "all-linear"


class AdapterConfig(BaseModel):
    """Low-rank adapters (LoRA, arXiv:2106.09685), through PEFT: `W + alpha / r * B A`, with W frozen."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    r: int = Field(default=16, ge=1, description="Rank of the matrices.")
    alpha: float = Field(
        default=32, gt=0, description="Scale; what is learned is multiplied by alpha / r. Twice the rank is usual."
    )
    targets: tuple[str, ...] = Field(
        default=(ALL_LINEAR,),
        min_length=1,
        description="Names of the modules that get one, `[q_proj, v_proj]`; `[all-linear]` is every linear layer but the output "
        "head, as in QLoRA (arXiv:2305.14314).",
    )
    quantise: Literal["nf4", "int8"] | None = Field(
        default=None,
        description="Keep the frozen weights in 4 bits (`nf4`, QLoRA) or 8 while training, through bitsandbytes; wants a GPU.",
    )

    @property
    def bytes_a_weight(self) -> float | None:
        """Bytes that a frozen weight takes while training; None when it is not quantised."""
        return {"nf4": 0.55, "int8": 1.05}.get(self.quantise or "")  # with the scales of their blocks

    def peft(self, *, scores: bool = False) -> Any:
        """Return PEFT's configuration.

        Args:
            scores: The model has a scalar head, which is trained whole, instead of an output head.
        """
        from peft import LoraConfig

        every = self.targets == (ALL_LINEAR,)
        return LoraConfig(
            r=self.r,
            lora_alpha=self.alpha,  # type: ignore[arg-type, unused-ignore] # PEFT takes any number
            target_modules=ALL_LINEAR if every else list(self.targets),
            lora_dropout=0.0,
            bias="none",
            task_type="SEQ_CLS" if scores else "CAUSAL_LM",
        )

    def quantisation(self) -> Any:
        """Return transformers' configuration for loading the frozen weights; None when they are not quantised."""
        if self.quantise is None:
            return None
        import torch
        from transformers import BitsAndBytesConfig

        if self.quantise == "int8":
            return BitsAndBytesConfig(load_in_8bit=True)
        return BitsAndBytesConfig(
            load_in_4bit=True,
            bnb_4bit_quant_type="nf4",
            bnb_4bit_use_double_quant=True,
            bnb_4bit_compute_dtype=torch.bfloat16,
        )
