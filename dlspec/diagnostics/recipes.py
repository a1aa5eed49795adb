"""What can be wrong with the stages of a recipe (DL470 to DL479)."""

from __future__ import annotations

from collections.abc import Iterable
from typing import ClassVar

from dlspec.diagnostics.core import Diagnostic, Label
from dlspec.late import late_dataclass
from dlspec.source import Span


@late_dataclass
class StageTwice(Diagnostic):
    """Two stages of a recipe have one name. Stages in a `for` are told apart by their round.

    Wrong:
        network n { input x: float[N, 4]; output y = x -> dense(2) }
        data d { file = npz("x.npz"); output x: float[N, 4] = file.x }
        recipe r for n on d {
            stage learn { minimize mean(y ** 2) with adam(0.01); epochs = 2 }
            stage learn { minimize mean(y ** 2) with adam(0.001); epochs = 2 }
        }

    Right:
        network n { input x: float[N, 4]; output y = x -> dense(2) }
        data d { file = npz("x.npz"); output x: float[N, 4] = file.x }
        recipe r for n on d {
            stage learn { minimize mean(y ** 2) with adam(0.01); epochs = 2 }
            stage tune { minimize mean(y ** 2) with adam(0.001); epochs = 2 }
        }
    """

    code: ClassVar[str] = "DL470"
    title: ClassVar[str] = "there are two stages `{name}`"
    label: ClassVar[str] = "the second"
    help: ClassVar[str] = "give each stage its own name"
    name: str
    first: Span | None

    def labels(self) -> Iterable[Label]:
        """The first one."""
        if self.first is not None:
            yield Label(self.first, "the first")


@late_dataclass
class GoalOutsideStage(Diagnostic):
    """A recipe of stages has a goal that stands in none of them: when would it be followed?

    Wrong:
        network n { input x: float[N, 4]; output y = x -> dense(2) }
        data d { file = npz("x.npz"); output x: float[N, 4] = file.x }
        recipe r for n on d {
            minimize mean(y ** 2) with adam(0.01)
            stage tune { minimize mean(y ** 2) with adam(0.001); epochs = 2 }
        }

    Right:
        network n { input x: float[N, 4]; output y = x -> dense(2) }
        data d { file = npz("x.npz"); output x: float[N, 4] = file.x }
        recipe r for n on d {
            stage learn { minimize mean(y ** 2) with adam(0.01) }
            stage tune { minimize mean(y ** 2) with adam(0.001); epochs = 2 }
        }
    """

    code: ClassVar[str] = "DL471"
    title: ClassVar[str] = "this goal stands outside the stages"
    label: ClassVar[str] = "in no stage"
    help: ClassVar[str] = "put it into a stage of its own: `stage first {{ minimize … }}`"
    stage: Span | None

    def labels(self) -> Iterable[Label]:
        """A stage."""
        if self.stage is not None:
            yield Label(self.stage, "the recipe has stages")


@late_dataclass
class StageWithoutGoal(Diagnostic):
    """A stage minimises nothing, so nothing would be learnt in it.

    Wrong:
        network n { input x: float[N, 4]; output y = x -> dense(2) }
        data d { file = npz("x.npz"); output x: float[N, 4] = file.x }
        recipe r for n on d {
            stage warm { epochs = 2 }
            stage tune { minimize mean(y ** 2) with adam(0.001); epochs = 2 }
        }

    Right:
        network n { input x: float[N, 4]; output y = x -> dense(2) }
        data d { file = npz("x.npz"); output x: float[N, 4] = file.x }
        recipe r for n on d {
            stage warm { minimize mean(y ** 2) with adam(0.01); epochs = 2 }
            stage tune { minimize mean(y ** 2) with adam(0.001); epochs = 2 }
        }
    """

    code: ClassVar[str] = "DL472"
    title: ClassVar[str] = "stage `{name}` has no goal"
    label: ClassVar[str] = "minimises nothing"
    help: ClassVar[str] = "say what it learns: `minimize … over … with adam(0.001)`"
    name: str


@late_dataclass
class NotInStage(Diagnostic):
    """A setting that counts for all of a recipe stands in one stage.

    Wrong:
        network n { input x: float[N, 4]; output y = x -> dense(2) }
        data d { file = npz("x.npz"); output x: float[N, 4] = file.x }
        recipe r for n on d {
            stage warm { minimize mean(y ** 2) with adam(0.01); seed = 3 }
        }

    Right:
        network n { input x: float[N, 4]; output y = x -> dense(2) }
        data d { file = npz("x.npz"); output x: float[N, 4] = file.x }
        recipe r for n on d {
            stage warm { minimize mean(y ** 2) with adam(0.01) }
            seed = 3
        }
    """

    code: ClassVar[str] = "DL473"
    title: ClassVar[str] = "`{name}` is a setting of the whole recipe"
    label: ClassVar[str] = "inside a stage"
    help: ClassVar[str] = "write it outside the stages"
    name: str


@late_dataclass
class MetricElsewhere(Diagnostic):
    """A figure of a whole data set stands where a value of a batch is wanted. An error rate, BLEU
    and perplexity are made of sums over all examples, so only `metrics` of a recipe has them.

    Wrong:
        network n { input x: int[N, 6]; output y = x -> embed(9, 4) -> dense(9) }
        data d {
            file = npz("x.npz")
            output x: int[N, 6] = file.x
            output z: int[N, 6] = file.z
        }
        recipe r for n on d { minimize perplexity(y, z) with adam(0.001) }

    Right:
        network n { input x: int[N, 6]; output y = x -> embed(9, 4) -> dense(9) }
        data d {
            file = npz("x.npz")
            output x: int[N, 6] = file.x
            output z: int[N, 6] = file.z
        }
        recipe r for n on d {
            minimize cross_entropy(y, z) with adam(0.001)
            metrics = perplexity(y, z)
        }
    """

    code: ClassVar[str] = "DL474"
    title: ClassVar[str] = "`{name}` is a figure of a whole data set"
    label: ClassVar[str] = "here a value of a batch is wanted"
    help: ClassVar[tuple[str, ...]] = (
        "write it by itself in a recipe: `metrics = {name}({arguments})`",
        "{advice}",
    )
    name: str
    arguments: str
    advice: str | None = None
