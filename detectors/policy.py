"""Every number of the trigger that is a choice, with the reason for it.

Vary them with `dataclasses.replace`; none is read from anywhere else. Mathematical constants stay
in their formulas.
"""

from dataclasses import dataclass
from typing import ClassVar, Final

from detectors.checked import Policy
from detectors.names import STATISTICS

__all__ = [
    "TRIGGER",
    "AlarmBudgetPolicy",
    "DynamicPCAPolicy",
    "MissingnessPolicy",
    "MovingAveragesPolicy",
    "NoveltyGatePolicy",
    "NoveltyPolicy",
    "OnsetPolicy",
    "PeaksPolicy",
    "RebaseliningPolicy",
    "RelativeEnergyPolicy",
    "ResidualChartsPolicy",
    "RiverPolicy",
    "SSAPolicy",
    "ScalerPolicy",
    "TailPolicy",
    "TriggerPolicy",
]


@dataclass(frozen=True, slots=True, kw_only=True)
class ScalerPolicy(Policy):
    """Of the robust z-scores (`RobustScaler`)."""

    # Present cells after which a series is fitted: a median of fewer says little.
    fit_rows: int = 24
    # Newest cells kept of each series: what it is fitted and recentred on.
    recent_rows: int = 96
    # z-scores end here: a constant series that moves is visible, and finite.
    cap: float = 100.0
    # Deviations teach up to this many scales: a spike must not widen the scale.
    winsor: float = 4.0
    # The first move of a constant series becomes so many scales: a second one is not extreme.
    wake_scales: float = 8.0
    # Smallest scale, as a share of the level: an hours counter on an idle machine moves by less.
    level_share: float = 1e-4
    # So many extreme rows in a row may be spikes; from the next one on the scale grows.
    spike_rows: int = 2
    # Most that the scale of a series that slept for long grows by in a row: it wakes within rows.
    wake_growth: float = 2.0

    def __post_init__(self) -> None:
        """Check every number."""
        Policy.__post_init__(self)
        self._require("fit_rows", self.fit_rows >= 2, ">= 2")
        self._require("fit_rows", self.fit_rows <= self.recent_rows, f"<= {self.recent_rows}")
        self._require("winsor", self.winsor > 1.0, "> 1.0")


@dataclass(frozen=True, slots=True, kw_only=True)
class MovingAveragesPolicy(Policy):
    """Of the moving averages of z-scores (`MovingAverages`)."""

    # Rows of the short window: a fault of one series within minutes.
    short_rows: int = 12
    # Rows of the long window: a small shift that stays.
    long_rows: int = 96
    # Cells count up to this size: one spike must not fill a window.
    clip: float = 20.0
    # Share of a window that must be present.
    least_share: float = 0.5

    def __post_init__(self) -> None:
        """Check every number."""
        Policy.__post_init__(self)
        self._require("short_rows", self.short_rows >= 2, ">= 2")
        self._require("long_rows", self.long_rows > self.short_rows, f"> {self.short_rows}")


@dataclass(frozen=True, slots=True, kw_only=True)
class PeaksPolicy(Policy):
    """Of the block maxima of every series (`BlockMaxima`)."""

    # Learned rows of a block.
    block_rows: int = 16
    # Longest memory of the means, blocks.
    memory_blocks: int = 1024
    # A maximum teaches up to this many scales beyond the mean: a spike must not raise it.
    winsor: float = 8.0
    # Blocks that make a tail: before, every maximum counts in full and nothing is judged.
    known_blocks: int = 4
    # Smallest scale of a tail, in z-scores: what hardly varied may vary a little.
    least_excess: float = 0.1
    # The scale of m blocks counts 1 + this / m times: few blocks know it badly, and the scores of
    # the first hours must not make the tail that limits all later ones.
    young_blocks: float = 8.0
    # A value counts in full up to about so many scales, and by its logarithm beyond.
    bend: float = 32.0


