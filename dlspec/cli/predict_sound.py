"""A WAV file as a network's input: the samples of one channel, in -1..1."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from numpy.typing import NDArray

from dlspec.diagnostics.core import DlspecError
from dlspec.diagnostics.serve import PredictFile

if TYPE_CHECKING:
    from dlspec.bundle.manifest import InputSpec


def read_sound(path: Path, spec: InputSpec) -> tuple[NDArray[Any], str | None]:
    """The samples in the input's shape, with a batch of one, and what nobody checked.

    Raises:
        DlspecError: DL437 where the file is no WAV file of one channel, has another rate than the
            model was trained on, or the input takes no wave.
    """
    from dlspec.data.speech.waves import CutOff, read_wave

    batched = len(spec.dims) == 2
    is_wave = len(spec.dims) in (1, 2) and not spec.dims[-1].isdigit()
    if not is_wave or spec.dtype not in ("float16", "float32", "float64"):
        reason = f"`{spec.name}` is {spec.type}, which is no wave of any length"
        raise DlspecError(PredictFile(None, str(path), reason, "give a .npy or .json file"))
    try:
        samples, rate = read_wave(path)
    except CutOff as error:
        fix = "copy or record it again, whole"
        raise DlspecError(PredictFile(None, str(path), str(error), fix)) from error
    except ValueError as error:
        fix = "save it as WAV with one channel of 16 bits"
        raise DlspecError(PredictFile(None, str(path), str(error), fix)) from error
    if spec.rate is not None and rate != spec.rate:
        reason = f"it has {rate:,} samples a second, and `{spec.name}` has {spec.rate:,}"
        fix = f"resample it first: `ffmpeg -i {path.name} -ac 1 -ar {spec.rate} {spec.rate}.wav`"
        raise DlspecError(PredictFile(None, str(path), reason, fix))
    if not len(samples):
        raise DlspecError(PredictFile(None, str(path), "it holds no sample"))
    array = samples.astype(spec.dtype)
    note = None if spec.rate is not None else f"taken as it is, {rate:,} samples a second"
    return (array[None] if batched else array), note
