"""What can be wrong with what an application gives a model (DL660 to DL684)."""

from __future__ import annotations

from dlspec.diagnostics.core import Diagnostic
from dlspec.late import late_dataclass


@late_dataclass
class UnknownInput(Diagnostic):
    """The model has no input of this name.

    Wrong:
        >>> model(picture=pixels)

    Right:
        >>> model(image=pixels)
    """

    name: str
    known: str
    suggestion: str | None = None
    code = "DL660"
    title = "the model has no input `{name}`"
    note = "inputs: {known}"
    help = "did you mean `{suggestion}`?"


@late_dataclass
class MissingInput(Diagnostic):
    """An input was not given. Only noise and lengths may be left out.

    Wrong:
        >>> model()

    Right:
        >>> model(image=pixels)
    """

    name: str
    type: str
    code = "DL661"
    title = "the input `{name}` was not given"
    note = "`{name}` is {type}"
    help = "call the model with `{name} = …`"


@late_dataclass
class FeedType(Diagnostic):
    """The element type of an array is not the input's, and cannot become it without loss.

    What is exact is converted (uint8 to int64, float16 to float32); Python lists of numbers take
    the input's type.

    Wrong:
        >>> model(image=numpy.zeros((1, 28, 28)))            # float64, and the input is uint8

    Right:
        >>> model(image=numpy.zeros((1, 28, 28), "uint8"))
    """

    name: str
    received: str
    expected: str
    code = "DL662"
    title = "`{name}` has element type {received}; the model takes {expected}"
    help = 'convert it yourself if that is what you mean: `{name}.astype("{expected}")`'


@late_dataclass
class FeedRange(Diagnostic):
    """A value does not fit the input's element type, or is no id of its classes.

    Wrong:
        >>> model(image=[[[300, …]]])                        # a pixel is 0 to 255

    Right:
        >>> model(image=[[[255, …]]])
    """

    name: str
    value: str
    least: str
    most: str
    what: str
    code = "DL663"
    title = "`{name}` holds {value}, which is no {what}"
    note = "`{name}` takes {least} to {most}"


@late_dataclass
class FeedRank(Diagnostic):
    """An array has another number of axes than the input.

    A single example still needs its batch axis: dlspec does not guess it, since a guess can hide a
    mistake.

    Wrong:
        >>> model(image=numpy.zeros((28, 28), "uint8"))

    Right:
        >>> model(image=numpy.zeros((1, 28, 28), "uint8"))
    """

    name: str
    received: str
    expected: str
    fix: str | None = None
    code = "DL664"
    title = "`{name}` has shape {received}; the model takes {expected}"
    help = "{fix}"


@late_dataclass
class FeedDim(Diagnostic):
    """An axis of an array has another size than the model takes.

    Wrong:
        >>> model(image=numpy.zeros((1, 32, 32), "uint8"))

    Right:
        >>> model(image=numpy.zeros((1, 28, 28), "uint8"))
    """

    name: str
    axis: int
    received: str
    expected: str
    size: str
    code = "DL665"
    title = "`{name}` has shape {received}; the model takes {expected}"
    note = "axis {axis} must be {size}"


@late_dataclass
class SymbolsDiffer(Diagnostic):
    """One symbolic dimension has two sizes in one call.

    Wrong:
        >>> model(a=zeros((2, 5)), b=zeros((3, 5)))          # N is 2 and 3

    Right:
        >>> model(a=zeros((3, 5)), b=zeros((3, 5)))
    """

    symbol: str
    first: str
    first_size: int
    second: str
    second_size: int
    code = "DL666"
    title = "`{symbol}` is {first_size} in `{first}` and {second_size} in `{second}`"
    note = "`{symbol}` is one size for the whole call"


@late_dataclass
class EmptyFeed(Diagnostic):
    """An array is empty along a dimension. Engines may abort the process on it, so it never reaches
    them.

    Wrong:
        >>> model(image=numpy.zeros((0, 28, 28), "uint8"))

    Right:
        >>> model(image=numpy.zeros((1, 28, 28), "uint8"))
    """

    name: str
    received: str
    symbol: str
    code = "DL667"
    title = "`{name}` is empty: its shape is {received}"
    note = "`{symbol}` must be at least 1"


@late_dataclass
class SizeTooSmall(Diagnostic):
    """An array is shorter than a window that the network puts on it. (Examples that may differ in
    length, `<=T`, are filled up: of those that are too short there is nothing to tell.)

    Wrong:
        >>> model(picture=numpy.zeros((1, 3, 2, 2)))       # `picture -> conv(8, kernel = 3)`

    Right:
        >>> model(picture=numpy.zeros((1, 3, 32, 32)))
    """

    name: str
    symbol: str
    size: int
    least: int
    code = "DL677"
    title = "`{symbol}` is {size} in `{name}`; the network takes {least} or more"


