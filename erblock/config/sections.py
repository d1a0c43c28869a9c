"""The keys of every section, their defaults and what they mean."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field, PrivateAttr

from erblock.config.limits import CheckConfig
from erblock.config.reading import TablesConfig

MEMORY = r"^(0*[1-9]\d{0,8}(\.\d{1,9})?|0+\.\d{0,8}[1-9]\d{0,8}) ?[MGT]i?B$"
"""How much memory is written: 500MB, 1.5 GB, 4GiB; more than none."""

DEVICE = r"^(auto|cpu|cuda(:\d{1,3})?|mps)$"
"""Where a model runs; of several GPUs the number, as cuda:1."""

MOST = 1_000_000_000
"""The largest count that is taken at its word: more rows fit into no memory."""


def bytes_of(memory: str) -> int:
    """Return the bytes that `memory`, written as `MEMORY` says, stands for."""
    number = memory.rstrip("iB").rstrip("MGT")
    base = 1024 if "i" in memory else 1000
    return int(float(number) * base ** (2 + "MGT".index(memory.removeprefix(number)[0])))


class _Section(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False)


class RulesConfig(_Section):
    """[rules]: what makes two records the same, or not the same."""

    match: tuple[str, ...] = Field(
        default=(), description="Two records are the same if one of these rules holds..."
    )
    conflict: tuple[str, ...] = Field(default=(), description="...and none of these does.")


class FitConfig(_Section):
    """[fit]: training of the neural hash."""

    method: Literal["neural", "minhash"] = Field(
        default="neural",
        description='"neural" trains a language model; "minhash" learns which words of the tables are rare, '
        "and needs neither rules nor torch.",
    )
    encoder: str = Field(
        default="minilm", description="The pre-trained language model: a folder, or a model's name."
    )
    labels: str | None = Field(
        default=None,
        description="Known pairs (left_id, right_id, label 1 or 0), used beside or instead of rules. "
        "The model keeps them: it ranks these pairs by their labels.",
    )
    ranking: float = Field(
        default=1.0, ge=0, description="The weight of the ranking term beside the loss; 0 leaves it out."
    )
    output: str = Field(default="model", description="The folder that the trained model is written to.")
    self_training: bool = Field(
        default=False,
        description="Train also on mutual best candidates that stand out from the others and that no rule "
        "speaks on. Without rules and labels there is nothing else to train on, and it is done in any case.",
    )
    labelling_pairs: int = Field(
        default=500_000, ge=1, le=MOST, description="How many pairs the rules are asked about, at most."
    )
    epochs: int = Field(
        default=8, ge=1, le=MOST, description="How often training sees every triplet, at most."
    )
    max_steps: int = Field(
        default=80, ge=0, le=MOST, description="Train on so many batches at most; 0 trains nothing."
    )
    batch_size: int = Field(default=32, ge=2, le=MOST, description="Triplets in one batch.")
    learning_rate: float = Field(default=5e-5, gt=0, description="The highest learning rate of the schedule.")
    max_tokens: int = Field(
        default=64, ge=8, le=MOST, description="Longer records are cut to so many tokens."
    )
    device: str = Field(default="auto", pattern=DEVICE, description='"auto", "cpu", "cuda" or "mps".')
    precision: Literal["auto", "float32", "bfloat16", "int8"] = Field(
        default="auto",
        description='"auto": bfloat16 on a GPU or with AMX, int8 with VNNI, else float32.',
    )
    seed: int = Field(default=0, ge=0, description="The same seed and input give the same model.")
    radius: float = Field(
        default=0.4, gt=0, description="R of the loss: matches are pulled inside this distance."
    )
    separation: float = Field(
        default=2.5, gt=1, description="c of the loss: non-matches are pushed beyond c times R."
    )


class DistillConfig(_Section):
    """[distill]: a fast student of a neural model, that of [block]."""

    output: str = Field(default="student", description="The folder that the student is written to.")
    texts: int = Field(
        default=20_000,
        ge=20,
        le=MOST,
        description="Learn from so many different records of the tables at most.",
    )
    seed: int = Field(default=0, ge=0, description="The same seed and input give the same student.")


class BlockConfig(_Section):
    """[block]: candidate pairs and their budget."""

    method: Literal["minhash", "neural"] | None = Field(
        default=None,
        description='"minhash" needs no model, "neural" needs one. By default, that of the model; without a '
        "model, MinHash.",
    )
    model: str | None = Field(default=None, description="The model folder that `erblock fit` wrote.")
    bands: int | None = Field(
        default=None,
        ge=1,
        le=512,
        description="Bucket keys of a record, for MinHash without a model; 128 by default. More find more.",
    )
    block_on: tuple[str, ...] = Field(
        default=(),
        description="Records with an equal value meet, too, whatever the hash says, as in "
        '["compact(postcode)"]; the budget is for all.',
    )
    must_pairs: str | None = Field(
        default=None,
        description="Pairs (left_id, right_id) that are written whatever buckets and budget say; they count "
        "first for the budget. Of a file with labels, those labelled 1.",
    )
    must_not_pairs: str | None = Field(
        default=None,
        description="Pairs (left_id, right_id) that are never written. Of a file with labels, "
        "those labelled 0.",
    )
    max_pairs: int | None = Field(
        default=None, ge=1, description="Keep at most so many pairs, the best of all."
    )
    max_per_record: int | None = Field(
        default=None, ge=1, description="Keep at most so many pairs of one record."
    )
    target_recall: float | None = Field(
        default=None,
        gt=0,
        le=1,
        description="Keep as few pairs as this share of the matches is estimated to need.",
    )
    memory: str | None = Field(
        default=None,
        pattern=MEMORY,
        description='The run takes at most so much memory, such as "4GB", and 400 MB for itself; the join '
        "keeps pairs beyond it in files. A run that needs more says how much before the join, and stops.",
    )
    audit: int | None = Field(
        default=None,
        ge=10,
        description="Write so many pairs to judge by hand beside the output, for `erblock audit`.",
    )
    device: str = Field(
        default="auto",
        pattern=DEVICE,
        description='"auto", "cpu", "cuda" or "mps", for the neural method.',
    )
    precision: Literal["auto", "float32", "bfloat16", "int8"] = Field(
        default="auto",
        description='"auto": bfloat16 on a GPU or with AMX, int8 with VNNI, else float32.',
    )
    engine: Literal["local", "spark"] = Field(
        default="local", description='Where the work is done: on this machine, or by "spark".'
    )
    master: str | None = Field(
        default=None,
        description='The Spark cluster, such as "spark://host:7077", "yarn" or "local[*]"; by default, what '
        "Spark's own settings name.",
    )
    output: str = Field(default="pairs.parquet", description="Where the pairs go; .csv writes CSV.")
    with_columns: bool = Field(default=False, description="Carry the columns of both records in the output.")
    format: Literal["erblock", "splink"] = Field(
        default="erblock",
        description='"splink" adds the columns that Splink 5 takes as blocked pairs: match_key, join_key_l, '
        "join_key_r.",
    )


class MatchConfig(_Section):
    """[match]: which candidate pairs are matches, and which records one entity."""

    pairs: str = Field(default="pairs.parquet", description="The candidate pairs that `erblock block` wrote.")
    labels: str | None = Field(
        default=None,
        description="Known pairs (left_id, right_id, label 1 or 0); none are needed, a few hundred help. "
        "A label may be a probability, and have a weight, of any teacher: it is learned from.",
    )
    assign: Literal["auto", "one-to-one", "many-to-one", "one-to-many", "many-to-many", "clusters"] = Field(
        default="auto",
        description='How records may match. "auto" reads it from the candidates; one table gets clusters.',
    )
    min_probability: float = Field(
        default=0.5, gt=0, lt=1, description="No pair less probable than this is a match."
    )
    target_precision: float | None = Field(
        default=None,
        gt=0,
        lt=1,
        description="Take as many pairs as keep this share of them matches, by their probabilities; at least "
        "as probable as `min_probability` says.",
    )
    matcher: Literal["evidence", "plm"] = Field(
        default="evidence",
        description='"evidence" compares columns; "plm" also has a pre-trained language model read records.',
    )
    model: str | None = Field(
        default=None,
        description='The model folder that `erblock fit` wrote, whose encoder reads the records for "plm".',
    )
    fine_tune: bool | None = Field(
        default=None,
        description='Whether "plm" trains the encoder too, if 100 matches are sure or labelled; by default, '
        "where there is a GPU.",
    )
    device: str = Field(
        default="auto", pattern=DEVICE, description='"auto", "cpu", "cuda" or "mps", for "plm".'
    )
    precision: Literal["auto", "float32", "bfloat16", "int8"] = Field(
        default="auto",
        description='"auto": bfloat16 on a GPU or with AMX, int8 with VNNI, else float32.',
    )
    engine: Literal["local", "spark"] = Field(
        default="local", description='Where records are compared: on this machine, or by "spark".'
    )
    master: str | None = Field(
        default=None,
        description='The Spark cluster, such as "spark://host:7077"; by default, what Spark\'s own settings '
        "name.",
    )
    use: str | None = Field(
        default=None, description="A matcher that an earlier run saved; nothing is learned then."
    )
    save: str | None = Field(default=None, description="The folder that the learned matcher is written to.")
    seed: int = Field(default=0, ge=0, description="The same seed and input give the same matches.")
    output: str = Field(default="matches.parquet", description="Where the matches go; .csv writes CSV.")
    all: bool = Field(default=False, description="Write every candidate, not the matches alone.")
    with_columns: bool = Field(default=False, description="Carry the columns of both records in the output.")
    clusters: str | None = Field(default=None, description="Where every record with its cluster goes.")
    entities: str | None = Field(
        default=None,
        description="The clusters that an earlier run wrote: new records join them, and their ids stay.",
    )
    changes: str | None = Field(
        default=None,
        description="Where goes what became of known entities that were merged, split or are gone.",
    )


class Config(_Section):
    """All settings of a run."""

    tables: TablesConfig
    rules: RulesConfig = RulesConfig()
    fit: FitConfig = FitConfig()
    distill: DistillConfig = DistillConfig()
    block: BlockConfig = BlockConfig()
    match: MatchConfig = MatchConfig()
    check: CheckConfig = CheckConfig()
    _file: Path | None = PrivateAttr(default=None)
    _unused: Path | None = PrivateAttr(default=None)

    @property
    def file(self) -> Path | None:
        """The file that the settings were read from, if there was one."""
        return self._file

    @property
    def unused(self) -> Path | None:
        """The file of the current folder that is left out, as it is about other tables."""
        return self._unused

    def with_tables(self, **changed: Any) -> "Config":
        """Return the same settings with other values below [tables]."""
        return self.model_copy(update={"tables": self.tables.model_copy(update=changed)})

    def read_from(self, file: Path | None, unused: Path | None = None) -> "Config":
        """Return the same settings, as those of `file`."""
        copy = self.model_copy()
        copy._file, copy._unused = file, unused
        return copy


SECTIONS: Mapping[str, type[BaseModel]] = {
    "tables": TablesConfig,
    "rules": RulesConfig,
    "fit": FitConfig,
    "distill": DistillConfig,
    "block": BlockConfig,
    "match": MatchConfig,
    "check": CheckConfig,
}
