"""What each part of the trained hash pays: `make bench-ablation`.

For every data set: fit and block with the defaults, then with one thing changed at a time. Gold is read to
measure only. A row is written as soon as it is measured, and --resume leaves out what was measured before.
Prints tables; writes JSON and Markdown.

usage: ablation.py [SET ...] [--only VARIANT] [--resume] [--out runs/ablation] [--markdown docs/ablation.md]
"""

import argparse
import json
import sys
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from hashlib import sha256
from pathlib import Path
from typing import Any
from unittest.mock import patch

import numpy as np
from candidates import blocked
from common import (
    NO_RULES,
    PAIRS_PER_RECORD,
    ROOT,
    TARGETS,
    DataSet,
    cut_cells,
    data_sets,
    figures,
    fit_model,
    machine,
    smaller_table,
    with_share,
    written_by,
)

from erblock.errors import ErblockError
from erblock.hashing.base import Scores
from erblock.scoring.competition import ranking
from erblock.scoring.estimate import ExpectedMatches
from erblock.scoring.pairs import ScoredPairs

DEFAULT_SETS = ("abt-buy", "febrl3")
_TINY = 1e-9


def plain(pairs: ScoredPairs) -> Scores:
    """Rank by the similarity itself."""
    return pairs.similarity


def relative(pairs: ScoredPairs) -> Scores:
    """Rank by the similarity relative to the best of either record."""
    best = (pairs.best_left[pairs.left], pairs.best_right[pairs.right])
    return np.asarray(sum(pairs.similarity / np.maximum(side, _TINY) for side in best), dtype=np.float32)


def alone(pairs: ScoredPairs, log_odds: Scores) -> tuple[Scores, Scores]:
    """Leave every pair the odds that it has by itself."""
    del pairs
    odds = log_odds.astype(np.float64)
    return odds, 1 / (1 + np.exp(-odds))


@dataclass(frozen=True)
class Variant:
    """One thing that differs from the defaults.

    `fit` and `rules` are settings; `ngram_weight`, `trained` (the share of the trained weights), `ranking`
    (instead of the odds of a match), `evidence` (whether the columns' is weighed) and `messages` (whether
    competitors send any) take the place of what is none.
    """

    name: str
    says: str
    fit: Mapping[str, Any] = field(default_factory=dict)
    rules: Mapping[str, Any] | None = None
    with_labels: bool = False
    ngram_weight: float | None = None
    trained: float | None = None
    ranking: Callable[[ScoredPairs], Scores] | None = None
    evidence: bool = True
    messages: bool = True

    def fit_section(self, data: DataSet) -> dict[str, Any]:
        """Return the fit settings for a data set."""
        labels = {"labels": str(data.folder / "train.csv")} if self.with_labels else {}
        return {**self.fit, **labels}

    def suits(self, data: DataSet) -> bool:
        """Whether the data set has what the variant needs."""
        return not self.with_labels or (data.folder / "train.csv").is_file()

    @contextmanager
    def in_place(self) -> Iterator[None]:
        """Put what is no setting in place."""
        with ExitStack() as patches:
            if self.ngram_weight is not None:
                for module in ("erblock.hashing.neural", "erblock.training.fit"):
                    patches.enter_context(patch(f"{module}.NGRAM_WEIGHT", self.ngram_weight))
            if self.trained is not None:
                patches.enter_context(patch("erblock.pipeline.fit.TAUGHT", self.trained))
            if self.ranking is not None:
                nothing = ExpectedMatches(None)
                patches.enter_context(patch("erblock.pipeline.ranked.expected_matches", return_value=nothing))
                patches.enter_context(patch("erblock.blocking.budget.ranking", self.ranking))
            if not self.messages:
                patches.enter_context(patch("erblock.scoring.estimate.ranked_and_decided", alone))
            if not self.evidence:
                patches.enter_context(patch("erblock.pipeline.evidence.read_evidence", return_value=None))
            yield


VARIANTS = (
    Variant("default", "all by default"),
    Variant("no-evidence", "the default model; evidence of the columns not weighed", evidence=False),
    Variant("no-messages", "the default model; odds of every pair by itself", messages=False),
    Variant("standing-out", "the default model; ranked by how far pairs stand out", ranking=ranking),
    Variant("rank-plain", "the default model; pairs ranked by s", ranking=plain),
    Variant("rank-relative", "the default model; ranked by s / best(l) + s / best(r)", ranking=relative),
    Variant("neither", "the default model; no evidence, ranked by s", ranking=plain, evidence=False),
    Variant("untrained", "the encoder as it comes", {"max_steps": 0}),
    Variant(
        "untrained-neither",
        "as it comes; no evidence, ranked by s",
        {"max_steps": 0},
        None,
        ranking=plain,
        evidence=False,
    ),
    Variant("no-rules", "pairs beyond doubt alone", rules=NO_RULES),
    Variant("self-training", "rules, and pairs beyond doubt", {"self_training": True}),
    Variant("labels", "labels of the train split instead of rules", rules=NO_RULES, with_labels=True),
    Variant("loss-alone", "the paper's loss without the ranking term", {"ranking": 0.0}),
    Variant("trained-fully", "the trained weights, not their mean with those before", trained=1.0),
    Variant("steps-30", "at most 30 steps", {"max_steps": 30}),
    Variant("steps-120", "at most 120 steps", {"max_steps": 120}),
    # Nothing of the encoder is seen then, so there is nothing to train.
    Variant("ngrams-alone", "n-grams without the language model", {"max_steps": 0}, ngram_weight=1.0),
    Variant("model-alone", "the language model without n-grams", ngram_weight=0.0),
)
NAMES = tuple(variant.name for variant in VARIANTS)


