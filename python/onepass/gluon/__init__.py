"""gluon's trainer: loops that were written for MXNet run with its names, defaults and formulas."""

from onepass.gluon.trainer import Trainer

__all__ = ["Trainer"]
