"""The tuned numbers of scoring: what each means. Where they were measured stands in docs/decisions.md.

`make bench-sensitivity` halves and doubles each, and says how many more pairs the public data sets need then.
"""

from dataclasses import dataclass


@dataclass(frozen=True)
class Parameters:
    """Numbers that were chosen by measuring, not derived; what only bounds work stands where it is used."""

    similarity_scale: float = 40.0
    """Units of log odds in the whole range of the similarity, 0 to 1."""

    evidence_weight: float = 1.5
    """Units of log odds that a unit of the columns' log odds counts in the ranking."""

    competitors: int = 20
    """Best candidates of a record that a pair competes with."""

    background_from: int = 4
    """First place, from 0, of the candidates that are taken for a record's background."""

    background_weight: float = 0.5
    """How much of the background is taken off a pair, on each side, where candidates do not compete."""

    confident_quantile: float = 0.25
    """Mutual best pairs above this quantile of their similarities count as confident."""

    mutual_none: float = 0.6
    mutual_all: float = 0.9
    """Shares of confident best candidates that are mutual: up to the first candidates of a record do not
    compete, from the second on they do; between, in proportion."""

    least_competition: float = 0.2
    """Competition of a table whose records have any number of matches."""

    second_all: float = 0.35
    second_none: float = 0.65
    """Shares of records, in one table, whose second best candidate is confident beside a confident best: up
    to the first candidates compete, from the second on they do not."""

    one_match_above: float = 0.4
    one_match_share: float = 0.6
    """A side has one match a record if its competition is above the first, and above this share of the other
    side's."""

    seed_share: float = 0.8
    """Share of the mutual best pairs, those with the widest margin, that are seed pairs."""

    gap: float = 0.15
    """Least gap below a record's nearest group, relative to the similarity above the gap."""

    label_weight: float = 5.0
    """Sample weight of a labelled pair beside a seed pair's 1."""

    clear_match: float = 0.5
    """Sample weight from which a supposed match makes its records' other candidates non-matches."""

    orphaned_share: float = 1 / 3
    """Share of the seed pairs whose match is taken away to make decoys."""

    own_share: float = 0.5
    """Weight of a pair's own log odds in the opinion pool, where candidates do not compete: half of two."""

    least_own: float = -5.0
    """Least log odds of the columns in the pool: one in 150 of the examples may be wrong."""

    label_log_odds: float = 7.0
    competitor_log_odds: float = 4.0
    """Least log odds of a labelled match, and of its messages: one label in fifty may be wrong."""

    log_odds_too_low: float = 1.0
    log_odds_too_high: float = 2.0
    """How far the log odds of all pairs may be wrong, for the interval of the recall."""

    unseen: float = 0.01
    """Share of the matches that is allowed on either side of the interval, for what no candidate tells."""

    doubtful: tuple[float, float] = (0.1, 0.9)
    most_doubtful: float = 0.25
    """No recall is estimated where more of the expected matches than this share have such a probability."""

    least_several: float = 0.03
    """Least share of records with several matches from which on co-matches are looked for."""

    likely_co_match: float = 0.3
    co_matches: int = 3
    """Least probability of the matches that a candidate is compared with, and how many of a record."""

    least_co_log_odds: float = -7.0
    co_candidates: int = 40
    """Candidates that co-matches may support: their least log odds, and how many of a record."""

    alike_anyway: float = 3.0
    """Log odds by which two candidates of one record are more alike than candidates of each other."""

    likely_step: float = 0.1
    """Least probability of the matches over which transitive pairs are found."""

    most_steps: int = 30
    """Likely matches followed from a record."""

    least_support: float = 0.05
    """Least transitive support that makes a pair a candidate."""

    transitive_rounds: int = 3
    """Rounds in which transitive pairs lead to further ones."""

    support_bonus: float = 1.0
    """Log odds added to those of the support, which is a share of few likely matches."""


TUNED = Parameters()
