"""A small BERT that learns to count a token, trained by the Trainer of transformers and counted while it trains.

python watch_transformers.py --steps 200 --out watched
"""

from __future__ import annotations

import argparse
import tempfile
from typing import Any

import torch

from layercensus.watch.transformers import trainer_callback

TOKENS, LENGTH, CLASSES = 20, 12, 4


def train(steps: int, every: int) -> Any:
    """The timeline of so many steps; in so short a run everything is read, whatever it costs."""
    from transformers import BertConfig, BertForSequenceClassification, Trainer, TrainingArguments

    ids = torch.randint(TOKENS, (2048, LENGTH), generator=torch.Generator().manual_seed(0))
    labels = (ids == 1).sum(1).clamp(max=CLASSES - 1)
    rows = [{"input_ids": row, "labels": label} for row, label in zip(ids, labels, strict=True)]
    config = BertConfig(
        vocab_size=TOKENS, hidden_size=48, num_hidden_layers=2, num_attention_heads=4, intermediate_size=96,
        max_position_embeddings=LENGTH, num_labels=CLASSES,
    )  # fmt: skip
    callback = trainer_callback({"input_ids": ids}, every=every, budget=None)
    with tempfile.TemporaryDirectory() as folder:
        arguments = TrainingArguments(
            folder, max_steps=steps, per_device_train_batch_size=64, learning_rate=1e-3, report_to=[], use_cpu=True,
            save_strategy="no", disable_tqdm=True,
        )  # fmt: skip
        Trainer(BertForSequenceClassification(config), arguments, train_dataset=rows, callbacks=[callback]).train()
    return callback.timeline


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--steps", type=int, default=400)
    parser.add_argument("--every", type=int, default=50)
    parser.add_argument("--out", default="watched")
    given = parser.parse_args()
    timeline = train(given.steps, given.every)
    print(timeline, timeline.report(given.out), sep="\n")
