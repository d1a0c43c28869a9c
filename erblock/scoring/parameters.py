"""The tuned numbers of scoring: what each means, and the decision that says where it was measured.

`make bench-sensitivity` halves and doubles each, and says how many more pairs the public data sets need then.
"""

from dataclasses import dataclass


@dataclass(frozen=True)
class Parameters:
    """Numbers that were chosen by measurement. Numbers that only limit work stand where they are used."""

    similarity_scale: float = 40.0
    """Log odds that correspond to the whole range of the similarity, 0 to 1."""

    evidence_weight: float = 1.5
    """Weight of the columns' log odds in the ranking (docs/decisions/021-monotone-evidence.md)."""

    competitors: int = 20
    """Best candidates of a record with which a pair competes (docs/decisions/018-one-ranking.md)."""

    background_from: int = 4
    """First rank, from 0, of the candidates that make up a record's background."""

    background_weight: float = 0.5
    """Share of each record's background that is subtracted from a pair, where candidates do not compete."""

    confident_quantile: float = 0.25
    """Quantile of the similarities of mutual best pairs above which such a pair is confident."""

    mutual_none: float = 0.6
    mutual_all: float = 0.9
    """Share of the confident best candidates that are mutual. At the first value or below, candidates of a
    record do not compete; at the second or above they compete fully; in between, in proportion."""

    least_competition: float = 0.2
    """Competition of a table whose records may have any number of matches."""

    second_all: float = 0.35
    second_none: float = 0.65
    """In one table: share of the records with a confident best candidate whose second best is confident, too.
    At the first value or below candidates compete; at the second or above they do not."""

    one_match_above: float = 0.4
    one_match_share: float = 0.6
    """Records of a side have at most one match if the side's competition is above the first value, and above
    the second value times the competition of the other side
    (docs/decisions/032-one-to-one-by-competition.md)."""

    mutual_rise: float = 0.035
    """Rise of the share of mutual best pairs by evidence, above which each record has one match. Duplicates
    have 0.02 at most, look-alikes 0.039 or more (docs/decisions/049-look-alikes.md)."""

    seed_share: float = 0.8
    """Share of the mutual best pairs that are seed pairs: those with the widest margins."""

    gap: float = 0.15
    """Least drop in similarity below a record's gap-separated group, relative to the similarity above the
    gap."""

    label_weight: float = 5.0
    """Sample weight of a labelled pair beside a seed pair's 1."""

    clear_match: float = 0.5
    """Least sample weight at which a supposed match makes the other candidates of its records non-matches."""

    orphaned_share: float = 1 / 3
    """Share of the seed pairs whose match is taken away to make decoys
    (docs/decisions/025-target-decoy-calibration.md)."""

    own_share: float = 0.5
    """Weight of a pair's own log odds in the logarithmic opinion pool, where candidates do not compete
    (docs/decisions/020-pooled-log-odds.md)."""

    least_own: float = -5.0
    """Lower bound of the columns' log odds in the pool, because one example in 150 may be wrong."""

    label_log_odds: float = 7.0
    competitor_log_odds: float = 4.0
    """Least log odds of a labelled match, and of its messages to competitors, because one label in fifty may
    be wrong (docs/decisions/031-labels-in-the-model.md)."""

    log_odds_too_low: float = 1.0
    log_odds_too_high: float = 2.0
    """Error of the log odds of all pairs that the interval of the estimated recall allows for
    (docs/decisions/028-recall-interval.md)."""

    unseen: float = 0.01
    """Share of the matches added to either end of the interval, for matches that candidates cannot show."""

    doubtful: tuple[float, float] = (0.1, 0.9)
    most_doubtful: float = 0.25
    """Range of doubtful probabilities, and the largest share of the expected matches that may lie in it:
    above this share no recall is stated."""

    least_multiplicity: float = 0.03
    """Least share of records with several matches for which co-matches are computed
    (docs/decisions/030-co-matches.md)."""

    likely_co_match: float = 0.3
    co_matches: int = 3
    """Likely matches that a candidate is compared with: their least probability, and how many per record."""

    least_co_log_odds: float = -7.0
    co_candidates: int = 40
    """Candidates that co-matches may support: their least log odds, and how many per record."""

    alike_anyway: float = 3.0
    """Log odds subtracted because candidates of one record resemble each other even without a match."""

    false_copies: float = 0.02
    """Largest estimated share of false ones among the near copies that are found. At 0.05 some public sets
    have more false copies than true ones (docs/decisions/048-near-copies.md)."""

    likely_step: float = 0.1
    """Least probability of the matches that lead to transitive pairs
    (docs/decisions/029-transitive-pairs.md)."""

    most_steps: int = 30
    """Maximum likely matches followed per record."""

    least_support: float = 0.05
    """Least transitive support that makes a pair a candidate."""

    transitive_rounds: int = 3
    """Rounds in which transitive pairs lead to further ones."""

    support_bonus: float = 1.0
    """Log odds added to the support, which underestimates a match when likely matches are few."""


TUNED = Parameters()
