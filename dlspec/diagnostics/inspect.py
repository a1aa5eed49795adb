"""What can be wrong with a request to see a network (DL640 to DL643)."""

from __future__ import annotations

from typing import ClassVar

from dlspec.diagnostics.core import Diagnostic
from dlspec.late import late_dataclass


@late_dataclass
class NoSuchNetwork(Diagnostic):
    """The spec has no network of this name, or has several and none was named.

    Wrong:
        dlspec inspect specs/lenet.dl --network lenett

    Right:
        dlspec inspect specs/lenet.dl --network lenet
    """

    code: ClassVar[str] = "DL640"
    title: ClassVar[str] = "`{spec}` {what}"
    note: ClassVar[str] = "its networks are {known}"
    help: ClassVar[tuple[str, ...]] = ("did you mean `--network {near}`?", "{advice}")
    spec: str
    what: str
    known: str | None = None
    near: str | None = None
    advice: str | None = None


@late_dataclass
class LineWithoutNode(Diagnostic):
    """Nothing of the network is computed on this line of the spec.

    `--line` explains what a line of the network computes. Comments, settings, recipes and engines
    compute nothing of it; and what is known at compile time is computed then.

    Wrong:
        dlspec inspect specs/lenet.dl --line 1

    Right:
        dlspec inspect specs/lenet.dl --line 8
    """

    code: ClassVar[str] = "DL641"
    title: ClassVar[str] = "line {line} of `{spec}` computes nothing of `{network}`"
    label: ClassVar[str] = "{what}"
    note: ClassVar[str] = "{reason}"
    help: ClassVar[str] = "lines that compute: {lines}"
    spec: str
    line: int
    network: str
    what: str
    lines: str | None = None
    reason: str | None = None


@late_dataclass
class PictureNotWritten(Diagnostic):
    """The file of `--graph` cannot be written.

    Wrong:
        dlspec inspect specs/lenet.dl --graph /nowhere/lenet.svg

    Right:
        dlspec inspect specs/lenet.dl --graph lenet.svg
    """

    code: ClassVar[str] = "DL642"
    title: ClassVar[str] = "`{path}` cannot be written: {reason}"
    help: ClassVar[str] = "{advice}"
    path: str
    reason: str
    advice: str | None = None


@late_dataclass
class SettingsMissing(Diagnostic):
    """A network of the spec has a setting without a default, so there is no one network to show.

    Wrong:
        dlspec inspect specs/resnet.dl

    Right:
        dlspec inspect specs/resnet.dl --set 'layers=[3, 8, 36, 3]'
    """

    code: ClassVar[str] = "DL643"
    title: ClassVar[str] = "`{network}` needs {settings}"
    label: ClassVar[str] = "no default"
    help: ClassVar[str] = "give it from outside: `{advice}`"
    network: str
    settings: str
    advice: str