@late_dataclass
class OutOfBounds(Diagnostic):
    """A dynamic dimension lies outside the bounds for which the engine was built and verified.

    Wrong:
        >>> model(image=numpy.zeros((1000, 28, 28), "uint8"))    # `batch = 1..64`

    Right:
        >>> for part in numpy.array_split(pixels, 20): model(image=part)
    """

    name: str
    symbol: str
    size: int
    least: int
    most: int
    engine: str
    code = "DL668"
    title = "`{symbol}` is {size} in `{name}`; the engine `{engine}` takes {least} to {most}"
    help = "split the call, or widen the bounds in the engine block and compile again"


@late_dataclass
class FeedNotArray(Diagnostic):
    """What was given is not an array of numbers: rows of different lengths, text, or another
    object.

    Wrong:
        >>> model(x=[[1, 2], [3]])

    Right:
        >>> model(x=[[1, 2], [3, 4]])
    """

    name: str
    received: str
    expected: str
    why: str | None = None
    code = "DL669"
    title = "`{name}` is {received}; the model takes {expected}"
    note = "{why}"
    help = "give a NumPy array or nested lists of numbers with rows of one length"


@late_dataclass
class UnknownClass(Diagnostic):
    """A name was given for an id, but the input has no class of that name.

    Wrong:
        >>> model(word=["hous"])

    Right:
        >>> model(word=["house"])
    """

    name: str
    value: str
    suggestion: str | None = None
    known: str | None = None
    code = "DL670"
    title = "`{value}` is no class of `{name}`"
    note = "its classes: {known}"
    help = "did you mean `{suggestion}`?"


@late_dataclass
class SizeMissing(Diagnostic):
    """A dimension is not given by any input, as in a generator that takes only noise.

    Wrong:
        >>> generator()

    Right:
        >>> generator(N=16)
    """

    symbol: str
    code = "DL671"
    title = "nothing that was given tells the size of `{symbol}`"
    help = "give it by its name: `model({symbol} = 1)`"


@late_dataclass
class UnknownOutput(Diagnostic):
    """The model has no output of this name, or the output has no class names.

    Wrong:
        >>> model(image=pixels).digits

    Right:
        >>> model(image=pixels).digit
    """

    name: str
    known: str
    suggestion: str | None = None
    code = "DL672"
    title = "the answer has no `{name}`"
    note = "there are: {known}"
    help = "did you mean `{suggestion}`?"


@late_dataclass
class BadOption(Diagnostic):
    """An option of `dlspec.load` has a value that it cannot take.

    Wrong:
        >>> dlspec.load("build/lenet", threads=-1)

    Right:
        >>> dlspec.load("build/lenet", threads=4)
    """

    name: str
    value: str
    expected: str
    code = "DL673"
    title = "`{name}` is {value}"
    note = "`{name}` takes {expected}"


@late_dataclass
class LengthOutOfRange(Diagnostic):
    """A length is negative or longer than the padded axis.

    Wrong:
        >>> model(word=words, T_lengths=[9])                 # the words are padded to 5

    Right:
        >>> model(word=words, T_lengths=[5])
    """

    name: str
    value: int
    most: int
    code = "DL674"
    title = "`{name}` holds the length {value}; the padded axis has {most}"


@late_dataclass
class ExampleTooLong(Diagnostic):
    """A text, or an example in steps, is longer than what the engine was built and verified for.

    Wrong:
        >>> model(text=["fine", "a text of 70 words …"])     # `T = 1..64`

    Right:
        >>> model(text=["fine", "a text of up to 64 words"])
    """

    where: str
    shown: str | None
    size: int
    unit: str
    most: int
    symbol: str
    engine: str
    code = "DL675"
    title = "`{where}` has {size} {unit}; the engine `{engine}` takes up to {most}"
    note = "it is “{shown}”"
    help = "shorten it, or widen `{symbol}` in the engine block and compile again"


@late_dataclass
class LengthsDiffer(Diagnostic):
    """Two inputs share a ragged dimension, and an example of one is longer than that of the other.

    Wrong:
        >>> model(word=["to be"], letters=["to be or"])      # `T` is 2 and 3

    Right:
        >>> model(word=["to be"], letters=["to be"])
    """

    symbol: str
    index: int
    first: str
    first_length: int
    second: str
    second_length: int
    code = "DL676"
    title = (
        "`{symbol}` is {first_length} in `{first}[{index}]` and {second_length} in "
        "`{second}[{index}]`"
    )
    note = "`{symbol}` is one length for both"
