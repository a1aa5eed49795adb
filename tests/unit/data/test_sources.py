"""Files of one's own: good ones load exactly, broken ones are told and never load."""

from __future__ import annotations

import gzip
import io
import struct
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from dlspec.data import load_source, open_data, open_source
from dlspec.data.dataset import Array
from dlspec.data.sources import LOADERS
from dlspec.diagnostics import Diagnostic, DlspecError
from dlspec.diagnostics import data as diagnostics
from dlspec.ir.data_plan import SOURCES, DataPlan, FieldPlan, SourceCall, SplitPlan

IMAGES = np.arange(5 * 3 * 4, dtype=np.uint8).reshape(5, 3, 4)
LABELS = np.array([2, 0, 1, 1, 0], np.uint8)


def idx_bytes(array: Array, code: int) -> bytes:
    header = struct.pack(f">HBB{array.ndim}I", 0, code, array.ndim, *array.shape)
    return header + array.astype(array.dtype.newbyteorder(">")).tobytes()


def error_of(folder: Path, kind: str, /, **given_settings: object) -> Diagnostic:
    with pytest.raises(DlspecError) as caught:
        load_source(kind, given_settings, folder=folder)
    assert str(caught.value)  # every template can be filled in
    return caught.value.diagnostics[0]


def field_error(
    folder: Path, field: FieldPlan, kind: str, /, **given_settings: object
) -> Diagnostic:
    plan = DataPlan("d", SourceCall(kind, given_settings), (field,))
    with pytest.raises(DlspecError) as caught:
        open_data(plan, folder=folder)
    assert str(caught.value)
    return caught.value.diagnostics[0]


def test_plans_and_loaders_agree(tmp_path: Path) -> None:
    assert set(LOADERS) == set(SOURCES)
    for name in ("mnist", "fashion_mnist"):
        source = load_source(name, {}, folder=tmp_path)
        found = [(f.name, f.dtype, f.shape, f.classes) for f in source.fields.values()]
        schema = SOURCES[name].columns_for({})
        assert schema is not None
        assert found == [(c.name, c.dtype, c.shape, c.classes) for c in schema]


@pytest.mark.parametrize("packed", [False, True])
@pytest.mark.parametrize(
    ("code", "dtype"), [(8, "u1"), (9, "i1"), (11, "i2"), (12, "i4"), (13, "f4"), (14, "f8")]
)
def test_idx_of_every_type(tmp_path: Path, code: int, dtype: str, packed: bool) -> None:
    pack = gzip.compress if packed else bytes
    (tmp_path / "i").write_bytes(pack(idx_bytes(IMAGES.astype(dtype), code)))
    (tmp_path / "l").write_bytes(pack(idx_bytes(LABELS, 8)))
    source = load_source("idx", {"images": "i", "labels": "l"}, folder=tmp_path)
    assert np.array_equal(source.columns["image"], IMAGES)
    assert source.columns["image"].dtype == np.dtype(dtype)
    assert source.columns["label"].tolist() == LABELS.tolist()


@pytest.mark.parametrize("packed", [False, True])
def test_idx_cut_anywhere_is_an_error(tmp_path: Path, packed: bool) -> None:
    content = idx_bytes(IMAGES, 8)
    whole = gzip.compress(content) if packed else content
    (tmp_path / "l").write_bytes(idx_bytes(LABELS, 8))
    for end in range(len(whole)):
        (tmp_path / "i").write_bytes(whole[:end])
        found = error_of(tmp_path, "idx", images="i", labels="l")
        assert isinstance(found, diagnostics.DataFileBroken), end
    (tmp_path / "i").write_bytes(gzip.compress(content + b"x") if packed else content + b"x")
    assert isinstance(error_of(tmp_path, "idx", images="i", labels="l"), diagnostics.DataFileBroken)


def test_idx_that_announces_too_much(tmp_path: Path) -> None:
    huge = struct.pack(">HBB3I", 0, 8, 3, *[0xFFFFFFFF] * 3) + b"abc"
    for content in (huge, gzip.compress(huge)):
        (tmp_path / "i").write_bytes(content)
        found = error_of(tmp_path, "idx", images="i", labels="i")
        assert isinstance(found, diagnostics.DataFileBroken) and "cut short" in found.reason


def test_images_of_one_set_with_labels_of_another(tmp_path: Path) -> None:
    (tmp_path / "i").write_bytes(idx_bytes(IMAGES, 8))
    (tmp_path / "l").write_bytes(idx_bytes(LABELS[:4], 8))
    found = error_of(tmp_path, "idx", images="i", labels="l")
    assert isinstance(found, diagnostics.ColumnLengths)
    assert (found.first_rows, found.second_rows) == (5, 4)
    swapped = error_of(tmp_path, "idx", images="l", labels="i")
    assert isinstance(swapped, diagnostics.DataFileBroken)