def main() -> None:
    """Run the benchmark."""
    options = arguments()
    options.out.mkdir(parents=True, exist_ok=True)
    written = options.out / "ablation.json"
    resumed = options.resume and written.is_file()
    rows: list[dict[str, Any]] = json.loads(written.read_text())["rows"] if resumed else []
    done = {(row["set"], row["variant"]) for row in rows}
    failed = 0
    for data in data_sets(options.sets or DEFAULT_SETS):
        models: dict[str, dict[str, Any]] = {}
        for variant in chosen(data, options):
            if (data.name, variant.name) in done:
                continue
            try:
                rows.append(measure(data, variant, models, options))
            except ErblockError as error:
                failed += 1
                print(f"{data.name:16} {variant.name:18} cannot be fitted: {error}", file=sys.stderr)
                continue
            print(as_line(rows[-1]), flush=True)
            written.write_text(json.dumps({"machine": machine(), "rows": rows}, indent=1))
    if options.markdown:
        options.markdown.write_text(as_markdown(rows))
    if failed:
        sys.exit(f"{failed} rows are missing, see above")


def arguments() -> argparse.Namespace:
    """Return the command line's options."""
    parser = argparse.ArgumentParser(description="What each part of the trained hash pays.")
    parser.add_argument("sets", nargs="*", metavar="SET", help=f"default {', '.join(DEFAULT_SETS)}")
    parser.add_argument(
        "--only", action="append", choices=NAMES, metavar="VARIANT", help=f"one of {', '.join(NAMES)}"
    )
    parser.add_argument("--resume", action="store_true", help="keep the rows of an earlier run")
    parser.add_argument("--encoder", help="fit this encoder instead of the default one")
    parser.add_argument("--out", type=Path, default=ROOT / "runs" / "ablation")
    parser.add_argument("--markdown", type=Path)
    return parser.parse_args()


def chosen(data: DataSet, options: argparse.Namespace) -> list[Variant]:
    """Return the variants to run on a data set."""
    return [v for v in VARIANTS if v.name in (options.only or NAMES) and v.suits(data)]


def measure(
    data: DataSet, variant: Variant, models: dict[str, dict[str, Any]], options: argparse.Namespace
) -> dict[str, Any]:
    """Return the row of one variant. `models` keeps what was fitted: equal settings are fitted once."""
    folder = options.out / data.name
    folder.mkdir(parents=True, exist_ok=True)
    section = variant.fit_section(data) | {"encoder": options.encoder}
    key = digest(data, section, variant)
    model, out = folder / f"{key}.model", folder / f"{variant.name}.parquet"
    with variant.in_place():
        if key not in models:
            models[key] = fit_model(data, model, section, variant.rules)
        most = PAIRS_PER_RECORD * smaller_table(data)
        facts = models[key] | blocked(data, out, {"method": "neural", "model": str(model)}, most)
    return {
        "set": data.name,
        "variant": variant.name,
        "model": key,
        **with_share(facts | figures(data, out, variant.name)),
    }


def digest(data: DataSet, section: Mapping[str, Any], variant: Variant) -> str:
    """Return a name for the model: the same for the same settings, whichever way they were given."""
    config = data.config(Path("pairs.parquet"), fit=section, rules=variant.rules or {})
    said = {"fit": config.fit.model_dump(), "rules": config.rules.model_dump()}
    said["ngram_weight"] = {"value": variant.ngram_weight}
    said["trained"] = {"value": variant.trained}
    return sha256(json.dumps(said, sort_keys=True).encode()).hexdigest()[:12]


def as_line(row: dict[str, Any]) -> str:
    """Return one row for the terminal."""
    return (
        f"{row['set']:16} {row['variant']:18} {row['fit_seconds']:>5.0f} s  {row['steps']:>4} steps  "
        f"{sum(row['triplets'].values()):>6,} triplets  examined {100 * row['examined_share']:>5.2f} %  "
        f"at .89/.95/.97/.99: {' | '.join(cut_cells(row['cheapest']))}"
        + (f"  unseen: {' | '.join(cut_cells(row['unseen_cheapest']))}" if "unseen_cheapest" in row else "")
    )


def as_markdown(rows: list[dict[str, Any]]) -> str:
    """Return the page for docs/."""
    lines = [
        "# Ablation",
        "",
        written_by("bench-ablation"),
        "",
        "The defaults with one thing changed at a time, one seed. The cells give the fewest candidate pairs",
        "that reach a completeness of the full gold, and F1 of pair completeness and pair quality there, in",
        "percent. *model*: rows of the same model differ in nothing that is fitted. *fit*: seconds.",
    ]
    for name in dict.fromkeys(row["set"] for row in rows):
        lines += ["", *_table(name, {row["variant"]: row for row in rows if row["set"] == name})]
    return "\n".join(lines) + "\n"


def _table(name: str, rows: dict[str, dict[str, Any]]) -> Iterator[str]:
    yield f"## {name}"
    yield ""
    targets = " | ".join(f"{target:g}".removeprefix("0") for target in TARGETS)
    yield f"| variant | | {targets} | triplets | steps | fit | model |"
    yield "|---" * (len(TARGETS) + 6) + "|"
    for variant in (variant for variant in VARIANTS if variant.name in rows):
        row = rows[variant.name]
        made = [f"{sum(row['triplets'].values()):,}", str(row["steps"]), f"{row['fit_seconds']:.0f}"]
        cells = [variant.name, variant.says, *cut_cells(row["cheapest"]), *made, row["model"][:4]]
        yield f"| {' | '.join(cells)} |"
        if "unseen_cheapest" in row:
            cells = ["", "- of the gold not in the train split", *cut_cells(row["unseen_cheapest"])]
            yield f"| {' | '.join(cells)} | | | | |"


if __name__ == "__main__":
    main()
