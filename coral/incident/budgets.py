"""What the budgets of pages and of changes allow, and what was raised of each."""

from typing import NamedTuple, Self

import numpy as np

from coral.contract.events import Budget, Product, significant
from coral.incident.health_signals import HealthSignals
from detectors.trigger import Trigger

__all__ = ["Budgets"]


class Budgets(NamedTuple):
    """Of one system, now.

    Attributes
    ----------
    pages : Budget
        Of what the watch on health signals raises; without health signals that of the trigger.
    changes : Budget or None
        Of what the trigger raises where health signals decide what pages; None = all of it pages.
    """

    pages: Budget
    changes: Budget | None

    @classmethod
    def of(cls, trigger: Trigger, health: HealthSignals) -> Self:
        """Return what trigger and watch were allowed, and what they have raised."""
        raised = _budget(trigger, trigger.false_alarms_per_week, "incident")
        if not health.named:
            return cls(raised, None)
        changes = _budget(trigger, trigger.false_alarms_per_week, "change")
        return cls(_budget(health, health.pages_per_week, "incident"), changes)


def _budget(spender: Trigger | HealthSignals, per_week: float, product: Product) -> Budget:
    certified = spender.certified_per_week
    return Budget(
        per_week=per_week,
        alarms=spender.alarms,
        watched_weeks=significant(spender.watched_weeks, 3),
        certified_per_week=significant(certified, 3) if np.isfinite(certified) else None,
        calibrated=spender.watched_weeks * per_week >= 3.0,
        product=product,
    )
