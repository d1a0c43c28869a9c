"""Make `tiny-encoder`: a real sentence-transformers folder of seeded random weights, small enough for git.

    python tests/data/make_tiny_encoder.py [FOLDER]

Its vocabulary is made up: single characters, syllables and two-digit numbers, so that any word is read.
"""

import string
import sys
from pathlib import Path
from tempfile import TemporaryDirectory

import torch
from sentence_transformers import SentenceTransformer
from transformers import BertConfig, BertModel, BertTokenizerFast

SPECIAL = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"]
WIDTH = 32
TOKENS = 128


def vocabulary() -> list[str]:
    """Return the pieces, each as the start of a word and as its continuation."""
    characters = string.ascii_lowercase + string.digits + string.punctuation
    syllables = [c + v for c in "bcdfghjklmnprstvwz" for v in "aeiou"]
    numbers = [f"{n:02}" for n in range(100)]
    pieces = [*characters, *syllables, *numbers]
    return [*SPECIAL, *pieces, *(f"##{piece}" for piece in pieces)]


def transformer(folder: Path) -> None:
    """Write a BERT of two layers and its tokenizer."""
    pieces = vocabulary()
    (folder / "vocab.txt").write_text("\n".join(pieces) + "\n", encoding="utf-8")
    tokenizer = BertTokenizerFast(str(folder / "vocab.txt"), model_max_length=TOKENS)
    torch.manual_seed(0)
    # Weights wide enough that an untrained encoder already tells texts apart.
    model = BertModel(
        BertConfig(
            vocab_size=len(pieces),
            hidden_size=WIDTH,
            num_hidden_layers=2,
            num_attention_heads=2,
            intermediate_size=2 * WIDTH,
            max_position_embeddings=TOKENS,
            initializer_range=0.2,
        )
    )
    model.save_pretrained(folder)
    tokenizer.save_pretrained(folder)


def main(target: Path) -> None:
    """Write the encoder to `target`: the transformer, then the mean of its token vectors."""
    with TemporaryDirectory() as beside:
        transformer(Path(beside))
        encoder = SentenceTransformer(beside, device="cpu")
        encoder.save(str(target), create_model_card=False, safe_serialization=True)


if __name__ == "__main__":
    main(Path(sys.argv[1]) if len(sys.argv) > 1 else Path(__file__).parent / "tiny-encoder")