def npz_bytes(compressed: bool) -> bytes:
    out = io.BytesIO()
    save = np.savez_compressed if compressed else np.savez
    save(out, x=IMAGES.astype(np.float32), y=LABELS)
    return out.getvalue()


@pytest.mark.parametrize("compressed", [False, True])
def test_npz_whole_and_cut_anywhere(tmp_path: Path, compressed: bool) -> None:
    whole = npz_bytes(compressed)
    path = tmp_path / "a.npz"
    path.write_bytes(whole)
    source = load_source("npz", {"file": "a.npz"}, folder=tmp_path)
    assert np.array_equal(source.columns["x"], IMAGES) and source.columns["y"].tolist()[0] == 2
    for end in range(len(whole)):
        path.write_bytes(whole[:end])
        found = error_of(tmp_path, "npz", file="a.npz")
        assert isinstance(found, diagnostics.DataFileBroken), end


@settings(max_examples=150, deadline=None)
@given(at=st.integers(0, 10_000), bit=st.integers(0, 7), compressed=st.booleans())
def test_npz_with_a_flipped_bit_loads_right_or_not_at_all(
    tmp_path_factory: pytest.TempPathFactory, at: int, bit: int, compressed: bool
) -> None:
    folder = tmp_path_factory.mktemp("flip")
    content = bytearray(npz_bytes(compressed))
    content[at % len(content)] ^= 1 << bit
    (folder / "a.npz").write_bytes(content)
    try:
        source = load_source("npz", {"file": "a.npz"}, folder=folder)
    except DlspecError as error:
        assert isinstance(error.diagnostics[0], diagnostics.DataFileBroken)
    else:  # names are not part of the checksum, values are
        assert [c.tobytes() for c in source.columns.values()] == [
            IMAGES.astype(np.float32).tobytes(),
            LABELS.tobytes(),
        ]


def test_npz_never_unpickles(tmp_path: Path) -> None:
    class Bomb:
        def __reduce__(self) -> tuple[object, tuple[str]]:
            return (Path.touch, (str(tmp_path / "touched"),))

    np.savez(tmp_path / "a.npz", x=np.array([Bomb()], object))
    found = error_of(tmp_path, "npz", file="a.npz")
    assert isinstance(found, diagnostics.DataFileBroken)
    assert not (tmp_path / "touched").exists()


def test_npz_of_no_rows_or_no_arrays(tmp_path: Path) -> None:
    for arrays in ({"x": np.float32(3)}, {"x": np.zeros((0, 2))}, {"x": np.ones(2, complex)}, {}):
        np.savez(tmp_path / "a.npz", **arrays)
        assert isinstance(error_of(tmp_path, "npz", file="a.npz"), diagnostics.DataFileBroken)


def test_csv_types_quotes_and_byte_order_mark(tmp_path: Path) -> None:
    text = '\ufeffn,x,said\r\n1,.5,"Hello, ""you"""\r\n-2,1e3,"two\nlines"\r\n\r\n3,4,42\r\n'
    (tmp_path / "a.csv").write_text(text, "utf-8", newline="")
    source = load_source("csv", {"file": "a.csv"}, folder=tmp_path)
    assert [str(f) for f in source.fields.values()] == ["int64[N]", "float64[N]", "str[N]"]
    assert source.columns["n"].tolist() == [1, -2, 3]
    assert source.columns["x"].tolist() == [0.5, 1000.0, 4.0]
    assert source.columns["said"].tolist() == ['Hello, "you"', "two\nlines", "42"]


