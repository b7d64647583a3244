"""Kinds of objectives: what is learnt from a tree, and everything that follows from it.

An objective is one loss. Its **kind** is what that loss is a function of: single actions, pairs, groups of siblings. An objective names
its kind, and that is all there is to register::

    class PlackettLuce(Objective):
        kind = Rankings

A kind is one small class, a subclass of :class:`~eurus_train.kinds.kind.Kind`:

=====================  ==================================================================================================
``name``, ``one``      how its examples are called in reports and messages
``select``             which actions of a tree are tokenised, and which examples they make
``example``            the class of its examples; a :class:`~eurus_train.forest.layout.Group` (actions and a number each) does for most
``given``              what the objective's ``loss`` is called with, from what the model says of some examples
``items``              how many losses an example has: 1, or for actions one a token
``rewards``            what the objective credits each action with, if anything
``tally``              what is counted of a forest, beside the loss: it stands in ``metrics.jsonl``
``quantities``         which of those counts a person follows: they are plotted, shown while training, measured on held-out examples
``show``               what the report says of a training; ``show_validation``, what it says of held-out examples
``may_drop_history``   whether the stage's setting ``history`` applies
=====================  ==================================================================================================

Only the first two, ``select`` and ``given`` have no default. Everything else stands once, for every kind:

- **Routing.** Examples of different sources may meet different objectives of one kind. :class:`eurus_train.learning.loss_steps.LossStep`
  calls each objective with the :class:`~eurus_train.kinds.batch.Batch` of its own examples.
- **Weighing.** An item counts for its example's weight times its source's. Losses are summed by weight and divided by the weight of the
  whole optimizer step, over all forests and processes.
- **Planting.** The branches of an example are laid into one forest, each branch object once.
- **Keeping.** Tokenised examples lie in a file: the branches of each, its numbers, and its mismatch.
- **References and baselines.** An objective says that it ``uses_reference`` or ``uses_baseline``. Any kind whose examples can hold a mismatch
  has KTO's baseline.

How a model reads a forest is the stage's matter and not the kind's: ``train`` reads the log-probability of each action, ``train-reward`` a
reward. ``stage`` names the one that a kind is for.

What a kind sees of a forest is a :class:`~eurus_train.kinds.batch.Batch`: a number an action (``value``), the reference's, the tokens'
log-probabilities, and the examples. That is enough for unpaired rows (a group of one action with a label and a mismatch), for losses on pairs
with other options (subclass ``PolicyObjective``, no kind is needed), for group advantages (scores are rewards), for step-level rewards
(an example is a path, one branch a step) and for pairs over several turns (the branches of both trajectories, the side of each as its score).

Two limits. A tree is read alone, hence what needs another tree's actions is drawn when all are read, as mismatches are
(:mod:`eurus_train.data.mismatches`). A reference keeps one sum an action, hence ratios of single tokens to a reference cannot be had.
"""

from eurus_train.kinds.actions import Actions
from eurus_train.kinds.batch import Batch
from eurus_train.kinds.groups import GroupLikelihoods, Groups
from eurus_train.kinds.kind import Kind, Trained
from eurus_train.kinds.pairs import PairLikelihoods, Pairs

__all__ = ["Actions", "Batch", "GroupLikelihoods", "Groups", "Kind", "PairLikelihoods", "Pairs", "Trained"]