@dataclass(frozen=True, slots=True, kw_only=True)
class RelativeEnergyPolicy(Policy):
    """Of residual energies relative to their running mean (`RelativeEnergy`)."""

    # Energies that make a mean: fewer say nothing.
    mean_rows: int = 8
    # An energy teaches up to this many mean energies: a spike must not become normal.
    winsor: float = 16.0
    # Smallest mean that an energy is compared with: what never varied may vary a little.
    floor: float = 0.02
    # Cells are clipped to this size, in z-scores: one spike must not be the whole space.
    clip: float = 20.0
    # Base up to which every row is learned; at k times as many, one in k + 1: it adds as much.
    dense_rows: int = 256


@dataclass(frozen=True, slots=True, kw_only=True)
class SSAPolicy(RelativeEnergyPolicy):
    """Of multivariate singular spectrum analysis (`MultivariateSSA`)."""

    # Rows of a lag window.
    lags: int = 8
    # Singular vectors kept; fixed, so that it cannot jump when the Gram matrix is refreshed.
    rank: int = 3
    # Rows that enter the Gram matrix between two decompositions.
    refit_rows: int = 16

    def __post_init__(self) -> None:
        """Check every number."""
        Policy.__post_init__(self)
        self._require("lags", self.lags >= 2, ">= 2")
        self._require("rank", self.rank < self.lags, f"< {self.lags}")


@dataclass(frozen=True, slots=True, kw_only=True)
class DynamicPCAPolicy(RelativeEnergyPolicy):
    """Of dynamic principal component analysis (`DynamicPCA`)."""

    # Half that of lag windows: the space of all series leaves less of each.
    floor: float = 0.01
    # Less than in lag windows: what lies along no direction of one series leaks into all others.
    clip: float = 6.0
    # Rows in one lagged row, the newest one included.
    lags: int = 2
    # Most directions that explain a row: what a short base can tell from noise.
    max_rank: int = 16
    # Share of the energy that the directions shall hold, as far as `max_rank` allows.
    explained: float = 0.9
    # Rows that enter the sketch between two decompositions.
    block_rows: int = 16

    def __post_init__(self) -> None:
        """Check every number."""
        Policy.__post_init__(self)
        self._require("explained", self.explained < 1.0, "< 1.0")


@dataclass(frozen=True, slots=True, kw_only=True)
class ResidualChartsPolicy(Policy):
    """Of the statistics of residual energies (`ResidualCharts`)."""

    # Time constant of the moving mean log amplitude, rows.
    rows: float = 16.0
    # So many time constants must be learned before a series is judged.
    known_times: float = 3.0
    # Added to the running deviation: what hardly varied may vary a little.
    floor: float = 0.02
    # What one row may teach, in running deviations: the way into a fault must not become normal.
    winsor: float = 2.0
    # A root whose mean block maximum is larger than this is divided by what it is larger: a series
    # of bursts must not be the loudest.
    peak_roots: float = 2.0
    # A root counts up to this in a moving mean, and down to one part in as many.
    most_times: float = 10.0
    # A series that stands still in more than about this share of the rows has no variance to chart:
    # where it jumps once, that is a level.
    idle_share: float = 0.9


@dataclass(frozen=True, slots=True, kw_only=True)
class NoveltyPolicy(Policy):
    """Of the distance to the normal rows that are remembered (`Novelty`)."""

    # Time constant of the moving mean that places a row, rows.
    rows: int = 8
    # Rows that are remembered, in single precision: 2 kB a series.
    size: int = 512
    # Radius to begin with: how far apart, in log z-scores, two rows are the same.
    resolution: float = 0.1
    # What the radius grows by when the memory is full: less keeps more, and prunes more often.
    growth: float = 1.1
    # Share of the time constant that must be present.
    least_share: float = 0.5

    def __post_init__(self) -> None:
        """Check every number."""
        Policy.__post_init__(self)
        self._require("size", self.size >= 2, ">= 2")
        self._require("growth", self.growth > 1.0, "> 1.0")


