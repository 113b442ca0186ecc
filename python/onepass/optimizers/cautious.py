"""Which rule makes the steps of another cautious? That of its name and how."""

from __future__ import annotations

from onepass.optimizer.optimizer import Optimizer, Values

#: By `cautious` and `cautious_decay`.
_SUFFIXES = {
    (False, False): "",
    (True, False): "_cautious",
    (False, True): "_cautious_decay",
    (True, True): "_cautious_all",
}


def cautious_rule(optimizer: type[Optimizer], rule: str, values: Values) -> str:
    """The rule for these hyper-parameters, of which `rule` is the one without caution.

    Raises:
        ValueError: there is none.
    """
    found = rule + _SUFFIXES[values["cautious"], values.get("cautious_decay", False)]
    if found not in optimizer.rules:
        options = " and ".join(name for name in ("cautious", "cautious_decay") if values.get(name))
        raise ValueError(f"{optimizer.__name__}: {options} does not go with {_WITHOUT.get(rule, rule)}")
    return found


_WITHOUT = {
    "amsgrad": "amsgrad",
    "amsgradw": "amsgrad",
    "adam": "coupled weight decay; pass decoupled_weight_decay=True",
    "adam_without_momentum": "betas[0] = 0, which leaves no momentum",
    "adamw_without_momentum": "betas[0] = 0, which leaves no momentum",
    "sgd": "momentum = 0",
}