def test_csv_test_file_shares_types(tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_text("x\n1\n2\n3\n4\n5\n6\n7\n8\n9\n10\n")
    (tmp_path / "t.csv").write_text("x\n.5\n")
    splits = open_source("csv", {"file": "a.csv", "test": "t.csv"}, folder=tmp_path)
    assert splits.test is not None and splits.validation is not None
    assert splits.test["x"].tolist() == [0.5] and splits.train["x"].dtype == np.float64
    assert (len(splits.train), len(splits.validation)) == (9, 1)


@pytest.mark.parametrize(
    ("text", "kind", "says"),
    [
        ("", diagnostics.DataFileBroken, "empty"),
        ("a,b\n", diagnostics.DataFileBroken, "no rows"),
        ("a,a\n1,2\n", diagnostics.DataFileBroken, "twice"),
        ("a,b\n1,2\n3\n", diagnostics.RaggedRow, "line 3 "),
        ('a,b\n1,"x\ny"\n1,2,3\n', diagnostics.RaggedRow, "line 4 "),
        ("a,b\n1,2\n,4\n", diagnostics.EmptyCell, "line 3 "),
        ('a\n"open\n', diagnostics.DataFileBroken, "a.csv"),
        ("a\n\xff\n", diagnostics.DataFileBroken, "UTF-8"),
        ("a\n1\x00\n", diagnostics.DataFileBroken, "NUL"),
    ],
)
def test_csv_mistakes(tmp_path: Path, text: str, kind: type[Diagnostic], says: str) -> None:
    (tmp_path / "a.csv").write_bytes(text.encode("latin-1"))
    found = error_of(tmp_path, "csv", file="a.csv")
    assert isinstance(found, kind) and says in found.message


@settings(max_examples=100, deadline=None)
@given(content=st.binary(max_size=60))
def test_any_bytes_give_columns_or_a_diagnostic(
    tmp_path_factory: pytest.TempPathFactory, content: bytes
) -> None:
    folder = tmp_path_factory.mktemp("any")
    (folder / "f").write_bytes(content)
    for kind, given_settings in (
        ("csv", {"file": "f"}),
        ("npz", {"file": "f"}),
        ("idx", {"images": "f", "labels": "f"}),
    ):
        try:
            assert len(load_source(kind, given_settings, folder=folder)) > 0
        except DlspecError as error:
            assert str(error)


@pytest.fixture
def photos(tmp_path: Path) -> Path:
    for name, colour in (("dog", (255, 0, 0)), ("cat", (0, 0, 255))):
        (tmp_path / "photos" / name).mkdir(parents=True)
        for i in range(3):
            picture = Image.new("RGB", (6, 4), colour)
            picture.save(tmp_path / "photos" / name / f"{i}.png")
    (tmp_path / "photos" / "dog" / "notes.txt").write_text("no picture")
    return tmp_path


def test_pictures_by_folder(photos: Path) -> None:
    source = load_source("images", {"folder": "photos", "size": 2}, folder=photos)
    assert source.fields["label"].classes == ("cat", "dog")
    assert source.columns["label"].tolist() == [0, 0, 0, 1, 1, 1]
    image = source.columns["image"]
    assert image.shape == (6, 3, 2, 2) and image.dtype == np.uint8
    assert image[0, :, 0, 0].tolist() == [0, 0, 255] and image[3, :, 0, 0].tolist() == [255, 0, 0]
    schema = SOURCES["images"].columns_for({"folder": "photos", "size": 2})
    assert schema is not None and schema[0].shape == source.fields["image"].shape
    grey = load_source("images", {"folder": "photos", "channels": 1}, folder=photos)
    assert grey.columns["image"].shape == (6, 1, 4, 6)


def test_pictures_that_are_none_or_differ(photos: Path) -> None:
    path = photos / "photos" / "dog" / "1.png"
    whole = path.read_bytes()
    for content in (b"", b"\x89PNG", whole[: len(whole) // 2], b"text, and not a picture"):
        path.write_bytes(content)
        found = error_of(photos, "images", folder="photos")
        assert isinstance(found, diagnostics.DataFileBroken) and found.path == "dog/1.png"
    Image.new("RGB", (6, 5)).save(path)
    assert isinstance(error_of(photos, "images", folder="photos"), diagnostics.PictureSizes)
    assert isinstance(error_of(photos, "images", folder="photos/dog"), diagnostics.DataFileBroken)


def test_nothing_outside_the_folder_is_read(tmp_path: Path) -> None:
    (tmp_path / "secret.csv").write_text("a\n1\n")
    spec = tmp_path / "spec"
    (spec / "photos" / "cat").mkdir(parents=True)
    (spec / "link.csv").symlink_to(tmp_path / "secret.csv")
    Image.new("RGB", (2, 2)).save(tmp_path / "secret.png")
    (spec / "photos" / "cat" / "a.png").symlink_to(tmp_path / "secret.png")
    for path in (
        "../secret.csv",
        str(tmp_path / "secret.csv"),
        "link.csv",
        "photos/../../secret.csv",
    ):
        assert isinstance(error_of(spec, "csv", file=path), diagnostics.PathLeavesFolder)
    found = error_of(spec, "images", folder="photos")
    assert isinstance(found, diagnostics.PathLeavesFolder)


def test_missing_files_and_folders(tmp_path: Path) -> None:
    missing = diagnostics.DataFileMissing
    assert isinstance(error_of(tmp_path, "csv", file="no.csv"), missing)
    assert isinstance(error_of(tmp_path, "npz", file="no.npz"), missing)
    assert isinstance(error_of(tmp_path, "npz", file="."), missing)
    assert isinstance(error_of(tmp_path, "idx", images="no", labels="no"), missing)
    assert isinstance(error_of(tmp_path, "images", folder="no"), missing)
    assert isinstance(error_of(tmp_path, "csv", file="a\0b"), missing)


def test_settings_are_checked_all_at_once(tmp_path: Path) -> None:
    with pytest.raises(DlspecError) as caught:
        load_source("mnist", {"valdation": 3, "labels": 0}, folder=tmp_path)
    unknown, bad = caught.value.diagnostics
    assert isinstance(unknown, diagnostics.UnknownDataSetting)
    assert unknown.suggestion == "validation"
    assert isinstance(bad, diagnostics.BadDataSetting) and bad.name == "labels"
    found = error_of(tmp_path, "minst")
    assert isinstance(found, diagnostics.UnknownSource) and found.suggestion == "mnist"
    assert isinstance(error_of(tmp_path, "csv"), diagnostics.BadDataSetting)


def table(folder: Path, rows: list[str]) -> None:
    (folder / "a.csv").write_text("\n".join(["v", *rows]) + "\n")


@pytest.mark.parametrize(
    ("rows", "field", "row"),
    [
        (
            ["1"] * 17 + ["10"] + ["1"] * 5,
            FieldPlan("f", "v", "int64", (), tuple("0123456789")),
            17,
        ),
        (["1"] * 12 + ["-1"], FieldPlan("f", "v", "int64", (), ("a", "b")), 12),
        (["255"] * 11 + ["256"], FieldPlan("f", "v", "uint8"), 11),
        (["1"] * 13 + ["1.5"], FieldPlan("f", "v", "int32"), 13),
        (["1.0"] * 13 + ["1e30"], FieldPlan("f", "v", "int64"), 13),
        (["cat", "dog"] * 5 + ["cow"], FieldPlan("f", "v", "int64", (), ("cat", "dog")), 10),
    ],
)
def test_a_wrong_value_is_told_with_its_row(
    tmp_path: Path, rows: list[str], field: FieldPlan, row: int
) -> None:
    table(tmp_path, rows)
    found = field_error(tmp_path, field, "csv", file="a.csv")
    assert isinstance(found, diagnostics.FieldValue) and found.row == row


def test_a_wrong_type_is_told(tmp_path: Path) -> None:
    table(tmp_path, ["a"] * 20)
    for field in (FieldPlan("f", "v", "float32"), FieldPlan("f", "v", "str", (None,))):
        found = field_error(tmp_path, field, "csv", file="a.csv")
        assert isinstance(found, diagnostics.FieldType)
    wrong = field_error(tmp_path, FieldPlan("f", "image", "uint8", (32, 32)), "mnist")
    assert wrong.message == (
        "`f` is declared uint8[N, 32, 32], but the column `image` is uint8[N, 28, 28]"
    )
    unknown = field_error(tmp_path, FieldPlan("f", "lable", "int64"), "mnist")
    assert isinstance(unknown, diagnostics.UnknownColumn) and unknown.suggestion == "label"


def test_values_are_converted_where_nothing_is_lost(tmp_path: Path) -> None:
    table(tmp_path, [f"{v}.0" for v in range(20)])
    plan = DataPlan("d", SourceCall("csv", {"file": "a.csv"}), (FieldPlan("f", "v", "uint8"),))
    splits = open_data(plan, folder=tmp_path)
    assert splits.train["f"].dtype == np.uint8 and len(splits.train) == 16
    table(tmp_path, ["dog", "cat"] * 10)
    named = DataPlan(
        "d",
        SourceCall("csv", {"file": "a.csv"}),
        (FieldPlan("f", "v", "int64", (), ("cat", "dog")),),
    )
    train = open_data(named, folder=tmp_path).train
    assert train["f"].tolist() == [1 - int(i) % 2 for i in train.indices]


def test_declared_class_order_wins(photos: Path) -> None:
    call = SourceCall("images", {"folder": "photos"})
    field = FieldPlan("f", "label", "int64", (), ("dog", "fish", "cat"))
    plan = DataPlan("d", call, (field,), SplitPlan("given", validation=2))
    splits = open_data(plan, folder=photos)
    assert splits.validation is not None and splits.test is None
    parts = (splits.train, splits.validation)
    assert sorted(int(v) for p in parts for v in p["f"]) == [0, 0, 0, 2, 2, 2]
    lacking = FieldPlan("f", "label", "int64", (), ("dog", "fish"))
    assert isinstance(
        field_error(photos, lacking, "images", folder="photos"), diagnostics.FieldType
    )