@dataclass(frozen=True, slots=True, kw_only=True)
class MissingnessPolicy(Policy):
    """Of how improbable the gaps of series are (`Missingness`)."""

    # Rows in which a series must have been present before its gaps mean anything.
    known_rows: int = 30
    # A series is slower than the grid when of so many values or more ...
    slow_values: int = 3
    # ... less than one in so many follows another directly.
    slow_pairs: int = 8
    # For so many rows after new series have come, as many missing ones are taken for renamed.
    rename_rows: int = 256
    # Rows that the Beta prior of a gap's begin stands for, one of them a gap.
    begin_prior_rows: float = 2.0
    # Rows that the Beta prior of a gap's going on stands for, one of them a gap: ends are likely.
    stay_prior_rows: float = 4.0


@dataclass(frozen=True, slots=True, kw_only=True)
class TailPolicy(Policy):
    """Of the tails that turn statistics into p-values (`PredictiveTail`)."""

    _MAY_BE_ZERO: ClassVar[frozenset[str]] = frozenset({"probation_blocks", "shape_errors"})

    # Shortest block, rows; blocks are two thirds of what a statistic is made of, so that many fit.
    least_block_rows: int = 4
    # A block counts when so many later ones were normal: what led up to an alarm must not.
    probation_blocks: int = 8
    # Share of the blocks whose maxima make the tail.
    share: float = 1.0 / 3.0
    # Of few blocks half make the tail, up to so many: two or three peaks prove nothing.
    few_peaks: int = 8
    # Fewest and most excesses that make the tail.
    fewest_peaks: int = 2
    max_peaks: int = 48
    # Fewest blocks that have a tail.
    fewest_blocks: int = 3
    # Standard errors taken off the shape: a short list proves no heavy tail.
    shape_errors: float = 0.5
    # Largest shape: beyond, the mean excess is next to infinite.
    most_shape: float = 0.9
    # A tail without any spread (a quantised statistic) gets this share of its level.
    least_scale: float = 1e-3
    # Smallest scale of the tail of a largest value, in units of one series; that of a mean over
    # n series is 1 / n. What only quantised or idle series show has no other.
    least_unit: float = 0.1
    # Below so many blocks the oldest fifth is dropped now and then: models had seen little then.
    young_blocks: int = 512
    # How often, in blocks, and which part: one in so many.
    drop_every: int = 8
    drop_part: int = 5

    def __post_init__(self) -> None:
        """Check every number."""
        Policy.__post_init__(self)
        self._require("share", self.share < 1.0, "< 1.0")
        self._require("max_peaks", self.max_peaks >= self.fewest_peaks, f">= {self.fewest_peaks}")


@dataclass(frozen=True, slots=True, kw_only=True)
class AlarmBudgetPolicy(Policy):
    """Of the false-alarm budget (`AlarmBudget`)."""

    _MAY_BE_ZERO: ClassVar[frozenset[str]] = frozenset({"held_nats", "free_alarms", "early_alarms"})

    # False alarms that each e-fold of the rows watched may cost: a budget by time alone would give
    # the first hour none, and the same numbers every second less than every minute.
    early_alarms: float = 0.03
    # Nats that every alarm beyond the budget asks of the next one, until time has paid for it.
    held_nats: float = 0.3
    # Alarms that may be owed before anything is held back: the first fault is no overspending.
    free_alarms: float = 1.0
    # Confidence of the rate of false alarms that is certified.
    confidence: float = 0.95


@dataclass(frozen=True, slots=True, kw_only=True)
class NoveltyGatePolicy(Policy):
    """Of the novelty gate: what a row that was never there before makes easier."""

    # Fewer learned rows leave almost every row new.
    base_rows: int = 1024
    # Fewer days do not show what is rarer than daily.
    base_days: float = 3.0
    # Novelty confirms a row that it calls rarer than once in so many days: daily jobs are no news.
    rarer_than_days: float = 1.0
    # Nats beyond its limit from which a statistic passes unconfirmed: 3 million times rarer.
    unconfirmed_nats: float = 15.0


