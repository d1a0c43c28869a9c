"""The keys of every section, their defaults and what they mean."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field, PrivateAttr

from erblock.config.limits import CheckConfig
from erblock.config.patterns import DEVICE, MEMORY, MOST
from erblock.config.reading import TablesConfig


class _Section(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False)


class RulesConfig(_Section):
    """[rules]: when two records are the same entity, and when not."""

    match: tuple[str, ...] = Field(
        default=(), description="Two records are the same entity if one of these rules holds..."
    )
    conflict: tuple[str, ...] = Field(default=(), description="...and none of these holds.")


class FitConfig(_Section):
    """[fit]: training of the neural hash."""

    method: Literal["neural", "minhash"] = Field(
        default="neural",
        description='"neural" trains a language model; "minhash" learns which words of the tables are rare, '
        "and needs neither rules nor torch.",
    )
    encoder: str = Field(
        default="minilm",
        description="The pre-trained language model: minilm, a folder, or the name of a model.",
    )
    labels: str | None = Field(
        default=None,
        description="Labelled pairs (left_id, right_id, label 1 or 0), beside or instead of rules. The "
        "model keeps them: it ranks these pairs by their labels.",
    )
    ranking: float = Field(
        default=1.0,
        ge=0,
        description="The weight of the ranking term that is added to the loss; 0 leaves it out.",
    )
    output: str = Field(default="model", description="The folder that the trained model is written to.")
    self_training: bool = Field(
        default=False,
        description="Also train on seed pairs (mutual nearest neighbours with a margin) that no rule "
        "decides. Without rules and labels, this is always done.",
    )
    labelling_pairs: int = Field(
        default=500_000,
        ge=1,
        le=MOST,
        description="The largest number of pairs that the rules are applied to.",
    )
    epochs: int = Field(
        default=8, ge=1, le=MOST, description="The largest number of passes over all triplets."
    )
    max_steps: int = Field(
        default=80, ge=0, le=MOST, description="The largest number of training batches; 0 trains nothing."
    )
    batch_size: int = Field(default=32, ge=2, le=MOST, description="Triplets per batch.")
    learning_rate: float = Field(default=5e-5, gt=0, description="The highest learning rate of the schedule.")
    max_tokens: int = Field(
        default=64,
        ge=8,
        le=MOST,
        description="The largest number of tokens per record; longer records are cut.",
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
    """[distill]: a fast student that imitates the neural model of [block]."""

    output: str = Field(default="student", description="The folder that the student is written to.")
    texts: int = Field(
        default=20_000,
        ge=20,
        le=MOST,
        description="The largest number of distinct records to learn from.",
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
        description="Bucket keys per record, for MinHash without a model; 128 by default. More find more.",
    )
    block_on: tuple[str, ...] = Field(
        default=(),
        description='Values that also make bucket keys, such as ["compact(postcode)"]. Their pairs share the '
        "budget with those of the hash.",
    )
    must_pairs: str | None = Field(
        default=None,
        description="Pairs (left_id, right_id) that are always written; they fill the budget first. "
        "In a file with labels, those labelled 1.",
    )
    must_not_pairs: str | None = Field(
        default=None,
        description="Pairs (left_id, right_id) that are never written. In a file with labels, those "
        "labelled 0.",
    )
    max_pairs: int | None = Field(
        default=None, ge=1, description="The largest number of pairs; the best are kept."
    )
    max_per_record: int | None = Field(
        default=None, ge=1, description="The largest number of pairs per record."
    )
    target_recall: float | None = Field(
        default=None,
        gt=0,
        le=1,
        description="Keep the fewest pairs that hold this share of the estimated matches.",
    )
    memory: str | None = Field(
        default=None,
        pattern=MEMORY,
        description='The memory limit, such as "4GB", besides 400 MB for erblock itself. The join spills '
        "to files. A run that needs more stops before the join and says how much.",
    )
    audit: int | None = Field(
        default=None,
        ge=10,
        description="Also write a sheet of this many pairs to judge by hand, for `erblock audit`.",
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
        default="local", description='Where blocking runs: "local", on this machine, or "spark".'
    )
    master: str | None = Field(
        default=None,
        description='The Spark cluster, such as "spark://host:7077", "yarn" or "local[*]"; by default, that '
        "of Spark's own settings.",
    )
    output: str = Field(default="pairs.parquet", description="Where the pairs go; .csv writes CSV.")
    with_columns: bool = Field(default=False, description="Write the columns of both records, too.")
    format: Literal["erblock", "splink"] = Field(
        default="erblock",
        description='"splink" adds the columns that Splink 5 reads: match_key, join_key_l, join_key_r.',
    )


class MatchConfig(_Section):
    """[match]: which candidate pairs are matches, and which records are one entity."""

    pairs: str = Field(default="pairs.parquet", description="The candidate pairs that `erblock block` wrote.")
    labels: str | None = Field(
        default=None,
        description="Labelled pairs (left_id, right_id, label 1 or 0). Optional; a few hundred help. A "
        "label can also be the probability of any teacher, with a weight.",
    )
    assign: Literal["auto", "one-to-one", "many-to-one", "one-to-many", "many-to-many", "clusters"] = Field(
        default="auto",
        description='The match cardinality. "auto" infers it from the candidates; one table gets clusters.',
    )
    min_probability: float = Field(default=0.5, gt=0, lt=1, description="The least probability of a match.")
    target_precision: float | None = Field(
        default=None,
        gt=0,
        lt=1,
        description="The least expected precision: take the most pairs, from `min_probability` on, that "
        "keep this share of them matches by their probabilities.",
    )
    matcher: Literal["evidence", "plm"] = Field(
        default="evidence",
        description='"evidence" compares columns; with "plm", a pre-trained language model also reads them.',
    )
    model: str | None = Field(
        default=None,
        description='The model folder that `erblock fit` wrote, whose encoder reads the records for "plm".',
    )
    fine_tune: bool | None = Field(
        default=None,
        description='Whether "plm" also trains the encoder; needs 100 seed pairs or labelled matches. '
        "By default, only on a GPU.",
    )
    device: str = Field(
        default="auto", pattern=DEVICE, description='"auto", "cpu", "cuda" or "mps", for "plm".'
    )
    precision: Literal["auto", "float32", "bfloat16", "int8"] = Field(
        default="auto",
        description='"auto": bfloat16 on a GPU or with AMX, int8 with VNNI, else float32.',
    )
    engine: Literal["local", "spark"] = Field(
        default="local", description='Where records are compared: "local", on this machine, or "spark".'
    )
    master: str | None = Field(
        default=None,
        description='The Spark cluster, such as "spark://host:7077"; by default, that of '
        "Spark's own settings.",
    )
    use: str | None = Field(
        default=None,
        description="The folder of a matcher that an earlier run saved. Nothing is learned then.",
    )
    save: str | None = Field(default=None, description="The folder that the learned matcher is written to.")
    seed: int = Field(default=0, ge=0, description="The same seed and input give the same matches.")
    output: str = Field(default="matches.parquet", description="Where the matches go; .csv writes CSV.")
    all: bool = Field(default=False, description="Write every candidate, not only the matches.")
    with_columns: bool = Field(default=False, description="Write the columns of both records, too.")
    clusters: str | None = Field(
        default=None, description="Also write each record with its cluster, to this file."
    )
    entities: str | None = Field(
        default=None,
        description="Clusters of an earlier run, which keep their ids; new records join them.",
    )
    changes: str | None = Field(
        default=None,
        description="Also write which of `entities` were merged, were split, or are gone, to this file.",
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
        """The file that the settings were read from, or None."""
        return self._file

    @property
    def unused(self) -> Path | None:
        """The settings file of the current folder, if it was not used as it names other tables."""
        return self._unused

    def with_tables(self, **changed: Any) -> "Config":
        """Return a copy of the settings with other values in [tables]."""
        return self.model_copy(update={"tables": self.tables.model_copy(update=changed)})

    def read_from(self, file: Path | None, unused: Path | None = None) -> "Config":
        """Return a copy of the settings that records the file they come from, and the unused one."""
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
