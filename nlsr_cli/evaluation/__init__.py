"""Evaluation: how near enlarged pictures are to the truth, by the protocol of the field."""

from __future__ import annotations

from nlsr_cli.evaluation.evaluate import Enlarge, PictureScore, Summary, evaluate_pictures
from nlsr_cli.evaluation.metrics import Score, score
from nlsr_cli.evaluation.pairs import Pair, Pairs, find_pairs

__all__ = [
    "Enlarge",
    "Pair",
    "Pairs",
    "PictureScore",
    "Score",
    "Summary",
    "evaluate_pictures",
    "find_pairs",
    "score",
]