@dataclass(frozen=True, slots=True, kw_only=True)
class OnsetPolicy(Policy):
    """Of the estimate of when a change began (`Cusum`, `date`)."""

    # Nats taken off each row of the cumulative sums: less in a tail says nothing.
    slack: float = 1.0
    # Largest cumulative sum, nats: bounds the time to fall back to zero.
    ceiling: float = 30.0
    # Series may have moved for so many rows before any statistic says so.
    lead_rows: int = 6
    # Neighbouring rows resemble each other: with a correlation of .5 three say as much as one.
    rows_of_one: float = 3.0
    # Log likelihood that a row of the interval may lose: 95 % of a chi-square, halved.
    likely_loss: float = 1.92
    # Log likelihood from which the series themselves say when they changed, nats.
    telling_gain: float = 12.0
    # Most rows over which a step may be as likely: a drift has no change point.
    sharp_rows: int = 12


@dataclass(frozen=True, slots=True, kw_only=True)
class RebaseliningPolicy(Policy):
    """Of when a change that lasts becomes the normal state (`Rebaselining`)."""

    # Fewest rows of an alarm.
    least_rows: int = 30
    # Nobody calls a state normal that has lasted for less than an hour, however fast rows come.
    least_s: float = 3600.0
    # Share of the base that the alarm must outlast: what is known longer is kept longer.
    base_share: float = 1.0 / 16.0
    # Share of the base that the new level counts for: it follows what comes next sooner.
    weight_share: float = 1.0 / 8.0


@dataclass(frozen=True, slots=True, kw_only=True)
class RiverPolicy(Policy):
    """Of the detectors of river that a user adds (`RiverStatistic`)."""

    # Longest memory of a series' usual value, rows.
    memory_rows: int = 4096
    # A detector of rows that has no window of its own is asked after that many.
    least_rows: int = 64
    # z-scores count up to that, as in lag windows: one spike must not fill a window.
    clip: float = 20.0
    # Scores of single rows are noisy: rows of their moving mean, as `Novelty` has.
    mean_rows: int = 8


@dataclass(frozen=True, slots=True, kw_only=True)
class TriggerPolicy(Policy):
    """Every choice of the trigger."""

    # Statistics that may raise an alarm, by published name.
    statistics: tuple[str, ...] = STATISTICS
    # Learned rows before the first alarm; limits are wide then and narrow with the base.
    warmup_rows: int = 48
    # Longest memory of locations, scales and mean energies, rows: follows what drifts over weeks.
    memory_rows: int = 16_384
    # An alarm ends after so many calm rows.
    calm_rows: int = 8
    # Calm: no statistic is farther than this share, in log p, on the way from tail to limit.
    calm_share: float = 0.5
    # Rows of a moving mean that have a fifth of the newest one's weight or more, in time constants.
    mean_span: float = 1.5

    scaler: ScalerPolicy = ScalerPolicy()
    averages: MovingAveragesPolicy = MovingAveragesPolicy()
    peaks: PeaksPolicy = PeaksPolicy()
    ssa: SSAPolicy = SSAPolicy()
    dynamic_pca: DynamicPCAPolicy = DynamicPCAPolicy()
    charts: ResidualChartsPolicy = ResidualChartsPolicy()
    novelty: NoveltyPolicy = NoveltyPolicy()
    missingness: MissingnessPolicy = MissingnessPolicy()
    tail: TailPolicy = TailPolicy()
    budget: AlarmBudgetPolicy = AlarmBudgetPolicy()
    gate: NoveltyGatePolicy = NoveltyGatePolicy()
    onset: OnsetPolicy = OnsetPolicy()
    rebaselining: RebaseliningPolicy = RebaseliningPolicy()
    river: RiverPolicy = RiverPolicy()

    def __post_init__(self) -> None:
        """Check every number."""
        Policy.__post_init__(self)
        known = bool(self.statistics) and set(self.statistics) <= set(STATISTICS)
        self._require("statistics", known, f"out of {STATISTICS}")
        self._require("warmup_rows", self.warmup_rows >= 30, ">= 30")
        least = max(30, self.scaler.fit_rows)
        self._require("memory_rows", self.memory_rows >= least, f">= {least}")


TRIGGER: Final = TriggerPolicy()
"""The policy as shipped."""
